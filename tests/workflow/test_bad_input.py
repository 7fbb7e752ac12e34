"""Bad settings and bad data are refused before any job runs, in one line that names them."""

import json
from pathlib import Path

import pytest
from helpers.workflow_folder import Folder, sources

from lethe.world import tofu_format
from lethe.world.provider import provider

MICRO = {"base_checkpoint": None, "template": "chat", "max_length": 200}
ARCHITECTURE = {"hidden_size": 48, "layers": 2, "heads": 2, "intermediate_size": 96}

# Settings laid over the smoke preset, and what the one line must contain.
SETTINGS = {
    "a key misspelt": ({"methd": ["npo"]}, ["methd", "did you mean methods?"]),
    "a nested key misspelt": (
        {"world": {"author": 20}},
        ["world.author:", "did you mean authors?"],
    ),
    "a key of a model misspelt": (
        {"model_settings": {"micro": {"templte": "chat"}}},
        ["model_settings.micro.templte", "did you mean template?"],
    ),
    "a training setting misspelt": (
        {"model_settings": {"micro": {"finetune": {"epoch": 2}}}},
        ["model_settings.micro.finetune.epoch", "unknown key", "did you mean epochs?"],
    ),
    "a shared setting misspelt": ({"unlearning": {"epoch": 2}}, ["unlearning.epoch", "epochs"]),
    "a method's setting misspelt": (
        {"method_settings": {"npo": {"betta": 0.1}}},
        ["method_settings.npo.betta", "beta"],
    ),
    "an empty mapping where the default is null": (
        {"world": {"pictures": {}}},
        ["would leave out rows with pictures"],
    ),
    "threads of no job": ({"threads": {"training": 1}}, ["threads.training", "did you mean train"]),
    "one author": (
        {"world": {"authors": 1}},
        ["world.authors", "found 1", "greater than or equal to 2"],
    ),
    "text for a number": ({"world": {"authors": "many"}}, ["world.authors", "many", "integer"]),
    "null for a number": ({"world": {"seed": None}}, ["world.seed", "integer"]),
    "no such provider": ({"world": {"provider": "wiki"}}, ["world.provider", "synthetic"]),
    "a world's name with a slash": ({"world": {"name": "a/b"}}, ["world.name", "a/b"]),
    "a learning rate below zero": (
        {"method_settings": {"npo": {"lr": -1}}},
        ["method_settings.npo.lr", "-1"],
    ),
    "no epochs": ({"unlearning": {"epochs": 0}}, ["unlearning.epochs", "0"]),
    "temperature zero": ({"method_settings": {"npo": {"beta": 0}}}, ["method_settings.npo.beta"]),
    "an unknown method": ({"methods": ["nop"]}, ["methods", "'nop'", "npo"]),
    "an unknown method behind a variant": (
        {"methods": ["mine"], "method_settings": {"mine": {"method": "nop"}}},
        ["'nop'", "npo"],
    ),
    "settings of an unknown method": (
        {"method_settings": {"npoo": {"beta": 0.1}}},
        ["method_settings.npoo", "npo"],
    ),
    "a world by the name of another folder": (
        {"world": {"name": "studies"}},
        ["world.name", "studies", "choose another"],
    ),
    "an unknown attack": (
        {"attacks": ["melted"]},
        ["attacks", "'melted'", "quantization, relearning"],
    ),
    "a metric of an attack that is not made": (
        {"metrics": ["hidden_knowledge"]},
        ["config: metrics: hidden_knowledge", "the attack retraining_on_part", "add it to attacks"],
    ),
    "a line to a run that is none": (
        {"interpolation": {"pairs": [["npo", "npoo"]]}},
        ["config: interpolation.pairs", "npoo is not a run of forget10", "did you mean npo?"],
    ),
    "a line between seeds of which there is one": (
        {"interpolation": {"pairs": [["npo", "npo"]]}},
        ["config: interpolation.pairs", "npo twice", "list more seeds"],
    ),
    "metrics under test without the attacks": (
        {"meta_evaluation": {"enabled": True}},
        ["config: meta_evaluation.relearning", "relearned is not among attacks", "add it there"],
    ),
    "attacks on a method that does not run": (
        {"attack_methods": ["npoo"]},
        ["attack_methods", "'npoo'", "did you mean npo?"],
    ),
    "bits of no quantization": (
        {"attack_settings": {"quantised4": {"bits": 1}}},
        ["attack_settings.quantised4.bits", "1"],
    ),
    "an old name of a key": ({"states": ["relearned"]}, ["config: states", "write attacks"]),
    "a search over an unknown method": ({"search": {"methods": ["nop"]}}, ["'nop'", "npo"]),
    "an unknown strategy of a search": (
        {"search": {"methods": ["npo"], "strategy": "gredy"}},
        ["'gredy'", "greedy"],
    ),
    "an unknown metric": ({"metrics": ["rogue"]}, ["metrics", "'rogue'", "did you mean rouge?"]),
    "an unknown figure": ({"figures": ["curve"]}, ["figures", "'curve'", "did you mean curves?"]),
    "a metric without what it needs": (
        {"metrics": ["probability", "rouge", "model_utility"], "figures": []},
        ["metrics", "model_utility", "truth_ratio"],
    ),
    "a split that is none": ({"splits": ["forget5"]}, ["splits", "'forget5'", "forget10"]),
    "parts of authors": ({"splits": ["forget03"]}, ["splits", "forget03", "20 authors"]),
    "a split without enough holdout authors": (
        {"splits": ["forget20"]},
        ["world.holdout_authors", "2", "4", "forget20"],
    ),
    "more perturbed authors than there are": (
        {"world": {"perturbed_retain_authors": 21}},
        ["perturbed_retain_authors", "21", "20"],
    ),
    "seeds twice": ({"seeds": [0, 0]}, ["seeds"]),
    "a seed below zero": ({"seeds": [-1]}, ["seeds", "-1"]),
    "an oracle's seed among the seeds": ({"oracle_seeds": [0]}, ["oracle_seeds", "0", "seeds"]),
    "a model without settings": (
        {"models": ["large"]},
        ["models", "'large'", "model_settings.large"],
    ),
    "no architecture": (
        {
            "models": ["bare"],
            "model_settings": {"bare": {**MICRO, "finetune": {"epochs": 1}}},
        },
        ["model_settings.bare.architecture", "missing"],
    ),
    "no training": (
        {"models": ["bare"], "model_settings": {"bare": {**MICRO, "architecture": ARCHITECTURE}}},
        ["model_settings.bare.finetune", "missing"],
    ),
    "heads that do not divide": (
        {"model_settings": {"micro": {"architecture": {"heads": 5}}}},
        ["model_settings.micro.architecture", "heads"],
    ),
    "a start checkpoint that is not there": (
        {"model_settings": {"micro": {"base_checkpoint": "./no/such/checkpoint"}}},
        ["no/such/checkpoint"],
    ),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    """A clone in which nothing has run. Planning leaves it so, or a test fails."""
    return sources(tmp_path_factory.mktemp("fresh"))


def refused(folder: Folder, overlay: dict, words: list[str]) -> None:
    """Refused in one line with all these words, before anything was made."""
    outcome = folder.snakemake("-n", overlay=overlay)
    assert outcome.code != 0, outcome.end
    assert "Traceback" not in outcome.output, outcome.end
    assert len(outcome.errors) == 1, outcome.end
    assert outcome.errors[0].startswith("error: ")
    assert [word for word in words if word not in outcome.errors[0]] == [], outcome.errors[0]
    assert len(outcome.errors[0]) < 300
    assert untouched(folder)


def untouched(folder: Folder) -> bool:
    return [path.name for path in (folder / "results").iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", SETTINGS)
def test_bad_settings_are_refused(name, fresh):
    refused(fresh, *SETTINGS[name])


def test_good_settings_are_planned(fresh):
    """The counterpart: the preset as it is causes jobs, and planning makes nothing."""
    assert "world" in fresh.planned()
    assert untouched(fresh)


# --- a folder of published data ---


@pytest.fixture
def data(tmp_path) -> Path:
    """A small world in the published format: 20 authors, all of them with perturbed answers."""
    folder = tmp_path / "data"
    tofu_format.write_world(provider("synthetic", seed=3), folder, 20, 2, 2)
    return folder


def tofu(path: Path) -> dict:
    return {"world": {"name": "published", "provider": "tofu", "path": str(path)}}


def rewrite(file: Path, change) -> None:
    """Write the rows of a file as ``change`` has them."""
    rows = change([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")


def cut_off(data: Path) -> None:
    text = (data / "full.json").read_bytes()
    (data / "full.json").write_bytes(text[: len(text) // 2])


def without_last_row(data: Path) -> None:
    rewrite(data / "full.json", lambda rows: rows[:-1])


def without_answer(data: Path) -> None:
    rewrite(data / "full.json", lambda rows: [rows[0], {"question": "Who?"}, *rows[2:]])


def empty_answer(data: Path) -> None:
    rewrite(data / "full.json", lambda rows: [{**rows[0], "answer": " "}, *rows[1:]])


def array_for_row(data: Path) -> None:
    (data / "full.json").write_text("[1, 2]\n")


def empty_full(data: Path) -> None:
    (data / "full.json").write_text("")


def binary(data: Path) -> None:
    (data / "full.json").write_bytes(b"\xff\xfe\x00")


def no_facts(data: Path) -> None:
    (data / "world_facts.json").unlink()


def other_option(data: Path) -> None:
    rewrite(data / "real_authors.json", lambda rows: [{**rows[0], "answer": "no"}, *rows[1:]])


def text_for_list(data: Path) -> None:
    rewrite(
        data / "full_perturbed.json",
        lambda rows: [{**rows[0], "perturbed_answer": "no"}, *rows[1:]],
    )


def fewer_authors(data: Path) -> None:
    rewrite(data / "full.json", lambda rows: rows[:200])


def more_authors(data: Path) -> None:
    rewrite(data / "full.json", lambda rows: rows * 2)


def no_perturbed(data: Path) -> None:
    (data / "full_perturbed.json").unlink()


DAMAGE = {
    "cut off": (cut_off, ["full.json, line ", "not valid JSON"]),
    "a row short": (without_last_row, ["full.json", "399 rows"]),
    "a row without answer": (without_answer, ["full.json, row 2", "'answer'"]),
    "a blank answer": (empty_answer, ["full.json, row 1", "'answer'"]),
    "no objects": (array_for_row, ["full.json, line 1", "object"]),
    "an empty file": (empty_full, ["full.json", "no rows"]),
    "no text": (binary, ["full.json", "UTF-8"]),
    "no true facts": (no_facts, ["world_facts.json", "missing"]),
    "an answer that is no option": (other_option, ["real_authors.json, row 1", "options"]),
    "perturbed answers as text": (text_for_list, ["full_perturbed.json, row 1", "list"]),
    "fewer authors": (fewer_authors, ["full.json", "20", "10"]),
    "more authors": (more_authors, ["world.authors", "full.json", "20", "40"]),
    "no perturbed answers": (no_perturbed, ["forget10", "perturbed"]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_bad_data_are_refused(name, fresh, data):
    damage, words = DAMAGE[name]
    damage(data)
    refused(fresh, tofu(data), words)


def test_missing_folder_is_refused(fresh, tmp_path):
    refused(fresh, tofu(tmp_path / "nowhere"), [str(tmp_path / "nowhere"), "no such folder"])


def test_more_holdout_authors_than_published_are_refused(fresh, data):
    overlay = tofu(data)
    overlay["world"]["holdout_authors"] = 3
    refused(fresh, overlay, ["holdout", "3", "2"])


def test_whole_folder_is_planned(fresh, data):
    """The counterpart of the damaged ones."""
    planned = fresh.planned(overlay=tofu(data))
    assert {"world", "base", "train_full[0]", "claims"} <= planned
    assert untouched(fresh)


def test_optional_files_may_lack(fresh, data):
    """Refusals, holdout authors and what is derived from other files are not everywhere."""
    for name in ("idontknow.jsonl", "holdout.json", "card.json", "retain_perturbed.json"):
        (data / name).unlink()
    overlay = tofu(data)
    overlay["world"]["holdout_authors"] = 0
    assert "world" in fresh.planned(overlay=overlay)


def test_folder_without_optional_files_makes_a_world(data, tmp_path):
    """Planned is not yet done: the job that reads the folder agrees with the check before it."""
    for name in ("idontknow.jsonl", "holdout.json", "card.json", "retain_perturbed.json"):
        (data / name).unlink()
    overlay = tofu(data)
    overlay["world"]["holdout_authors"] = 0
    folder = sources(tmp_path / "folder")
    outcome = folder.run("results/published/data/forget10.json", overlay=overlay)
    assert outcome.jobs == {"facts", "world", "split_forget10"}
    rows = (folder / "results/published/data/forget10.json").read_text().splitlines()
    assert len(rows) == 40
