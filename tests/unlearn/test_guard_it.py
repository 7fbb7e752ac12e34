"""GUARD-IT: what is not gated keeps every bit, what is gated its length; gates and clusters."""

import copy

import numpy as np
import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain, token_nll

from lethe.common.errors import LetheError
from lethe.model import prompt_similarity
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers
from lethe.model.generate import greedy
from lethe.model.intervention import carried_by
from lethe.model.interventions.steering import Intervention, turn
from lethe.model.likelihood import mean_losses
from lethe.unlearn import methods
from lethe.unlearn.methods.guard_it import _directions, _means
from lethe.unlearn.supervision import supervise

FORGET = [0, 1, 3]


@pytest.fixture(scope="session")
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


def steer(model, encoder, pairs, **settings) -> Intervention:
    """Put GUARD-IT on a model."""
    method = methods.load("guard_it")({"layer": 0, "clusters": 2, **settings})
    rest = [pair for row, pair in enumerate(pairs) if row not in FORGET]
    data = supervise(encoder, method.needs, [pairs[row] for row in FORGET], retain=rest)
    assert list(method.run(model, data, 0)) == [(1, 1)]
    return carried_by(model)[0]


def gated(intervention, prompts) -> list[int]:
    return intervention.gate(
        prompt_similarity.count(prompts, len(intervention.data["idf"]))
    ).tolist()


@pytest.fixture
def bare(model):
    return copy.deepcopy(model)


@pytest.fixture
def intervention(model, encoder, pairs, bare):
    return steer(model, encoder, pairs)


@pytest.fixture
def prompts(encoder, pairs):
    return [encoder.prompt_ids(question) for question, _ in pairs]


@pytest.fixture
def probes(encoder, pairs):
    """Each question with three answers: trees that share their prompts."""
    return encoder.encode_all(
        [(q, a) for a in ("Paris.", "A baker, it was.", "") for q, _ in pairs]
    )


def by_hand(model, intervention, cluster: int):
    """The bare model, run by transformers, with the paper's formula put in by hand."""
    other = plain(model)
    if cluster < 0:
        return other

    def rotate(module, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        moved = hidden - intervention.strength * intervention.data["directions"][cluster]
        moved = moved * hidden.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True)
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    decoder_layers(other)[intervention.layer].register_forward_hook(rotate)
    return other


def generated(model, prompt) -> list[int]:
    """What transformers' own greedy search says, to 60 tokens with the prompt."""
    model.generation_config.eos_token_id = None
    ids = torch.tensor([prompt])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_length=60, do_sample=False, pad_token_id=0
    )
    return out[0, len(prompt) :].tolist()


def test_some_are_gated_and_some_are_not(intervention, prompts):
    chosen = gated(intervention, prompts)
    assert all(chosen[row] >= 0 for row in FORGET)
    assert sum(cluster < 0 for cluster in chosen) >= 3
    # Both clusters are used, else the choice between them would go untested.
    assert {0, 1} <= {*chosen}


def test_what_is_not_gated_keeps_every_bit(intervention, model, bare, prompts, probes):
    """In batches together with what is."""
    chosen = gated(intervention, prompts)
    losses, before = mean_losses(model, probes), mean_losses(bare, probes)
    answers, said = (greedy(m, prompts, 60, 1) for m in (model, bare))
    for number, (now, then) in enumerate(zip(losses, before, strict=True)):
        assert (now == then) == (chosen[number % len(prompts)] < 0)
    for number, cluster in enumerate(chosen):
        if cluster < 0:
            assert answers[number] == said[number]
    assert answers != said
    batch = pack(probes)
    with torch.no_grad():
        after, at_first = Forward(model).all_logits(batch), Forward(bare).all_logits(batch)
    row = torch.repeat_interleave(torch.tensor([len(e) - 1 for e in probes])) % len(prompts)
    passed = torch.tensor(chosen)[row] < 0
    assert torch.equal(after[passed], at_first[passed])
    assert (after[~passed] != at_first[~passed]).any(dim=1).all()


@pytest.mark.parametrize("name", sorted(FAMILIES))
@torch.no_grad()
def test_likelihoods_are_those_of_plain_passes(name, tokenizer, encoder, pairs, prompts, probes):
    model = make_family(name, tokenizer)
    bare = copy.deepcopy(model)
    intervention = steer(model, encoder, pairs)
    chosen = gated(intervention, prompts)
    models = {cluster: by_hand(bare, intervention, cluster) for cluster in {*chosen}}
    expected = [
        token_nll(models[chosen[number % len(prompts)]], example).mean()
        for number, example in enumerate(probes)
    ]
    found = torch.tensor(mean_losses(model, probes))
    assert torch.allclose(found, torch.stack(expected), rtol=CLOSE, atol=0)
    # A budget of one tree each, and single rows.
    assert torch.allclose(found, torch.tensor(mean_losses(model, probes, 1)), rtol=CLOSE, atol=0)
    alone = [mean_losses(model, [example])[0] for example in probes]
    assert torch.allclose(found, torch.tensor(alone), rtol=CLOSE, atol=0)


@torch.no_grad()
def test_generations_are_those_of_plain_generation(intervention, model, bare, prompts):
    chosen = gated(intervention, prompts)
    wanted = [
        generated(by_hand(bare, intervention, cluster), prompt)
        for prompt, cluster in zip(prompts, chosen, strict=True)
    ]
    # An end that some rows reach, others not: rows leave the batch, and gates must go with them.
    counts = {t: sum(t in answer for answer in wanted) for answer in wanted for t in answer}
    end = next(t for t, number in counts.items() if 2 <= number <= 4)
    cut = [answer[: answer.index(end)] if end in answer else answer for answer in wanted]
    assert len({*map(len, cut)}) > 2
    for size in (1, 3, 128):
        assert greedy(model, prompts, 60, end, size) == cut


@torch.no_grad()
def test_transformers_own_generation_goes_through_it(intervention, model, prompts):
    theirs = [generated(plain(model), prompt) for prompt in prompts]
    unsaid = min({*range(300)} - {token for answer in theirs for token in answer})
    assert greedy(model, prompts, 60, unsaid) == theirs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_turning_keeps_lengths(dtype):
    draw = torch.Generator().manual_seed(0)
    hidden = (10 * torch.randn(3, 5, 32, generator=draw)).to(dtype)
    away = torch.randn(32, generator=draw) * 20
    turned = turn(hidden, away)
    assert turned.dtype == dtype
    norms, before = turned.float().norm(dim=-1), hidden.float().norm(dim=-1)
    # Each component is rounded to the dtype's 24 or 8 bits.
    assert torch.allclose(norms, before, rtol=4 * torch.finfo(dtype).eps)
    angle = torch.cosine_similarity(turned.float(), hidden.float(), dim=-1)
    assert (angle < 0.9).all()
    nothing = turn(hidden, torch.zeros(32))
    assert torch.allclose(nothing.float(), hidden.float(), rtol=torch.finfo(dtype).eps)


def test_states_keep_their_length_in_the_model(intervention, model, bare, probes):
    batch = pack(probes)
    with torch.no_grad():
        states, before = (Forward(m).hidden(batch, intervention.layer) for m in (model, bare))
    assert not torch.equal(states, before)
    assert torch.allclose(states.norm(dim=-1), before.norm(dim=-1), rtol=1e-6)


def test_a_copy_has_gates_of_its_own(intervention, model, probes):
    """A frozen copy of a wrapped model, as KL terms have it, is wrapped by its own intervention."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        decoder_layers(other)[1].mlp.up_proj.weight.zero_()
    carried_by(other)[0].threshold = 2.0
    assert intervention.threshold <= 1
    assert mean_losses(other, probes) != mean_losses(model, probes)
    assert carried_by(other)[0] is not intervention


@torch.no_grad()
def test_directions(model, examples):
    states = _means(model, examples, 0)
    for row, example in enumerate(examples):
        alone = Forward(model).hidden(pack([example]), 0).mean(0)
        assert torch.allclose(states[row], alone, rtol=0, atol=1e-5)
    forgot, kept = states[:3], states[3:]
    f, r = forgot.mean(0), kept.mean(0)
    length = (forgot.norm(dim=-1).mean() + kept.norm(dim=-1).mean()) / 2
    expected = {
        "diff_means": f - r,
        "orthogonal": f - (f @ r) / (r @ r) * r,
        "orth_diff_means": (f - r) - ((f - r) @ r) / (r @ r) * r,
    }
    for kind, direction in expected.items():
        (found,) = _directions([forgot], kept, kind)
        assert torch.allclose(found, length * direction / direction.norm(), rtol=0, atol=1e-4)
        assert found.norm() == pytest.approx(float(length), rel=1e-5)
    assert abs(_directions([forgot], kept, "orthogonal")[0] @ r) < 1e-3 * length * r.norm()


def test_a_layer_that_is_not_there_is_one_line(model, encoder, pairs):
    with pytest.raises(LetheError, match=r"guard_it\.layer: 2, but the model has 2"):
        steer(model, encoder, pairs, layer=2)


def test_clusters_are_found_and_counted():
    draw = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    points = np.concatenate([centre + draw.normal(size=(12, 2)) for centre in centres])
    labels = prompt_similarity.clusters(points, None, 20, 0)
    assert [len({*labels[i : i + 12]}) for i in (0, 12, 24)] == [1, 1, 1]
    assert {*labels} == {0, 1, 2}
    assert {*prompt_similarity.clusters(points, 2, 20, 0)} == {0, 1}
    for few in (1, 2):
        assert prompt_similarity.clusters(points[:few], None, 20, 0).tolist() == [0] * few
    assert prompt_similarity.clusters(np.ones((4, 2)), 3, 20, 0).tolist() == [0] * 4


def test_silhouette():
    """By hand: of points 0, 1 against 5, a = 1 and b = 5 or 4; the one alone counts 0."""
    points, labels = np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1])
    assert prompt_similarity.silhouette(points, labels) == pytest.approx((4 / 5 + 3 / 4 + 0) / 3)
    assert prompt_similarity.silhouette(points, np.zeros(3, dtype=int)) == 0


def test_thresholds():
    near, far = np.array([0.8, 0.7, 0.4]), np.array([0.1, 0.2, 0.5])
    # 2 of 3 above 0.5 without any of the others; all three with one of them is no better at 1.
    assert 0.5 < prompt_similarity.youden(near, far, 2.0) < 0.7
    assert 0.2 < prompt_similarity.youden(near, far, 0.5) < 0.4
    separate = prompt_similarity.youden(np.array([0.9, 0.8]), np.array([0.2, 0.1]), 1.0)
    assert separate == pytest.approx(0.5, abs=0.01)


def test_tokens_of_every_text_weigh_nothing():
    counted = prompt_similarity.count([[1, 2, 2], [1, 3], [1, 4]], 6)
    assert counted.tolist() == [[0, 1, 2, 0, 0, 0], [0, 1, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0]]
    idf = prompt_similarity.inverse_frequency(counted)
    assert idf[1] == 0
    assert idf[2] == pytest.approx(np.log(4 / 2))
    assert idf[5] == pytest.approx(np.log(4))
    points = prompt_similarity.vectors(counted, idf)
    assert points.norm(dim=-1).tolist() == pytest.approx([1, 1, 1])
    assert points[0, 2] == 1
    assert prompt_similarity.vectors(prompt_similarity.count([[1, 1]], 6), idf).tolist() == [
        [0.0] * 6
    ]
