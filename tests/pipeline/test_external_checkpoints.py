"""What a model is told: checkpoints given in the place of trained ones."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from lethe.common.errors import LetheError
from lethe.pipeline import external_checkpoints, needs
from lethe.pipeline.config import settings
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build
from lethe.pipeline.external_checkpoints import given_run

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def tiny(**values) -> dict:
    """The default configuration with other settings of its model."""
    config = copy.deepcopy(DEFAULT)
    config["model_settings"]["tiny"] |= values
    return config


def test_given_checkpoints_stand_for_the_runs_that_they_name():
    config = build(tiny(full_checkpoint="org/full", oracle_checkpoints={"forget10": "org/oracle"}))
    assert given_run(config, "tiny", "full", None, 0) == "org/full"
    assert given_run(config, "tiny", "retain", "forget10", 0) == "org/oracle"
    assert given_run(config, "tiny", "retain", "forget05", 0) is None
    # One checkpoint has no noise: further oracles are trained.
    assert given_run(config, "tiny", "retain", "forget10", 1000) is None
    assert given_run(build(DEFAULT), "tiny", "full", None, 0) is None


def test_a_home_may_be_written_with_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/homes/ada")
    oracles = {"forget10": {"retain": "~/oracle"}, "forget05": "~/other"}
    given = tiny(full_checkpoint="~/full-{seed}", oracle_checkpoints=oracles, base_checkpoint="~/b")
    given["world"]["path"], given["logs"] = "~/tofu", "~/logs"
    config = build(given)
    assert given_run(config, "tiny", "full", None, 3) == "/homes/ada/full-3"
    assert given_run(config, "tiny", "retain", "forget10", 0) == "/homes/ada/oracle"
    assert given_run(config, "tiny", "retain", "forget05", 0) == "/homes/ada/other"
    assert config.model_settings["tiny"].base_checkpoint == "/homes/ada/b"
    assert (config.world.path, config.logs) == ("/homes/ada/tofu", "/homes/ada/logs")
    given["method_settings"] = {"msa": {"prior": "~/prior"}}
    config = build(given)
    assert settings.method_settings(config, "msa")["prior"] == "/homes/ada/prior"
    assert ("method_settings.msa.prior", "/homes/ada/prior") in needs.named_checkpoints(config)
    assert build(tiny(full_checkpoint="a/~b")).model_settings["tiny"].full_checkpoint == "a/~b"


def test_given_oracles_of_a_split_are_those_of_its_roles():
    config = build(tiny(oracle_checkpoints={"forget10": {"retain": "org/oracle"}}))
    assert given_run(config, "tiny", "retain", "forget10", 0) == "org/oracle"
    assert given_run(config, "tiny", "other", "forget10", 0) is None
    wrong = build(tiny(oracle_checkpoints={"forget10": {"retian": "org/oracle"}}))
    with pytest.raises(LetheError, match=r"forget10: no oracle 'retian'; did you mean retain"):
        external_checkpoints.check(wrong, "tiny")


def test_a_seed_in_the_name_is_filled_in():
    oracles = {"forget10": "org/oracle-{seed}"}
    config = build(tiny(full_checkpoint="org/full-{seed}", oracle_checkpoints=oracles))
    assert given_run(config, "tiny", "full", None, 3) == "org/full-3"
    assert given_run(config, "tiny", "retain", "forget10", 1000) == "org/oracle-1000"


@pytest.mark.parametrize(
    ("values", "start"),
    [
        (
            {"full_checkpoint": "./no/model"},
            "config: model_settings.tiny.full_checkpoint: ./no/model: no such",
        ),
        (
            {"oracle_checkpoints": {"forget10": "./oracle{seed}"}},
            "config: model_settings.tiny.oracle_checkpoints.forget10: ./oracle0: no such",
        ),
        (
            {"oracle_checkpoints": {"forgot10": "org/oracle"}},
            "config: model_settings.tiny.oracle_checkpoints: splits: 'forgot10' is not a split",
        ),
        ({"oracle_checkpoints": "org/oracle"}, "config: model_settings.tiny.oracle_checkpoints: "),
    ],
)
def test_what_cannot_stand_for_a_run_is_one_line(values, start):
    with pytest.raises(LetheError) as caught:
        check(build(tiny(**values)))
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


def test_depth_needs_given_checkpoints_of_one_architecture(tmp_path):
    given = {}
    for name, layers in (("full", 2), ("oracle", 3)):
        folder = tmp_path / name
        folder.mkdir()
        sizes = {"model_type": "llama", "num_hidden_layers": layers, "hidden_size": 8}
        (folder / "config.json").write_text(json.dumps(sizes))
        for file in ("model.safetensors", "tokenizer.json"):
            (folder / file).write_text("{}")
        given[name] = str(folder)
    config = tiny(full_checkpoint=given["full"], oracle_checkpoints={"forget10": given["oracle"]})
    check(build(config))
    config["metrics"] = [*config["metrics"], "depth"]
    wanted = "^config: metrics: depth: tiny: .*oracle: another architecture than .*full.*layers 3"
    with pytest.raises(LetheError, match=wanted):
        check(build(config))


@pytest.mark.parametrize(
    ("methods", "given", "words"),
    [
        (["npo", "task_vector"], {}, "task_vector works on whole weights, but tiny trains"),
        (["npo"], {"npo": {"wrappers": {"mpu": {}}}}, "npo with mpu works on whole weights"),
        (["prompt", "zero_unlearn"], {}, "methods: zero_unlearn works on whole weights"),
    ],
)
def test_what_needs_whole_weights_refuses_adapters(methods, given, words):
    config = tiny(lora={"rank": 4})
    config |= {"methods": methods, "method_settings": given}
    with pytest.raises(LetheError, match=words):
        check(build(config))
    config["model_settings"]["tiny"]["lora"]["stages"] = ["finetune"]
    check(build(config))


def test_masked_gradients_refuse_recomputed_activations():
    config = tiny(gradient_checkpointing=True) | {"methods": ["npo", "lira"]}
    with pytest.raises(LetheError, match=r"^config: methods: lira masks gradients.*tiny\.gradient"):
        check(build(config))
    check(build(config | {"method_settings": {"lira": {"mask": "none"}}}))


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"dtype": "int8"}, "config: model_settings.tiny.dtype: input should be 'float32' or"),
        ({"attention": "fast"}, "config: model_settings.tiny.attention: input should be 'sdpa', "),
        ({"lora": {"rank": 0}}, "config: model_settings.tiny.lora.rank: input should be"),
        (
            {"lora": {"ranks": 8}},
            "config: model_settings.tiny.lora.ranks: unknown key; did you mean rank?",
        ),
        ({"lora": {"stages": []}}, "config: model_settings.tiny.lora.stages: "),
    ],
)
def test_a_setting_of_how_a_model_computes_is_named(values, start):
    with pytest.raises(LetheError) as caught:
        check(build(tiny(**values)))
    assert str(caught.value).startswith(start)


SHARDS = {"processes": 2, "sharding": "fsdp"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"compute": {"processes": 1}}, "fsdp spreads a model over processes, but there is only"),
        ({"methods": ["npo", "task_vector"]}, "task_vector needs whole weights in each process"),
        ({"methods": ["icul"]}, "icul needs whole weights in each process; leave icul out"),
        (
            {"methods": ["npo"], "method_settings": {"npo": {"gradient": {"name": "zeroth"}}}},
            "npo with gradient zeroth needs whole weights",
        ),
        (
            {"methods": ["npo"], "method_settings": {"npo": {"wrappers": {"mpu": {}}}}},
            "npo with mpu needs whole weights",
        ),
        ({"methods": ["lira"]}, "lira needs whole weights in each process; leave lira out"),
    ],
)
def test_what_needs_whole_weights_refuses_shards(given, words):
    config = {**tiny(), **given, "compute": DEFAULT["compute"] | SHARDS | given.get("compute", {})}
    with pytest.raises(LetheError, match=f"^config: compute.sharding: {words}"):
        check(build(config))
    config["compute"]["sharding"] = "none"
    check(build(config))


def test_adapters_refuse_shards():
    config = tiny(lora={"rank": 4})
    config["compute"] |= SHARDS
    with pytest.raises(LetheError, match="tiny trains adapters; remove"):
        check(build(config))
