"""Passes with another model's prompt cache, against transformers' own caches."""

import pytest
import torch
from helpers.family_outcomes import tokenizer as family_tokenizer
from helpers.small_models import make_family, plain
from helpers.tiny_families import build, configuration
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from lethe.common.errors import LetheError
from lethe.model import attached
from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.model.prompt_cache import check_packed, exchanging, recorded, with_cache
from lethe.model.token_mixing import Mixing


def after_prompt_of(start, model, example) -> torch.Tensor:
    """Mean loss of an answer by ``model``, with ``start``'s keys and values at the whole prompt.

    The state of the last prompt token, which predicts the first answer token, is ``model``'s own.
    """
    ids, prompt = torch.tensor([example.ids]), example.start
    cache = DynamicCache(config=start.config)
    start(input_ids=ids[:, :prompt], past_key_values=cache, use_cache=True)
    last = [(layer.keys[:, :, -1:], layer.values[:, :, -1:]) for layer in cache.layers]

    class Given(DynamicCache):
        """Takes the start's keys and values for the first token that comes in."""

        def update(self, key_states, value_states, layer_idx, *args, **kwargs):
            key, value = last[layer_idx]
            key_states = torch.cat([key, key_states[:, :, 1:]], 2)
            value_states = torch.cat([value, value_states[:, :, 1:]], 2)
            return super().update(key_states, value_states, layer_idx, *args, **kwargs)

    both = Given(config=model.config)
    for number, layer in enumerate(cache.layers):
        DynamicCache.update(both, layer.keys[:, :, :-1], layer.values[:, :, :-1], number)
    logits = model(input_ids=ids[:, prompt - 1 :], past_key_values=both, use_cache=True).logits[0]
    return cross_entropy(logits[:-1], torch.tensor(example.ids[prompt:]))


@pytest.mark.parametrize("name", ["llama", "llama_gqa", "qwen2", "gpt_neox", "phi"])
def test_own_answers_after_another_models_prompt(name, tokenizer, examples):
    start, model = make_family(name, tokenizer, 1), make_family(name, tokenizer, 2)
    batch = pack(examples)
    with torch.no_grad():
        cache = recorded(start, batch)
        found = Forward(model).answers(with_cache(batch, cache))
        plainly = Forward(model).answers(batch)
        means = found.sequence_nll() / found.sequence_tokens()
        for row, example in enumerate(examples):
            wanted = after_prompt_of(plain(start), plain(model), example)
            assert means[row].item() == pytest.approx(wanted.item(), rel=1e-4)
    assert not torch.allclose(found.logits, plainly.logits, atol=0.1)


def test_a_models_own_cache_changes_no_bit(model, examples):
    batch = pack(examples)
    with torch.no_grad():
        plainly = Forward(model).answers(batch).logits
        own = with_cache(batch, recorded(model, batch))
        assert torch.equal(Forward(model).answers(own).logits, plainly)


def test_a_batch_is_exchanged_once(examples):
    batch = exchanging(pack(examples), lambda key, value: (key, value))
    with pytest.raises(AssertionError, match="already"):
        with_cache(batch, [])


def test_families_with_attention_of_their_own_are_refused():
    model = build(configuration("falcon", family_tokenizer()))
    attached.update_model(model, mixing=Mixing())
    check_packed(model, "phrasings")
    attached.update_model(model, mixing=Mixing(until=16, beyond_layout="alone"))
    with pytest.raises(LetheError, match=r"^phrasings needs .* FalconForCausalLM"):
        check_packed(model, "phrasings")
