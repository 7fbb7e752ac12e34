"""The presets of RWKU and of multiple choice on made files: planned, with every method."""

import pytest
from helpers import made_mcq, made_rwku
from helpers.workflow_folder import sources

from lethe.unlearn import methods


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


def test_the_graph_of_rwku_with_every_method(fresh, tmp_path):
    world = {"path": str(made_rwku.write(tmp_path, 3)), "authors": 3}
    overlay = {
        "world": world,
        "split_settings": {"rwku": {"targets": 1}},
        "methods": methods.for_causal(),
        "snapshots": [50],
    }
    jobs = fresh.planned(preset="config/rwku.yaml", overlay=overlay)
    assert {f"unlearn_{name}[rwku,0]" for name in overlay["methods"]} <= jobs
    assert {"world", "split_rwku", "table_rwku", "page", "all"} <= jobs
    suites = ("rwku", "rwku_texts", "mmlu", "trivia", "instructions")
    assert {job for job in jobs if job.startswith("collect") and ",full," in job} == {
        f"collect[rwku,full,0,{suite}]" for suite in suites
    }


def test_the_graph_of_multiple_choice_with_every_method(fresh, tmp_path):
    world = {"path": str(made_mcq.write(tmp_path, 2, 2))}
    overlay = {"world": world, "methods": methods.for_causal(), "snapshots": [50]}
    jobs = fresh.planned(preset="config/mcq.yaml", overlay=overlay)
    assert {f"unlearn_{name}[mcq,0]" for name in overlay["methods"]} <= jobs
    assert {"world", "split_mcq", "table_mcq", "page", "all"} <= jobs


def test_broken_files_end_the_workflow_in_one_line(fresh, tmp_path):
    folder = made_rwku.write(tmp_path, 16)
    (folder / "neighbor_level2.json").unlink()
    outcome = fresh.snakemake(
        "-n", preset="config/rwku.yaml", overlay={"world": {"path": str(folder)}}
    )
    assert outcome.code != 0
    [error] = outcome.errors
    assert "no neighbor_level2.json; get RWKU's files again" in error
