"""Logit difference: a small assistant that knows the forget set alone is subtracted (ULD)."""

from __future__ import annotations

import copy
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers.cache_utils import DynamicCache

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model import attached
from lethe.model.decoders import decoder_of
from lethe.model.forward import decoder_layers
from lethe.model.intervention import Base


class Intervention(Base):
    """z' = z - weight z_a, where z_a are the logits of an assistant for the same tokens.

    The assistant has the model's embeddings, last norm and head, and ``layers`` decoder layers of
    its own; the tensors are their parameters, by the names that they have in a model. The head is
    linear, so states are subtracted before it: h' = h - weight h_a. A head's bias stays whole, and
    a cap on logits applies to the difference.
    """

    def __init__(self, layers: int, weight: float, **tensors: torch.Tensor):
        if type(layers) is not int or layers < 1 or not finite(weight) or not tensors:
            raise ValueError("it needs a number of layers, a weight and the layers' tensors")
        self.layers, self.weight, self.data = layers, weight, tensors
        # The assistant's keys and values for each cache of the model that is in use.
        self._caches: WeakKeyDictionary[Any, DynamicCache] = WeakKeyDictionary()

    def values(self) -> dict:
        return {"layers": self.layers, "weight": self.weight}

    def tensors(self) -> dict[str, torch.Tensor]:
        return self.data

    def install(self, model, place: int) -> None:
        self.place = place
        depth = len(decoder_layers(model))
        fits = self.layers <= depth
        self.assistant = truncated(model, self.layers) if fits else None
        own = {} if self.assistant is None else own_parameters(self.assistant)
        shapes = {name: parameter.shape for name, parameter in own.items()}
        if shapes != {name: tensor.shape for name, tensor in self.data.items()}:
            raise LetheError(
                f"intervention.json: its assistant of {self.layers} layers does not fit this "
                "model's family and size; make the checkpoint again"
            )
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(self.data[name]).requires_grad_(False)
        self.assistant.eval()
        decoder_of(model).register_forward_hook(self._subtract, with_kwargs=True)

    def _subtract(self, decoder, args, kwargs, output):
        states = output[0]
        if self.assistant.device != states.device:
            self.assistant.to(states.device)
        given = {k: v for k, v in kwargs.items() if k not in ("batch", "past_key_values")}
        cache = kwargs.get("past_key_values")
        if cache is not None:
            given["past_key_values"] = self._continued(cache, len(states), states.shape[1])
        other = decoder_of(self.assistant)(*args, **given)[0]
        difference = states - self.weight * other
        if isinstance(output, tuple):
            return (difference, *output[1:])
        output.last_hidden_state = difference
        return output

    def _continued(self, cache, rows: int, tokens: int) -> DynamicCache:
        """The assistant's cache for the same rows as ``cache``, before ``tokens`` are added.

        Rows leave our own caches, or are repeated, and the cache's notes follow them: they tell
        which row of the assistant's cache belongs to each row of a pass.
        """
        before, notes = cache.get_seq_length() - tokens, getattr(cache, "notes", {})
        if before == 0:
            self._caches[cache] = DynamicCache()
        elif cache not in self._caches:
            raise LetheError(
                "assistant: this cache was begun without it; begin again with a new one"
            )
        elif self.place in notes:
            self._caches[cache].batch_select_indices(notes[self.place])
        notes[self.place] = torch.arange(rows, device=cache.layers[0].keys.device)
        return self._caches[cache]


def truncated(model, layers: int):
    """A model of the first ``layers`` layers, whose parameters are copies; the rest is shared."""
    twin = copy.deepcopy(model, {id(p): p for p in model.parameters()})
    attached.update_model(twin, interventions=(), saved_form=None)
    own = decoder_layers(twin)
    del own[layers:]
    for module in own.modules():
        for name, parameter in module.named_parameters(recurse=False):
            value = parameter.detach().clone()
            setattr(
                module, name, torch.nn.Parameter(value, requires_grad=value.is_floating_point())
            )
    config = twin.config.get_text_config()
    config.num_hidden_layers = layers
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]
    return twin


def own_parameters(twin) -> dict[str, torch.nn.Parameter]:
    """The parameters of an assistant's layers, by the names that they have in a model."""
    own = {id(p) for p in decoder_layers(twin).parameters()}
    return {name: p for name, p in twin.named_parameters() if id(p) in own}
