"""CAP with a language model as its policy: losses and rewards by hand, and what stays as it was."""

import copy
import json
import math

import pytest
import torch
from helpers.small_models import make_family, plain
from helpers.tiny_families import build, configuration
from torch.nn.functional import log_softmax

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.intervention import attach, carried_by
from lethe.model.interventions.writer import WEIGHTS, Intervention, Writer
from lethe.model.likelihood import mean_losses
from lethe.unlearn import methods, prompt_policy
from lethe.unlearn import written_prefixes as written
from lethe.unlearn.prefix_rewards import Rewards, Weights
from lethe.unlearn.supervision import supervise

LITTLE = {"iterations": 2, "samples": 3, "rows": 2, "length": 3, "clusters": 2, "updates": 2}


@pytest.fixture
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


@pytest.fixture
def policy(tokenizer, tmp_path):
    """The folder of another small model."""
    checkpoint.save(tmp_path / "policy", make_family("llama", tokenizer, seed=3), tokenizer, {})
    return tmp_path / "policy"


def attached(model, encoder, pairs, policy, seed=0, **settings) -> Intervention:
    method = methods.load("cap")({**LITTLE, "policy": str(policy), **settings}, "cap")
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:])
    assert list(method.run(model, data, seed)) == [(1, 1)]
    return carried_by(model)[0]


def how(**changes) -> prompt_policy.Search:
    values = {"kind": "ppo", "length": 3, "iterations": 2, "samples": 3, "rate": 1e-3}
    values |= {"updates": 2, "clip": 0.2, "anchors": 2, "anchor_weight": 0.5, "candidates": 1}
    return prompt_policy.Search(**{**values, **changes})


def logs_of(model, example):
    """log π at the tokens of a prefix, by transformers in float64, [tokens, V]."""
    other = plain(model).double()
    with torch.no_grad():
        logits = other(input_ids=torch.tensor([example.ids])).logits[0]
    return log_softmax(logits[example.start - 1 : -1], -1)


def test_the_loss_is_that_of_clipped_ratios_and_the_nearest_anchor(
    model, tokenizer, encoder, pairs
):
    """By hand, in float64, with one ratio clipped and one within."""
    examples = encoder.encode_all(pairs)
    prefixes, batch = examples[:2], pack(examples[:2])
    anchors = [make_family("llama", tokenizer, seed=1), copy.deepcopy(model)]
    with torch.no_grad():
        for parameter in anchors[1].parameters():
            parameter.mul_(1.01)
    own = [logs_of(model, e) for e in prefixes]
    labels = [torch.tensor(e.ids[e.start :]) for e in prefixes]
    total = [o.gather(1, t[:, None]).sum().item() for o, t in zip(own, labels, strict=True)]
    before = torch.tensor([total[0] - 0.5, total[1] - 0.1]).double()
    advantage = torch.tensor([1.5, -0.5]).double()
    apart = []
    for anchor in anchors:
        theirs = [logs_of(anchor, e) for e in prefixes]
        divergences = [(p.exp() * (p - q)).sum().item() for p, q in zip(own, theirs, strict=True)]
        apart.append(sum(divergences) / 2)
    assert apart[1] < apart[0]
    gain = (1.2 * 1.5 - math.exp(0.1) * 0.5) / 2
    found = written.loss(model, batch, before, advantage, anchors, how())
    assert found.item() == pytest.approx(-gain + 0.5 * min(apart), rel=1e-3)
    plainly = written.loss(model, batch, before, advantage, anchors, how(kind="reinforce"))
    assert plainly.item() == pytest.approx(-(1.5 * total[0] - 0.5 * total[1]) / 2, rel=1e-4)


@pytest.mark.parametrize("kind", ["ppo", "reinforce"])
def test_a_policy_learns_what_is_rewarded(kind, policy):
    """Prefixes of one token, rewarded if it is a certain one; the mean reward rises."""
    writer = written.loaded(policy, "cap", 1, "cpu")
    asked = [written.Asked("Why?", "No.", 0, "forget"), written.Asked("Who?", "Ada.", 1, "retain")]
    first = written._sampled(writer, asked, 16, "x")[1][0]
    liked = max({*first}, key=first.count)

    def score(texts, rows, lengths):
        assert list(lengths) == [int(bool(text)) for text in texts] or "" in texts
        return torch.tensor([float(text == liked) for text in texts])

    given = how(kind=kind, iterations=25, samples=16, rate=3e-3, anchor_weight=0.001)
    means = written.train(writer, lambda iteration: asked, score, given, 0)
    assert sum(means[-5:]) > sum(means[:5]) + 1
    assert writer.likeliest("Why?", 0) == liked


def test_rewards_of_rows_are_those_of_the_table(model, encoder, pairs, policy):
    """One prefix for all rows: its rewards' mean is what the table's search gets."""
    settings = methods.load("cap")({**LITTLE, "policy": str(policy), "brevity": 0.3}).settings
    rewards = Rewards(model, encoder, Weights(1.0, 1.0, 0.3, 1.0, 3))
    goals = written.Goals(rewards, settings)
    asked = [written.Asked(q, a, 0, "forget") for q, a in pairs[:3]]
    asked += [written.Asked(q, a, 1, "retain") for q, a in pairs[3:]]
    found = goals.score(["Do not"] * 7, asked, [2] * 7)
    for rows, some, wanted in ((found[:3], pairs[:3], 3), (found[3:], pairs[3:], 0)):
        one = rewards.forget if wanted else rewards.retain
        expected = one(["Do not"], some)[0].item() + rewards.length(2, wanted, 3)
        assert rows.mean().item() == pytest.approx(expected, rel=1e-5)
    blind = written.Goals(rewards, settings.model_copy(update={"branches": "retain"}))
    apart = found - blind.score(["Do not"] * 7, asked, [2] * 7)
    assert (apart[:3] != 0).all()
    assert not apart[3:].any()


def test_a_class_is_left_alone_where_nothing_is_better(model, encoder, pairs, policy):
    writer = written.loaded(policy, "cap", 3, "cpu")
    goals = written.Goals(None, None)
    goals.score = lambda texts, asked, lengths: torch.tensor(
        [float(bool(text)) * (1 - 2 * one.kind) for text, one in zip(texts, asked, strict=True)]
    )
    asked = [written.Asked(q, a, n % 2, "forget") for n, (q, a) in enumerate(pairs)]
    assert all(writer.likeliest(one.question, one.kind) for one in asked)
    assert goals.worth_writing(writer, asked) == [True, False]
    assert goals.worth_writing(writer, [one for one in asked if one.kind == 0]) == [True, True]


def test_a_run_leaves_the_weights_and_ends_in_the_same_bits_again(model, encoder, pairs, policy):
    before, bare = copy.deepcopy(model.state_dict()), copy.deepcopy(model)
    fresh = Encoder(copy.deepcopy(encoder.tokenizer), "chat", 96)
    first = attached(model, encoder, pairs, policy)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    second = attached(bare, fresh, pairs, policy)
    assert second.values() == first.values()
    assert all(torch.equal(t, second.tensors()[name]) for name, t in first.tensors().items())
    # The policy did learn.
    start = dict(checkpoint.load(policy)[0].named_parameters())
    assert any(not torch.equal(start[name], value) for name, value in first.weights.items())


def test_without_it_logits_are_bit_identical(model, tokenizer, encoder, pairs, policy, tmp_path):
    bare = mean_losses(model, encoder.encode_all(pairs))
    found = attached(model, encoder, pairs, policy, wanted=3)
    found.active = [True, False]
    near = [found.near(question) for question, _ in pairs]
    changed = Encoder(encoder.tokenizer, "chat", 96).encode_all(pairs)
    asked = [found.question(question) != question for question, _ in pairs]
    assert any(asked)
    # Where it writes nothing, or is not asked to, nothing changes.
    assert all(is_near for is_near, one in zip(near, asked, strict=True) if one)
    losses = mean_losses(model, changed)
    # Other texts in a batch change only rounding.
    assert [abs(a - b) > 1e-4 for a, b in zip(losses, bare, strict=True)] == asked
    assert mean_losses(model, Encoder(tokenizer, "chat", 96).encode_all(pairs)) == bare
    checkpoint.save(tmp_path / "out", model, encoder.tokenizer, {})
    again, its_tokenizer = checkpoint.load(tmp_path / "out")
    (kept,) = carried_by(again)
    assert [kept.question(q) for q, _ in pairs] == [found.question(q) for q, _ in pairs]
    assert mean_losses(again, Encoder(its_tokenizer, "chat", 96).encode_all(pairs)) == losses


@pytest.mark.parametrize("family", ["llama", "gemma", "qwen2", "phi", "gpt_neox"])
def test_policies_of_these_families_can_be_carried(family, model, tokenizer, encoder, tmp_path):
    """What is written before saving and after loading is the same."""
    other = build(configuration(family, tokenizer))
    tokens = written.copied(tokenizer.backend_tokenizer)
    writer = Writer(other, tokens, tokenizer.eos_token_id, 4)
    weights = {f"{WEIGHTS}{n}": p.detach() for n, p in writer.model.named_parameters()}
    gate = {"idf": torch.ones(1), "tokens": torch.tensor([0]), "centroids": torch.ones(1, 1)}
    made = Intervention(
        written.configuration(writer.model),
        writer.tokens.to_str(),
        writer.end,
        4,
        [True, True],
        ["why"],
        0.5,
        **gate,
        **weights,
    )
    attach(model, encoder.tokenizer, made)
    checkpoint.save(tmp_path / "out", model, encoder.tokenizer, {})
    (kept,) = carried_by(checkpoint.load_tokenizer(tmp_path / "out"))
    for question, kind in (("Why?", 0), ("Who?", 1)):
        said = writer.likeliest(question, kind)
        assert kept.question(question) == (f"{said} {question}" if said else question)


def test_what_cannot_be_a_policy_is_refused(model, encoder, pairs, policy, tokenizer, tmp_path):
    with pytest.raises(LetheError, match=r"cap\.search: random prefixes come from a table"):
        methods.load("cap")({"policy": str(policy), "search": "random"}, "cap")
    headless = tmp_path / "headless"
    make_family("llama", tokenizer).model.save_pretrained(headless)
    tokenizer.save_pretrained(headless)
    torn = tmp_path / "torn"
    make_family("llama", tokenizer).save_pretrained(torn)
    tokenizer.save_pretrained(torn)
    (torn / "tokenizer.json").write_text("{]")
    untokenized = tmp_path / "untokenized"
    make_family("llama", tokenizer).save_pretrained(untokenized)
    for folder, line in (
        (headless, "no weights lm_head.weight"),
        (torn, "tokenizer"),
        (untokenized, "tokenizer"),
        (tmp_path / "nowhere", "no such"),
    ):
        with pytest.raises(LetheError, match=rf"^cap\.policy: {folder}") as refused:
            attached(model, encoder, pairs, folder)
        assert line in str(refused.value)
        assert "\n" not in str(refused.value)
    assert carried_by(model) == ()


def test_what_does_not_belong_together_is_refused(model, encoder, pairs, policy):
    found = attached(model, encoder, pairs, policy)
    values, tensors = found.values(), found.tensors()
    with pytest.raises(ValueError, match="tokenizer cannot be read"):
        Intervention(**{**values, "tokenizer": "{]"}, **tensors)
    with pytest.raises(ValueError, match="gate's weights do not fit"):
        Intervention(**{**values, "terms": []}, **tensors)
    smaller = {**values, "config": {**values["config"], "num_hidden_layers": 1}}
    smaller["active"] = [True, True]
    with pytest.raises(LetheError, match="weights do not fit its configuration"):
        Intervention(**smaller, **tensors).question("Why?")
    assert json.loads(json.dumps(values)) == values
