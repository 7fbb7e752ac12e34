"""Activation patching: a decoder layer's output at some tokens is replaced by another model's.

What the patched model still says shows what the other model's states carry up to that layer. Works
for any causal LM whose layers are known (``lethe.model.forward.decoder_layers``), in every layout
of its batches.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model import plain_rows
from lethe.model.batch import Batch
from lethe.model.forward import decoder_layers, hidden_states, project


def layer_outputs(model, batch: Batch, places: torch.Tensor) -> list[torch.Tensor]:
    """The output of every decoder layer at the packed tokens ``places`` [P]: [P, H] each.

    One pass of the model. LetheError if a layer's output is not one state for each token.
    """
    layers = decoder_layers(model)
    parts: list[list[plain_rows.Part]] = [[] for _ in layers]

    def noting(number: int):
        return lambda module, inputs, output: parts[number].append(
            plain_rows.at_tokens(_states(output))
        )

    hooks = [layer.register_forward_hook(noting(n)) for n, layer in enumerate(layers)]
    try:
        hidden_states(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    outputs = [plain_rows.joined(some) for some in parts]
    if any(len(states) != batch.ids.numel() for states in outputs):
        raise LetheError(
            f"{type(model).__name__}: its layers do not put out one state for each token, so no "
            "other model's states can take their place; leave out what patches them"
        )
    return [states[places] for states in outputs]


@contextmanager
def patched(model, layer: int, places: torch.Tensor, states: torch.Tensor) -> Iterator[None]:
    """Within the block a layer puts out ``states`` [P, H] at the packed tokens ``places`` [P]."""

    def replace(module, inputs, output):
        new = _written(_states(output), places, states)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    hook = decoder_layers(model)[layer].register_forward_hook(replace)
    try:
        yield
    finally:
        hook.remove()


def nll_at(model, batch: Batch, chosen: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood (nats) of the ``chosen`` [N] of a batch's answer tokens, [P]."""
    states = hidden_states(model, batch)[batch.predictors[chosen]]
    return cross_entropy(project(model, states).float(), batch.labels[chosen], reduction="none")


def check_alike(model, other) -> None:
    """LetheError unless two models have one architecture, as patching of states requires."""
    sizes, others = _sizes(model), _sizes(other)
    if sizes != others:
        raise LetheError(
            f"states can only be patched between models of one architecture, but one is "
            f"{_named(sizes)} and the model before unlearning {_named(others)}; "
            "name checkpoints that were trained from the same base"
        )


def _sizes(model) -> tuple[str, int, int]:
    config = model.config.get_text_config()
    return config.model_type, len(decoder_layers(model)), config.get_text_config().hidden_size


def _named(sizes: Sequence) -> str:
    family, layers, width = sizes
    return f"{family} with {layers} layers of width {width}"


def _states(output) -> torch.Tensor:
    return output[0] if isinstance(output, tuple) else output


def _written(hidden: torch.Tensor, places: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """A copy of a layer's output with ``states`` at the packed tokens ``places`` of this pass."""
    flat = hidden.reshape(-1, hidden.shape[-1]).clone()
    states = states.to(flat.dtype)
    rows = plain_rows.running()
    if rows is None:
        flat[places] = states
    else:
        which = places.new_full((rows.batch.ids.numel(),), -1)
        which[places] = torch.arange(len(places), device=places.device)
        own = which[rows.tokens]
        flat[rows.places[own >= 0]] = states[own[own >= 0]]
    return flat.view(hidden.shape)
