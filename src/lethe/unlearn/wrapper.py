"""What a wrapper is: its settings, what it needs, and where it takes part in training.

As with methods, importing a wrapper's file must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lethe.common.validation import validated
from lethe.model.families import CAUSAL
from lethe.train.passes import Passes

if TYPE_CHECKING:
    import torch

    from lethe.common.distributed import SingleProcess
    from lethe.model.forward import Forward
    from lethe.train.execution import State
    from lethe.unlearn.interface import Reference, Step, Supervision, Trained


class WrapperSettings(BaseModel):
    """Settings of a wrapper: none; a wrapper's own class adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Wrapper:
    """A modification of any method's training; a subclass overrides the hooks that it uses.

    ``needs``: names of files in ``lethe.unlearn.needs``, added to the method's. ``families``: as
    for a method. ``whole``: whether a step's batches must not be split into parts.
    ``whole_weights``: whether it rotates, projects or compares weights, and so supports neither
    adapters nor sharded models. ``inner_gradients``: whether it differentiates within the loss, and
    so does not support sharded models.
    """

    kind: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    needs: tuple[str, ...] = ()
    families: ClassVar[tuple[str, ...]] = (CAUSAL,)
    whole: bool = False
    whole_weights: ClassVar[bool] = False
    inner_gradients: ClassVar[bool] = False
    settings_class: ClassVar[type[WrapperSettings]] = WrapperSettings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "wrapper"):
        self.name = type(self).__module__.rpartition(".")[2]
        self.settings = validated(type(self).settings_class, settings or {}, name)

    @property
    def needs_pictures(self) -> bool:
        """Whether it works only in a model that sees."""
        return False

    def check(self, method: Trained, name: str) -> None:
        """LetheError about ``name`` where its settings are not compatible with the method's."""

    def of_loss(self, method: Trained, passes: Passes) -> Passes:
        """Passes of a batch for the wrapped loss, given those of the loss."""
        return passes

    def of_step(self, method: Trained, passes: Passes) -> Passes:
        """Passes of a batch with the wrapper's work on gradients, given those without it."""
        return passes

    def around(self, run: Callable) -> Callable:
        """A run that replaces ``run(method, model, data, seed, report, how)``.

        If it trains several times, each training needs its own name (``how.named``), under which
        its state is saved; state between trainings is saved by a participant of its own
        (``how.state_saver``).
        """
        return run

    def prepare(self, model, data: Supervision, seed: int | str) -> None:
        """Called before the first step, with the model as it was."""

    def state(self) -> State:
        """The wrapper's state that a resumed run needs: tensors and plain values by name."""
        return {}

    def restore(self, state: State) -> None:
        """Called after ``prepare`` when a run resumes."""

    def frozen(self, model) -> Sequence[str]:
        """Regular expressions of parameters that must not be trained; called after ``prepare``."""
        return ()

    def forward(self, model: Forward, step: Step, reference: Reference) -> Forward:
        """The forward passes that the method's loss is given, in place of ``model``."""
        return model

    def loss(
        self, value: torch.Tensor, model: Forward, step: Step, reference: Reference
    ) -> torch.Tensor:
        """The wrapped loss; ``value`` is the method's own loss on a step's batches."""
        return value

    def differentiated(
        self,
        model: Forward,
        parts: Sequence[Step],
        parameters: Sequence[torch.nn.Parameter],
        process_group: SingleProcess,
    ) -> None:
        """Called when the parameters hold the gradient of a step, before the update.

        ``parts``: this process's parts of the step; ``process_group`` sums gradients over
        processes.
        """

    def updated(self) -> None:
        """Called after each update."""
