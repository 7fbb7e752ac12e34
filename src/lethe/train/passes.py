"""The cost of a method's step, in passes over a batch of the size of its forget batch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passes:
    """``forward`` and ``backward`` passes of the model; ``frozen``: forward passes of the original.

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
        """The passes of a step that evaluates the loss ``evaluations`` times, without gradients."""
        return Passes(self.forward * evaluations, 0, self.frozen * evaluations)

    def times(self, count: int) -> Passes:
        """These passes ``count`` times."""
        return Passes(self.forward * count, self.backward * count, self.frozen * count)
