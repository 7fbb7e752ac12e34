"""Runs that start from another's end: what comes before what, and what is refused."""

import copy
from pathlib import Path

import pytest
import yaml

from lethe.common.errors import LetheError
from lethe.pipeline import chains
from lethe.pipeline.code_digest import closure
from lethe.pipeline.config import settings
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def configured(methods, splits=("forget10",), snapshots=(), **method_settings) -> dict:
    """The default configuration with these methods."""
    found = copy.deepcopy(DEFAULT)
    found |= {"methods": [*methods], "splits": [*splits], "snapshots": [*snapshots]}
    found["method_settings"] = method_settings
    return found


def chained(**method_settings) -> dict:
    named = {name: {"method": "npo", **own} for name, own in method_settings.items()}
    return configured(["npo", *named], ("forget10", "forget05"), **named)


def test_a_chain_lists_the_runs_before_the_nearest_first():
    config = build(chained(a={"previous_run": "npo"}, b={"previous_run": "a"}))
    check(config)
    assert list(chains.chain(config, "npo", "forget10")) == []
    assert list(chains.chain(config, "b", "forget10")) == [
        ("a", "forget10"),
        ("npo", "forget10"),
    ]


def test_a_start_of_another_split_goes_on_in_that_split():
    before = {"run": "a", "split": "forget05"}
    config = build(chained(a={"previous_run": "npo"}, b={"previous_run": before}))
    check(config)
    assert list(chains.chain(config, "b", "forget10")) == [
        ("a", "forget05"),
        ("npo", "forget05"),
    ]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            chained(a={"previous_run": "b"}),
            r"method_settings\.a\.previous_run: there is no run 'b'; add it",
        ),
        (chained(a={"previous_run": "a"}), r"\.a\.previous_run: a would start from its own end"),
        (
            chained(a={"previous_run": "b"}, b={"previous_run": "a"}),
            r"\.a\.previous_run: .* from its own end",
        ),
        (chained(a={"previous_run": 3}), r"\.a\.previous_run: write a run's name"),
        (
            chained(a={"previous_run": {"run": "npo", "seed": 1}}),
            r"\.a\.previous_run: write a run's name",
        ),
        (
            chained(a={"previous_run": {"run": "npo", "split": "forget01"}}),
            r"\.a\.previous_run\.split: 'forget01' is not among splits",
        ),
        (
            chained(a={"wrappers": {"conflict_freezing": {}}}),
            r"\.a\.previous_run: missing; its wrapper compares with the previous run",
        ),
        (
            configured(["msa"], msa={"prior": 50}),
            r"\.msa\.prior: there is no snapshot 50; add it to snapshots",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(config, line):
    with pytest.raises(LetheError, match=line) as error:
        check(build(config))
    assert "\n" not in str(error.value)


def test_snapshots_are_of_bases_that_are_made_here():
    check(build(configured(["msa"], snapshots=[0, 50], msa={"prior": 50})))
    given = configured(["msa"], snapshots=[50], msa={"prior": 50})
    given["model_settings"]["tiny"]["base_checkpoint"] = "somebody/model"
    with pytest.raises(LetheError, match="the base of tiny is given, so it has no snapshots"):
        check(build(given))


def test_wrappers_settings_are_the_runs_own():
    """With their defaults, so that a changed default runs again what has it."""
    config = build(configured(["npo"], npo={"wrappers": {"gru": {}}}))
    assert settings.method_settings(config, "npo")["wrappers"] == {"gru": {"newest": 0.8}}
    assert settings.method_settings(build(configured(["npo"])), "npo")["wrappers"] == {}


def test_a_methods_code_is_none_of_a_wrapper():
    """An edit of a wrapper runs again what has it, which the rule names, and nothing else."""
    ours = {
        file.name for file in closure("lethe.unlearn.methods.npo") if file.parent.name == "wrappers"
    }
    assert ours == {"__init__.py"}
    other = {
        file.name
        for file in closure("lethe.unlearn.wrappers.gru")
        if file.parent.name == "wrappers"
    }
    assert other <= {"gru.py", "__init__.py"}
    assert "gru.py" in other
