"""What a wrapper is: settings, what it needs, and where it takes part in a training.

Importing a wrapper's file must not import torch, as for methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lethe.common.validation import validated
from lethe.train.passes import Passes

if TYPE_CHECKING:
    import torch

    from lethe.common.distributed import SingleProcess
    from lethe.model.forward import Forward
    from lethe.train.execution import State
    from lethe.unlearn.interface import Reference, Step, Supervision, Trained


class Settings(BaseModel):
    """Settings of a wrapper; a wrapper's own class adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Wrapper:
    """Something around a method's loss; a subclass overrides what it takes part in.

    ``needs``: names of ``lethe.unlearn.interface.NEEDS``, added to the method's. ``whole``: whether
    a step's batches must never come in parts. ``whole_weights``: whether it turns, projects or
    compares weights, and so goes neither with adapters nor with a model in shards.
    """

    kind: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    needs: tuple[str, ...] = ()
    whole: bool = False
    whole_weights: ClassVar[bool] = False
    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "wrapper"):
        self.name = type(self).__module__.rpartition(".")[2]
        self.settings = validated(type(self).Settings, settings or {}, name)

    def check(self, method: Trained, name: str) -> None:
        """Refuse settings that do not go with the method's, as a LetheError about ``name``."""

    def of_loss(self, method: Trained, passes: Passes) -> Passes:
        """Passes of a batch for the wrapped loss, given those for the loss."""
        return passes

    def of_step(self, method: Trained, passes: Passes) -> Passes:
        """Passes of a batch with all that is done about its gradients, given those without."""
        return passes

    def around(self, run: Callable) -> Callable:
        """A run in the place of ``run(method, model, data, seed, report, how)``.

        Where it makes several trainings of one, each has a name of its own (``how.named``), by
        which its saved state is found; what it keeps between them is a participant of its own
        (``how.state_saver``).
        """
        return run

    def prepare(self, model, data: Supervision, seed: int | str) -> None:
        """Called before the first step, with the model as it was."""

    def state(self) -> State:
        """What a resumed run needs of it: tensors and plain values by name."""
        return {}

    def restore(self, state: State) -> None:
        """Called after ``prepare`` where a run goes on."""

    def frozen(self, model) -> Sequence[str]:
        """Regular expressions of parameters that must stay as they are; after ``prepare``."""
        return ()

    def loss(
        self, value: torch.Tensor, model: Forward, step: Step, reference: Reference
    ) -> torch.Tensor:
        """The loss in the place of ``value``, the method's own on a step's batches."""
        return value

    def differentiated(
        self,
        model: Forward,
        parts: Sequence[Step],
        parameters: Sequence[torch.nn.Parameter],
        process_group: SingleProcess,
    ) -> None:
        """Called when the gradient of a step is on the parameters, before the update.

        ``parts`` are this process's micro-batches of the step; ``process_group`` adds up gradients
        over processes.
        """

    def updated(self) -> None:
        """Called after each update."""
