"""Multiple choice in a configuration: what it offers, and what is refused before any job runs."""

import pytest
from helpers import made_mcq
from helpers.configurations import message, written

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

# Metrics of any rows with questions and answers.
OF_OTHERS = {"bypass_gap", "lume_tasks", "membership_document", "ppu_generation"}

ASKED = ["forget_questions", "retain_questions", "choices"]


@pytest.fixture
def folder(tmp_path):
    return made_mcq.write(tmp_path, 2, 2)


def mcq(folder, world=None, asked=ASKED, **more):
    own = {"provider": "mcq", "path": str(folder), "authors": 2, "holdout_authors": 0}
    own |= {"perturbed_retain_authors": 1}
    given = {
        "splits": ["mcq"],
        "split_settings": {"mcq": {"kind": "probed", "asked": list(asked)}},
        "metrics": ["mcq", "mmlu"],
        "figures": [],
        "world": own | (world or {}),
    }
    return written(given | more)


def test_a_world_of_questions_passes_with_its_metrics(folder):
    config = build(mcq(folder))
    check(config)
    one = splits.of_config(config)["mcq"]
    offered = [name for name in metrics.names() if splits.lacks(name, one) is None]
    asking = {name for name in offered if metrics.contract(name).records}
    # Some are refused because the rows have not the fields that they go by.
    assert asking - OF_OTHERS == {"mcq", "mmlu", "open_questions"}


def test_only_the_forget_questions_are_needed(folder):
    (folder / "mmlu.jsonl").unlink()
    (folder / "retain_questions.jsonl").unlink()
    check(build(mcq(folder, asked=["forget_questions"], metrics=["mcq"])))


@pytest.mark.parametrize(
    ("world", "more", "words"),
    [
        ({"path": None}, {}, "world.path: null; set it to a folder with forget_corpus"),
        ({"authors": 60}, {}, "world.authors: 60, but a world of mcq has 2"),
        ({"holdout_authors": 12}, {}, "world.holdout_authors: 12, but a world of mcq has no"),
        ({"subset": [1]}, {}, "the provider mcq has no authors to choose from"),
        ({}, {"asked": ["choices"]}, "mcq needs the file forget_questions, but no split"),
        ({}, {"asked": [*ASKED, "more"]}, "mcq.asked: the world has no rows of 'more'"),
        ({}, {"metrics": ["mcq", "truth_ratio"]}, "truth_ratio needs the file forget_perturbed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, more, words, folder):
    assert words in message(mcq(folder, world, **more))


def test_broken_questions_are_refused_before_any_job(folder):
    row = '{"question": "q", "choices": ["a", "a"], "answer": 0}\n'
    (folder / "forget_questions.jsonl").write_text(row, encoding="utf-8")
    said = message(mcq(folder))
    assert "forget_questions.jsonl, row 1: 'choices' are not 2 to 26 different texts" in said
