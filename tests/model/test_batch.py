import dataclasses

import pytest
import torch
from helpers.small_models import (
    CLOSE,
    FAMILIES,
    alone,
    distance,
    gradients,
    make_family,
    plain,
    sums,
    token_mean,
)
from torch.nn.functional import cross_entropy

from lethe.model.batch import BLOCK, pack
from lethe.model.forward import Forward, project


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request, tokenizer):
    return make_family(request.param, tokenizer)


def padded_loss(model, examples) -> torch.Tensor:
    """Mean over a batch's answer tokens as everyone computes it: padding, mask, ignored labels."""
    longest = max(map(len, examples))
    ids, mask, labels = [], [], []
    for example in examples:
        room = longest - len(example)
        ids.append([*example.ids, *[0] * room])
        mask.append([1] * len(example) + [0] * room)
        labels.append([-100] * example.start + [*example.ids[example.start :], *[-100] * room])
    out = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).logits
    return cross_entropy(out[:, :-1].flatten(0, 1), torch.tensor(labels)[:, 1:].flatten())


@torch.no_grad()
def test_losses_are_those_of_separate_passes(family, examples):
    answers = Forward(family).answers(pack(examples))
    expected = sums(plain(family), examples)
    assert torch.allclose(answers.sequence_nll(), expected, rtol=CLOSE, atol=0)
    assert answers.sequence_tokens().tolist() == [e.answer_tokens for e in examples]
    mean = expected.sum() / sum(e.answer_tokens for e in examples)
    assert torch.allclose(answers.mean_nll(), mean, rtol=CLOSE, atol=0)


@torch.no_grad()
def test_the_models_tell_contexts_apart(family, encoder, pairs):
    """Else the comparison above would pass whatever a token sees."""
    values = sums(plain(family), encoder.encode_all([(q, "In Paris.") for q, _ in pairs]))
    assert values.max() - values.min() > 1000 * CLOSE * values.max()


def test_gradient_is_that_of_the_padded_batch(family, examples):
    packed = gradients(family, Forward(family).answers(pack(examples)).mean_nll())
    reference = plain(family)
    padded = gradients(reference, padded_loss(reference, examples))
    assert distance(packed, padded) < CLOSE


@torch.no_grad()
def test_all_logits_are_the_models_at_the_input_tokens(family, examples):
    logits = Forward(family).all_logits(pack(examples))
    reference = plain(family)
    # A sequence's last token is no input: it predicts nothing.
    expected = torch.cat([alone(reference, example)[:-1] for example in examples])
    assert logits.shape == expected.shape
    assert float((logits - expected).abs().max() / expected.abs().max()) < CLOSE


def losses_agree(kind: str, values: dict, tokenizer, examples) -> bool:
    FAMILIES["other"] = {"model_type": kind, **values}
    try:
        model = make_family("other", tokenizer)
    finally:
        del FAMILIES["other"]
    with torch.no_grad():
        found = Forward(model).answers(pack(examples)).sequence_nll()
        return torch.allclose(found, sums(plain(model), examples), rtol=CLOSE, atol=0)


# Where a model computes something else than transformers does, Lethe should at least refuse it.
def test_sliding_windows(tokenizer, examples):
    # Longer than the window, else it would not matter.
    assert max(map(len, examples)) > 8
    window = {"num_key_value_heads": 2, "sliding_window": 8}
    assert losses_agree("mistral", window, tokenizer, examples)


def test_scaled_logits(tokenizer, examples):
    scaled = {"num_key_value_heads": 2, "logits_scaling": 4.0}
    assert losses_agree("granite", scaled, tokenizer, examples)


def test_families_agree_by_the_same_check(tokenizer, examples):
    """The two above fail for the reason given, not for how they are made."""
    same = {"num_key_value_heads": 2}
    assert losses_agree("mistral", same | {"sliding_window": None}, tokenizer, examples)
    assert losses_agree("granite", same | {"logits_scaling": 1.0}, tokenizer, examples)


@torch.no_grad()
def test_a_row_does_not_depend_on_its_neighbours(model, examples):
    forward = Forward(model)
    together = forward.answers(pack(examples)).sequence_nll()
    turned = forward.answers(pack(examples[::-1])).sequence_nll().flip(0)
    apart = torch.cat([forward.answers(pack([example])).sequence_nll() for example in examples])
    assert torch.allclose(together, turned, rtol=CLOSE, atol=0)
    assert torch.allclose(together, apart, rtol=CLOSE, atol=0)


@torch.no_grad()
def test_other_calls_of_the_model_stay_as_they_were(family, examples):
    """Anyone may call a loaded model as a transformers model, padding included."""
    reference = plain(family)
    example = examples[2]
    found, expected = alone(family, example), alone(reference, example)
    assert torch.allclose(found, expected, rtol=CLOSE, atol=CLOSE * float(expected.abs().max()))
    found, expected = padded_loss(family, examples), padded_loss(reference, examples)
    assert torch.allclose(found, expected, rtol=CLOSE, atol=0)


def test_no_token_is_padding(examples):
    batch = pack(examples, index=range(10, 10 + len(examples)))
    inputs = [token for example in examples for token in example.ids[:-1]]
    assert batch.ids.tolist() == [inputs]
    assert batch.index == list(range(10, 10 + len(examples)))
    for predictor, label in zip(batch.predictors.tolist(), batch.labels.tolist(), strict=True):
        # The label stands one further, but where the sequence ends and the next begins.
        follows = inputs[predictor + 1] if predictor + 1 < len(inputs) else None
        last = predictor + 1 == len(inputs) or batch.positions[0, predictor + 1] == 0
        assert last or follows == label


def test_blocks_of_attention_are_no_longer_than_their_rows(examples):
    """Each token has a place beside those of its sequence; no block has room for more."""
    some = [*examples, *examples[::-1]]
    batch = pack(some)
    packing = batch.packing
    lengths = sorted((len(example) - 1 for example in some), reverse=True)
    starts = range(0, len(some), BLOCK)
    assert len(starts) > 1
    assert packing.layout.shapes == [
        (len(lengths[start : start + BLOCK]), lengths[start]) for start in starts
    ]
    tokens = torch.arange(batch.ids.numel(), dtype=torch.float)[None, None, :, None]
    blocks = packing.spread(tokens)
    assert torch.equal(packing.collapse(blocks)[0, :, 0, 0], tokens.flatten())
    where = torch.cat([block.flatten() for block in blocks])[packing.layout.scatter]
    assert torch.equal(where, tokens.flatten())
    for block in blocks:
        # Rows are sequences from their beginning on.
        assert torch.equal(batch.positions[0, block[:, 0, 0, 0].long()], torch.zeros(len(block)))


@torch.no_grad()
def test_a_mean_over_a_step_is_the_sum_over_its_parts(model, examples):
    whole = pack(examples)
    parts = [
        dataclasses.replace(
            pack(part), rows_total=whole.rows_total, tokens_total=whole.tokens_total
        )
        for part in (examples[:2], examples[2:])
    ]
    forward = Forward(model)
    added = sum(forward.answers(part).mean_nll() for part in parts)
    assert torch.allclose(added, forward.answers(whole).mean_nll(), rtol=CLOSE, atol=0)
    assert torch.allclose(added, token_mean(plain(model), examples), rtol=CLOSE, atol=0)


def test_what_families_do_after_the_output_layer(model):
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    raw = model.get_output_embeddings()(hidden)
    model.config.logit_scale = 0.25  # Cohere
    assert torch.equal(project(model, hidden), raw * 0.25)
    model.config.logit_scale = None
    model.config.final_logit_softcapping = 2.0  # Gemma 2
    assert torch.equal(project(model, hidden), torch.tanh(raw / 2) * 2)
