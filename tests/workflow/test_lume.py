"""The preset of LUME on made files: its whole graph is planned, and with every method."""

import pytest
from helpers import made_lume
from helpers.workflow_folder import sources

from lethe.unlearn import methods

PRESET = "config/lume.yaml"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


@pytest.fixture
def world(tmp_path):
    made_lume.write(tmp_path)
    return {"path": str(tmp_path), "authors": 12, "holdout_authors": 3}


def test_the_graph_of_the_preset_with_every_method(fresh, world):
    every = methods.for_causal()
    overlay = {"world": world, "methods": every, "snapshots": [50]}
    jobs = fresh.planned(preset=PRESET, overlay=overlay)
    assert {f"unlearn_{name}[published,0]" for name in every} <= jobs
    assert {"world", "split_published", "table_lume", "page", "all"} <= jobs
    assert {job for job in jobs if job.startswith("collect") and ",full," in job} == {
        f"collect[published,full,0,{suite}]" for suite in ("lume", "documents")
    }


def test_questions_of_mmlu_add_their_suite_and_the_final_score(fresh, world, tmp_path):
    made_lume.write_rows(tmp_path / "mmlu.jsonl", made_lume.choices())
    overlay = {
        "world": world,
        "split_settings": {"published": {"choices": True}},
        "metrics": ["lume_tasks", "membership_document", "mmlu", "lume_final"],
    }
    jobs = fresh.planned(preset=PRESET, overlay=overlay)
    assert "collect[published,full,0,mmlu]" in jobs
    assert not any("tofu" in job for job in jobs)


def test_broken_files_end_the_workflow_in_one_line(fresh, world, tmp_path):
    (tmp_path / "retain.jsonl").unlink()
    outcome = fresh.snakemake("-n", preset=PRESET, overlay={"world": world})
    assert outcome.code != 0
    [error] = outcome.errors
    assert error.endswith("retain.jsonl: not there; get LUME's files again")
