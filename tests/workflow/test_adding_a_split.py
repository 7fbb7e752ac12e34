"""docs/adding-a-split.md, followed to the letter: a kind of split with two oracles."""

import importlib.util
import re
import sys

import pytest
import yaml
from helpers.workflow_folder import ROOT, Folder, Outcome, sources

from lethe.common.files import read_rows, write_rows
from lethe.world import split as kinds
from lethe.world.split import split, write

GUIDE = (ROOT / "docs/adding-a-split.md").read_text(encoding="utf-8")
ROLES = ("without_all", "without_given")


def blocks(language: str) -> list[str]:
    """The guide's blocks in this language, in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


def file() -> str:
    """The one file that the guide makes."""
    (name,) = re.findall(r"^`(src/lethe/world/splits/\w+\.py)`", GUIDE, re.MULTILINE)
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    """The repository with the guide's file, and nothing else."""
    made = sources(tmp_path_factory.mktemp("split") / "folder")
    (made / file()).write_text(blocks("python")[0], encoding="utf-8")
    return made


def block(output: str, job: str, *words: str) -> str:
    """What a dry run says of the one job of a rule whose inputs and wildcards hold all words."""
    found = re.findall(rf"^rule {job}:\n(?: {{4}}.*\n)*", output, re.MULTILINE)
    (one,) = [text for text in found if all(word in text for word in words)]
    return one


@pytest.fixture(scope="module")
def outcome(folder) -> Outcome:
    """What is planned for the guide's one word."""
    found = folder.snakemake("-n", overlay=yaml.safe_load(blocks("yaml")[0]))
    assert found.code == 0, found.end
    return found


def test_one_word_plans_both_oracles(outcome):
    for role in ROLES:
        for seed in (0, 1000):
            assert f"train_{role}[half_given,{seed}]" in outcome.jobs
            assert f"collect[half_given,{role},{seed},tofu]" in outcome.jobs
            assert f"score[half_given,{role},{seed},forget_quality]" in outcome.jobs
    assert not {job for job in outcome.jobs if job.startswith("train_retain")}
    learned = {"without_all": "retain", "without_given": "without_given"}
    for role, part in learned.items():
        trained = block(outcome.output, f"train_{role}", "seed=0")
        assert f"results/smoke/data/half_given_{part}.json" in trained
        assert f"results/smoke/micro/half_given/{role}/seed0/checkpoint" in trained


def test_runs_are_held_against_the_first_oracle(outcome):
    oracle = "results/smoke/micro/half_given/without_all/seed0/metrics/truth_ratio.json"
    for run in ("npo", "without_given"):
        words = ("seed=0,", f"run={run},", "metric=forget_quality")
        assert oracle in block(outcome.output, "score", *words)


def test_other_splits_keep_their_jobs(folder):
    both = folder.planned(overlay={"splits": ["forget10", "half_given"]})
    alone = folder.planned(overlay={"splits": ["forget10"]})
    assert alone <= both
    assert all("half_given" in job for job in both - alone)


def test_more_splits_of_the_kind(folder):
    planned = folder.planned(overlay=yaml.safe_load(blocks("yaml")[1]))
    assert {"split_half_given", "split_five_given"} <= planned
    assert {f"train_{role}[five_given,0]" for role in ROLES} <= planned


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"splits": ["half_gven"]}, "'half_gven' is not a split; did you mean half_given?"),
        (
            {"splits": ["mine"], "split_settings": {"mine": {"kind": "half_gven"}}},
            "split_settings.mine.kind: unknown split kind 'half_gven'; did you mean half_given?",
        ),
        *(
            (
                {
                    "splits": ["half_given"],
                    "methods": methods,
                    "method_settings": {"without_given": {"method": "npo"}},
                },
                "without_given is the name of another run",
            )
            for methods in (["without_given"], ["npo"])
        ),
        (
            {"split_settings": {"mine": {"kind": "half_given", "given": 20}}},
            "split_settings.mine.given: input should be less than 20, found 20",
        ),
        (
            {"splits": ["all"], "split_settings": {"all": {"kind": "half_given"}}},
            "splits: all is the name of a folder of results",
        ),
        (
            {
                "splits": ["half_given", "half_given_retain"],
                "split_settings": {"half_given_retain": {"kind": "half_given"}},
            },
            "half_given_retain and half_given have files of the same name",
        ),
        (
            {"splits": ["half_given"], "world": {"perturbed_retain_authors": 20}},
            "perturbed_retain_authors: 20 are more than the 19 authors that half_given retains",
        ),
        (
            {"splits": ["half_given"], "world": {"holdout_authors": 0}},
            "holdout_authors: 0 are fewer than the 1 authors of half_given",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, overlay, words):
    (line,) = folder.snakemake("-n", overlay=overlay).errors
    assert words in line


def test_the_papers_exhibits_are_of_tofus_splits(folder):
    refused = folder.snakemake("-n", "paper", overlay={"splits": ["half_given"]})
    (line,) = refused.errors
    assert "the paper's exhibits are of no other kind; add one, such as forget10" in line


def test_elsewhere_a_method_may_have_an_oracles_name(folder):
    overlay = {"methods": ["without_all"], "method_settings": {"without_all": {"method": "npo"}}}
    assert "unlearn_without_all[forget10,0]" in folder.planned(overlay=overlay)


def test_the_files_hold_what_each_oracle_may_know(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(kinds.KINDS, "folder", (folder / file()).parent)
    spec = importlib.util.spec_from_file_location("lethe.world.splits.half_given", folder / file())
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    full = [{"question": f"q{n}", "answer": f"a{n}"} for n in range(60)]
    world = {"full": full, "full_perturbed": full, "holdout": full[:20]}
    for name, rows in world.items():
        write_rows(tmp_path / f"{name}.json", rows)
    made = split("half_given")
    files = {part: tmp_path / f"{name}.json" for part, name in made.files.items()}
    write(made, {name: tmp_path / f"{name}.json" for name in world}, files.get)
    cut = {part: read_rows(path) for part, path in files.items()}
    assert cut["forget"] == full[40:50]
    assert cut["retain"] == full[:40]
    assert read_rows(tmp_path / f"{made.data_of('without_all')}.json") == full[:40]
    assert read_rows(tmp_path / f"{made.data_of('without_given')}.json") == full[:40] + full[50:]
    assert {part: len(rows) for part, rows in cut.items()} == made.rows(3)
