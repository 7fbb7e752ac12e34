"""The preset of MUSE on made files: its whole graph is planned, and with every method."""

import pytest
from helpers import made_muse
from helpers.workflow_folder import sources

from lethe.unlearn import methods

PRESET = "config/muse.yaml"
SUITES = ("verbmem", "knowmem", "whole_texts")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def world(tmp_path):
    return {"path": str(made_muse.write(tmp_path))}


def test_the_graph_of_the_preset_with_every_method(fresh, world):
    every = methods.for_causal()
    jobs = fresh.planned(preset=PRESET, overlay={"world": world, "methods": every})
    assert {f"unlearn_{name}[muse_raw,0]" for name in every} <= jobs
    assert {"world", "split_muse_raw", "table_muse", "page", "all"} <= jobs
    assert {job for job in jobs if job.startswith("collect") and ",full," in job} == {
        f"collect[muse_raw,full,0,{suite}]" for suite in SUITES
    }


def test_growing_forget_sets_share_one_full_model(fresh, world):
    splits = [f"muse_scal_{number}" for number in range(1, 5)]
    overlay = {"world": world, "splits": splits, "methods": ["npo"]}
    jobs = fresh.planned(preset=PRESET, overlay=overlay)
    assert len([job for job in jobs if job.startswith("train_full")]) == 1
    assert len([job for job in jobs if job.startswith("train_retain")]) == 4


def test_each_request_starts_where_the_one_before_ended(fresh, world):
    splits = [f"muse_sust_{number}" for number in range(1, 5)]
    overlay = {"world": world | {"authors": 27}, "splits": splits, "methods": ["npo"]}
    jobs = fresh.planned(preset=PRESET, overlay=overlay)
    runs = {job for job in jobs if job.startswith("unlearn")}
    later = {f"unlearn_next_npo[{name},0]" for name in splits[1:]}
    assert runs == {"unlearn_npo[muse_sust_1,0]"} | later
    assert len([job for job in jobs if job.startswith("train_full")]) == 1
    # The full model's losses on later requests are of no use: their runs start elsewhere.
    assert {job for job in jobs if job.startswith("reference")} == {"reference[muse_sust_1,0]"}


def test_broken_files_end_the_workflow_in_one_line(fresh, world, tmp_path):
    (tmp_path / "verbmem/forget.json").unlink()
    outcome = fresh.snakemake("-n", preset=PRESET, overlay={"world": world})
    assert outcome.code != 0
    [error] = outcome.errors
    assert error.endswith(
        "verbmem/forget: no such file (.parquet, .jsonl or .json); get MUSE's files again"
    )
