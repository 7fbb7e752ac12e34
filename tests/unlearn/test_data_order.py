"""What a run draws by chance depends on its seed alone, not on batches or who computes them."""

import pytest

from lethe.common.errors import LetheError
from lethe.train.data_order import same_group_partners
from lethe.train.execution import Execution
from lethe.unlearn import methods
from lethe.unlearn.runner import Plan, _steps
from lethe.unlearn.supervision import supervise


def pairs_seen(method_name, encoder, pairs, batch_size, seed=0):
    """Of each epoch: forget row, retain row and alternate answer, in the order of the steps."""
    settings = {"epochs": 3, "batch_size": batch_size}
    method = methods.load(method_name)(settings)
    refusals = [f"Refusal {n}." for n in range(9)]
    data = supervise(encoder, method.needs, pairs[:5], retain=pairs, refusals=refusals)
    plan = Plan.draw(method, data, seed)
    epochs = []
    for epoch in range(3):
        steps = [step for (step,) in _steps(method, data, plan, Execution(), epoch + 1)]
        assert all(step.forget.rows <= batch_size for step in steps)
        columns = [
            [row for step in steps for row in getattr(step, name).index]
            for name in ("forget", "retain", "alternate")
        ]
        epochs.append(list(zip(*columns, strict=True)))
    return epochs, [answer.ids for answer in plan.answers]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 8])
def test_pairs_are_the_same_for_every_batch_size(batch_size, encoder, pairs):
    """So are they for every number of processes: each takes its rows of the same step."""
    found = pairs_seen("dpo", encoder, pairs, batch_size)
    assert found == pairs_seen("dpo", encoder, pairs, 4)
    assert found != pairs_seen("dpo", encoder, pairs, 4, seed=1)


def test_no_retain_row_comes_twice_in_an_epoch(encoder, pairs):
    """Five of seven an epoch: the second epoch needs three rows of a new pass."""
    epochs, _ = pairs_seen("dpo", encoder, pairs, 2)
    for epoch in epochs:
        retain = [row for _, row, _ in epoch]
        assert len(set(retain)) == 5
    assert sorted(row for epoch in epochs for _, row, _ in epoch)[:7] != [0] * 7


def test_each_alternate_answer_is_tokenised_once(encoder, pairs):
    epochs, answers = pairs_seen("dpo", encoder, pairs, 2)
    drawn = {alternate for epoch in epochs for _, _, alternate in epoch}
    assert drawn == set(range(len(answers)))
    assert len(set(answers)) == len(answers) <= 15


def test_partners_of_the_same_group():
    """A cursor for each group: no row comes again before all others of its group have come."""
    groups = ["a", "b", None, "a", "b", "a"]
    wanted = [["a", "b", "a"], ["b", "a", "a"], ["a", "a", "b"]]
    found = same_group_partners(wanted, groups, 0)
    assert [[groups[row] for row in epoch] for epoch in found] == wanted
    drawn = [row for epoch in found for row in epoch if groups[row] == "a"]
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 3, 5]
    assert found == same_group_partners(wanted, groups, 0)
    assert any(found != same_group_partners(wanted, groups, seed) for seed in range(1, 5))
    with pytest.raises(LetheError, match="no row of c to pair its forget rows with"):
        same_group_partners([["c"]], groups, 0)
