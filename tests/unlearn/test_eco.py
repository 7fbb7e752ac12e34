"""ECO: noise on the names of gated prompts, and on nothing else."""

import copy

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain

from lethe.common.errors import LetheError
from lethe.model import prompt_similarity
from lethe.model.batch import pack
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.intervention import carried_by
from lethe.model.interventions.corruption import STRIDE
from lethe.model.likelihood import mean_losses
from lethe.unlearn import methods
from lethe.unlearn.supervision import supervise

FORGET = [0, 1, 3]


@pytest.fixture
def encoder(tokenizer):
    """Of its own: an intervention is named to the tokenizer."""
    return Encoder(copy.deepcopy(tokenizer), "chat", 96)


def corrupt(model, encoder, pairs, seed=3, **settings):
    """Put ECO on a model."""
    method = methods.load("eco")({"clusters": 2, "strength": 3.0, **settings})
    rest = [pair for row, pair in enumerate(pairs) if row not in FORGET]
    data = supervise(encoder, method.needs, [pairs[row] for row in FORGET], retain=rest)
    assert list(method.run(model, data, seed)) == [(1, 1)]
    return carried_by(model)[0]


def is_gated(intervention, prompt) -> bool:
    counted = prompt_similarity.count([prompt], len(intervention.data["idf"]))
    return intervention.gate(counted).item() >= 0


@torch.no_grad()
def by_hand(bare, intervention, example, scale: float) -> torch.Tensor:
    """An answer's mean loss by transformers in float64, with the prompt's embeddings changed."""
    model = plain(bare).double()
    ids = torch.tensor([example.ids])
    embeddings = model.get_input_embeddings()
    # Modules that scale embeddings do so here as well.
    given = embeddings(ids).clone()
    if is_gated(intervention, example.ids[: example.start]):
        for place, token in enumerate(example.ids[: example.start]):
            wanted = intervention.data["corrupted"].tolist()
            if not wanted or token in wanted:
                draw = torch.Generator().manual_seed(intervention.seed * STRIDE + token)
                noise = scale * torch.randn(intervention.dimensions, generator=draw)
                given[0, place, : intervention.dimensions] += noise
    embeddings.register_forward_hook(lambda *_: given)
    logits = model(input_ids=ids).logits[0, example.start - 1 : -1]
    labels = torch.tensor(example.ids[example.start :])
    return torch.nn.functional.cross_entropy(logits, labels)


@pytest.mark.parametrize("settings", [{"tokens": "all"}, {"tokens": "all", "share": 0.25}, {}])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_losses_are_those_of_plain_passes_in_double_precision(
    name, settings, tokenizer, encoder, pairs
):
    model = make_family(name, tokenizer)
    bare = copy.deepcopy(model)
    probes = encoder.encode_all([(q, a) for a in ("Paris.", "A baker.") for q, _ in pairs])
    intervention = corrupt(model, encoder, pairs, **settings)
    scale = 3.0 * bare.get_input_embeddings().weight.detach().float().std().item()
    expected = torch.stack([by_hand(bare, intervention, e, scale) for e in probes])
    found = mean_losses(model, probes)
    assert torch.allclose(torch.tensor(found).double(), expected, rtol=CLOSE, atol=0)
    changed = [a != b for a, b in zip(mean_losses(bare, probes), found, strict=True)]
    prompts = [e.ids[: e.start] for e in probes]
    assert changed == [is_gated(intervention, prompt) for prompt in prompts]
    assert 3 <= sum(changed) < len(changed)


def test_names_are_found_and_only_they_are_changed(model, encoder, pairs):
    method = methods.load("eco")({})
    rows = [(f"Where was Ada Lind born, in line {n}?", "Here.") for n in range(5)]
    data = supervise(encoder, method.needs, rows, retain=pairs)
    tokens = method._tokens(data)
    assert set(encoder.tokenizer(" Ada Lind", add_special_tokens=False).input_ids) <= set(tokens)
    assert encoder.tokenizer("?", add_special_tokens=False).input_ids[0] not in tokens


def test_generation_sees_the_corrupted_prompt(model, encoder, pairs):
    """The likeliest first token of an answer is the one with which generation begins."""
    bare, prompts = copy.deepcopy(model), [encoder.prompt_ids(q) for q, _ in pairs]
    intervention = corrupt(model, encoder, pairs, tokens="all", strength=8.0)
    now, then = (greedy(m, prompts, 60, 1, batch_size=4) for m in (model, bare))
    for prompt, said, before in zip(prompts, now, then, strict=True):
        if not is_gated(intervention, prompt):
            assert said == before
    assert now != then
    # By whole passes, without a cache, one row at a time.
    for prompt, said in zip(prompts, now, strict=True):
        example = Example((*prompt, *said), len(prompt))
        with torch.no_grad():
            logits = Forward(model).answers(pack([example])).logits
        assert logits.argmax(-1).tolist() == said


def test_the_seed_decides_the_noise(model, tokenizer, encoder, pairs):
    probes = encoder.encode_all(pairs)
    found = []
    for seed in (0, 0, 1):
        other = copy.deepcopy(model)
        corrupt(other, Encoder(copy.deepcopy(tokenizer), "chat", 96), pairs, seed, tokens="all")
        found.append(mean_losses(other, probes))
    assert found[0] == found[1] != found[2]


def test_embeddings_in_place_of_tokens_are_refused(model, encoder, pairs):
    corrupt(model, encoder, pairs)
    with pytest.raises(LetheError, match="corruption: the gate reads token ids"):
        model(inputs_embeds=torch.zeros(1, 3, model.config.hidden_size))
