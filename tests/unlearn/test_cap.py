"""CAP: rewards from plain passes, losses and search by hand, and what stays as it was."""

import copy
import itertools
import math

import pytest
import torch
from helpers.small_models import CLOSE, plain
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model.encoder import Encoder
from lethe.model.intervention import carried_by
from lethe.model.interventions.policy import Intervention
from lethe.model.likelihood import mean_losses
from lethe.unlearn import methods, prompt_policy
from lethe.unlearn.prefix_rewards import Rewards, Weights
from lethe.unlearn.supervision import supervise

LITTLE = {"iterations": 3, "samples": 3, "rows": 3, "length": 2, "clusters": 2}


@pytest.fixture
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


def attached(model, encoder, pairs, seed=0, **settings) -> Intervention:
    method = methods.load("cap")({**LITTLE, **settings})
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    assert list(method.run(model, data, seed)) == [(1, 1)]
    return carried_by(model)[0]


def how(**changes) -> prompt_policy.Search:
    values = {"kind": "ppo", "length": 2, "iterations": 60, "samples": 8, "rate": 0.3}
    values |= {"updates": 3, "clip": 0.2, "anchors": 4, "anchor_weight": 0.01, "candidates": 3}
    return prompt_policy.Search(**{**values, **changes})


# --- rewards ---


@torch.no_grad()
def logits(model, encoder, question, answer):
    """Logits that predict an answer, in float64, and its tokens."""
    example = encoder.encode(question, answer)
    out = plain(model).double()(input_ids=torch.tensor([example.ids])).logits[0]
    return out[example.start - 1 : -1], torch.tensor(example.ids[example.start :])


def test_the_reward_where_answers_are_to_go(model, encoder, pairs):
    rewards = Rewards(model, encoder, Weights(0.5, 2.0, 0.1, 1.0, 2))
    rows, expected = pairs[:3], []
    for prefix in ("Do not answer:", "", "Why"):
        divergences, wrong = [], 0
        for question, answer in rows:
            asked = f"{prefix} {question}" if prefix else question
            now, labels = logits(model, encoder, asked, answer)
            known, _ = logits(model, encoder, "", answer)
            p, q = now.softmax(-1), known.softmax(-1)
            divergences.append((p * (p.log() - q.log())).sum(-1).mean())
            wrong += not torch.equal(now.argmax(-1), labels)
        expected.append(-0.5 * torch.stack(divergences).mean() + 2.0 * wrong / 3)
    found = rewards.forget(["Do not answer:", "", "Why"], rows)
    assert torch.allclose(found.double(), torch.stack(expected), rtol=CLOSE, atol=1e-5)


def test_the_reward_where_answers_are_to_stay(model, encoder, pairs):
    rewards = Rewards(model, encoder, Weights(0.5, 2.0, 0.1, 0.7, 2))
    rows, parts, right = pairs[3:7], [], 0
    for row, (question, answer) in enumerate(rows):
        others = [rows[(row + step) % 4][1] for step in range(3)]
        scores = []
        for other in others:
            now, labels = logits(model, encoder, f"Please {question}", other)
            scores.append(-cross_entropy(now, labels) / 0.7)
        parts.append(torch.stack(scores).log_softmax(0)[0])
        now, labels = logits(model, encoder, f"Please {question}", answer)
        right += torch.equal(now.argmax(-1), labels)
    expected = 0.5 * torch.stack(parts).mean() + 2.0 * right / 4
    assert rewards.retain(["Please"], rows).item() == pytest.approx(expected.item(), rel=CLOSE)


def test_what_the_model_says_itself_counts_as_said(model, encoder, pairs):
    """Answers that greedy decoding gives: the label part is 0 for forget rows, 1 for retain."""
    from lethe.model.generate import greedy

    question = pairs[0][0]
    said = greedy(model, [encoder.prompt_ids(question)], 24, encoder.end)[0]
    scored = Rewards(model, encoder, Weights(0, 1.0, 0, 1.0, 1))._scored
    right = scored([(question, encoder.tokenizer.decode(said))]).said
    known = encoder.encode(question, encoder.tokenizer.decode(said)).ids
    # Only where decoding and encoding give the same tokens, and the answer ends by itself.
    wanted = [*encoder.prompt_ids(question), *said, encoder.end]
    again = greedy(model, [wanted[:-1]], len(wanted), encoder.end)
    assert bool(right) == (list(known) == wanted and again == [[]])


def test_the_part_for_the_length():
    rewards = Rewards.__new__(Rewards)
    rewards.weights = Weights(0, 0, 0.5, 1.0, 1)
    assert [rewards.length(n, 4, 4) for n in (4, 3, 0)] == [0, -0.125, -0.5]


# --- policy ---


def test_losses_by_hand():
    table = torch.tensor([[0.2, -0.1, 0.4], [0.0, 1.0, -1.0]], dtype=torch.double)
    prefixes, advantage = torch.tensor([[2, 1], [0, 0]]), torch.tensor([1.5, -0.5]).double()
    logs = [
        math.log(math.exp(table[0, a]) / sum(map(math.exp, table[0].tolist())))
        + math.log(math.exp(table[1, b]) / sum(map(math.exp, table[1].tolist())))
        for a, b in prefixes.tolist()
    ]
    before = torch.tensor([logs[0] - 0.5, logs[1] - 0.1]).double()
    anchors = [torch.zeros_like(table), table + torch.tensor([0.1, 0.0, -0.1]).double()]
    plain_loss = prompt_policy.loss(
        table, prefixes, advantage, before, anchors, how(kind="reinforce")
    )
    assert plain_loss.item() == pytest.approx(-(1.5 * logs[0] - 0.5 * logs[1]) / 2)
    found = prompt_policy.loss(table, prefixes, advantage, before, anchors, how(anchor_weight=0.3))
    # The first ratio is clipped from above, the second is within.
    gain = (1.2 * 1.5 - math.exp(0.1) * 0.5) / 2
    distances = []
    for anchor in anchors:
        p, q = table.softmax(-1), anchor.softmax(-1)
        distances.append(float((p * (p / q).log()).sum()))
    assert found.item() == pytest.approx(-gain + 0.3 * min(distances))


def test_the_beam_has_the_likeliest_prefixes():
    table = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).double()
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    order = prompt_policy.log_likelihood(table, every).argsort(descending=True)
    assert torch.equal(prompt_policy.beam(table, 5), every[order[:5]])


@pytest.mark.parametrize("kind", ["ppo", "reinforce", "random"])
def test_a_search_finds_a_prefix_that_is_worth_more(kind):
    """Each place has one good word; all kinds score the same number of prefixes."""
    scored = []

    def score(prefixes, iteration):
        scored.append((iteration, len(prefixes)))
        return (prefixes == torch.tensor([3, 5])).float().sum(-1)

    draw = torch.Generator().manual_seed(0)
    found = prompt_policy.search(score, 8, how(kind=kind), draw)
    assert found.prefix == (3, 5)
    assert found.reward == 2
    assert scored == [*((i, 8) for i in range(60)), (-1, 4)]
    rising = sum(found.rewards[-10:]) - sum(found.rewards[:10])
    assert rising > 5 if kind != "random" else abs(rising) < 5
    again = prompt_policy.search(score, 8, how(kind=kind), torch.Generator().manual_seed(0))
    assert torch.equal(again.table, found.table)
    assert again.rewards == found.rewards


def test_no_prefix_at_all_is_always_a_candidate():
    draw = torch.Generator().manual_seed(0)
    found = prompt_policy.search(lambda some, _: -some.double().sum(-1), 8, how(iterations=1), draw)
    assert found.prefix == (0, 0)


# --- the method ---


def test_a_run_leaves_the_weights_and_gives_the_same_policy_again(model, tokenizer, encoder, pairs):
    before, bare = copy.deepcopy(model.state_dict()), copy.deepcopy(model)
    first = attached(model, encoder, pairs)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    second = attached(bare, Encoder(copy.deepcopy(tokenizer), "chat", 96), pairs)
    assert second.values() == first.values()
    assert all(torch.equal(t, second.tensors()[name]) for name, t in first.tensors().items())


def test_questions_get_the_prefix_of_their_class(model, encoder, pairs):
    found = attached(model, encoder, pairs, threshold=0.5)
    found.prefixes = ["Do not answer:", ""]
    asked = [found.question(question) for question, _ in pairs]
    near = [found.near(question) for question, _ in pairs]
    assert any(near)
    assert not all(near)
    for (question, _), text, is_near in zip(pairs, asked, near, strict=True):
        assert text == (f"Do not answer: {question}" if is_near else question)


def test_an_empty_prefix_changes_no_bit(model, encoder, pairs):
    bare = mean_losses(model, encoder.encode_all(pairs))
    found = attached(model, encoder, pairs)
    found.prefixes = ["", ""]
    examples = Encoder(encoder.tokenizer, "chat", 96).encode_all(pairs)
    assert mean_losses(model, examples) == bare


def test_the_fixed_control_has_one_prefix_for_all(model, encoder, pairs):
    found = attached(model, encoder, pairs, gated=False, search="random")
    assert found.prefixes[0] == found.prefixes[1]
    assert all(found.near(question) for question, _ in pairs)


def test_a_branch_that_does_not_count_gives_no_information(model, encoder, pairs):
    method = methods.load("cap")({**LITTLE, "branches": "retain", "label": 0, "brevity": 0})
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    words = method._vocabulary(data.retain_pairs)
    rewards = Rewards(model, encoder, Weights(1.0, 0.0, 0.0, 1.0, 1))
    prefixes = torch.tensor([[1, 2], [3, 4]])
    for name, counts in (("forget", False), ("retain", True)):
        score = method._score(rewards, words, data, (name,), 0)
        assert bool((score(prefixes, 0) != 0).all()) == counts


def test_what_it_cannot_do_is_refused(model, encoder, pairs):
    with pytest.raises(LetheError, match=r"cap\.length: a prefix may have \d+ tokens"):
        attached(model, encoder, [(q, a * 3) for q, a in pairs], length=16)
    with pytest.raises(ValueError, match="does not fit its words"):
        Intervention(["", ""], ["a"], [], 0.5, torch.zeros(2, 3, 2))
