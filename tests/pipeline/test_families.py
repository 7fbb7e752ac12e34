"""Families of models in a configuration: what a masked-diffusion model cannot be given."""

import json
from pathlib import Path

import pytest
import yaml

from lethe.common.errors import LetheError
from lethe.model.families import CAUSAL, MASKED_DIFFUSION, MASKED_TYPE
from lethe.pipeline import families
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
METRICS = ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality"]


def configured(model=None, **values):
    """The default configuration with one masked-diffusion model."""
    settings = DEFAULT["model_settings"]["tiny"]
    sizes = {"name": "masked_diffusion", "draws": 8}
    model = {"architecture": sizes, "base_recipe": None} if model is None else model
    chosen = {"models": ["m"], "model_settings": {"m": settings | model}}
    given = {"methods": ["npo"], "metrics": METRICS, "figures": [], "tables": []}
    known = {name: value for name, value in given.items() if name in DEFAULT}
    return build(DEFAULT | chosen | known | values)


def test_a_models_family_is_that_of_its_architecture():
    assert families.of_model(configured(), "m") == MASKED_DIFFUSION
    assert families.of_model(build(DEFAULT), "tiny") == CAUSAL
    check(configured(methods=["npo", "grad_diff", "simnpo", "mdu"]))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"methods": ["undial"]}, "config: methods: undial: needs next-token logits, but m is a"),
        (
            {"methods": ["simnpo"], "method_settings": {"simnpo": {"retain": "kl"}}},
            "config: methods: simnpo: retain: kl: needs next-token logits",
        ),
        (
            {"metrics": ["extraction_strength"]},
            "config: metrics: extraction_strength: needs next-token logits, but m is a",
        ),
        ({"audit": {"probes": ["depth"]}}, "config: audit.probes: depth: needs next-token logits"),
    ],
)
def test_what_needs_next_tokens_is_refused_before_any_job(values, line):
    with pytest.raises(LetheError) as refused:
        check(configured(**values))
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_recipe_that_needs_next_tokens_is_refused():
    finetune = DEFAULT["model_settings"]["tiny"]["finetune"] | {"recipe": "seat"}
    model = {"architecture": {"name": "masked_diffusion"}, "finetune": finetune}
    with pytest.raises(LetheError, match=r"finetune\.recipe: seat: needs next-token logits"):
        check(configured(model))


def test_mdu_is_refused_for_causal_models():
    with pytest.raises(LetheError, match="methods: mdu: needs a masked-diffusion model, but tiny"):
        check(build(DEFAULT | {"methods": ["mdu"]}))


def test_checkpoints_of_two_families_are_refused(tmp_path):
    def folder(name, kind):
        there = tmp_path / name
        there.mkdir()
        (there / "config.json").write_text(json.dumps({"model_type": kind}))
        return str(there)

    masked, causal = folder("masked", MASKED_TYPE), folder("causal", "llama")
    given = {"base_checkpoint": masked, "base_recipe": None}
    assert families.of_model(configured(given), "m") == MASKED_DIFFUSION
    config = configured({**given, "full_checkpoint": causal})
    with pytest.raises(LetheError, match=r"full_checkpoint: causal, but model_settings\.m\.base"):
        families.of_model(config, "m")
