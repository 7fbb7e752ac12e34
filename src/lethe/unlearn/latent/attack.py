"""Latent attacks: the shift of a prompt's states that makes a model say what it should not.

Shifts are of a decoder layer's output at prompt tokens, each no longer than a radius. They are
found by projected gradient descent with Adam, from 0, as in the code of latent adversarial training
(Sheshadri et al., arXiv 2407.15549): after each step a shift beyond its radius is scaled back.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.model import plain_rows
from lethe.model.batch import Batch, to_device
from lethe.model.forward import Answers, Forward, Remembering, decoder_layers
from lethe.model.prompt_cache import response_tokens

# Adam's decay rates, and the number beside its denominator.
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass
class Shift:
    """What is added to a layer's output at prompt tokens: ``values`` [rows, longest prompt, H].

    ``layer`` counts from 0. Rows are those of the attacked batch; a batch with the same questions
    and other answers gets the same shift.
    """

    layer: int
    values: torch.Tensor
    # The layer's output of the last pass before the shift, [T, H].
    states: torch.Tensor | None = field(default=None, repr=False)

    def at_tokens(self, batch: Batch) -> torch.Tensor:
        """The shift of each packed token of a batch with these questions, [T, H]; 0 in answers."""
        row, place, prompt = _places(batch)
        longest = self.values.shape[1]
        chosen = self.values[row, place.clamp(max=longest - 1)]
        inside = prompt & (place < longest)
        return torch.where(inside[:, None], chosen, torch.zeros_like(chosen))

    @contextmanager
    def applied(self, model, batch: Batch) -> Iterator[None]:
        """Within the block passes of a batch, which is on the model's device, are shifted."""
        added, parts = self.at_tokens(batch), []

        def add(module, inputs, output):
            hidden = output[0] if isinstance(output, tuple) else output
            parts.append(plain_rows.at_tokens(hidden.detach()))
            rows = plain_rows.running()
            shift = added[None] if rows is None else rows.spread(added)
            if shift.shape != hidden.shape:
                raise LetheError(
                    f"{type(model).__name__}: its layers do not put out one state for each "
                    "token, so they cannot be attacked; leave the attack out"
                )
            new = hidden + shift.to(hidden.dtype)
            return (new, *output[1:]) if isinstance(output, tuple) else new

        hook = decoder_layers(model)[self.layer].register_forward_hook(add)
        try:
            yield
        finally:
            hook.remove()
        self.states = plain_rows.joined(parts) if parts else None


def find(model, batch: Batch, attack: Any) -> Shift:
    """The shift that makes a batch's answers likeliest, found by ``attack.steps`` passes.

    ``attack``: settings (``lethe.unlearn.latent.settings``). The loss is the sum of the rows' mean
    negative log-likelihoods, so a row's shift does not depend on the others.
    """
    batch = to_device(batch, model.device)
    row, place, prompt = _places(batch)
    size = (batch.rows, int(place[prompt].max()) + 1, model.config.get_text_config().hidden_size)
    shift = Shift(layer_of(model, attack.attack_layer), torch.zeros(size, device=model.device))
    # In units of each token's radius, so that a first step is ``rate`` radii long.
    unit, radius = torch.zeros_like(shift.values), torch.zeros_like(shift.values[..., :1])
    mean, square = torch.zeros_like(unit), torch.zeros_like(unit)
    for step in range(1, attack.attack_steps + 1):
        gradient = _gradient(model, batch, shift)
        if step == 1:
            lengths = shift.states[prompt].float().norm(dim=-1, keepdim=True)
            own = lengths if attack.radius_of == "states" else torch.ones_like(lengths)
            radius[row[prompt], place[prompt]] = attack.radius * own
        gradient = gradient * radius
        mean = BETA1 * mean + (1 - BETA1) * gradient
        square = BETA2 * square + (1 - BETA2) * gradient.square()
        slope = (mean / (1 - BETA1**step)) / ((square / (1 - BETA2**step)).sqrt() + EPSILON)
        unit = unit - attack.attack_rate / size[2] ** 0.5 * slope
        unit = unit / unit.norm(dim=-1, keepdim=True).clamp(min=1)
        shift.values = unit * radius
    return shift


def layer_of(model, layer: int | None) -> int:
    """The layer, from 0, that is attacked; None: the last of the first quarter."""
    depth = len(decoder_layers(model))
    layer = max(depth // 4 - 1, 0) if layer is None else layer
    if layer >= depth:
        raise LetheError(
            f"attack_layer: {layer}, but the model has layers 0 to {depth - 1}; choose one of them"
        )
    return layer


class Shifted(Remembering):
    """Forward passes in which the questions of ``batches`` are shifted, others not.

    A batch is known by its list ``index``, which its copies share.
    """

    def __init__(self, model, shift: Shift, batches: Sequence[Batch]):
        super().__init__(model)
        self.shift, self.batches = shift, batches

    def answers(self, batch: Batch) -> Answers:
        with self._shifting(batch):
            return super().answers(batch)

    def all_logits(self, batch: Batch) -> torch.Tensor:
        with self._shifting(batch):
            return super().all_logits(batch)

    def hidden(self, batch: Batch, layer: int | None) -> torch.Tensor:
        with self._shifting(batch):
            return super().hidden(batch, layer)

    @contextmanager
    def _shifting(self, batch: Batch) -> Iterator[None]:
        if not any(batch.index is own.index for own in self.batches):
            yield
            return
        with self.shift.applied(self.model, to_device(batch, self.model.device)):
            yield


def _gradient(model, batch: Batch, shift: Shift) -> torch.Tensor:
    """The gradient of the batch's loss by the shift's values."""
    with torch.enable_grad():
        shift.values = shift.values.detach().requires_grad_()
        with shift.applied(model, batch):
            answers = Forward(model).answers(batch)
        nll = (answers.sequence_nll() / answers.sequence_tokens()).sum()
        (gradient,) = torch.autograd.grad(nll, [shift.values])
    shift.values = shift.values.detach()
    return gradient


def _places(batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each packed token, [T]: its row, its place there, and whether it is in the prompt."""
    scatter, longest = batch.packing.scatter, batch.packing.gather.shape[1]
    return scatter // longest, scatter % longest, ~response_tokens(batch)
