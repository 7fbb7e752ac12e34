"""Prompts with gradients, responses on their cache with constants: by transformers alone.

What a gradient mask of ``lethe.unlearn.latent`` must amount to, in two passes of a plain model.
"""

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from transformers import DynamicCache


class Cut(DynamicCache):
    """A cache that, once ``cut``, passes no gradient to keys and values that come in."""

    cut = False

    def update(self, key_states, value_states, *args, **kwargs):
        if self.cut:
            key_states, value_states = key_states.detach(), value_states.detach()
        return super().update(key_states, value_states, *args, **kwargs)


def split_nll(model, example, prompt: int, attention: bool, constants=None) -> torch.Tensor:
    """Negative log-likelihood of each answer token; ``prompt``: how many tokens have gradients.

    ``attention``: whether response tokens pass each other no gradients by attention. ``constants``:
    what the parameters are at response tokens, by default the model's values.
    """
    ids, cache = torch.tensor([example.ids[:-1]]), Cut(config=model.config)
    if constants is None:
        constants = dict(model.named_parameters())
    constants = {name: p.detach() for name, p in constants.items()}
    logits = []
    if prompt:
        out = model(input_ids=ids[:, :prompt], past_key_values=cache, use_cache=True)
        logits.append(out.logits[0])
    cache.cut = attention
    if prompt < ids.shape[1]:
        given = {"input_ids": ids[:, prompt:], "past_key_values": cache, "use_cache": True}
        logits.append(functional_call(model, constants, (), given).logits[0])
    labels = torch.tensor(example.ids[example.start :])
    return cross_entropy(torch.cat(logits)[example.start - 1 :], labels, reduction="none")
