"""What an unlearning method is: settings, what it needs, and how it runs.

Importing a method's file must not import torch: the workflow reads declarations and checks settings
before any job starts. A method that needs a torch function imports it inside its own function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.train.execution import Execution, State
from lethe.train.optimizer_settings import Gradient, InnerStep, Optimizer
from lethe.train.passes import Passes
from lethe.train.settings import Schedule
from lethe.unlearn import retain_terms, wrappers
from lethe.unlearn.search_space import Range

if TYPE_CHECKING:
    import torch

    from lethe.model.forward import Forward
    from lethe.unlearn.interface import Reference, Step, Supervision
    from lethe.unlearn.wrapper import Wrapper

# Kinds of methods that edit or compare the weights of linear layers; wrappers say it themselves.
WHOLE_KINDS = ("weight arithmetic", "closed form")


class Settings(Schedule):
    """Settings that every method has; a method's own class adds its own.

    A ``Range`` beside a field's type is where ``search`` draws it from.
    ``frozen``: regular expressions; a parameter whose name has a match of one stays as it is.
    ``wrappers``: what goes around the loss (``lethe.unlearn.wrappers``), by name with its settings;
    of those that go around the whole run, the first is the outermost.
    """

    lr: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(
        1e-5, gt=0, le=1, description="peak learning rate"
    )
    optimiser: Optimizer = Field(default={"name": "adamw"}, validate_default=True)
    gradient: Gradient = Field(default={"name": "backpropagation"}, validate_default=True)
    frozen: tuple[str, ...] = ()
    wrappers: dict[str, dict[str, Any]] = Field(default={})

    @field_validator("frozen")
    @classmethod
    def _expressions(cls, frozen: tuple[str, ...]) -> tuple[str, ...]:
        for text in frozen:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r} is no regular expression ({error})") from None
        return frozen


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


class Method:
    """A method that minimises a loss over batches of the forget set.

    A subclass sets ``paper``, ``Settings``, ``needs`` (names of ``lethe.unlearn.interface.NEEDS``)
    and ``passes`` (of one batch), and defines ``forget``; or ``loss``, if it is no weighted sum
    with a retain term. An instance's ``needs`` and ``passes`` count the retain term and the
    wrappers that its settings choose. ``prepare`` and ``stepped`` are called before the first and
    after each step. Methods of other kinds override ``run``. ``intervention``: the kind that its
    checkpoints carry (``lethe.model.interventions``), if it acts at inference time.

    ``inner_steps``: the optimizer steps on each batch, one for most methods.
    ``answers_forget``: whether the loss calls ``model.answers`` of the forget batch; if a wrapper
    does too, that is no further pass.

    A step's batches may come in parts, whose losses are added: a term is a sum over rows or tokens,
    divided by the batch's ``rows_total``, ``tokens_total`` or ``inputs_total``. A method of which
    that is not so is ``whole``. ``sums``: by name what the parts of a step add up to besides, for
    ``stepped``; a loss adds to it, and it is 0 again before each step.
    """

    kind: ClassVar[str] = "loss"
    paper: ClassVar[str] = ""
    needs: tuple[str, ...] = ()
    passes: Passes = Passes()
    inner_steps: tuple[InnerStep, ...] = (InnerStep(),)
    answers_forget: bool = True
    intervention: ClassVar[str | None] = None
    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "method"):
        self.name = name
        self.settings = validated(type(self).Settings, settings or {}, name)
        self.term = retain_terms.choose(self.settings)
        self.wrappers = self._wrappers()
        self.sums: dict[str, float] = {}
        needed = (part.needs for part in (self.term, *self.wrappers) if part is not None)
        self.needs = tuple(dict.fromkeys(chain(self.needs, *needed)))
        self.passes = self._passes()
        for wrapper in self.wrappers:
            wrapper.check(self, f"{name}.wrappers.{wrapper.name}")

    @property
    def whole(self) -> bool:
        """Whether a step's batches must never come in parts: the loss is no sum over rows."""
        # open-unlearning's means count padding, which depends on what is in a batch.
        padded = getattr(self.settings, "open_unlearning", False)
        return padded or any(wrapper.whole for wrapper in self.wrappers)

    @property
    def whole_weights(self) -> bool:
        """Whether a run copies or rewrites weights, or differentiates by itself: not in shards.

        A run of its own does; a method that trains by ``forget`` or ``loss`` says ``True`` if so.
        """
        return type(self).run is not Method.run

    def _wrappers(self) -> list[Wrapper]:
        """The wrappers that the settings choose, and their defaults in the settings."""
        given, place = self.settings.wrappers, f"{self.name}.wrappers"
        if given and type(self).run is not Method.run:
            raise LetheError(f"{place}: they go around a loss, and {self.kind} has none; omit them")
        found = [wrappers.load(name, place)(own, f"{place}.{name}") for name, own in given.items()]
        full = {wrapper.name: wrapper.settings.model_dump(mode="json") for wrapper in found}
        self.settings = self.settings.model_copy(update={"wrappers": full})
        return found

    def _passes(self) -> Passes:
        """Passes of a batch: of the loss and what is added to it, of its gradient, of the run."""
        passes = self.passes if self.term is None else self.passes + self.term.passes
        for wrapper in self.wrappers:
            passes = wrapper.of_loss(self, passes)
        passes = self.settings.gradient.passes(passes)
        for wrapper in self.wrappers:
            passes = wrapper.of_step(self, passes)
        return passes

    def changed(self, **settings: Any) -> Method:
        """The same method with other settings, as new."""
        return type(self)({**self.settings.model_dump(mode="json"), **settings}, self.name)

    @property
    def epochs(self) -> int:
        """How many checkpoints a run leaves: one after each epoch."""
        return self.settings.epochs

    def forget(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The forget term, a scalar to minimise, before its weight."""
        raise LetheError(f"{type(self).__module__}: a method defines forget(), loss() or run()")

    def objective(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """``loss``, and what the wrappers make of it."""
        if not self.wrappers:
            return self.loss(model, step, reference)
        from lethe.model.forward import Remembering

        model = Remembering(model.model)
        value = self.loss(model, step, reference)
        for wrapper in self.wrappers:
            value = wrapper.loss(value, model, step, reference)
        return value

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

    def state(self) -> State:
        """What of the method itself a resumed run needs: tensors and plain values by name."""
        return {}

    def restore(self, state: State, model, data: Supervision, seed: int) -> None:
        """Called in place of ``prepare`` where a run goes on, with the model as it was at first."""
        self.prepare(model, data, seed)

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
        from lethe.unlearn.runner import minimise

        run = minimise
        for wrapper in reversed(self.wrappers):
            run = wrapper.around(run)
        return run(self, model, data, seed, report, how)


def whole_weights(method: Method, name: str) -> str | None:
    """What of a method, by its name, works on whole weights, not on adapters; None: nothing."""
    around = [wrapper.name for wrapper in method.wrappers if wrapper.whole_weights]
    whole = method.kind in WHOLE_KINDS or around
    return " with ".join([name, *around]) if whole else None
