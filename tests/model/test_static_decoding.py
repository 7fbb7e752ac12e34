import pytest
import torch
from helpers.small_models import FAMILIES, make_family

from lethe.model import attention, generate, static_decoding
from lethe.model.attention import eager
from lethe.model.generate import continuations, greedy


@pytest.fixture
def fixed(monkeypatch):
    """Steps with a cache of fixed size on a processor too, without a recording."""

    def use(rows: int = 8, share: float = 1 / 4):
        monkeypatch.setattr(static_decoding, "suits", lambda model: True)
        monkeypatch.setattr(static_decoding, "ROWS", rows)
        monkeypatch.setattr(static_decoding, "SHARE", share)

    return use


def prompts(examples) -> list[list[int]]:
    return [list(example.ids[: example.start]) for example in examples]


@pytest.mark.parametrize(("rows", "share"), [(8, 1 / 4), (1, 1.0), (2, 1 / 2)])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_tokens_are_those_of_a_cache_that_grows(name, rows, share, tokenizer, examples, fixed):
    model, end = make_family(name, tokenizer), tokenizer.eos_token_id
    pairs = zip(prompts(examples), (3, 30, 1, 12, 7, 0, 20), strict=True)
    limits = [len(prompt) + extra for prompt, extra in pairs]
    wanted = greedy(model, prompts(examples), limits, end)
    assert len(set(map(len, wanted))) > 3
    fixed(rows, share)
    assert greedy(model, prompts(examples), limits, end) == wanted


def test_rows_that_end_are_not_read_again(tokenizer, examples, fixed):
    """Each row ends at a time of its own, at its end token."""
    model, end = make_family("llama", tokenizer), tokenizer.eos_token_id

    def choose(logits, rows):
        seen.append(rows)
        return torch.tensor([end if len(seen) > 2 * (row + 1) else 5 + row for row in rows])

    seen: list[list[int]] = []
    wanted = continuations(model, prompts(examples), 90, end, choose)
    before, seen = seen, []
    fixed(1, 1.0)
    assert continuations(model, prompts(examples), 90, end, choose) == wanted
    assert [sorted(rows) for rows in seen] == [sorted(rows) for rows in before]


def test_many_batches(tokenizer, examples, fixed):
    model, end = make_family("llama_gqa", tokenizer), tokenizer.eos_token_id
    wanted = greedy(model, prompts(examples) * 3, 60, end, batch_size=4)
    fixed(2, 1 / 2)
    assert greedy(model, prompts(examples) * 3, 60, end, batch_size=4) == wanted


def test_a_processor_keeps_the_cache_that_grows(model):
    assert not static_decoding.suits(model)
    assert generate.PLACES["cpu"] == 2**15


@pytest.mark.parametrize("masked", [True, False])
def test_one_token_sees_shared_heads_without_copies(masked):
    draw = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(3, heads, length, 16, generator=draw)
        for heads, length in ((8, 1), (2, 11), (2, 11))
    )
    mask = torch.arange(11)[None, None, None, :] >= torch.tensor([0, 3, 10])[:, None, None, None]
    given = mask if masked else torch.ones(1, 1, 1, 1, dtype=torch.bool)
    wanted, _ = eager(Evaluated(), query, key, value, mask if masked else None, 0.3)
    found = attention._one_token(query, key, value, given, 0.3)
    assert found.shape == (3, 1, 8, 16)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-6)


class Evaluated:
    training = False
