"""Gated steering: for prompts near the forget set, a layer's states are rotated (GUARD-IT)."""

from typing import ClassVar

import torch

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model.forward import decoder_layers
from lethe.model.prompt_gate import Gated


class Intervention(Gated):
    """h' = (h - strength s) |h| / |h - strength s| at every token of a gated prompt and its answer.

    The gate is that of ``lethe.model.prompt_gate``; s is the nearest cluster's row of
    ``directions`` [K, H]. Other states are not changed in a single bit.
    """

    shapes: ClassVar[dict[str, int]] = {"directions": 2}

    def __init__(self, layer: int, strength: float, threshold: float, **tensors: torch.Tensor):
        super().__init__(threshold, **tensors)
        self.layer, self.strength = layer, strength
        if type(layer) is not int or not finite(strength):
            raise ValueError("layer and strength must be numbers")

    def _agree(self) -> bool:
        return super()._agree() and self.clusters == len(self.data["directions"])

    @property
    def clusters(self) -> int:
        """How many clusters have a direction."""
        return len(self.data["centroids"])

    def values(self) -> dict:
        return {"layer": self.layer, "strength": self.strength, **super().values()}

    def install(self, model, place: int) -> None:
        layers, size = decoder_layers(model), self.data["directions"].shape[1]
        if not 0 <= self.layer < len(layers) or size != model.config.get_text_config().hidden_size:
            raise LetheError(
                f"intervention.json: this model has no layer {self.layer} with {size} numbers per "
                "token; make the checkpoint again"
            )
        super().install(model, place)
        layers[self.layer].register_forward_hook(self._turn)

    def _turn(self, layer, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        gated = self.chosen >= 0
        if not gated.any():
            return None
        directions = self.data["directions"].to(hidden.device)
        turned = turn(hidden, self.strength * directions[self.chosen.clamp(min=0)])
        steered = torch.where(gated[..., None], turned, hidden)
        return (steered, *output[1:]) if isinstance(output, tuple) else steered


def turn(hidden: torch.Tensor, away: torch.Tensor) -> torch.Tensor:
    """``hidden`` - ``away``, scaled to the length of ``hidden``, in its dtype; shape [..., H]."""
    moved = hidden.float() - away
    norm, length = hidden.float().norm(dim=-1, keepdim=True), moved.norm(dim=-1, keepdim=True)
    return (moved * (norm / length.clamp(min=1e-12))).to(hidden.dtype)
