"""What a checkpoint by itself cannot be measured by."""

from types import SimpleNamespace

from lethe.analysis.checkpoint_evaluation import _obstacle


def test_a_single_checkpoint_is_not_held_against_two_oracles():
    request = SimpleNamespace(metrics=("generalisation",), attack=None)
    why = _obstacle("generalisation", request, SimpleNamespace(files=lambda contract: {}))
    assert why == "compares with the oracles without_all and without_share: run the workflow"
