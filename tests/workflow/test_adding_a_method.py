"""docs/adding-a-method.md, followed to the letter in a folder where the smoke preset has run."""

import re

import yaml
from helpers.workflow_folder import ROOT

GUIDE = (ROOT / "docs/adding-a-method.md").read_text(encoding="utf-8")
UNLEARN = "unlearn_bounded_ascent[forget10,0]"


def blocks(language: str) -> list[str]:
    """The guide's blocks in this language, in order; commands are in none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


def commands() -> list[list[str]]:
    """The commands of the guide, their lines joined."""
    return [found.replace("\\\n", "").split() for found in blocks("")]


def test_from_an_empty_file_to_a_row_in_the_table(worked):
    (name,) = re.findall(r"^`(src/lethe/unlearn/methods/\w+\.py)`", GUIDE, re.MULTILINE)
    pytest_, unlearn, snakemake = commands()
    summary = worked / "results/smoke/tables/summary.md"
    assert "bounded ascent" not in summary.read_text(encoding="utf-8")

    (worked / name).write_text(blocks("python")[0], encoding="utf-8")
    listed = worked.lethe("methods").output
    assert "bounded_ascent (loss; the guide)" in listed

    assert pytest_[0] == ".venv/bin/pytest"
    # Of this folder's own source: another may be installed.
    own = (
        "import sys; sys.path.insert(0, 'src'); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    # Twice: the project's own options hold one -q.
    tested = worked._python("-c", own, "-vv", *pytest_[1:])
    assert tested.code == 0, tested.end
    assert tested.output.count("[bounded_ascent") >= 5

    assert unlearn[:2] == [".venv/bin/lethe", "unlearn"]
    words = [word.replace("results/default/tiny", "results/smoke/micro") for word in unlearn[1:]]
    words = [word.replace("results/default", "results/smoke") for word in words]
    ran = worked.lethe(*words, "--set", "epochs=1")
    assert ran.code == 0, ran.end
    assert (worked / "unlearned/epoch1/model.safetensors").exists()

    line = yaml.safe_load(blocks("yaml")[0])
    assert snakemake == [".venv/bin/snakemake", "--cores", "all"]
    outcome = worked.run(overlay=line)
    made = {job for job in outcome.jobs if job.startswith("unlearn_")}
    assert made == {UNLEARN}
    rows = summary.read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if "bounded ascent" in row]
    assert len(re.findall(r"\d", row)) > 2
