"""LUME in a configuration: what it offers, and what is refused before any job runs."""

import pytest
from helpers import made_lume
from helpers.configurations import message, written

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

METRICS = ["lume_tasks", "membership_document"]


@pytest.fixture
def folder(tmp_path):
    return made_lume.write(tmp_path)


def lume(folder, world=None, **more):
    """The overlay of a small world of made files; ``world`` and ``more`` are laid over it."""
    own = {"provider": "lume", "path": str(folder), "authors": 12, "holdout_authors": 3}
    own |= {"perturbed_retain_authors": 8}
    split = {"published": {"kind": "published", "nonmembers": True}}
    given = {"splits": ["published"], "split_settings": split, "metrics": METRICS, "figures": []}
    return written(given | {"world": own | (world or {})} | more)


def test_a_world_of_lume_passes_with_its_metrics(folder):
    config = build(lume(folder))
    check(config)
    one = splits.of_config(config)["published"]
    assert one.rows(12) == {"forget": 72, "retain": 72, "holdout": 1}
    offered = [name for name in metrics.names() if splits.lacks(name, one) is None]
    asking = [name for name in offered if metrics.contract(name).records]
    # Traces have rows of their own, without which they are refused as everywhere.
    assert set(asking) == {"lume_tasks", "membership_document", "bypass_gap", "ppu_generation"}


def test_questions_beside_the_documents_offer_the_final_score(folder):
    made_lume.write_rows(folder / "mmlu.jsonl", made_lume.choices())
    split = {"published": {"kind": "published", "nonmembers": True, "choices": True}}
    check(build(lume(folder, split_settings=split, metrics=[*METRICS, "mmlu", "lume_final"])))


@pytest.mark.parametrize(
    ("world", "more", "words"),
    [
        ({"path": None}, {}, "world.path: null; set it to a folder with LUME's"),
        ({"authors": 16}, {}, "16 target documents are needed, but it has 15"),
        ({"holdout_authors": 0}, {}, "0 are fewer than the 1 authors of published; raise it"),
        ({"holdout_authors": 9}, {}, "world.holdout_authors: 9, but retain.jsonl has 9 documents"),
        ({"subset": [1]}, {}, "the provider lume has no authors to choose from"),
        ({"traces": {}}, {}, "lume has no traces"),
        ({}, {"splits": ["forget10"]}, "the world lume has only the split that it publishes"),
        ({}, {"metrics": ["probability"]}, "probability needs the file forget_perturbed"),
        ({}, {"metrics": ["membership_loss"]}, "membership_loss needs the file forget_perturbed"),
        ({}, {"metrics": ["bypass_gap"]}, "the world has no reasoning traces"),
        ({}, {"metrics": [*METRICS, "mmlu"]}, "mmlu needs the file choices"),
        ({}, {"metrics": [*METRICS, "lume_final"]}, "lume_final needs mmlu; add it to the list"),
        ({}, {"audit": {"budget": "minutes"}}, "audit.budget: asks for paraphrases and wrong"),
        ({}, {"checkpoints": {"keep": "best"}}, "checkpoints.keep: asks for paraphrases"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, more, words, folder):
    said = message(lume(folder, world, **more))
    assert words in said
    assert "\n" not in said


def test_questions_that_are_not_there_are_refused(folder):
    split = {"published": {"kind": "published", "nonmembers": True, "choices": True}}
    said = message(lume(folder, split_settings=split))
    assert "published.choices: the world has no questions of multiple choice" in said


def test_a_full_model_from_elsewhere_has_no_known_nonmembers(folder):
    given = {"model_settings": {"tiny": {"full_checkpoint": "someone/lume-7b", "parameters": 7e9}}}
    said = message(lume(folder, **given))
    assert "the full_checkpoint of tiny may have learned these documents" in said


def test_broken_files_are_refused_before_any_job(folder):
    (folder / "forget.jsonl").write_text('{"id": "asc1", "text": "x"}\n', encoding="utf-8")
    assert "forget.jsonl, row 1: has 'id', 'text', not LUME's id, input" in message(lume(folder))


def test_other_worlds_are_not_asked_as_lume_is():
    split = {"published": {"kind": "published"}}
    own = {"splits": ["published"], "split_settings": split, "figures": []}
    said = message(written({**own, "metrics": ["probability"]}))
    assert "rows of synthetic do not say their part; list another kind of split" in said
    for name in METRICS:
        said = message(written({"metrics": [name], "figures": []}))
        assert "rows of this world have no 'task', which LUME's metrics go by" in said
