"""The preset of EDU-RELAT on a made file: its whole graph is planned, with every method."""

from helpers import made_edu_relat
from helpers.workflow_folder import sources

from lethe.pipeline.config.load import configuration
from lethe.pipeline.estimate import Assumed, plan
from lethe.pipeline.gpu_speed import GPUS
from lethe.unlearn import methods


def test_the_graph_of_the_preset_with_every_method(tmp_path):
    world = {"path": str(made_edu_relat.write(tmp_path / "made"))}
    overlay = {"world": world, "methods": methods.for_causal(), "snapshots": [50]}
    jobs = sources(tmp_path / "fresh").planned(preset="config/edu_relat.yaml", overlay=overlay)
    for name in ("target0", "minimal0"):
        assert {f"unlearn_{method}[{name},0]" for method in overlay["methods"]} <= jobs
        assert {f"split_{name}", f"collect[{name},full,0,edu_relat]"} <= jobs
    assert {"world", "table_edu_relat", "page", "all"} <= jobs


def test_the_plan_counts_its_suite():
    (told,) = plan(configuration(["config/edu_relat.yaml"]), Assumed(GPUS["a100"]))
    assert told.not_counted == ()
