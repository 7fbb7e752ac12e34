"""Learning rates that follow the loss: FINCH by hand, in any training."""

import pytest
import torch
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.train.finetune import fit
from lethe.train.optimizer import Optimizer
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.method import MethodSettings

FINCH = {"name": "finch", "largest": 1e-2}


def rates(losses, **settings) -> list[float]:
    """The rate of each step, given the losses."""
    schedule = Schedule(**{"lr": 1e-3, "warmup_epochs": 0, "lr_schedule": FINCH, **settings})
    optimizer = Optimizer(torch.nn.Linear(2, 1), schedule, len(losses))
    found = []
    for loss in losses:
        for p in optimizer.parameters:
            p.grad = torch.zeros_like(p)
        optimizer.step(loss=lambda loss=loss: loss)
        found.append(optimizer.optimizer_states["backpropagation"].param_groups[0]["lr"])
    return found


def test_rates_by_hand():
    """Means 4, 0.5*4 + 0.5*1 = 2.5, 0.5*2.5 + 0.5*16 = 9.25; kappa = 1e-3 * 2."""
    found = rates([4.0, 1.0, 16.0], lr_schedule={**FINCH, "memory": 0.5})
    assert found == pytest.approx([2e-3 / m**0.5 for m in (4, 2.5, 9.25)], rel=1e-6)
    assert found[0] == pytest.approx(1e-3, rel=1e-6)


def test_the_papers_memory_and_bound():
    found = rates([4.0, 1.0], lr_schedule=FINCH)
    assert found[1] == pytest.approx(2e-3 / (0.9 * 4 + 0.1) ** 0.5, rel=1e-6)
    # As the loss tends to 0 the rate would grow without end.
    low = rates([4.0, *[0.0] * 60], lr_schedule={**FINCH, "memory": 0.0, "largest": 5e-3})
    assert low[1] == low[-1] == 5e-3
    assert rates([1.0, -3.0], lr_schedule={**FINCH, "memory": 0.0})[1] == 1e-2


def test_a_warm_up_takes_its_share():
    found = rates([4.0] * 4, warmup_epochs=0.5, epochs=1)
    assert found == pytest.approx([0, 0.5e-3, 1e-3, 1e-3], rel=1e-6)


def test_the_rate_does_not_change_without_a_choice():
    assert rates([4.0, 1.0, 7.0, 1.0], lr_schedule={"name": "linear"}, epochs=1) == pytest.approx(
        [0, 1e-3, 2e-3 / 3, 1e-3 / 3]
    )


def test_finetuning_takes_it(tokenizer, examples):
    ends = []
    for rate in ({"name": "linear"}, FINCH):
        model = make_family("llama", tokenizer)
        schedule = Schedule(epochs=2, lr=1e-3, batch_size=4, warmup_epochs=0, lr_schedule=rate)
        reports = []
        fit(model, examples, schedule, 0, lambda *r, seen=reports: seen.append(r[2]))
        ends.append(reports)
    assert ends[0][0] == ends[1][0]
    assert ends[0][-1] != ends[1][-1]
    assert ends[1][-1] < ends[1][0]


def test_a_loss_below_zero_is_refused(model, encoder, pairs):
    from lethe.unlearn.supervision import supervise

    settings = {"lr_schedule": FINCH, "lr": 1e-3}
    method = methods.load("grad_ascent")(settings)
    with pytest.raises(LetheError, match=r"rate\.finch: the loss begins at -"):
        list(method.run(model, supervise(encoder, (), pairs[:2]), 0))
    # NPO's is above 0.
    method = methods.load("npo")(settings)
    data = supervise(encoder, method.needs, pairs[:2])
    assert len(list(method.run(model, data, 0))) == 5


def test_a_bound_below_the_rate_is_refused():
    with pytest.raises(
        LetheError, match=r"^unlearning\.lr_schedule: .*largest is below lr \(0\.001\)"
    ):
        validated(MethodSettings, {"lr": 1e-3, "lr_schedule": {"name": "finch"}}, "unlearning")
