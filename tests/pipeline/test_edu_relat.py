"""EDU-RELAT in a configuration: what it offers, and what is refused before any job runs."""

import pytest
from helpers import made_edu_relat
from helpers.configurations import message, written

from lethe import metrics
from lethe.pipeline import splits
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

# Metrics of any rows with questions and answers.
OF_OTHERS = {"bypass_gap", "lume_tasks", "membership_document", "ppu_generation"}


@pytest.fixture
def folder(tmp_path):
    return made_edu_relat.write(tmp_path)


def edu_relat(folder, world=None, target=0, **more):
    own = {"provider": "edu_relat", "path": str(folder), "authors": 2, "holdout_authors": 0}
    own |= {"perturbed_retain_authors": 1}
    given = {
        "splits": ["first"],
        "split_settings": {"first": {"kind": "edu_relat", "target": target}},
        "metrics": ["edu_relat"],
        "figures": [],
        "world": own | (world or {}),
    }
    return written(given | more)


def test_a_world_of_relatives_passes_with_its_metric(folder):
    config = build(edu_relat(folder))
    check(config)
    one = splits.of_config(config)["first"]
    offered = [name for name in metrics.names() if splits.lacks(name, one) is None]
    asking = {name for name in offered if metrics.contract(name).records}
    # Some are refused because the rows have not the fields that they go by.
    assert asking - OF_OTHERS == {"edu_relat"}


@pytest.mark.parametrize(
    ("world", "more", "words"),
    [
        ({"path": None}, {}, "world.path: null; set it to a folder with edu_relat.json"),
        ({"authors": 60}, {}, "world.authors: 60, but a world of edu_relat has 2"),
        ({}, {"target": 2}, "first.target: 2, but the world has the targets 0 to 1"),
        ({}, {"target": -1}, "first.target"),
        ({}, {"metrics": ["truth_ratio"]}, "truth_ratio needs the file"),
        ({}, {"metrics": ["deep_unlearning"]}, "deep_unlearning needs the file forget_perturbed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, more, words, folder):
    assert words in message(edu_relat(folder, world, **more))
