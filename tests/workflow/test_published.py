"""The presets of DUSK and KnowUnDo on made files: what is planned, and a file that is missing."""

import pytest
from helpers import made_dusk, made_knowundo
from helpers.workflow_folder import sources

MADE = {"dusk": made_dusk, "knowundo": made_knowundo}
SUITES = {"dusk": ("verbmem", "knowmem", "whole_texts"), "knowundo": ("open_questions",)}

TABLES = {"dusk": "table_muse", "knowundo": "table_open_questions"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


@pytest.mark.parametrize("name", MADE)
def test_the_graph_of_a_preset(name, fresh, tmp_path):
    world = {"path": str(MADE[name].write(tmp_path))}
    jobs = fresh.planned(preset=f"config/{name}.yaml", overlay={"world": world})
    assert {f"unlearn_{method}[{name},0]" for method in ("grad_ascent", "npo")} <= jobs
    assert {f"split_{name}", f"train_retain[{name},0]", "scores", "page"} <= jobs
    assert TABLES[name] in jobs
    assert {job for job in jobs if job.startswith("collect") and ",full," in job} == {
        f"collect[{name},full,0,{suite}]" for suite in SUITES[name]
    }


def test_a_missing_file_ends_the_workflow_in_one_line(fresh, tmp_path):
    made_dusk.write(tmp_path)
    (tmp_path / "Interview.txt").unlink()
    overlay = {"world": {"path": str(tmp_path)}}
    outcome = fresh.snakemake("-n", preset="config/dusk.yaml", overlay=overlay)
    assert outcome.code != 0
    [error] = outcome.errors
    assert error.endswith("Interview.txt: not there; get DUSK's files again")
