"""Checking settings: each fault is one line that names the key; presets that are shipped pass."""

import copy
from pathlib import Path

import pytest
import yaml
from helpers import (
    made_dusk,
    made_edu_relat,
    made_knowundo,
    made_lume,
    made_mcq,
    made_muse,
    made_ppu,
    made_rwku,
)
from helpers.configurations import DEFAULT, configured, message, written

from lethe.model.encoder import NAMES
from lethe.pipeline import splits
from lethe.pipeline.config import settings
from lethe.pipeline.config.check import check
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.load import build, parsed, with_all_methods
from lethe.unlearn import methods

ROOT = Path(__file__).parents[2]


def template(given: str | dict) -> dict:
    return {"model_settings": {"tiny": {"template": given}}}


def test_default_settings_pass():
    before = copy.deepcopy(DEFAULT)
    check(build(DEFAULT))
    assert before == DEFAULT


def test_shipped_presets_pass(tmp_path):
    weights = tmp_path / "stand-in.gguf"
    weights.write_bytes(b"GGUF")
    # What is on no hub is always at a path.
    placed = {
        "edu_relat": made_edu_relat.write(tmp_path / "edu_relat"),
        "dusk": made_dusk.write(tmp_path / "dusk"),
        "knowundo": made_knowundo.write(tmp_path / "knowundo"),
        "lume": made_lume.write(tmp_path, 12),
        "mcq": made_mcq.write(tmp_path / "mcq"),
        "muse": made_muse.write(tmp_path / "muse"),
        "ppu_bench": made_ppu.write(tmp_path / "ppu"),
        "rwku": made_rwku.write(tmp_path / "rwku", 16),
    }
    for preset in sorted((ROOT / "config").rglob("*.yaml")):
        overlay = yaml.safe_load(preset.read_text(encoding="utf-8"))
        config = written(overlay)
        # Published data and weights lie outside of the repository: they are checked elsewhere.
        place = placed.get(config["world"]["provider"])
        config["world"]["path"] = place and str(place)
        for model in config["model_settings"].values():
            model["base_checkpoint"] = model["base_checkpoint"] and str(weights)
        check(build(config))


@pytest.mark.parametrize("key", sorted(DEFAULT))
def test_missing_key_is_named_or_has_the_default(key):
    config = written()
    del config[key]
    if Config.model_fields[key].is_required():
        assert message(config).startswith(f"config: {key}: missing")
    else:
        assert getattr(build(config), key) == Config.model_fields[key].get_default()


@pytest.mark.parametrize("key", sorted(DEFAULT))
def test_misspelt_key_is_corrected(key):
    config = written()
    config[f"{key}x"] = config.pop(key)
    found = message(config)
    assert found.startswith(f"config: {key}x: unknown key")
    assert found.endswith(f"did you mean {key}?")


@pytest.mark.parametrize("key", sorted(DEFAULT["world"]))
def test_misspelt_key_of_the_world_is_corrected(key):
    found = message(written({"world": {f"{key}x": 1}}))
    assert found == f"config: world.{key}x: unknown key; did you mean {key}?"


def test_unknown_key_without_likeness_lists_those_there_are():
    found = message(written({"evaluation": {"zzz": 1}}))
    known = "there are base, epochs, in_run, items, max_length, max_new_tokens"
    assert found == f"config: evaluation.zzz: unknown key; {known}"


@pytest.mark.parametrize(
    ("overlay", "start"),
    [
        ({"world": {"authors": 1}}, "config: world.authors: "),
        ({"world": {"authors": 2.5}}, "config: world.authors: "),
        ({"world": {"holdout_authors": -1}}, "config: world.holdout_authors: "),
        ({"world": {"perturbed_retain_authors": 0}}, "config: world.perturbed_retain_authors: "),
        ({"world": {"background_authors": 0}}, "config: world.background_authors: "),
        ({"world": {"name": "A"}}, "config: world.name: "),
        ({"world": {"name": "../x"}}, "config: world.name: "),
        ({"world": {"path": 3}}, "config: world.path: "),
        ({"splits": []}, "config: splits: "),
        ({"splits": "forget10"}, "config: splits: "),
        ({"splits": ["forget10", "forget10"]}, "config: splits: "),
        ({"seeds": []}, "config: seeds: "),
        ({"seeds": [0, 0]}, "config: seeds: "),
        ({"seeds": [-1]}, "config: seeds.0: "),
        ({"seeds": ["010"]}, "config: seeds.0: input should be a valid integer, found '010'"),
        ({"models": []}, "config: models: "),
        ({"methods": ["NPO"]}, "config: methods.0: "),
        (
            {"metric_settings": {"truth_ratio": {"variant": "harmonic"}}},
            "metric 'truth_ratio': variant is 'harmonic'; set it to geometric or arithmetic",
        ),
        ({"metric_settings": {"ruge": {}}}, "config: metric_settings: unknown metric 'ruge'"),
        ({"suite_settings": {"sampeld": {}}}, "config: suite_settings: unknown suite 'sampeld'"),
        (
            {"suite_settings": {"sampled": {"top_p": 0}}},
            "suite 'sampled': top_p is 0; set it to a number above 0 to at most 1",
        ),
        (
            {"metrics": ["leak"], "suite_settings": {"sampled": {"samples": 4}}},
            "metric 'leak': k is 8, but suite 'sampled' has samples 4; set k to at most 4",
        ),
        # Nearer to 0 the logits would not fit into float32.
        ({"alternatives": {"temperature": 1e-45}}, "config: alternatives.temperature: "),
        (
            {"suite_settings": {"variants": {"kinds": "typoes"}}},
            "kinds: unknown kind of variant 'typoes'; did you mean typos?",
        ),
        (
            {
                "metrics": ["worst_case_leak"],
                "suite_settings": {"variants": {"kinds": "typos|another_language"}},
            },
            "suite 'variants': kinds: another_language needs a translated_question with a",
        ),
        (
            {"metrics": ["leak"], "suite_settings": {"sampled": {"nli": "no/such/folder"}}},
            "nli: no/such/folder: no config.json; name a folder of a sequence classifier",
        ),
        ({"threads": {"train": 0}}, "config: threads.train: "),
        ({"compute": {"microbatch_tokens": 0}}, "config: compute.microbatch_tokens: "),
        ({"compute": {"device": "gpu"}}, "config: compute.device: "),
        ({"compute": {"save_seconds": -1}}, "config: compute.save_seconds: "),
        ({"evaluation": {"items": 0}}, "config: evaluation.items: "),
        ({"evaluation": {"items": "all"}}, "config: evaluation.items: "),
        ({"evaluation": {"items": {"forget": 0}}}, "config: evaluation.items.forget: "),
        ({"evaluation": {"items": {"retian": 9}}}, "config: evaluation.items.retian: unknown key"),
        ({"evaluation": {"base": "yes"}}, "config: evaluation.base: "),
        ({"world": {"subset": []}}, "config: world.subset: "),
        ({"world": {"subset": "0-7"}}, "config: world.subset: "),
        ({"world": {"subset": [-1]}}, "config: world.subset.0: "),
        ({"model_settings": {"tiny": {"template": "gpt"}}}, "config: model_settings.tiny.template"),
    ],
)  # fmt: skip
def test_value_out_of_range_is_named(overlay, start):
    assert message(written(overlay)).startswith(start)


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"methods": ["nonesuch"]}, ["methods", "'nonesuch'", "grad_ascent", "npo_retain"]),
        *(
            (
                {"methods": [run], "method_settings": {run: {"method": "npo"}}},
                ["methods", f"{run} is the name of another run", "method_settings.NAME.method"],
            )
            for run in (
                "base",
                "full",
                "retain",
                "random",
                "reference",
                "alternatives",
                "pool_with",
            )
        ),
        ({"method_settings": {"npo": {"beta": 0}}}, ["method_settings.npo.beta", "0"]),
        ({"method_settings": {"npo": {"betta": 1}}}, ["method_settings.npo.betta", "beta"]),
        ({"method_settings": {"other": {}}}, ["method_settings.other", "npo"]),
        ({"unlearning": {"lr": -1}}, ["unlearning.lr", "-1"]),
        ({"metrics": ["rogue"]}, ["metrics", "'rogue'", "did you mean rouge?"]),
        (
            {
                "world": {"provider": "tofu", "authors": 200, "holdout_authors": 2},
                "metrics": ["membership_loss"],
            },
            ["metrics", "membership_loss needs 20 holdout authors for forget10, there are 2"],
        ),
        ({"metrics": ["forget_quality"]}, ["metrics", "forget_quality needs truth_ratio"]),
        (
            template("plain") | {"metrics": ["choice_letters"]},
            ["metrics: choice_letters: tiny", "gives instructions", "leave out the metrics"],
        ),
        ({"figures": ["curve"]}, ["figures", "'curve'", "did you mean curves?"]),
        (
            {"metrics": ["rouge", "probability"], "figures": ["curves"]},
            ["figures: curves shows truth_ratio; add it to metrics, or leave curves out"],
        ),
        ({"metrics": ["rouge"]}, ["figures: trajectories shows forget_quality"]),
        (
            {
                "figures": ["shares"],
                "splits": ["given"],
                "split_settings": {
                    "given": {"kind": "behaviour", "answer": "fiction", "share": 0.5}
                },
            },
            ["figures: shares compares splits that forget a share", "splits has none; list some"],
        ),
        (
            {
                "figures": ["shares"],
                "splits": ["forget10", "same"],
                "split_settings": {"same": {"kind": "partial", "authors": 6, "choice": "complete"}},
            },
            ["figures: shares", "the splits forget10 and same forget the same"],
        ),
        ({"oracle_seeds": [0]}, ["oracle_seeds", "0 is one of seeds"]),
        ({"models": ["big"]}, ["models", "'big'", "model_settings.big"]),
        ({"splits": ["forget00"]}, ["splits", "'forget00'"]),
        ({"splits": ["forget01"]}, ["splits", "forget01", "60 authors", "100 authors"]),
        ({"splits": ["forget50"]}, ["world.holdout_authors", "12", "30", "forget50"]),
        (
            {"world": {"perturbed_retain_authors": 55}},
            ["world.perturbed_retain_authors", "55", "54 authors that forget10 retains"],
        ),
        ({"world": {"subset": [0, 1]}}, ["world.subset", "the provider synthetic has no authors"]),
        (
            {"world": {"provider": "tofu", "subset": ["0-7", "198-199"]}},
            ["world.authors: 60", "names 10", "set it to 10"],
        ),
        ({"world": {"provider": "tofu", "subset": ["7-0"]}}, ["world.subset", "'7-0'", "0-7"]),
        ({"world": {"provider": "tofu", "subset": ["0-2", 1]}}, ["world.subset", "author 1"]),
        (
            {"model_settings": {"tiny": {"base_checkpoint": "./no"}}},
            ["model_settings.tiny.base_checkpoint: ./no", "no such"],
        ),
        (
            {"model_settings": {"tiny": {"finetune": {"epochs": 0}}}},
            ["model_settings.tiny.finetune.epochs"],
        ),
        (
            {"model_settings": {"tiny": {"pretrain": {"repeats": 2}}}},
            ["model_settings.tiny.pretrain.repeats", "fact_repeats"],
        ),
        ({"world": {"provider": "tofu", "path": "/no/such"}}, ["/no/such", "no such folder"]),
        (template({"name": "gpt"}), ["model_settings.tiny.template.name", "'gpt'", "llama3"]),
        (template({"sytem": "x"}), ["tiny.template.sytem", "did you mean system?"]),
        (template({"system": "x"}), ["model_settings.tiny.template.name", "missing"]),
        (template({"name": "chat", "system": 1}), ["tiny.template.system", "1", "string"]),
        (template({"name": "chat", "variables": {"a": [1]}}), ["template.variables.a", "[1]"]),
        (template({"name": "phi", "system": "x"}), ["tiny.template.system", "phi", "leave it out"]),
        (template({"name": "plain", "variables": {"a": 1}}), ["tiny.template.variables", "plain"]),
    ],
)
def test_settings_that_do_not_fit_are_named(overlay, words):
    found = message(written(overlay))
    assert [word for word in words if word not in found] == [], found


@pytest.mark.parametrize("name", NAMES)
def test_every_template_passes_as_a_name_and_as_a_mapping(name):
    for given in (name, {"name": name}, {"name": name, "system": None, "variables": {}}):
        check(configured(template(given)))


def test_a_chat_template_takes_a_system_message_and_variables():
    variables = {"date_string": "10 Apr 2025", "enable_thinking": False, "level": 2}
    given = {"name": "chat", "system": "Be brief.", "variables": variables}
    check(configured(template(given)))


def test_method_settings_are_laid_over_the_shared_ones():
    config = configured(
        {"unlearning": {"epochs": 7}, "method_settings": {"npo": {"beta": 0.3, "lr": 1e-3}}}
    )
    npo = settings.method_settings(config, "npo")
    assert (npo["epochs"], npo["beta"], npo["lr"]) == (7, 0.3, 1e-3)
    ascent = settings.method_settings(config, "grad_ascent")
    assert ascent["lr"] == DEFAULT["unlearning"]["lr"]
    assert "beta" not in ascent


def test_variant_has_its_class_and_its_own_settings():
    config = configured({"method_settings": {"npo_2": {"method": "npo", "beta": 2}}})
    assert settings.method_class(config, "npo_2") == "npo"
    assert settings.method_settings(config, "npo_2")["beta"] == 2
    assert settings.method_settings(config, "npo")["beta"] == 0.1


def test_items_are_one_number_or_one_for_each_set():
    sets = ["forget", "retain", "world_facts"]
    assert settings.items_of(configured(), sets) == dict.fromkeys(sets, 300)
    config = configured({"evaluation": {"items": {"forget": 40, "retain": 20}}})
    check(config)
    # What is not named keeps the official evaluation's number.
    assert settings.items_of(config, sets) == {"forget": 40, "retain": 20, "world_facts": 300}


def test_a_model_without_its_weights_is_refused_before_any_job(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    found = message(written({"model_settings": {"tiny": {"base_checkpoint": str(tmp_path)}}}))
    assert found.startswith(f"config: model_settings.tiny.base_checkpoint: {tmp_path}: no weights")
    assert "pytorch_model.bin is a pickle" in found


def test_schedules_are_whole():
    tiny = configured().model_settings["tiny"]
    finetune = tiny.finetune.model_dump()
    assert finetune["epochs"] == DEFAULT["model_settings"]["tiny"]["finetune"]["epochs"]
    assert {"weight_decay", "max_grad_norm"} <= finetune.keys()
    assert tiny.pretrain.fact_repeats == 10


def test_texts_of_the_command_line_mean_values():
    given = {"seeds": ["0", "1"], "world": {"authors": "20", "path": "null"}, "methods": "[npo]"}
    assert parsed(given) == {
        "seeds": [0, 1],
        "world": {"authors": 20, "path": None},
        "methods": ["npo"],
    }


def test_more_digits_than_a_number_can_have_stay_a_text():
    assert parsed("1" * 5000) == "1" * 5000


def test_values_of_files_stay_what_they_are():
    assert parsed(DEFAULT) == DEFAULT


def test_settings_of_methods_that_are_not_listed_may_stay():
    check(configured({"methods": ["idk"], "method_settings": {"npo": {"beta": 1}}}))


def test_all_stands_for_every_method_that_is_not_listed():
    listed = {"methods": ["npo_2", "all", "npo"], "method_settings": {"npo_2": {"method": "npo"}}}
    found = with_all_methods(listed)["methods"]
    assert (found[0], found[-1]) == ("npo_2", "npo")
    assert sorted(found[1:]) == methods.for_causal()
    assert with_all_methods({"methods": ["npo"]}) == {"methods": ["npo"]}


def test_shares_are_those_of_splits_that_retain_all_other_facts():
    """Of a behaviour only the rows tell, and facts that others share are in both sets."""
    kinds = {
        "alone": {"kind": "partial", "choice": "complete", "authors": 1},
        "half": {"kind": "partial", "authors": 6, "facts": 10},
        "given": {"kind": "behaviour", "place": 2, "share": 0.5},
        "shared": {"kind": "shared_facts", "authors": 2, "shared": 10},
    }
    config = configured({"splits": ["forget30", *kinds], "split_settings": kinds})
    assert splits.shares(config) == pytest.approx({"forget30": 0.3, "alone": 1 / 60, "half": 0.05})
