"""What an unlearning method is: settings, what it needs, and how it runs.

Importing a method's file must not import torch: the workflow reads declarations and checks settings
before any job starts. A method that needs a torch function imports it inside its own function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from lethe.errors import LetheError
from lethe.schedule import Schedule

if TYPE_CHECKING:
    import torch

    from lethe.forward import Forward
    from lethe.packing import Batch
    from lethe.text import Example

# What a method may declare in ``needs``; the workflow's graph follows from it.
NEEDS = {
    "retain": "rows of the retain set, one for each forget row of a batch",
    "reference_nll": "the loss of each forget row before unlearning: one number a row",
    "reference_model": "a frozen copy of the model before unlearning: its memory again",
    "refusals": "answers such as “I don't know”",
}


class Settings(Schedule):
    """Settings that every method has; a method's own class adds its own."""


@dataclass
class Supervision:
    """Tokenised data that a method is given; what it does not need is empty.

    ``refuse(rows, texts)`` tokenises forget questions, by row, with refusals as their answers.
    """

    forget: list[Example]
    retain: list[Example] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    refuse: Callable[[list[int], list[str]], list[Example]] | None = None


@dataclass
class Step:
    """The batches of one optimiser step; those that the method does not need are None."""

    forget: Batch
    retain: Batch | None = None
    refusal: Batch | None = None


@dataclass
class Reference:
    """What is kept of the model before unlearning: the model itself only where it must be.

    ``forget_nll`` [forget rows]: summed negative log-likelihood of each forget answer; a step's
    rows are ``forget_nll[step.forget.index]``. ``frozen``: forward passes of the model as it was.
    """

    forget_nll: torch.Tensor | None = None
    frozen: Forward | None = None


class Method:
    """A method that minimises a loss over batches of the forget set.

    Subclasses set ``needs`` (names of ``NEEDS``), ``paper``, ``Settings``, and define ``loss``.
    Methods of other kinds override ``run``.
    """

    kind: ClassVar[str] = "loss"
    paper: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "method"):
        self.settings = validated(type(self).Settings, settings or {}, name)

    def loss(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The scalar to minimise on one step's batches."""
        raise LetheError(f"{type(self).__module__}: a loss method defines loss()")

    def run(
        self,
        model,
        data: Supervision,
        seed: int,
        report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    ) -> Iterator[tuple[int, int]]:
        """Change ``model`` in place; yield (epoch, step) whenever an epoch has ended."""
        from lethe.unlearn import minimise

        return minimise(self, model, data, seed, report)


def validated(model: type[Settings], values: dict[str, Any], name: str) -> Any:
    """``model(**values)``; what is wrong with a key is one line that names it."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            raise LetheError(f"{name}.{key}: unknown setting; there are {known}") from None
        raise LetheError(
            f"{name}.{key}: {first['msg'].lower()}, found {first['input']!r}"
        ) from None
