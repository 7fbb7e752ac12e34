"""The configuration's models, and what is generated from them: schema, tables, old names."""

import json
from pathlib import Path

import pytest
import yaml
from helpers.configurations import DEFAULT, configured, message, written
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from lethe.common.errors import LetheError
from lethe.model.settings import Compute
from lethe.pipeline.config import documentation, renamed
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.pipeline.config.load import build, laid_over, parsed
from lethe.pipeline.config.models import ModelSettings

ROOT = Path(__file__).parents[2]
# What the default run has in places where no default could stand.
OF_THE_DEFAULT_RUN = {
    "world": {"name"},
    **dict.fromkeys(("models", "model_settings", "methods", "unlearning", "method_settings"), None),
    **dict.fromkeys(("metric_settings", "suite_settings", "attack_settings"), None),
}


def test_the_schema_is_that_of_the_models():
    file = json.loads((ROOT / documentation.SCHEMA).read_text(encoding="utf-8"))
    assert file == json.loads(json.dumps(documentation.schema())), "make config-docs"
    Draft202012Validator.check_schema(file)


def test_the_tables_of_the_page_are_those_of_the_models():
    text = (ROOT / documentation.PAGE).read_text(encoding="utf-8")
    assert documentation.page(text) == text, "make config-docs"
    for name in documentation.TABLES:
        assert documentation.marked(name, documentation.table(name)) in text


def test_another_range_is_another_table_and_another_schema(monkeypatch):
    """The control of both: they would not stay as they are."""
    field = Config.model_fields["snapshots"]
    before = documentation.table("methods")
    monkeypatch.setattr(field, "description", "something else")
    assert documentation.table("methods") != before


def test_every_key_stands_in_a_table_with_its_meaning():
    rows = {(model, name) for part in documentation.TABLES.values() for _, model, names, _ in part
            for name in names}  # fmt: skip
    # A section is told by its keys.
    sections = {"world", "alternatives", "checkpoints", "evaluation", "search", "threads"}
    sections |= {"agreement", "audit", "best_epoch", "compute", "interpolation", "meta_evaluation"}
    sections |= {"defences", "lineage", "lm_eval", "model_settings", "requests"}
    missing = []
    for name, field in Config.model_fields.items():
        assert field.description
        if (Config, name) not in rows and name not in sections:
            missing.append(name)
    for model in {model for model, _ in rows} - {Config}:
        told = {name for one, name in rows if issubclass(model, one)}
        missing += [f"{model.__name__}.{name}" for name in {*model.model_fields} - told]
        assert all(field.description for field in model.model_fields.values()), model
    assert missing == []
    assert {Compute, ModelSettings} <= {model for model, _ in rows}


@pytest.mark.parametrize("preset", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda p: p.stem)
def test_the_schema_takes_every_preset(preset):
    overlay = parsed(yaml.safe_load(preset.read_text(encoding="utf-8")))
    errors = Draft202012Validator(documentation.schema()).iter_errors(laid_over(DEFAULT, overlay))
    assert [error.message for error in errors] == []


@pytest.mark.parametrize(
    "overlay",
    [
        {"world": {"authors": 1}},
        {"world": {"name": "a/b"}},
        {"seeds": [0, 0]},
        {"compute": {"device": "gpu"}},
        {"model_settings": {"tiny": {"template": "gpt"}}},
        {"model_settings": {"tiny": {"lora": {"ranks": 8}}}},
        {"evaluation": {"items": {"forget": 0}}},
        {"methodz": []},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(overlay):
    message(written(overlay))
    assert list(Draft202012Validator(documentation.schema()).iter_errors(written(overlay)))


def test_the_default_file_has_the_defaults_of_the_models():
    for name, field in Config.model_fields.items():
        own = OF_THE_DEFAULT_RUN.get(name, set())
        if own is None:
            continue
        value = getattr(configured(), name)
        if isinstance(value, BaseModel):
            # Every key is there, but for what another preset shows.
            assert {*type(value).model_fields} - {"generated"} <= {*DEFAULT[name]}, name
            for key in type(value).model_fields.keys() - own:
                default = type(value).model_fields[key].get_default(call_default_factory=True)
                assert getattr(value, key) == default, f"{name}.{key}"
        else:
            assert value == field.get_default(), name


@pytest.mark.parametrize("old", renamed.KEYS)
def test_an_old_key_is_refused_with_the_new_one_named(old):
    place = old.replace("model_settings.*", "model_settings.tiny").replace("*", "npo")
    overlay: dict = {}
    inner = overlay
    *outer, last = place.split(".")
    for key in outer:
        inner = inner.setdefault(key, {})
    inner[last] = None
    with pytest.raises(LetheError) as caught:
        build(written(overlay))
    new = renamed.KEYS[old]
    assert str(caught.value) == f"config: {place}: this key has a new name; write {new}"


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (
            {"world": {"provider": "openai"}},
            "world.provider: openai has a new name; write generated",
        ),
        (
            {"attack_settings": {"x": {"attack": "quantised"}}},
            "attack_settings.x.attack: quantised has a new name; write quantization",
        ),
    ],
)
def test_an_old_value_is_refused_with_the_new_one_named(overlay, words):
    assert message(written(overlay)) == f"config: {words}"


def test_the_page_of_old_names_has_every_one():
    text = (ROOT / "docs/renamed.md").read_text(encoding="utf-8")
    names = [*renamed.KEYS.values(), *(n for v in renamed.VALUES.values() for n in v.values())]
    for name in names:
        assert f"{name}`" in text, name
    for old in renamed.KEYS:
        assert f"{old.rpartition('.')[2]}`" in text, old


def test_no_key_at_the_top_takes_a_number():
    """Snakemake reads ``--config key=010`` as 10: no key is taken for a number in silence."""
    for key in Config.model_fields:
        with pytest.raises(LetheError, match=rf"config: {key}: .*found 10$"):
            build({**DEFAULT, key: 10})


def test_a_secret_where_none_belongs_is_not_shown():
    for values in ({"service": {"base_url": 3, "key_variable": 77}}, {"model": {"name": 77}}):
        found = message(written({"world": {"generated": values}}))
        assert found.startswith("config: world.generated.")
        assert "77" not in found


def test_what_was_written_is_what_rules_are_told():
    config = configured({"model_settings": {"tiny": {"template": {"name": "chat", "system": "x"}}}})
    tiny = given(config.model_settings["tiny"])
    assert tiny["template"] == {"name": "chat", "system": "x"}
    assert tiny["architecture"] == DEFAULT["model_settings"]["tiny"]["architecture"]
    assert json.loads(json.dumps(config.model_dump(mode="json")))


def test_a_configuration_is_not_changed_in_place():
    config = configured()
    with pytest.raises(ValueError, match="frozen"):
        config.seeds = [1]
    assert config.changed(seeds=[1]).seeds == [1]
    assert config.seeds == DEFAULT["seeds"]


def test_keys_that_are_left_out_have_their_defaults():
    model = {"base_checkpoint": "org/model", "template": "chat", "max_length": 8, "finetune": {}}
    config = build({"world": {"name": "w"}, "models": ["m"], "model_settings": {"m": model}})
    assert config.seeds == Config.model_fields["seeds"].default
    assert config.model_settings["m"].dtype == "float32"
