"""Which files in results/ stop the workflow, and which are nobody's business."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.workflow_folder import ROOT, Folder

SPLIT = "results/smoke/data/forget10.json"
BASE = "results/smoke/micro/base"
# A user's own, which no job reads or would overwrite.
OWN = [
    "results/notes.ipynb",
    "results/mine/model.safetensors",
    "results/smoke/notes.md",
    "results/smoke/data/looked at.csv",
    "results/smoke/figures/mine.pdf",
    "results/smoke/micro/forget10/npo/seed0/notes.json",
    # Beside a checkpoint, but read by nothing that loads it.
    f"{BASE}/README.md",
    f"{BASE}/notes.ipynb",
    "results/other_world/data/full.json",
]
# What a job would overwrite, and what would be read with a checkpoint.
OURS = [
    SPLIT,
    "results/smoke/tables/summary.md",
    "results/smoke/micro/forget10/npo/seed0/metrics/rouge.json",
    f"{BASE}/model.safetensors",
    f"{BASE}/config.json",
    f"{BASE}/merges.txt",
    "results/smoke/micro/forget10/npo/seed0/epoch2/tokenizer.json",
]


def put(folder: Folder, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("{}")


@pytest.fixture
def folder(data, tmp_path) -> Folder:
    return data.copy(tmp_path / "folder")


def test_only_what_a_job_would_read_or_overwrite_is_refused(folder):
    for name in OWN:
        put(folder, name)
    assert folder.planned(SPLIT) == {"split_forget10"}
    for name in OURS:
        put(folder, name)
        outcome = folder.snakemake("-n", SPLIT)
        assert outcome.code != 0
        assert len(outcome.errors) == 1, outcome.end
        assert outcome.errors[0].startswith(f"error: {name}: a result without provenance"), name
        (folder / name).unlink()
    # Nothing of the user's was touched.
    folder.run(SPLIT)
    assert all((folder / name).read_text() == "{}" for name in OWN)


def test_a_damaged_ledger_is_told_with_a_remedy_that_works(folder):
    (ledger,) = (folder / ".snakemake/lethe").rglob("full.json.json")
    ledger.write_text(ledger.read_text()[:100])
    outcome = folder.snakemake("-n", SPLIT)
    assert len(outcome.errors) == 1, outcome.end
    remedy = outcome.errors[0].partition("have its results made again: ")[2]
    assert remedy.startswith("rm -r .snakemake/lethe/results/smoke/data/full.json.json ")
    subprocess.run(shlex.split(remedy), cwd=folder.path, check=True)
    assert folder.planned(SPLIT) == {"world", "split_forget10"}


def test_a_flipped_byte_is_noticed_by_the_job_that_reads_it(folder):
    """Under the same size and time, which the check before all jobs goes by."""
    file = folder / "results/smoke/data/full.json"
    # Snakemake touches what jobs made; that, too, is noted by a plan.
    folder.planned(SPLIT)
    content, stat = file.read_text(), file.stat()
    file.write_text(content.replace("e", "a", 1))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    outcome = folder.snakemake(SPLIT)
    assert outcome.code != 0
    (error,) = [line for line in outcome.errors if "split_forget10" in line]
    assert "full.json: it is not what its job wrote" in error
    assert not (folder / SPLIT).exists()


def test_what_another_folder_only_remembers_makes_nothing_pass_for_fresh(data, folder, tmp_path):
    """Theirs knew background authors once, by other settings; ours are of these."""
    more = {"world": {"background_authors": 13}}
    theirs = data.copy(tmp_path / "theirs")
    background = "results/smoke/data/background.json"
    theirs.run(background, overlay=more)
    (theirs / background).unlink()
    for name in ("full.json", "card.json"):
        (folder / "results/smoke/data" / name).unlink()
    brought = folder.lethe("bring", str(theirs.path))
    assert brought.code == 0, brought.end
    assert brought.output.startswith("2 results brought")
    assert folder.planned(background) == set()
    assert "background" in folder.planned(background, overlay=more)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], "Snakemake's report: make report (writes results/snakemake-report.html)"),
        (
            ["--configfile", "config/smoke.yaml"],
            "Snakemake's report: make report PRESET=config/smoke.yaml (",
        ),
        (
            ["--configfile", "config/smoke.yaml", "--config", "seeds=[0, 1]"],
            "report: snakemake --report results/snakemake-report.html --configfile "
            "config/smoke.yaml --config 'seeds=[0, 1]' (",
        ),
    ],
)
def test_the_closing_words_name_the_report_of_what_ran(folder, said, told):
    fact = (
        "results/smoke/data/world_facts.json" if said else "results/default/data/world_facts.json"
    )
    outcome = folder._python("-m", "snakemake", "--cores", "1", fact, "--forcerun", "facts", *said)
    assert outcome.code == 0, outcome.end
    assert told in outcome.output


@pytest.mark.parametrize(("preset", "world"), [("", "default"), ("config/smoke.yaml", "smoke")])
def test_make_report_takes_the_preset(preset, world):
    # A make above this one has it say which folder it enters.
    told = subprocess.run(
        ["make", "-n", "report", *([f"PRESET={preset}"] if preset else [])],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout.splitlines()[-1]
    words = shlex.split(told)
    assert words[1:3] == ["--report", "results/snakemake-report.html"]
    files = words[words.index("--configfile") + 1 :] if preset else ["config/config.yaml"]
    assert yaml.safe_load((ROOT / Path(files[0])).read_text())["world"]["name"] == world
