"""Optimizer steps in parts: what they hold, and that they add up to the step."""

import itertools
import random
from functools import partial

import pytest
import torch
from helpers.small_models import distance, gradients, make_family

from lethe.common.progress import silent
from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.loop import Loop
from lethe.train.microbatch import parts, split
from lethe.train.optimizer import Differentiator
from lethe.train.optimizer_settings import Backpropagation
from lethe.train.settings import Schedule
from lethe.unlearn import methods
from lethe.unlearn.method import Method
from lethe.unlearn.runner import Plan, _reference, _steps, _term, _terms
from lethe.unlearn.supervision import supervise

REFUSALS = ["I don't know.", "I have no idea about that.", "That is not known to me."]
ALTERNATIVES = [[f"Answer {n} to {row}.", f"Or {n}."] for n, row in enumerate("abcdefg")]
# The loss of a step, in other parts: sums of float32 in another order.
ADDED = 1e-4


def padded(lengths, group) -> int:
    return len(group) * sum(max(lengths[row][s] for row in group) for s in range(len(lengths[0])))


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("budget", [None, 30, 200, 10_000])
def test_groups_hold_every_row_once_within_the_budget(budget, processes):
    draw = random.Random(0)
    for rows, sources in itertools.product((1, 2, 5, 16), (1, 3)):
        lengths = [[draw.randint(2, 40) for _ in range(sources)] for _ in range(rows)]
        found = split(lengths, budget, processes)
        assert len(found) == processes
        # Processes that wait for each other need as many parts, though some be empty.
        assert len({len(groups) for groups in found}) == 1
        every = [group for groups in found for group in groups]
        assert sorted(itertools.chain(*every)) == list(range(rows))
        for group in every:
            assert len(group) <= 1 or budget is None or padded(lengths, group) <= budget
        # Dealt out evenly.
        counts = [sum(map(len, groups)) for groups in found]
        assert max(counts) - min(counts) <= 1


def test_a_step_that_fits_keeps_its_order():
    lengths = [[3], [9], [1], [5]]
    assert split(lengths) == split(lengths, 36) == [[[0, 1, 2, 3]]]
    # One token less: by length, the longest first.
    assert split(lengths, 35) == [[[1, 3, 0], [2]]]


def test_parts_know_the_whole_steps_totals(examples):
    rows = [4, 0, 2, 6]
    longest = max(len(examples[row]) for row in rows)
    found = parts({"answers": examples}, {"answers": rows}, budget=longest)
    batches = [part["answers"] for part in found]
    assert [batch.rows for batch in batches] == [1] * 4
    assert sorted(row for batch in batches for row in batch.index) == sorted(rows)
    for batch in batches:
        assert batch.rows_total == 4
        assert batch.tokens_total == sum(examples[row].answer_tokens for row in rows)
        assert batch.inputs_total == sum(len(examples[row]) - 1 for row in rows)


LOSSES = [
    name
    for name in methods.for_causal()
    if methods.load(name).run is Method.run and not methods.load(name)({}).whole
]
TERMS = [(name, {}) for name in LOSSES] + [
    (name, {"retain": term, "layer": 0})
    for name in ("simnpo", "pdu", "rmu")
    for term in ("kl", "embedding")
]


@pytest.fixture(scope="module")
def old(tokenizer):
    """The model before unlearning: another one, so that references differ from it."""
    return make_family("llama", tokenizer, seed=9)


@pytest.mark.parametrize(("name", "settings"), TERMS)
def test_the_parts_of_a_step_add_up(name, settings, model, old, encoder, pairs):
    """Loss, gradient and sums of every method: seven rows at once, and in parts of one or two."""
    method = methods.load(name)({"batch_size": 7, "epochs": 1, **settings})
    data = supervise(
        encoder, method.needs, pairs, retain=pairs[2:], refusals=REFUSALS, alternatives=ALTERNATIVES
    )
    plan = Plan.draw(method, data, 0)
    reference = _reference(method, old, data, plan)
    method.prepare(model, data, 0)
    model.eval()
    found = []
    for budget in (None, 70):
        (step,) = _steps(method, data, plan, Execution(budget), 1)
        method.sums.update(dict.fromkeys(method.sums, 0.0))
        loss = sum(method.loss(Forward(model), part, reference) for part in step)
        found.append((len(step), loss.item(), gradients(model, loss), dict(method.sums)))
    (one, whole, exact, sums), (many, added, gradient, part_sums) = found
    assert one == 1
    assert many >= 3
    # Terms of either sign may cancel: each is of the size of ten.
    assert added == pytest.approx(whole, rel=ADDED, abs=ADDED)
    assert distance(gradient, exact) < ADDED
    assert part_sums == pytest.approx(sums, rel=ADDED, abs=1e-6)


@pytest.mark.parametrize(("name", "settings"), TERMS)
def test_the_terms_of_a_loss_add_up_one_after_the_other(name, settings, model, old, encoder, pairs):
    """As a GPU takes them: the same loss and gradient, and fewer activations at a time."""
    method = methods.load(name)({"batch_size": 7, "epochs": 1, **settings})
    data = supervise(
        encoder, method.needs, pairs, retain=pairs[2:], refusals=REFUSALS, alternatives=ALTERNATIVES
    )
    plan = Plan.draw(method, data, 0)
    reference = _reference(method, old, data, plan)
    method.prepare(model, data, 0)
    model.eval()
    ((step,),) = _steps(method, data, plan, Execution(None), 1)
    found = []
    for device in ("cpu", "cuda"):
        terms = [partial(_term, t, Forward(model), reference) for t in _terms(method, device)]
        differentiate = Differentiator(Backpropagation(), model.parameters(), 1, 0)
        model.zero_grad(set_to_none=True)
        loss, _ = differentiate([partial(term, step) for term in terms], 0)
        gradient = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found.append((len(terms), loss(), gradient))
    model.zero_grad(set_to_none=True)
    (one, whole, exact), (many, added, gradient) = found
    assert one == 1
    two = method.term is not None and not method.wrappers and name not in ("pdu", "idk", "ofmu")
    assert many == 1 + two
    assert added == pytest.approx(whole, rel=ADDED, abs=ADDED)
    assert distance(gradient, exact) < ADDED


def test_the_second_term_begins_when_the_first_has_its_gradient(model, examples):
    events = []

    def term(name):
        def loss(part):
            events.append(f"{name} forward")
            value = Forward(model).answers(part).mean_nll()
            value.register_hook(lambda gradient: events.append(f"{name} backward"))
            return value

        return loss

    loop = Loop(model, Schedule(epochs=1), 1, 0, Execution())
    steps = lambda epoch: [[pack(examples[:2])]]  # noqa: E731
    list(loop.epochs(steps, [term("forget"), term("retain")], silent))
    assert events == ["forget forward", "forget backward", "retain forward", "retain backward"]


@pytest.mark.parametrize("name", ["undial", "rmu", "pdu", "kl_min"])
def test_means_over_padding_stay_whole(name, encoder, pairs):
    method = methods.load(name)({"open_unlearning": True, "batch_size": 7, "epochs": 1})
    data = supervise(encoder, method.needs, pairs, retain=pairs[::-1])
    (step,) = _steps(method, data, Plan.draw(method, data, 0), Execution(20), 1)
    assert [part.forget.rows for part in step] == [7]


def weights(model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("gradient", ["backpropagation", "zeroth"])
def test_a_run_in_parts_is_the_run(gradient, tokenizer, encoder, pairs):
    found = []
    for budget in (None, 150):
        model, losses = make_family("llama", tokenizer), []
        method = methods.load("pdu")(
            {"epochs": 3, "lr": 1e-3, "batch_size": 4, "dual_warmup_epochs": 1}
            | {"gradient": {"name": gradient}}
        )
        data = supervise(encoder, method.needs, pairs, retain=pairs[::-1])
        ends = list(
            method.run(
                model, data, 0, lambda *r, losses=losses: losses.append(r[2]), Execution(budget)
            )
        )
        assert ends == [(1, 2), (2, 4), (3, 6)]
        found.append((losses, weights(model), method.multiplier))
    (losses, end, multiplier), (in_parts, same, other) = found
    assert in_parts == pytest.approx(losses, rel=1e-3)
    # Adam takes steps of its rate also where a gradient is nothing but rounding.
    assert torch.quantile((end - same).abs(), 0.99) < 1e-4
    assert other == pytest.approx(multiplier, rel=1e-3)


def test_training_in_parts_is_the_training(tokenizer, examples):
    schedule = Schedule(epochs=4, lr=5e-3, batch_size=4)
    found = []
    for budget in (None, 60):
        model, losses = make_family("llama", tokenizer), []
        counts = fit(
            model, examples, schedule, 0, lambda *r, losses=losses: losses.append(r[2]),
            Execution(budget),
        )  # fmt: skip
        found.append((counts, losses))
    assert found[0][0] == found[1][0]
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-3)
