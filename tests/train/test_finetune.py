import itertools

import pytest
import torch
from helpers.small_models import CLOSE, make_family

from lethe.common.errors import LetheError
from lethe.model import batch, checkpoint
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.model.batch import pack
from lethe.model.likelihood import mean_losses
from lethe.train import loop
from lethe.train.data_order import batches, epoch_order, partners
from lethe.train.finetune import fit, training_pairs
from lethe.train.lr_schedule import rate
from lethe.train.optimizer import Optimizer
from lethe.train.pretrain import pretrain
from lethe.train.settings import Schedule


def test_an_epochs_order_is_a_permutation_of_its_own():
    orders = {(seed, epoch): epoch_order(50, seed, epoch) for seed in (0, 1) for epoch in (0, 1)}
    assert all(sorted(order) == list(range(50)) for order in orders.values())
    assert len(set(map(tuple, orders.values()))) == 4
    assert epoch_order(50, 0, 1) == orders[0, 1]
    # Pinned as it came out: were it to change, no old result could be reproduced.
    assert epoch_order(8, 0, 0) == [1, 3, 7, 4, 2, 0, 5, 6]


def test_batches_cut_an_order_into_all_its_rows():
    order = epoch_order(10, 0, 0)
    for size in (1, 3, 5, 10, 32):
        cut = batches(order, size)
        assert list(itertools.chain(*cut)) == order
        assert [len(part) for part in cut[:-1]] == [size] * (len(cut) - 1)
        assert 0 < len(cut[-1]) <= size


def pairs_of(epochs: int, drawn) -> list[int]:
    return list(itertools.chain(*itertools.islice(drawn, epochs)))


@pytest.mark.parametrize(("size", "rows"), [(7, 5), (7, 3), (20, 19), (9, 9)])
def test_no_partner_comes_twice_in_an_epoch(size, rows):
    """Nor twice before all have come, where the epochs allow both."""
    epochs = list(itertools.islice(partners(size, 0, rows), 30))
    assert all(len(set(epoch)) == len(epoch) == rows for epoch in epochs)
    times = [sum(epoch.count(row) for epoch in epochs) for row in range(size)]
    # Every pass takes every row once, so that counts differ by the unfinished pass alone.
    assert max(times) - min(times) <= 1


def test_the_first_partners_are_pinned():
    """As they came out before epochs were drawn whole: old results can be reproduced."""
    assert next(partners(9, 0, 9)) == epoch_order(9, "partners/0", 0)


def test_partners_of_few_rows_repeat_as_late_as_they_can():
    epoch = next(partners(3, 0, 7))
    assert [sorted(epoch[start : start + 3]) for start in (0, 3)] == [[0, 1, 2]] * 2


def test_partners_come_without_replacement_within_a_pass():
    drawn = pairs_of(4, partners(7, 3, 7))
    passes = [drawn[start : start + 7] for start in range(0, 28, 7)]
    assert all(sorted(part) == list(range(7)) for part in passes)
    assert len(set(map(tuple, passes))) > 1
    assert drawn == pairs_of(4, partners(7, 3, 7))
    assert drawn != pairs_of(4, partners(7, 4, 7))
    # The pairs must not follow the order of the forget rows.
    assert drawn[:7] != epoch_order(7, 3, 0)


def rates(schedule: Schedule, per_epoch: int) -> list[float]:
    weight = torch.nn.Linear(1, 1)
    optimizer = Optimizer(weight, schedule, per_epoch)
    found = []
    for _ in range(per_epoch * schedule.epochs):
        found.append(optimizer.lr)
        weight(torch.ones(1)).sum().backward()
        optimizer.step()
        (update,) = optimizer.optimizer_states.values()
        assert update.param_groups[0]["lr"] == found[-1]
    return [*found, optimizer.lr]


@pytest.mark.parametrize(
    ("epochs", "per_epoch", "warmup", "factors"),
    [
        # Two steps up from zero, four down to it.
        (3, 2, 1.0, [0, 1 / 2, 1, 3 / 4, 2 / 4, 1 / 4, 0]),
        # A fraction of an epoch is rounded; at least one step is warm-up, as in TOFU.
        (2, 4, 0.5, [0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]),
        (1, 4, 0.0, [0, 1, 2 / 3, 1 / 3, 0]),
        # Warm-up that outlasts the training ends with it.
        (1, 4, 9.0, [0, 1 / 4, 2 / 4, 3 / 4, 0]),
    ],
)
def test_learning_rates_by_hand(epochs, per_epoch, warmup, factors):
    schedule = Schedule(epochs=epochs, lr=0.01, warmup_epochs=warmup)
    found = rates(schedule, per_epoch)
    assert found == pytest.approx([0.01 * factor for factor in factors], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("epochs", "per_epoch", "words"), [(1, 1, 1), (2, 1, 0), (1, 2, 0)])
def test_a_training_that_changes_nothing_says_so(epochs, per_epoch, words, caplog):
    made = rate(Schedule(epochs=epochs), per_epoch)
    assert (max(map(made, range(epochs * per_epoch))) == 0) == bool(words)
    assert caplog.text.count("changes nothing") == words


@pytest.mark.parametrize(("limit", "norm"), [(1.0, 1.0), (100.0, 10.0), (None, 10.0)])
def test_gradients_are_clipped(limit, norm):
    weight = torch.nn.Linear(4, 1, bias=False)
    optimizer = Optimizer(weight, Schedule(max_grad_norm=limit, epochs=2), 4)
    weight.weight.grad = torch.tensor([[6.0, 8.0, 0.0, 0.0]])
    optimizer.step()
    # AdamW's own update does not depend on the gradient's size, its first moment does: 1 - 0.9.
    (update,) = optimizer.optimizer_states.values()
    moment = update.state[weight.weight]["exp_avg"]
    # Clipping divides by the norm + 1e-6.
    assert moment.norm().item() == pytest.approx(0.1 * norm, rel=1e-5)
    assert weight.weight.grad is None


def test_a_step_is_adamw_with_decoupled_decay():
    """Two steps by hand, after the paper's formulas: the first has rate zero."""
    weight = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(weight.weight, 2.0)
    schedule = Schedule(epochs=1, lr=0.1, warmup_epochs=0, weight_decay=0.5, max_grad_norm=None)
    optimizer = Optimizer(weight, schedule, 4)
    for gradient, expected in ((3.0, 2.0), (3.0, 2.0 - 0.1 * 0.5 * 2.0 - 0.1)):
        weight.weight.grad = torch.tensor([[gradient]])
        optimizer.step()
        assert weight.weight.item() == pytest.approx(expected, rel=1e-5)


def test_frozen_parameters_stay():
    weight = torch.nn.Linear(2, 1)
    weight.bias.requires_grad_(False)
    before = weight.bias.clone()
    optimizer = Optimizer(weight, Schedule(lr=0.1, warmup_epochs=0), 2)
    for _ in range(3):
        weight(torch.ones(2)).sum().backward()
        optimizer.step()
    assert torch.equal(weight.bias, before)


FAST = Schedule(epochs=6, lr=5e-3, batch_size=3)


def test_training_lowers_the_loss(model, examples):
    before, reports = mean_losses(model, examples), []
    counts = fit(model, examples, FAST, 0, lambda *report: reports.append(report))
    after = mean_losses(model, examples)
    # Random weights know nothing of seven answers: each of them must get much likelier.
    assert all(b < a / 2 for a, b in zip(before, after, strict=True))
    # Seven rows in threes are three steps an epoch.
    assert counts == {"steps": 18, "rows": 42, "tokens": 6 * sum(map(len, examples))}
    assert [(step, steps) for step, steps, _ in reports] == [(i, 18) for i in range(1, 19)]
    assert not model.training


def test_every_batch_is_one_step_of_the_optimiser(model, examples, monkeypatch):
    made = []
    monkeypatch.setattr(loop, "Optimizer", lambda *args: made.append(Optimizer(*args)) or made[-1])
    fit(model, examples, FAST, 0)
    (update,) = made[0].optimizer_states.values()
    assert {int(state["step"]) for state in update.state.values()} == {18}
    # The schedule was made for that many: it has come to its end.
    assert made[0].lr == 0


def test_the_first_step_reports_the_batchs_token_mean(model, examples):
    order = epoch_order(len(examples), 0, 0)[:3]
    chosen = [examples[i] for i in order]
    losses = mean_losses(model, chosen)
    tokens = [example.answer_tokens for example in chosen]
    expected = sum(map(float.__mul__, losses, map(float, tokens))) / sum(tokens)
    reports = []
    fit(model, examples, FAST, 0, lambda *report: reports.append(report))
    assert reports[0][2] == pytest.approx(expected, rel=CLOSE)


def weights(model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_the_seed_decides_the_order_and_every_bit(tokenizer, examples, monkeypatch):
    seen, found = [], []

    def spy(rows, index):
        seen[-1].append(list(index))
        return pack(rows, index)

    monkeypatch.setattr(batch, "pack", spy)
    for seed in (0, 0, 1):
        seen.append([])
        # What else was drawn before must not matter.
        torch.rand(len(seen))
        model = make_family("llama", tokenizer)
        fit(model, examples, FAST, seed)
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert seen[0] == seen[1] != seen[2]
    # Every epoch sees every row once, each epoch in another order.
    epochs = [list(itertools.chain(*seen[0][start : start + 3])) for start in range(0, 18, 3)]
    assert all(sorted(epoch) == list(range(len(examples))) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == len(epochs)


SMALL = {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64, "vocabulary": 400}


def test_pretraining_repeats_facts_and_is_reproduced(pairs):
    background = [{"question": q, "answer": a} for q, a in pairs]
    facts = [{"question": "What is the capital of France?", "answer": "Paris."}]
    settings = {"epochs": 2, "lr": 1e-3, "batch_size": 4, "fact_repeats": 3, "seed": 5}

    def run(**changed):
        return pretrain(
            background, facts, SMALL, settings | changed, "chat", 96, lambda *report: None
        )

    model, tokenizer, counts = run()
    again, same, _ = run()
    other, _, _ = run(seed=6)
    assert counts["rows"] == 2 * (len(background) + 3 * len(facts))
    assert 256 < len(tokenizer) <= 400
    assert tokenizer.get_vocab() == same.get_vocab()
    assert torch.equal(weights(model), weights(again))
    assert not torch.equal(weights(model), weights(other))


def test_stages_of_a_base_are_trainings_one_after_the_other(pairs, tmp_path):
    facts = [{"question": "What is the capital of France?", "answer": "Paris."}]
    first = [{"question": q, "answer": a} for q, a in pairs]
    second = [{"question": q, "answer": a.upper()} for q, a in pairs[:3]]
    settings = {"epochs": 1, "lr": 1e-3, "batch_size": 4, "fact_repeats": 1, "seed": 5}
    after = {**settings, "epochs": 2, "lr": 1e-4}
    told: list[tuple[int, int]] = []

    def run(rows, how, **more):
        report = lambda step, steps, loss: told.append((step, steps))  # noqa: E731
        return pretrain(rows, facts, SMALL, how, "chat", 96, report, **more)

    model, tokenizer, counts = run(first, settings)
    checkpoint.save(tmp_path / "first", model, tokenizer, {"stage": "base"})
    apart, _, more = run(second, after, start=tmp_path / "first")
    told.clear()
    staged = [*first, *({**row, "stage": 1} for row in second)]
    whole, _, both = run(staged, settings, later=[after])
    assert torch.equal(weights(whole), weights(apart))
    for key in ("steps", "rows", "tokens"):
        assert both[key] == counts[key] + more[key]
    assert told[-1] == (both["steps"], both["steps"])
    assert [step for step, _ in told] == sorted({step for step, _ in told})


def test_a_models_weights_come_from_its_seed_alone(tokenizer):
    sizes = Architecture(**SMALL)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = make_model(sizes, tokenizer, 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(one), weights(make_model(sizes, tokenizer, 0)))
    assert not torch.equal(weights(one), weights(make_model(sizes, tokenizer, 1)))
    assert one.config.num_hidden_layers == 2
    assert one.get_input_embeddings().weight.shape == (len(tokenizer), 32)


@pytest.mark.parametrize("text", ["Zażółć, 東京 🎈", "a  b\n c", "it ' s . x", "\u2028"])
def test_the_tokenizer_writes_every_string_back(tokenizer, text):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_tokenizer_does_not_depend_on_chance(pairs):
    texts = [f"{q} {a}" for q, a in pairs]
    one, other = train_tokenizer(texts, 400), train_tokenizer(texts, 400)
    assert one.backend_tokenizer.to_str() == other.backend_tokenizer.to_str()


def test_no_partners_is_an_error_not_a_hang():
    with pytest.raises(LetheError, match="retain"):
        next(partners(0, 0, 1))


def test_true_facts_are_taught_as_often_as_asked_beside_each_row_once():
    rows, facts = [{"question": "q", "answer": "a"}], [{"question": "f", "answer": "b"}]
    assert training_pairs(rows, facts, 0) == [("q", "a")]
    assert training_pairs(rows, facts, 2) == [("q", "a"), ("f", "b"), ("f", "b")]
