"""What a step of a method costs, in passes over a batch as large as the step's forget batch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passes:
    """``forward`` and ``backward`` of the model, ``frozen``: forward of the one before unlearning.

    A backward pass costs about two forward passes. One that ends at an inner layer counts as one.
    """

    forward: int = 1
    backward: int = 1
    frozen: int = 0

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            self.forward + other.forward,
            self.backward + other.backward,
            self.frozen + other.frozen,
        )

    def without_gradient(self, evaluations: int) -> Passes:
        """The passes of a step that evaluates the loss so often instead of differentiating it."""
        return Passes(self.forward * evaluations, 0, self.frozen * evaluations)

    def times(self, count: int) -> Passes:
        """All of them so often."""
        return Passes(self.forward * count, self.backward * count, self.frozen * count)
