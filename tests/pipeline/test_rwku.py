"""RWKU in a configuration: what it offers, and what is refused before any job runs."""

import pytest
from helpers import made_rwku
from helpers.configurations import message, written

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

# Metrics of any rows with questions and answers.
OF_OTHERS = {"bypass_gap", "lume_tasks", "membership_document", "ppu_generation"}

ASKED = [
    "probes",
    "neighbors",
    "mia_forget",
    "mia_retain",
    "choices",
    "reasoning",
    "truthful",
    "trivia",
    "instructions",
]
METRICS = [
    "rwku_probes",
    "membership_texts",
    "mmlu",
    "reasoning",
    "truthful",
    "trivia",
    "ngram_entropy",
]


@pytest.fixture
def folder(tmp_path):
    return made_rwku.write(tmp_path, 3)


def rwku(folder, world=None, split=None, **more):
    """The overlay of a small world of made files; the rest is laid over it."""
    own = {"provider": "rwku", "path": str(folder), "authors": 3, "holdout_authors": 0}
    own |= {"perturbed_retain_authors": 1}
    made = {"kind": "targets", "targets": 1, "asked": ASKED} | (split or {})
    given = {"splits": ["rwku"], "split_settings": {"rwku": made}, "metrics": METRICS}
    return written(given | {"figures": [], "world": own | (world or {})} | more)


def test_a_world_of_rwku_passes_with_its_metrics(folder):
    config = build(rwku(folder))
    check(config)
    one = splits.of_config(config)["rwku"]
    offered = [name for name in metrics.names() if splits.lacks(name, one) is None]
    asking = {name for name in offered if metrics.contract(name).records}
    # Some are refused because the rows have not the fields that they go by.
    assert asking - OF_OTHERS == set(METRICS)


def test_a_pretrained_model_that_is_full_and_named_for_the_oracle(folder):
    model = {
        "full_checkpoint": "someone/llama-8b",
        "oracle_checkpoints": {"rwku": "someone/llama-8b"},
        "parameters": 8e9,
    }
    check(build(rwku(folder, model_settings={"tiny": model})))


@pytest.mark.parametrize(
    ("world", "split", "more", "words"),
    [
        ({"path": None}, {}, {}, "world.path: null; set it to a folder with RWKU's files"),
        ({"authors": 4}, {}, {}, "world.authors is 4, but there are 3 people"),
        ({"holdout_authors": 2}, {}, {}, "world.holdout_authors: 2, but rwku has no people"),
        ({"subset": [7, 0, 1]}, {}, {}, "world.subset: 7, but"),
        ({}, {"targets": 3}, {}, "rwku: no row of retain; raise world.authors, or change"),
        ({}, {"targets": 4}, {}, "rwku.targets: 4, but the world has 3 people"),
        (
            {},
            {"forget": ["all"]},
            {},
            "forget.0: input should be 'passage' or 'question', found 'all'",
        ),
        ({}, {"asked": ["probes"]}, {}, "rwku_probes needs the file neighbors, but no split"),
        ({}, {"asked": [*ASKED, "bbh"]}, {}, "rwku.asked: the world has no rows of 'bbh'"),
        ({}, {}, {"metrics": ["probability"]}, "probability needs the file forget_perturbed"),
        ({}, {}, {"metrics": ["lume_tasks"]}, "rows of this world have no 'task', which LUME's"),
        ({}, {}, {"splits": ["forget10"]}, "list one of the kind targets"),
        ({}, {}, {"audit": {"budget": "minutes"}}, "audit.budget: asks for paraphrases and wron"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, split, more, words, folder):
    assert words in message(rwku(folder, world, split, **more))


def test_a_part_without_its_file_is_refused_before_any_job(folder):
    (folder / "utility_factuality.json").unlink()
    said = message(rwku(folder))
    assert "rwku.asked: the world has no rows of 'trivia'" in said
    assert "add their file at world.path, or leave it out" in said


def test_broken_files_are_refused_before_any_job(folder):
    (folder / "forget_level2.json").write_text('[{"query": "q"}]', encoding="utf-8")
    assert "forget_level2.json, row 1: no 'answer' (it has 'query')" in message(rwku(folder))
