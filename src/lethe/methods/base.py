"""What an unlearning method is: settings, what it needs, and how it runs.

Importing a method's file must not import torch: the workflow reads declarations and checks settings
before any job starts. A method that needs a torch function imports it inside its own function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, ValidationError

from lethe.errors import LetheError
from lethe.execution import Execution
from lethe.methods import retain
from lethe.methods.passes import Passes
from lethe.ranges import Range
from lethe.schedule import Schedule
from lethe.updates import Gradient, Optimiser

if TYPE_CHECKING:
    import torch

    from lethe.forward import Forward
    from lethe.packing import Batch
    from lethe.text import Example

# What a method may declare in ``needs``; the workflow's graph follows from it.
NEEDS = {
    "retain": "rows of the retain set, one for each forget row of a batch",
    "reference_nll": "the loss of each answer before unlearning: one number a row",
    "reference_model": "a frozen copy of the model before unlearning: its memory again",
    "refusals": "answers such as “I don't know”",
    "alternatives": "other answers to the forget questions, by the model before unlearning",
    "prior": "a checkpoint from before the forget set was learned",
}
# Those that give each forget row another answer; a method has one of them at the most.
ALTERNATES = ("refusals", "alternatives")


class Settings(Schedule):
    """Settings that every method has; a method's own class adds its own.

    A ``Range`` beside a field's type is where ``search`` draws it from.
    ``frozen``: regular expressions; a parameter whose name has a match of one stays as it is.
    """

    lr: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(
        1e-5, gt=0, le=1, description="peak learning rate"
    )
    optimiser: Optimiser = Field(default={"name": "adamw"}, validate_default=True)
    gradient: Gradient = Field(default={"name": "backpropagation"}, validate_default=True)
    frozen: tuple[str, ...] = ()


class Weighted(Settings):
    """Settings of a method with a forget and a retain term.

    A ``retain_weight`` of 0 drops the retain term: its rows are neither needed nor computed.
    ``layer``: the decoder layer, from 0, whose output the ``embedding`` term compares; null: 7/16
    of the depth. ``open_unlearning``: what open-unlearning does where it differs (docs/methods.md).
    """

    forget_weight: float = Field(1.0, gt=0)
    retain_weight: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(1.0, ge=0)
    retain: Literal["nll", "kl", "embedding"] = "nll"
    layer: int | None = Field(None, ge=0)
    open_unlearning: bool = False


@dataclass
class Supervision:
    """Tokenised data that a method is given; what it does not need is empty.

    ``alternates``: for each forget row the other answers that may stand for its own;
    ``encode(rows, answers)`` tokenises forget questions, by row, with such answers; ``padding``
    is the token that fills a padded batch; ``forget_nll`` [forget rows] is the ``reference_nll``
    where it was computed before; ``prior()`` loads the checkpoint from before the forget set.
    """

    forget: list[Example]
    retain: list[Example] = field(default_factory=list)
    alternates: Sequence[Sequence[str]] = ()
    encode: Callable[[Sequence[int], Sequence[str]], list[Example]] | None = None
    padding: int = 0
    forget_nll: torch.Tensor | None = None
    prior: Callable[[], Any] | None = None


@dataclass
class Step:
    """The batches of one optimiser step; those that the method does not need are None.

    ``alternate``: the questions of ``forget``, in its order, with another answer.
    """

    forget: Batch
    retain: Batch | None = None
    alternate: Batch | None = None


@dataclass
class Reference:
    """What is kept of the model before unlearning: the model itself only where it must be.

    Summed negative log-likelihood of each answer: ``forget_nll`` [forget rows] and
    ``alternate_nll`` [alternate answers of the run]; those of a step's rows are
    ``forget_nll[step.forget.index]`` and ``alternate_nll[step.alternate.index]``. ``frozen``:
    forward passes of the model as it was.
    """

    forget_nll: torch.Tensor | None = None
    alternate_nll: torch.Tensor | None = None
    frozen: Forward | None = None


class Method:
    """A method that minimises a loss over batches of the forget set.

    A subclass sets ``paper``, ``Settings``, ``needs`` (names of ``NEEDS``) and ``passes`` (of one
    step), and defines ``forget``; or ``loss``, if it is no weighted sum with a retain term. An
    instance's ``needs`` and ``passes`` count the retain term that its settings choose.
    ``prepare`` and ``stepped`` are called before the first and after each step. Methods of other
    kinds override ``run``.

    A step's batches may come in parts, whose losses are added: a term is a sum over rows or tokens,
    divided by the batch's ``rows_total``, ``tokens_total`` or ``inputs_total``. A method of which
    that is not so is ``whole``. ``sums``: by name what the parts of a step add up to besides, for
    ``stepped``; a loss adds to it, and it is 0 again before each step.
    """

    kind: ClassVar[str] = "loss"
    paper: ClassVar[str] = ""
    needs: tuple[str, ...] = ()
    passes: Passes = Passes()
    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "method"):
        cls = type(self)
        self.settings = validated(cls.Settings, settings or {}, name)
        self.term = retain.choose(self.settings)
        if self.term is not None:
            self.needs = tuple(dict.fromkeys((*cls.needs, *self.term.needs)))
            self.passes = cls.passes + self.term.passes
        self.passes = self.settings.gradient.passes(self.passes)
        self.sums: dict[str, float] = {}

    @property
    def whole(self) -> bool:
        """Whether a step's batches must never come in parts: the loss is no sum over rows."""
        # open-unlearning's means count padding, which depends on what is in a batch.
        return getattr(self.settings, "open_unlearning", False)

    def forget(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The forget term, a scalar to minimise, before its weight."""
        raise LetheError(f"{type(self).__module__}: a method defines forget(), loss() or run()")

    def loss(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The scalar to minimise on one step's batches."""
        if not isinstance(self.settings, Weighted):
            return self.forget(model, step, reference)
        loss = self.settings.forget_weight * self.forget(model, step, reference)
        if self.term is None:
            return loss
        return loss + self.settings.retain_weight * self.retain(model, step, reference)

    def retain(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The retain term that the settings choose, before its weight."""
        return self.term.value(self.settings, model, step.retain, reference)

    def prepare(self, model, data: Supervision, seed: int, how: Execution | None = None) -> None:
        """Called before the first step, with the model as it was."""

    def stepped(self, epoch: int) -> None:
        """Called after each step; ``epoch`` counts from 1."""

    def run(
        self,
        model,
        data: Supervision,
        seed: int,
        report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
        how: Execution | None = None,
    ) -> Iterator[tuple[int, int]]:
        """Change ``model`` in place; yield (epoch, step) whenever an epoch has ended."""
        from lethe.unlearn import minimise

        return minimise(self, model, data, seed, report, how)


def validated(model: type[BaseModel], values: dict[str, Any], name: str) -> Any:
    """``model(**values)``; what is wrong with a key is one line that names it."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = f"there are {', '.join(model.model_fields)}" if "." not in key else "remove it"
            raise LetheError(f"{name}.{key}: unknown setting; {known}") from None
        raise LetheError(
            f"{name}.{key}: {first['msg'].lower()}, found {first['input']!r}"
        ) from None
