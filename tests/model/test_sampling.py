"""Sampled answers: their distribution, their seeds, and the prompt that they share."""

import numpy as np
import pytest
import torch
from helpers import tiny_families

from lethe.model import checkpoint, decoding, generate, sampling, token_mixing
from lethe.model.sampling import Sampling, drawn, sampled, stream

# Chi-square of 5 degrees of freedom: a right sampler exceeds this once in a million seeds.
CHI_SQUARE = 35.9


@pytest.fixture(scope="module")
def prompts(encoder, pairs):
    return [encoder.prompt_ids(question) for question, _ in pairs[:4]]


@pytest.fixture(scope="module")
def keys(pairs):
    return [question for question, _ in pairs[:4]]


def answers(model, prompts, keys, how, size=None, length=14):
    limits = [len(prompt) + length for prompt in prompts]
    return sampled(model, prompts, keys, limits, 0, how, size)


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """By the definition: the likeliest tokens whose sum reaches top_p, renormalised."""
    kept, total = np.zeros_like(probabilities), 0.0
    for token in np.argsort(-probabilities, kind="stable"):
        if total >= top_p:
            break
        kept[token] = probabilities[token]
        total += probabilities[token]
    return kept / kept.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1e-9, 0.3, 0.8, 1.0])
def test_tokens_have_the_shares_of_softmax_and_nucleus(temperature, top_p):
    logits = torch.tensor([1.5, -0.5, 0.3, 2.0, -3.0, 1.5])
    weights = np.exp(logits.double().numpy() / temperature)
    wanted = nucleus(weights / weights.sum(), top_p)
    # A grid of uniform numbers measures each token's share of the interval exactly.
    count = 20_000
    grid = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    got = drawn(logits.repeat(count, 1), grid, temperature, top_p)
    shares = np.bincount(got, minlength=6) / count
    assert shares == pytest.approx(wanted, abs=2 / count)
    assert not shares[wanted == 0].any()


def test_no_token_without_probability_is_chosen():
    logits = torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf]]).repeat(3, 1)
    edges = torch.tensor([0.0, 0.5, np.nextafter(1.0, 0.0)], dtype=torch.float64)
    assert drawn(logits, edges, 1.0, 1.0).tolist() == [0, 2, 2]


def test_first_tokens_of_a_model_follow_its_softmax(model, prompts, keys):
    """The whole way, from a prompt's cache to chosen tokens, against one plain forward pass."""
    how = Sampling(4000, temperature=1.5, top_p=0.9, seed=3)
    [texts] = answers(model, prompts[:1], keys[:1], how, length=1)
    first = [text[0] if text else 0 for text in texts]
    with torch.no_grad():
        logits = model(torch.tensor([prompts[0]])).logits[0, -1].double()
    wanted = nucleus((logits / 1.5).softmax(-1).numpy(), 0.9)
    counts = np.bincount(first, minlength=len(wanted))
    assert not counts[wanted == 0].any()
    # The five likeliest tokens and the rest: cells that are large enough for the test.
    cells = np.argsort(-wanted)[:5]
    share = np.append(wanted[cells], 1 - wanted[cells].sum()) * len(first)
    got = np.append(counts[cells], len(first) - counts[cells].sum())
    assert share.min() > 5
    assert ((got - share) ** 2 / share).sum() < CHI_SQUARE


def test_a_seed_gives_the_same_samples_and_another_others(model, prompts, keys):
    first = answers(model, prompts, keys, Sampling(5, seed=1))
    assert answers(model, prompts, keys, Sampling(5, seed=1)) == first
    assert answers(model, prompts, keys, Sampling(5, seed=2)) != first
    assert all(len({tuple(text) for text in texts}) > 1 for texts in first)
    assert first[0] != first[1]


def test_samples_do_not_depend_on_the_batch(model, prompts, keys):
    how = Sampling(6, seed=1)
    together = answers(model, prompts, keys, how)
    # Fewer rows than samples of a question, no whole number of questions, one row at a time.
    for size in (4, 7, 13, 1):
        assert answers(model, prompts, keys, how, size) == together
    backwards = answers(model, prompts[::-1], keys[::-1], how)
    assert backwards[::-1] == together
    alone = answers(model, prompts[2:3], keys[2:3], how)
    assert alone == together[2:3]
    fewer = answers(model, prompts, keys, Sampling(2, seed=1))
    assert fewer == [texts[:2] for texts in together]


def test_a_model_without_our_cache_gives_the_same_samples(model, prompts, keys, monkeypatch):
    how = Sampling(4, seed=1)
    cached = answers(model, prompts, keys, how)
    used = []

    def recomputed(*arguments):
        used.append(arguments)
        return decoding.recomputed(*arguments)

    monkeypatch.setitem(sampling.GENERATORS, token_mixing.CACHED, recomputed)
    assert answers(model, prompts, keys, how) == cached
    assert used


def test_all_samples_of_a_question_share_one_pass_over_its_prompt(
    model, prompts, keys, monkeypatch
):
    widths, step = [], decoding._next

    def counted(model, ids, *others):
        widths.append(tuple(ids.shape))
        return step(model, ids, *others)

    answers(model, prompts, keys, Sampling(1))
    monkeypatch.setattr(decoding, "_next", counted)
    answers(model, prompts, keys, Sampling(9))
    assert widths[0] == (len(prompts), max(map(len, prompts)))
    assert widths[1][1] == 1
    assert widths[1][0] > len(prompts)
    assert all(width == 1 for _, width in widths[1:])


def test_a_cold_sample_is_the_greedy_answer(model, prompts, keys):
    limits = [len(prompt) + 20 for prompt in prompts]
    wanted = generate.greedy(model, prompts, limits, 0)
    got = sampled(model, prompts, keys, limits, 0, Sampling(3, temperature=1e-6))
    assert got == [[text] * 3 for text in wanted]
    assert sampled(model, prompts, keys, limits, 0, Sampling(3, top_p=1e-9)) == got


def test_streams_belong_to_seed_question_and_number():
    first = stream(0, "Who?", 1, 5)
    assert stream(0, "Who?", 1, 9)[:5].tolist() == first.tolist()
    others = [stream(1, "Who?", 1, 5), stream(0, "Whom?", 1, 5), stream(0, "Who?", 2, 5)]
    assert all(other.tolist() != first.tolist() for other in others)
    assert sampled(None, [], [], [], 0, Sampling(2)) == []


@pytest.mark.parametrize("name", ["gpt2", "bloom", "gemma2", "gpt_oss", "lfm2", "mamba"])
def test_every_way_to_mix_tokens_is_sampled(name, tokenizer, prompts, keys, tmp_path):
    """With our cache or, but for two of these, without one: a cold sample is the greedy answer."""
    config = tiny_families.configuration(name, tokenizer)
    tiny_families.build(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, _ = checkpoint.load(tmp_path)
    limits = [len(prompt) + 6 for prompt in prompts]
    wanted = generate.greedy(model, prompts, limits, 0)
    cold = sampled(model, prompts, keys, limits, 0, Sampling(2, temperature=1e-6))
    assert cold == [[text] * 2 for text in wanted]
    warm = answers(model, prompts, keys, Sampling(3), length=6)
    assert answers(model, prompts, keys, Sampling(3), size=2, length=6) == warm
    assert any(texts[0] != texts[1] for texts in warm)
    cached = token_mixing.of(model).generation == token_mixing.CACHED
    assert cached is (name in ("gpt2", "gemma2"))
