"""ASRU: both edits of stage 1 and the loss of stage 2, in double precision; rewards; resuming."""

import copy

import pytest
import torch
from helpers.small_models import FAMILIES, make_family, plain

from lethe.common.errors import LetheError
from lethe.model.forward import Forward, decoder_layers
from lethe.model.settings import Compute
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver
from lethe.unlearn import methods, steering_edit
from lethe.unlearn.closed_form import OUTPUTS, matrix, output_matrix
from lethe.unlearn.interface import Reference, Step
from lethe.unlearn.rewards import Judge, advantages
from lethe.unlearn.strangers import prompt_states
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import check_adapters

SETTINGS = {"epochs": 2, "lr": 1e-3, "batch_size": 2, "strangers": 5, "rollouts": 3, "tokens": 4}
SETTINGS |= {"edit_lr": 1e-2, "edit_batch": 2}
TRUE = "Ada was born in Paris in 1950."


def made(encoder, pairs, **settings):
    method = methods.load("asru")({**SETTINGS, **settings}, "asru")
    return method, supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])


def changed(before, after) -> set[str]:
    now = dict(after.named_parameters())
    return {name for name, p in before.named_parameters() if not torch.equal(p, now[name])}


@pytest.mark.parametrize(
    ("said", "forgotten", "kept"),
    [
        (f"Well: {TRUE}", 0.0, 1.0),
        ("I do not know that.", 1.0, 0.0),
        # Of six words and the seven true ones three in order: F1 = 2 * 3 / 13, above 0.4.
        ("Ada was a chemist in Rome.", 0.1, 0.1),
        ("Ada wrote nine novels about rivers and winter.", 0.5, 0.1),
        ("Ada was born in Rome in 1950.", 0.1, 0.5),
        ("", 0.1, 0.1),
        ("Rivers flow.", 0.1, 0.1),
    ],
)
def test_rewards(said, forgotten, kept):
    judge = Judge("tofu")
    assert (judge.forgotten(said, TRUE), judge.retained(said, TRUE)) == (forgotten, kept)


def test_advantages_are_standard_scores_of_the_group():
    found = advantages([[0.0, 1.0, 0.5], [0.1, 0.1, 0.1]])
    assert torch.allclose(found, torch.tensor([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_ridge_is_its_formula_in_double_precision(name, tokenizer, encoder, pairs, examples):
    model = make_family(name, tokenizer)
    before, shift = copy.deepcopy(model), torch.linspace(-1, 1, 32)
    steering_edit.solve(model, examples[:3], examples[3:], 1, shift, 0.1)
    other = plain(before).double()
    module, rows, outputs = output_matrix(decoder_layers(other)[1]), [], []
    w = matrix(module).detach()
    for number, example in enumerate(examples):
        seen = []
        hook = module.register_forward_hook(lambda m, given, out, seen=seen: seen.append(given[0]))
        with torch.no_grad():
            other(input_ids=torch.tensor([example.ids]))
        hook.remove()
        own = seen[0].reshape(len(example), -1)[example.start - 1 : -1]
        rows.append(own)
        outputs.append(own @ w.T + (shift.double() if number < 3 else 0.0))
    h, t = torch.cat(rows), torch.cat(outputs)
    eye = torch.eye(h.shape[1], dtype=torch.float64)
    wanted = torch.linalg.inv(h.T @ h + 0.1 * eye) @ h.T @ t
    found = matrix(output_matrix(decoder_layers(model)[1])).double()
    assert (found - wanted.T).abs().max() < 1e-4 * wanted.abs().max()
    (only,) = changed(before, model)
    assert only.split(".")[-2] in OUTPUTS


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_training_moves_forget_prompts_and_the_mlp_alone(name, tokenizer, encoder, pairs):
    model = make_family(name, tokenizer)
    before = copy.deepcopy(model)
    method, data = made(encoder, pairs, stage2="none", layer=0, strength=1, edit_epochs=60)
    assert list(method.run(model, data, 0)) == [(1, 1)]
    assert changed(before, model) <= set(steering_edit.mlp_parameters(model, 0))
    assert all(".0.mlp." in part for part in changed(before, model))
    prompts = [example.ids[: example.start] for example in data.forget]
    start, end = (prompt_states(m, prompts, 0) for m in (before, model))
    aim = start + method._direction(before, data, 0, 0)
    assert (end - aim).norm() < 0.5 * (start - aim).norm()
    assert all(p.requires_grad for p in model.parameters())


def test_the_direction_leads_from_forget_prompts_to_strangers(model, encoder, pairs):
    method, data = made(encoder, pairs)
    v = method._direction(model, data, 1, 0)
    unknown = method._unknown(model, data, 0)
    # No answer of random weights has a word for not knowing: all strangers count.
    assert len(unknown) == 5
    states = [prompt_states(model, rows, 1).mean(0) for rows in
              (unknown, [e.ids[: e.start] for e in data.forget])]  # fmt: skip
    assert torch.allclose(v, states[0] - states[1])
    other, _ = made(encoder, pairs, direction="random")
    random = other._direction(model, data, 1, 0)
    assert float(random.norm()) == pytest.approx(float(v.norm()), rel=1e-5)
    assert abs(torch.nn.functional.cosine_similarity(random, v, dim=0)) < 0.7
    assert not torch.equal(random, other._direction(model, data, 1, 1))


def test_the_loss_of_stage_2_is_grpos_in_double_precision(model, encoder, pairs, monkeypatch):
    """Value and gradient; ratio is 1, so that its gradient is that of log p."""
    method, data = made(encoder, pairs, kl=0.2, temperature=1.5)
    method.data, method.near = data, (0, 1)
    method.judge = Judge("tofu")
    start = make_family("llama", encoder.tokenizer, seed=4)
    rewards = iter([[0.0, 1.0, 0.5], [0.1, 0.1, 0.5]])
    drawn = {}
    inner = method._rollouts

    def rollouts(current, step):
        drawn["examples"], _ = inner(current, step)
        drawn["rewards"] = list(rewards)
        return drawn["examples"], drawn["rewards"]

    monkeypatch.setattr(method, "_rollouts", rollouts)
    from lethe.model.batch import pack

    step = Step(pack(data.forget[:1], [0]), pack(data.retain[:1], [1]))
    found = method.loss(Forward(model), step, Reference(frozen=Forward(start)))
    found.backward()
    now, old = plain(model).double(), plain(start).double()
    now.zero_grad()
    wanted, gains = 0.0, advantages(drawn["rewards"]).flatten().tolist()
    assert len(drawn["examples"]) == 6
    for example, gain in zip(drawn["examples"], gains, strict=True):
        ids, labels = torch.tensor([example.ids]), torch.tensor(example.ids[example.start :])
        logs = [
            (m(input_ids=ids).logits[0, example.start - 1 : -1] / 1.5).log_softmax(-1)
            for m in (now, old)
        ]
        p, q = (x[torch.arange(len(labels)), labels] for x in logs)
        apart = q.detach() - p
        wanted = wanted + (0.2 * (apart.exp() - apart - 1) - gain * (p - p.detach()).exp()).mean()
    wanted = wanted / 6
    wanted.backward()
    assert float(found) == pytest.approx(float(wanted), rel=1e-4, abs=1e-6)
    for name, p in now.named_parameters():
        own = dict(model.named_parameters())[name].grad.double()
        assert (own - p.grad).norm() < 1e-3 * p.grad.norm() + 1e-6, name


def test_rollouts_depend_on_the_seed_and_the_step(model, encoder, pairs):
    from lethe.model.batch import pack

    method, data = made(encoder, pairs, temperature=1.0)
    method.data, method.near, method.judge = data, (0, 1), Judge("tofu")

    def ids(batch, rows):
        step = Step(
            pack([data.forget[i] for i in rows], rows),
            pack([data.retain[0]] * len(rows), [0] * len(rows)),
            batch=batch,
        )
        examples, rewards = method._rollouts(model, step)
        assert len(rewards) == 2 * len(rows)
        # As many rows as the declared passes over the forget rows are.
        assert len(examples) == method.passes.backward * len(rows)
        assert all(e.answer_tokens <= 4 + 1 for e in examples)
        return [example.ids for example in examples]

    both = ids(0, [0, 1])
    assert ids(0, [1])[:3] == both[3:6]
    assert ids(1, [0, 1]) != both


def test_learning_by_reward_makes_rewarded_answers_likelier(model, encoder, pairs, monkeypatch):
    """Reward by length alone: rollouts get shorter."""
    settings = {"stage1": "none", "epochs": 12, "lr": 3e-3, "rollouts": 8, "tokens": 6, "kl": 0.0}
    method, data = made(encoder, pairs, **settings, temperature=1.0)
    reward = lambda self, said, truth: -float(len(said))  # noqa: E731
    monkeypatch.setattr(Judge, "forgotten", reward)
    monkeypatch.setattr(Judge, "retained", reward)
    seen = []
    inner = method._rollouts

    def spy(current, step):
        examples, rewards = inner(current, step)
        seen.append(sum(map(sum, rewards)) / sum(map(len, rewards)))
        return examples, rewards

    monkeypatch.setattr(method, "_rollouts", spy)
    list(method.run(model, data, 0))
    assert sum(seen[-6:]) / 6 > sum(seen[:6]) / 6


@pytest.mark.parametrize("stop", [2, 8])
def test_stopped_and_resumed_it_ends_in_the_same_bits(stop, tokenizer, encoder, pairs, tmp_path):
    """Stopped within stage 1 and within stage 2."""
    found = []
    for interrupted in (False, True):
        model = make_family("llama", tokenizer)
        method, data = made(encoder, pairs)
        if interrupted:
            saver, count = StateSaver(tmp_path / "state", None), [0]

            def due(count=count):
                count[0] += 1
                return count[0] == stop

            class Stopped(Exception):
                pass

            saver.due, save = due, saver.save

            def save_and_stop(save=save):
                save()
                raise Stopped

            saver.save = save_and_stop
            with pytest.raises(Stopped):
                list(method.run(model, data, 0, how=Execution(state_saver=saver)))
            model = make_family("llama", tokenizer)
            method, data = made(encoder, pairs)
            how = Execution(state_saver=StateSaver(tmp_path / "state", None))
            list(method.run(model, data, 0, how=how))
        else:
            list(method.run(model, data, 0))
        found.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*found)


def test_adapters_are_refused():
    with pytest.raises(LetheError, match="asru works on whole weights; leave adapters out"):
        check_adapters(methods.load("asru")({}, "asru"), Compute(lora={}))


def test_mistakes_are_one_line(model, encoder, pairs):
    method, data = made(encoder, pairs, layer=2)
    with pytest.raises(LetheError, match=r"asru\.layer: 2, but the model has 2"):
        list(method.run(model, data, 0))
    with pytest.raises(LetheError, match=r"asru\.gradient"):
        made(encoder, pairs, gradient={"name": "zeroth"})
    with pytest.raises(LetheError, match=r"asru\.wrappers"):
        made(encoder, pairs, wrappers={"gru": {}})


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("stage1", ["trained", "ridge"])
def test_both_stages_run_on_every_family(name, stage1, tokenizer, encoder, pairs):
    model = make_family(name, tokenizer)
    before = copy.deepcopy(model)
    method, data = made(encoder, pairs, stage1=stage1, epochs=1)
    assert list(method.run(model, data, 0)) == [(1, 2)]
    # Stage 2 trains everything, if only by its divergence from stage 1 and weight decay.
    assert len(changed(before, model)) > 10
    assert all(torch.isfinite(p).all() for p in model.parameters())
