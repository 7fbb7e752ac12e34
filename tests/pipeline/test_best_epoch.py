"""Whether the best checkpoint that stays is still that of the best epoch."""

import json

import pytest
from helpers.configurations import configured, message, written

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.pipeline import in_run
from lethe.pipeline.best_epoch import is_outdated


@pytest.mark.parametrize(
    ("chosen", "aside", "outdated"),
    [
        ({"epoch": 2}, {"origin": {"epoch": 2}}, False),
        ({"epoch": 3}, {"origin": {"epoch": 2}}, True),
        (None, {"origin": {"epoch": 2}}, False),
        ({"epoch": 3}, None, False),
        ({"epoch": 3}, {"origin": {}}, False),
        ([3], {"origin": {"epoch": 2}}, False),
    ],
)
def test_only_another_choice_outdates_it(tmp_path, chosen, aside, outdated):
    run = str(tmp_path)
    (tmp_path / "best").mkdir()
    for path, content in (
        (paths.best_epoch(run), chosen),
        (f"{paths.best(run)}/{paths.DIGEST}", aside),
    ):
        if content is not None:
            (tmp_path / path).write_text(json.dumps(content))
    assert is_outdated(run) is outdated


def test_conda_cannot_choose_while_a_model_trains():
    """Its environment of trainings has no ROUGE; a container has everything."""
    kept = {"checkpoints": {"keep": "best"}, "evaluation": {"in_run": True}}
    config = configured(kept)
    in_run.check_deployment(config, ["apptainer"])
    in_run.check_deployment(configured({"checkpoints": {"keep": "best"}}), ["conda"])
    with pytest.raises(LetheError, match=r"chosen by ROUGE too.*run without conda"):
        in_run.check_deployment(config, ["conda"])


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"evaluation": {"in_run": False}}, "runs are ended by their evaluation"),
        ({"checkpoints": {"keep": "all"}}, "runs are ended by their evaluation"),
        ({"evaluation": {"in_run": True, "epochs": "last"}}, "runs are ended by their evaluation"),
        ({"seeds": [0, 1]}, "seeds end at different epochs"),
        ({"search": {"methods": ["npo"], "trials": 2}}, "trials of a search are compared"),
        (
            {"method_settings": {"npo": {"previous_run": {"run": "kl_min"}}}},
            "npo starts from the end of another run",
        ),
    ],
)
def test_a_run_that_cannot_be_ended_is_refused(setting, why):
    stopped = {
        "checkpoints": {"keep": "last"},
        "evaluation": {"in_run": True},
        "best_epoch": {"stop": True},
    }
    assert message(written({**stopped, **setting})).startswith(f"config: best_epoch.stop: {why}")


def test_what_does_not_stop_has_the_parameters_that_it_had():
    """Lest every table of best epochs be made again."""
    chosen = {"criterion": "closeness_and_utility", "patience": 1}
    assert configured().best_epoch.model_dump(mode="json") == chosen
    stopped = configured({"best_epoch": {"stop": True}}).best_epoch
    assert stopped.model_dump(mode="json") == chosen | {"stop": True}
