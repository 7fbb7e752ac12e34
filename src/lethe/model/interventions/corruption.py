"""Gated corruption: in prompts near the forget set, embeddings of tokens get noise (ECO)."""

from typing import ClassVar

import torch

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model.prompt_gate import Gated

# Seeds of tokens' noise are this far apart, so that no two seeds of a run share one.
STRIDE = 1_000_003


class Intervention(Gated):
    """e' = e + scale z in the first ``dimensions`` entries, for some tokens of gated prompts.

    The gate is that of ``lethe.model.prompt_gate``; ``corrupted`` [N] are the tokens whose
    embeddings e are changed, empty for all of a prompt. z is standard normal. A token's z follows
    from ``seed`` and the token alone, so that likelihoods and generation see the same prompt.
    Answers, and whatever is not gated, keep their embeddings bit by bit.
    """

    shapes: ClassVar[dict[str, int]] = {"corrupted": 1}

    def __init__(
        self,
        scale: float,
        dimensions: int,
        seed: int,
        threshold: float,
        **tensors: torch.Tensor,
    ):
        super().__init__(threshold, **tensors)
        self.scale, self.dimensions, self.seed = scale, dimensions, seed
        if not finite(scale) or type(dimensions) is not int or type(seed) is not int:
            raise ValueError("scale, dimensions and seed must be numbers")
        # The noise of each token's embedding, filled in as tokens occur.
        self._noise: dict[int, torch.Tensor] = {}

    def values(self) -> dict:
        own = {"scale": self.scale, "dimensions": self.dimensions, "seed": self.seed}
        return {**own, **super().values()}

    def install(self, model, place: int) -> None:
        embeddings = model.get_input_embeddings()
        width = embeddings.weight.shape[-1]
        if not 0 < self.dimensions <= width:
            raise LetheError(
                f"intervention.json: this model's embeddings have {width} numbers, not "
                f"{self.dimensions}; make the checkpoint again"
            )
        super().install(model, place)
        embeddings.register_forward_hook(self._corrupt)

    def noise(self, token: int) -> torch.Tensor:
        """The noise for the first entries of a token's embedding, [dimensions], float32."""
        if token not in self._noise:
            draw = torch.Generator().manual_seed(self.seed * STRIDE + token)
            self._noise[token] = self.scale * torch.randn(self.dimensions, generator=draw)
        return self._noise[token]

    def _corrupt(self, embeddings, inputs, output):
        ids, hit = inputs[0], (self.chosen >= 0) & self.prompt
        if len(self.data["corrupted"]):
            hit = hit & torch.isin(ids, self.data["corrupted"].to(ids.device))
        hit = hit.expand_as(ids)
        if not hit.any():
            return None
        distinct, place = ids[hit].unique(return_inverse=True)
        added = torch.stack([self.noise(token) for token in distinct.tolist()])
        corrupted = output.clone()
        corrupted[..., : self.dimensions][hit] += added.to(output)[place]
        return corrupted
