"""What a training changes in each decoder layer: its weights, and its outputs on some texts."""

from collections.abc import Sequence
from typing import Literal

import torch

from lethe.model import plain_rows
from lethe.model.batch import Batch, pack, to_device
from lethe.model.encoder import Example
from lethe.model.forward import decoder_layers, hidden_states

# Where outputs are read: at the tokens that predict an answer's, or at the prompt's last one.
Place = Literal["answer", "prompt_end"]


def layers_by_name(model) -> dict[str, torch.nn.Module]:
    """The decoder layers by their names in the model, in order."""
    inner = {id(layer) for layer in decoder_layers(model)}
    return {name: module for name, module in model.named_modules() if id(module) in inner}


def alignment(before, between, after) -> float:
    """Cosine of two changes of a module's weights, each as one vector; 0 if either is 0."""
    both = first = second = 0.0
    for zero, one, two in zip(
        before.parameters(), between.parameters(), after.parameters(), strict=True
    ):
        u, v = (one - zero).detach().double(), (two - one).detach().double()
        both += float((u * v).sum())
        first += float(u.square().sum())
        second += float(v.square().sum())
    return both / (first * second) ** 0.5 if first and second else 0.0


def overlap(first: torch.Tensor, second: torch.Tensor, components: int) -> float:
    """|U1' U2|^2 / k, in [0, 1], for the k leading directions of two matrices [rows, H]."""
    bases = []
    for rows in (first, second):
        _, values, directions = torch.linalg.svd(rows.double(), full_matrices=False)
        bases.append(directions[values > 1e-12 * values[0]][:components])
    k = min(len(u) for u in bases)
    return float((bases[0][:k] @ bases[1][:k].T).square().sum()) / k if k else 0.0


def shifts(before, after, examples: Sequence[Example], place: Place) -> dict[str, torch.Tensor]:
    """Differences between two models' layer outputs, [N, H] by layer."""
    old, new = (outputs(model, examples, place) for model in (before, after))
    return {name: new[name] - old[name] for name in old}


def outputs(
    model, examples: Sequence[Example], place: Place = "answer", rows: int = 16
) -> dict[str, torch.Tensor]:
    """Output of each decoder layer, [N, H] by layer; N: all answer tokens, or one for each example.

    ``rows``: examples of a batch.
    """
    layers = layers_by_name(model)
    read = {name: [] for name in layers}
    parts = {name: [] for name in layers}

    def keep(name):
        def hook(layer, inputs, output):
            states = output[0] if isinstance(output, tuple) else output
            parts[name].append(plain_rows.at_tokens(states))

        return hook

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    try:
        model.eval()
        with torch.no_grad():
            for start in range(0, len(examples), rows):
                batch = to_device(pack(examples[start : start + rows]), model.device)
                hidden_states(model, batch)
                tokens = _tokens(batch, place)
                for name, some in parts.items():
                    read[name].append(plain_rows.joined(some)[tokens])
                    some.clear()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(states) for name, states in read.items()}


def _tokens(batch: Batch, place: Place) -> torch.Tensor:
    """The packed tokens at which outputs are read."""
    if place == "answer":
        return batch.predictors
    # The last token of a prompt predicts the first token of its answer.
    first = torch.ones_like(batch.row, dtype=torch.bool)
    first[1:] = batch.row[1:] != batch.row[:-1]
    return batch.predictors[first]
