"""What every kind of intervention is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Base:
    """An intervention that does nothing; kinds override what they change.

    Arguments of a kind's constructor are what ``values`` and ``tensors`` give: by them it is saved
    and made again. It refuses what does not fit with a ValueError.
    """

    @property
    def kind(self) -> str:
        """The name by which it is found: that of its module."""
        return type(self).__module__.rpartition(".")[2]

    def question(self, text: str) -> str:
        """What the model is asked in place of ``text``."""
        return text

    def install(self, model, place: int) -> None:
        """Hook into a model; ``place`` is this intervention's position in the model's chain."""

    def values(self) -> dict[str, Any]:
        """Everything but tensors, as JSON has it."""
        return {}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Tensors by name."""
        return {}
