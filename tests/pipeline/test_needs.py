"""A configuration's methods against what they need: everything that is missing is one line."""

from pathlib import Path

import pytest
import yaml

from lethe.common.errors import LetheError
from lethe.pipeline import needs
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build
from lethe.unlearn import need
from lethe.unlearn import needs as kinds
from lethe.unlearn.methods import npo

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def configured(*methods: str, **settings):
    return build(DEFAULT | {"methods": [*methods], "method_settings": settings})


def test_needs_follow_the_settings():
    config = configured("npo", far={"method": "npo_retain", "retain": "kl"})
    assert [one.name for one in needs.of_method(config, "npo")] == ["reference_nll"]
    found = {one.name for one in needs.of_method(config, "far")}
    assert found == {"reference_nll", "retain", "reference_model"}


def test_a_misspelt_need_of_a_method_is_refused(monkeypatch):
    monkeypatch.setattr(npo.Method, "needs", ("reference_nlll",))
    line = "^method npo: needs: unknown need 'reference_nlll'; did you mean reference_nll?"
    for config in (configured("npo"), configured("grad_ascent", mine={"method": "npo"})):
        with pytest.raises(LetheError, match=line):
            check(config)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (need.SplitFile("retian"), r"npo needs reference_nll: split forget10: no part 'retian'"),
        (need.WorldFile("idontno"), "npo needs reference_nll: world: no file 'idontno'; did you"),
    ],
)
def test_a_need_that_no_world_has_is_refused(source, line, monkeypatch):
    monkeypatch.setattr(type(kinds.load("reference_nll")), "source", source)
    with pytest.raises(LetheError, match=line):
        check(configured("npo"))


def test_what_makers_take_of_the_configuration():
    config = configured("altpo")
    by_name = {one.name: needs.options(config, one) for one in kinds.from_source(need.MadeFile)}
    assert by_name == {
        "reference_nll": {"batch_size": config.unlearning.batch_size},
        "alternatives": {"settings": config.alternatives.model_dump(mode="json")},
    }


def test_an_option_that_no_configuration_has_is_refused(monkeypatch):
    source = need.MadeFile("reference", "x.json", "a.b", options={"size": "unlearning.size"})
    monkeypatch.setattr(type(kinds.load("reference_nll")), "source", source)
    with pytest.raises(LetheError, match=r"^need reference_nll: no key unlearning\.size"):
        check(configured("npo"))


def test_checkpoints_that_settings_name():
    named = {"method": "msa", "prior": "somebody/model"}
    config = configured("msa", a=named, b={"method": "msa", "prior": 50}, c={"method": "msa"})
    assert list(needs.named_checkpoints(config)) == [("method_settings.a.prior", "somebody/model")]
    assert [needs.base_or(config, run, "prior") for run in "abc"] == ["somebody/model", 50, "base"]


@pytest.mark.parametrize("method", ["prompt", "icul", "cap"])
def test_what_compares_the_same_tokens_is_refused_for_methods_with_other_prompts(method):
    """In one line before any job, where the suite itself would refuse after unlearning."""
    metrics = ["probability", "phrasings"]
    config = build(DEFAULT | {"methods": [method], "metrics": metrics, "figures": []})
    line = f"^config: metrics: phrasings compares .*, and {method} puts text of its own before"
    with pytest.raises(LetheError, match=line):
        check(config)
    # Noise, steering and logits leave questions as they are.
    others = ["eco", "uld", "guard_it", "npo"]
    check(build(DEFAULT | {"methods": others, "metrics": metrics, "figures": []}))
