"""MUSE in a configuration: what it offers, and what is refused before any job runs."""

import pytest
from helpers import made_lume, made_muse
from helpers.configurations import message, written

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

METRICS = ["verbmem", "knowmem", "membership_text", "muse_privleak"]
SEQUENCE = ["muse_sust_1", "muse_sust_2"]
ALL = {"authors": 27}
AGAIN = {"method": "npo", "previous_run": "npo"}


@pytest.fixture
def folder(tmp_path):
    return made_muse.write(tmp_path)


def muse(folder, world=None, **more):
    """The overlay of a small world of made files; ``world`` and ``more`` are laid over it."""
    own = {"provider": "muse", "path": str(folder), "authors": 18}
    given = {"splits": ["muse_raw"], "split_settings": {}, "metrics": METRICS, "figures": []}
    given["model_settings"] = {"tiny": {"template": "plain"}}
    return written(given | {"world": own | (world or {})} | more)


def test_a_world_of_muse_passes_with_its_metrics(folder):
    config = build(muse(folder, splits=["muse_raw", "muse_scal_2"]))
    check(config)
    one = splits.of_config(config)["muse_scal_2"]
    assert (one.files["forget"], one.oracle.part) == ("muse_scal_2", "kept")
    offered = [name for name in metrics.names() if splits.lacks(name, one) is None]
    asking = {name for name in offered if metrics.contract(name).records}
    # Those of LUME and of traces ask for fields that rows of MUSE do not have.
    others = {"lume_tasks", "membership_document", "bypass_gap", "ppu_generation"}
    assert asking == {"verbmem", "knowmem", "membership_text", *others}


@pytest.mark.parametrize(
    ("world", "more", "words"),
    [
        ({"path": None}, {}, "world.path: null; set it to a folder with MUSE's raw"),
        ({"authors": 28}, {}, "world.authors: 28, but"),
        ({"subset": [1]}, {}, "the provider muse has no authors to choose from"),
        ({"traces": {}}, {}, "muse has no traces"),
        ({"chunk_words": 7}, {}, "world.chunk_words"),
        ({}, {"splits": ["forget10"]}, "publishes; list muse_raw, muse_scal_2"),
        (
            {},
            {"splits": ["published"], "split_settings": {"published": {"kind": "published"}}},
            "the world muse has only the split that it publishes; list muse_raw",
        ),
        ({}, {"splits": ["muse_sust_2"]}, "muse_sust_2 starts where muse_sust_1 ended, which is"),
        (
            {},
            {"splits": SEQUENCE, "method_settings": {"again": AGAIN}, "methods": ["npo", "again"]},
            "again.previous_run: runs on muse_sust_2 start from those on muse_sust_1; leave it out",
        ),
        ({}, {"splits": SEQUENCE, "search": {"methods": ["npo"]}}, "search: muse_sust_2 follows"),
        (
            ALL,
            {"splits": SEQUENCE, "supervision": "direct"},
            "from another run, but the full model",
        ),
        (
            ALL,
            {"splits": SEQUENCE, "evaluation": {"in_run": True}, "checkpoints": {"keep": "last"}},
            "evaluation.in_run: runs on one split start from those on another",
        ),
        ({}, {"splits": ["muse_scal_5"]}, "'muse_scal_5' is not a split"),
        ({}, {"metrics": ["probability"]}, "probability needs the file forget_perturbed"),
        ({}, {"metrics": ["lume_tasks"]}, "have no 'task', which LUME's metrics go by"),
        ({}, {"metrics": ["membership_document"]}, "have no 'task', which LUME's metrics go by"),
        ({}, {"model_settings": {"tiny": {"template": "chat"}}}, "tiny.template: muse asks how"),
        ({}, {"metrics": ["muse_privleak"]}, "muse_privleak needs membership_text; add it"),
        ({}, {"audit": {"budget": "minutes"}}, "audit.budget: asks for paraphrases and wrong"),
        ({}, {"suite_settings": {"verbmem": {"tokens": 0}}}, "suite 'verbmem': tokens is 0"),
        ({}, {"metric_settings": {"membership_text": {"percent": 0}}}, "percent is 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, more, words, folder):
    said = message(muse(folder, world, **more))
    assert words in said
    assert "\n" not in said


def test_requests_one_after_another_are_refused(folder):
    asked = {"asked": [{"authors": [0]}, {"authors": [1]}], "methods": ["npo"], "pool": [0, 1]}
    said = message(muse(folder, requests=asked))
    assert "the world muse has only the split that it publishes" in said
    assert "\n" not in said


def test_broken_files_are_refused_before_any_job(folder):
    (folder / "raw/forget.json").write_text('[{"body": "x"}]', encoding="utf-8")
    assert "raw/forget: a row has 'body', not 'text' alone" in message(muse(folder))


def test_other_worlds_are_not_split_as_muse_is(tmp_path):
    said = message(written({"splits": ["muse_raw"], "metrics": ["probability"], "figures": []}))
    assert "rows of synthetic do not say their part; list another kind of split" in said
    own = {"provider": "lume", "path": str(made_lume.write(tmp_path)), "authors": 8}
    given = {"splits": ["muse_raw"], "metrics": ["lume_tasks"], "figures": [], "world": own}
    assert "the world lume has only the split that it publishes" in message(written(given))
    said = message(written({"metrics": ["verbmem"], "figures": []}))
    assert "verbmem needs the file verbmem, but no split has such a part" in said
    said = message(written({"world": {"chunk_words": 100}}))
    assert "world.chunk_words: the provider synthetic has no long texts" in said
