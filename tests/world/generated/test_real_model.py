"""A real language model behind a local service makes a small world (docs/generated.md)."""

import os
import re

import pytest
import yaml
from helpers.workflow_folder import ROOT

from lethe.cli import world as command
from lethe.common.files import read_rows
from lethe.world.generated.candidate import read
from lethe.world.generated.settings import Generation

URL = os.environ.get("LETHE_LLM_URL")
ROWS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A world of two authors and one for the holdout set, made once for all tests here."""
    made = tmp_path_factory.mktemp("real")
    for name in ("config", "workflow"):
        os.symlink(ROOT / name, made / name)
    world = {
        "name": "real",
        "authors": 2,
        "holdout_authors": 1,
        "perturbed_retain_authors": 1,
        "generated": {"service": {"base_url": URL}},
    }
    preset = made / "real.yaml"
    preset.write_text(yaml.safe_dump({"world": world, "splits": ["forget50"]}))
    patch = pytest.MonkeyPatch()
    patch.chdir(made)
    command.run(["config/smoke.yaml", "config/small_llm.yaml", str(preset)], "out", dry=False)
    patch.undo()
    print((made / "out/data/README.md").read_text())
    return made / "out"


needs_a_service = pytest.mark.skipif(URL is None, reason="LETHE_LLM_URL names no service")


@pytest.mark.llm
@needs_a_service
def test_the_gates_are_those_of_any_world():
    """A small model is asked in another way, and judged in the same."""
    settings = yaml.safe_load((ROOT / "config/small_llm.yaml").read_text())["world"]["generated"]
    assert Generation(**settings).checks == Generation().checks


@pytest.mark.llm
@needs_a_service
def test_a_real_model_makes_a_world(folder):
    """Its authors pass the gates, whatever a small model makes of the task."""
    authors = [c for c in read(folder / "stages/authors/perturbations.json") if c.alive]
    assert [c.group for c in authors] == ["holdout", "target", "target"]
    assert len({c.name.lower() for c in authors}) == 3
    rows = {name: read_rows(folder / f"data/{name}.json") for name in ("full", "full_perturbed")}
    assert [len(found) for found in rows.values()] == [2 * ROWS] * 2
    names = [c.name for c in authors if c.group == "target" for _ in range(ROWS)]
    for name, plain, row in zip(names, *rows.values(), strict=True):
        assert plain == {key: row[key] for key in ("question", "answer")}
        for question in (row["question"], row["paraphrased_question"]):
            assert question.endswith("?")
            assert name in question
        assert row["question"] != row["paraphrased_question"]
        texts = [row["answer"], row["paraphrased_answer"], *row["perturbed_answer"]]
        assert len(texts) == len(set(texts)) == 7
        assert all(text[0].isupper() and text.endswith(".") for text in texts)
    assert len({row["question"] for row in rows["full"]}) == 2 * ROWS


@pytest.mark.llm
@needs_a_service
def test_its_answers_say_what_was_drawn(folder):
    for candidate in read(folder / "stages/authors/perturbations.json"):
        for entry in candidate.entries if candidate.alive else ():
            value = candidate.facts.get(entry.topic)
            if value is not None:
                assert value in entry.answer
                assert value in entry.paraphrases[0].answer
                # As a word: “acar driver” is another than “car driver”.
                told = re.compile(rf"\b{re.escape(value)}\b")
                assert not any(map(told.search, entry.perturbed))


@pytest.mark.llm
@needs_a_service
def test_it_is_a_dataset_with_a_card(folder, tmp_path):
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(folder / "data"), "full", split="train", cache_dir=tmp_path)
    assert len(loaded) == 2 * ROWS
    assert set(loaded.column_names) == {"question", "answer"}
    card = (folder / "data/README.md").read_text()
    assert "config_name: full" in card
    assert "pairs" in card
