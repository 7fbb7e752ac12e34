"""Running methods: all that the folder holds, so that a new one is tested by being there."""

import pytest
import torch
from helpers.small_models import CLOSE, make_family, plain, sums

from lethe.model.likelihood import mean_losses
from lethe.train import loop
from lethe.train.optimizer import Optimizer
from lethe.unlearn import methods
from lethe.unlearn.method import Method, MethodSettings
from lethe.unlearn.runner import answer_nll
from lethe.unlearn.supervision import supervise

REFUSALS = ["I don't know.", "I have no idea.", "That is not known to me."]
ALTERNATIVES = [[f"Answer {n} to {row}.", f"Or {n}."] for n, row in enumerate("abcde")]
SETTINGS = {"epochs": 2, "lr": 1e-3, "batch_size": 3}
# Needs that give forget rows other answers.
ALTERNATES = {"refusals", "alternatives"}


@pytest.fixture
def forget(pairs):
    return pairs[:5]


@pytest.fixture
def retain(pairs):
    """Fewer rows than draws: partners must begin again."""
    return pairs[3:]


def weights(model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


TRAINED = [
    n for n in methods.for_causal() if issubclass(methods.load(n).settings_class, MethodSettings)
]
# Those that minimise a loss of their own, step by step.
LOSSES = [name for name in methods.for_causal() if methods.load(name).run is Method.run]


def run(name, model, encoder, forget, retain, seed=0, spy=None):
    """Run a method; ``spy(step, reference, model)`` sees what each loss is given."""
    method = methods.load(name)(SETTINGS)
    data = supervise(
        encoder,
        method.needs,
        forget,
        retain=retain,
        refusals=REFUSALS,
        alternatives=ALTERNATIVES,
        prior=lambda: make_family("llama", encoder.tokenizer, seed=5),
    )
    if spy is not None:
        inner = method.loss

        def watched(forward, step, reference):
            spy(step, reference, forward.model)
            return inner(forward, step, reference)

        method.loss = watched
    reports = []
    ends = list(method.run(model, data, seed, lambda *report: reports.append(report)))
    return ends, reports, data


@pytest.mark.parametrize("name", TRAINED)
def test_every_method_runs(name, model, encoder, forget, retain):
    before = weights(model)
    ends, reports, _ = run(name, model, encoder, forget, retain)
    # Five rows in threes: two batches an epoch, of one step each for most methods.
    inner_steps = len(methods.load(name)(SETTINGS).inner_steps)
    assert ends == [(1, 2 * inner_steps), (2, 4 * inner_steps)]
    assert [(step, steps) for step, steps, _ in reports] == [
        (i, 4 * inner_steps) for i in range(1, 4 * inner_steps + 1)
    ]
    after = weights(model)
    assert torch.isfinite(after).all()
    assert torch.isfinite(torch.tensor([loss for _, _, loss in reports])).all()
    # Its rate of 1e-3 moves AdamW's weights by about that much a step.
    assert (after - before).abs().max() > 1e-4
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.training


@pytest.mark.parametrize("name", TRAINED)
def test_the_same_seed_gives_the_same_bits(name, tokenizer, encoder, forget, retain):
    found = []
    for seed in (0, 0, 1):
        model = make_family("llama", tokenizer)
        torch.rand(len(found) + 1)  # what else was drawn must not matter
        run(name, model, encoder, forget, retain, seed)
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", LOSSES)
def test_a_method_gets_what_it_declares_and_no_more(
    name, model, encoder, tokenizer, pairs, forget, retain
):
    needs, seen = methods.load(name)({}).needs, []
    before = plain(model)

    def spy(step, reference, _):
        seen.extend([step] if step.inner_step == 0 else [])
        assert (step.retain is not None) == ("retain" in needs)
        assert (step.alternate is not None) == bool(ALTERNATES & set(needs))
        assert (reference.forget_nll is not None) == ("reference_nll" in needs)
        assert (reference.alternate_nll is not None) == (
            step.alternate is not None and "reference_nll" in needs
        )
        assert (reference.frozen is not None) == ("reference_model" in needs)
        if reference.frozen is not None:
            frozen = reference.frozen.model
            assert torch.equal(weights(frozen), weights(before))
            assert not any(parameter.requires_grad for parameter in frozen.parameters())
            assert not frozen.training
        if reference.forget_nll is not None:
            examples = encoder.encode_all(forget)
            with torch.no_grad():
                expected = sums(before, examples)
            assert torch.allclose(reference.forget_nll, expected, rtol=CLOSE, atol=0)

    _, _, data = run(name, model, encoder, forget, retain, spy=spy)
    assert bool(data.retain) == ("retain" in needs)
    assert bool(data.alternates) == bool(ALTERNATES & set(needs))
    assert len(seen) == 4
    for epoch in (seen[:2], seen[2:]):
        rows = [row for step in epoch for row in step.forget.index]
        assert sorted(rows) == list(range(5))
    if "retain" in needs:
        drawn = [row for step in seen for row in step.retain.index]
        # One partner for each forget row; without replacement within a pass over the four.
        assert [step.retain.rows for step in seen] == [step.forget.rows for step in seen]
        assert all(sorted(drawn[i : i + 4]) == [0, 1, 2, 3] for i in (0, 4))
    if "refusals" in needs:
        for step in seen:
            check_answers(step, tokenizer, forget, [REFUSALS] * 5)
    if "alternatives" in needs:
        for step in seen:
            check_answers(step, tokenizer, forget, ALTERNATIVES)


def test_without_refusals_in_needs_there_are_none(encoder, forget, retain):
    data = supervise(encoder, (), forget, retain=retain, refusals=REFUSALS)
    assert (data.retain, data.alternates, data.encode) == ([], (), None)
    assert data.forget == encoder.encode_all(forget)


def check_answers(step, tokenizer, forget, answers) -> None:
    """The forget rows' questions, in their order, each with an answer that is its row's."""
    said = tokenizer.decode(step.alternate.ids[0])
    for row in step.forget.index:
        text = f"<|user|>{forget[row][0]}<|assistant|>"
        assert said.startswith(text)
        said = said[len(text) :]
        answer = next(answer for answer in answers[row] if said.startswith(answer))
        said = said[len(answer) :]
    assert said == ""


def test_every_batch_is_one_step_of_the_optimiser(model, encoder, forget, retain, monkeypatch):
    made = []
    monkeypatch.setattr(loop, "Optimizer", lambda *args: made.append(Optimizer(*args)) or made[-1])
    run("npo", model, encoder, forget, retain)
    (update,) = made[0].optimizer_states.values()
    assert {int(state["step"]) for state in update.state.values()} == {4}
    assert made[0].lr == 0


def test_methods_are_in_training_mode_in_every_epoch(model, encoder, forget, retain):
    """An evaluation between epochs leaves the model in evaluation mode."""
    modes = []
    run("npo", model, encoder, forget, retain, spy=lambda *a: modes.append(a[2].training))
    assert modes == [True] * 4


def test_the_reference_is_of_each_row_whatever_the_batch(model, encoder, pairs):
    examples = encoder.encode_all(pairs)
    with torch.no_grad():
        expected = sums(plain(model), examples)
    for size in (1, 3, 32):
        found = answer_nll(model, examples, size)
        assert torch.allclose(found, expected, rtol=CLOSE, atol=0)
        assert not found.requires_grad


def test_a_checkpoint_can_be_used_between_epochs(tokenizer, encoder, forget, retain):
    """Evaluating where run() pauses must not change what comes after."""
    found = []
    for look in (False, True):
        model = make_family("llama", tokenizer)
        method = methods.load("npo_retain")(SETTINGS)
        data = supervise(encoder, method.needs, forget, retain=retain, refusals=REFUSALS)
        for _ in method.run(model, data, 0):
            if look:
                assert not model.training
                mean_losses(model, data.forget)
        found.append(weights(model))
    assert torch.equal(*found)


@pytest.mark.parametrize("name", ["grad_ascent", "grad_diff", "kl_min", "npo", "npo_retain"])
def test_forgetting_makes_the_answers_unlikelier(name, model, encoder, forget, retain):
    before = mean_losses(model, encoder.encode_all(forget))
    run(name, model, encoder, forget, retain)
    after = mean_losses(model, encoder.encode_all(forget))
    assert sum(after) > sum(before)


def test_refusing_makes_refusals_likelier(model, encoder, forget, retain):
    refusals = encoder.encode_all([(q, REFUSALS[0]) for q, _ in forget])
    before = mean_losses(model, refusals)
    run("idk", model, encoder, forget, retain)
    assert sum(mean_losses(model, refusals)) < sum(before)
