"""Every scenario on the published TOFU: planned, or refused in one line that says what it lacks."""

import pytest
import yaml
from helpers.shared_data import shared_folder
from helpers.workflow_folder import ROOT, Folder, sources

from lethe.common.files import read_rows
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.split import split

WRITERS = {"kind": "behaviour", "question": "genre", "answer": "science fiction", "share": 0.25}
# Preset: what the docs change of it for TOFU, and jobs that only this scenario has.
PLANNED = {
    "partial": ({}, {"split_personal", "table_same_author_retain"}),
    "shared_facts": ({}, {"split_shared", "table_same_author_retain"}),
    "behaviour": (
        {"splits": ["mine"], "split_settings": {"mine": WRITERS}},
        {"table_behaviour", "train_without_all[mine,0]", "figure_two_oracles[mine]"},
    ),
    "requests": ({"splits": ["forget05"]}, {"table_requests", "figure_requests[requests]"}),
    "defences": (
        {"splits": ["forget10"], "defences": {"split": "forget10"}},
        {"defend_unlearn_a_then_repair[0]", "table_defences"},
    ),
    # One model, since the jobs of two have the same names here.
    "recipes": ({"models": ["seat"]}, {"figure_recipes[forget10]", "unlearn_npo[forget10,0]"}),
    "lineage": ({}, {"state_generation3[forget10,npo,0]", "lineage[forget10,0]"}),
    "shares": (
        {"splits": ["alone", "forget01", "forget10"]},
        {"unlearn_npo[alone,0]", "unlearn_npo[forget10,0]", "figure_shares[alone]"},
    ),
}
REFUSED = {
    "behaviour": "splits: quarter: no row of its given part has perturbed answers; choose a behav",
    "requests": "splits: forget25 has 600 rows without perturbed answers",
    "defences": "splits: forget20 has 400 rows without perturbed answers",
    "shares": "splits: forget20 has 400 rows without perturbed answers",
    "entailed": "targets forgets facts about relatives, and this world states none; set world.prov",
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    return sources(tmp_path_factory.mktemp("fresh"))


def published(**changes) -> dict:
    """``config/tofu_tiny.yaml``, with the data where they are."""
    text = (ROOT / "config/tofu_tiny.yaml").read_text(encoding="utf-8")
    chosen = yaml.safe_load(text)
    return {
        **chosen,
        **changes,
        "world": {**chosen["world"], "path": str(shared_folder("data", "tofu"))},
    }


@pytest.mark.parametrize("name", PLANNED)
def test_a_scenario_is_planned_on_the_published_data(name, fresh):
    changes, own = PLANNED[name]
    jobs = fresh.planned(overlay=published(**changes), preset=f"config/{name}.yaml")
    assert own <= jobs


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> dict[str, list[dict]]:
    """The published rows as the workflow writes them."""
    folder, chosen = tmp_path_factory.mktemp("world"), published()["world"]
    counts = (chosen[f"{key}authors"] for key in ("", "holdout_", "perturbed_retain_"))
    tofu_format.write_world(provider("tofu", seed=0, path=chosen["path"]), folder, *counts)
    return {
        name: read_rows(folder / f"{name}.json")
        for name in ("full", "full_perturbed", "retain_perturbed", "holdout")
    }


@pytest.mark.parametrize("name", ["behaviour", "partial", "shared_facts", "shares"])
def test_a_split_that_is_planned_can_be_cut(name, world):
    """A plan does not show it: what is asked about depends on the rows."""
    preset = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    for own, settings in {**preset, **PLANNED[name][0]}["split_settings"].items():
        parts = split(own, settings).cut(world)
        assert all(parts[part] for part in ("forget", "retain", "forget_perturbed", "holdout"))


@pytest.mark.parametrize("name", REFUSED)
def test_what_tofus_format_does_not_allow_is_one_line(name, fresh):
    outcome = fresh.snakemake("-n", overlay=published(), preset=f"config/{name}.yaml")
    (line,) = outcome.errors
    assert REFUSED[name] in line
