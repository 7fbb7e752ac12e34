"""The prompts: files of our own wording, each with a version that stands for its text."""

import pytest

from lethe.common.errors import LetheError
from lethe.llm import prompts
from lethe.world.generated import STAGES
from lethe.world.generated.prompt_files import FOLDER, prompt

# Who changes a prompt raises its version, and writes here the digest that the card will show.
KNOWN = {
    "lists": (1, "898c647cb649ea91"),
    "pairs": (1, "e5073327e058d60d"),
    "paraphrases": (1, "6326a3bc04c3835c"),
    "perturbations": (1, "a296a25ff20eb376"),
    "profiles": (1, "2c0438e95c779be8"),
    "translations": (1, "b6899dc7cf109f7c"),
}


def test_a_version_stands_for_one_text():
    """Cards name versions; two texts under one would make them say what is not so."""
    found = {}
    for file in sorted(FOLDER.glob("*.md")):
        asked = prompts.load(file)
        found[asked.name] = (asked.version, asked.digest)
    assert found == KNOWN
    # Translations are asked for after the stages, of a finished world.
    assert set(found) == (set(STAGES) - {"draws"}) | {"translations"}


def test_a_prompt_that_is_not_whole(tmp_path):
    good = (FOLDER / "pairs.md").read_text()
    path = tmp_path / "pairs.md"
    for text, words in (
        (good.replace("version: 1\n", ""), r"no line 'version: N' at its head"),
        (good.replace("--- text", "--- txt"), "no part text"),
    ):
        path.write_text(text)
        with pytest.raises(LetheError, match=words):
            prompts.load(path)
    with pytest.raises(LetheError, match="cannot be filled in"):
        prompt("pairs").messages("text", {"name": "A"})
