"""The preset of EDU-RELAT on a made file: its whole graph is planned, and the plan counts it."""

from helpers import made_edu_relat
from helpers.workflow_folder import sources

from lethe.pipeline.config.load import configuration
from lethe.pipeline.estimate import Assumed, plan
from lethe.pipeline.gpu_speed import GPUS

PRESET = "config/edu_relat.yaml"


def test_the_graph_of_the_preset(tmp_path):
    world = {"path": str(made_edu_relat.write(tmp_path / "made"))}
    overlay = {"world": world, "methods": ["npo"]}
    jobs = sources(tmp_path / "fresh").planned(preset=PRESET, overlay=overlay)
    for name in ("target0", "minimal0"):
        assert {f"split_{name}", f"unlearn_npo[{name},0]"} <= jobs
        assert {f"collect[{name},{run},0,edu_relat]" for run in ("full", "retain", "npo")} <= jobs
    assert {"world", "table_edu_relat", "page", "all"} <= jobs


def test_the_plan_counts_its_suite():
    (planned,) = plan(configuration([PRESET]), Assumed(GPUS["a100"]))
    assert planned.not_counted == ()
