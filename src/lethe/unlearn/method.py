"""What an unlearning method is: its settings, what it needs, and how it runs.

Importing a method's file must not import torch: the workflow reads declarations and checks settings
before any job starts. A method imports torch inside the functions that use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.model import families
from lethe.model.families import CAUSAL
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

# Computes a scalar of the forward passes, the batches of a step and the reference.
Term = Callable[..., Any]
# Kinds of methods that edit or compare weights of linear layers; wrappers declare it themselves.
WHOLE_KINDS = ("weight arithmetic", "closed form", "edit and reward")


class MethodSettings(Schedule):
    """Settings of every method that is trained; a method's own class adds to them.

    ``search`` draws a setting from the ``Range`` beside its type. ``frozen``: regular expressions;
    parameters whose names match one are not trained. ``wrappers``: wrappers around the loss
    (``lethe.unlearn.wrappers``), by name, with their settings; of those around the whole run, the
    first is the outermost.
    """

    lr: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(
        1e-5, gt=0, le=1, description="peak learning rate"
    )
    optimiser: Optimizer = Field(
        default={"name": "adamw"},
        validate_default=True,
        description="how gradients become steps ([methods.md](methods.md))",
    )
    gradient: Gradient = Field(
        default={"name": "backpropagation"},
        validate_default=True,
        description="how gradients are computed ([methods.md](methods.md))",
    )
    frozen: tuple[str, ...] = Field(
        (),
        description="regular expressions; parameters whose names match one of them are not trained",
    )
    wrappers: dict[str, dict[str, Any]] = Field(
        default={},
        description="wrappers around X's loss, by name with their settings: `{gru: {}}` "
        "([methods.md](methods.md))",
    )

    @field_validator("frozen")
    @classmethod
    def _expressions(cls, frozen: tuple[str, ...]) -> tuple[str, ...]:
        for text in frozen:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r} is not a regular expression ({error})") from None
        return frozen


class WeightedSettings(MethodSettings):
    """Settings of a method with a forget and a retain term.

    With a ``retain_weight`` of 0 there is no retain term, and no retain rows are read. ``layer``:
    the decoder layer, from 0, whose output the ``embedding`` term compares; null: 7/16 of the
    depth. ``open_unlearning``: compute as open-unlearning where it differs (docs/methods.md).
    """

    forget_weight: float = Field(1.0, gt=0)
    retain_weight: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(1.0, ge=0)
    retain: Literal["nll", "kl", "embedding"] = "nll"
    layer: int | None = Field(None, ge=0)
    open_unlearning: bool = False


class Method:
    """A method that minimises a loss over batches of the forget set.

    A subclass sets ``paper``, ``settings_class``, ``needs`` (names of files in
    ``lethe.unlearn.needs``) and ``passes`` (of one batch), and defines ``forget``, or
    ``loss`` where the loss is not a weighted sum with a retain term. An instance's ``needs`` and
    ``passes`` include those of the retain term and the wrappers that its settings choose.
    ``prepare`` is called before the first step, ``stepped`` after each. Methods of other kinds
    override ``run``. ``intervention``: the kind that the method's checkpoints carry
    (``lethe.model.interventions``), if it acts at inference time.

    ``families``: the model families that it works with (``lethe.model.families``). A loss of
    the answers' likelihoods alone (``token_nll`` and its sums) works with any; one of logits, of
    hidden states or of what a model samples needs causal models.

    ``pictures``: whether it works on rows with pictures. One that counts token ids against the
    vocabulary, compares questions as texts or rebuilds the model does not.

    ``inner_steps``: the optimizer steps on each batch, one for most methods. ``answers_forget``:
    whether the loss calls ``model.answers`` on the forget batch; a wrapper that also does then adds
    no pass.

    A step's batches may come in parts whose losses are added, so a term must be a sum over rows or
    tokens divided by the batch's ``rows_total``, ``tokens_total`` or ``inputs_total``. A method
    with any other loss is ``whole``. ``sums``: further sums over the parts of a step, by name, for
    ``stepped``; the loss adds to them, and they are reset to 0 before each step.
    """

    kind: ClassVar[str] = "loss"
    paper: ClassVar[str] = ""
    needs: tuple[str, ...] = ()
    passes: Passes = Passes()
    families: ClassVar[tuple[str, ...]] = (CAUSAL,)
    pictures: ClassVar[bool] = True
    inner_steps: tuple[InnerStep, ...] = (InnerStep(),)
    answers_forget: bool = True
    intervention: ClassVar[str | None] = None
    settings_class: ClassVar[type[MethodSettings]] = MethodSettings

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "method"):
        self.name = name
        self.settings = validated(type(self).settings_class, settings or {}, name)
        self.term = retain_terms.choose(self.settings)
        self.wrappers = self._wrappers()
        self.sums: dict[str, float] = {}
        needed = (part.needs for part in (self.term, *self.wrappers) if part is not None)
        self.needs = tuple(dict.fromkeys(chain(self.needs, *needed)))
        for wrapper in self.wrappers:
            wrapper.check(self, f"{name}.wrappers.{wrapper.name}")
        self.passes = self._passes()

    @property
    def whole(self) -> bool:
        """Whether a step's batches must stay whole: the loss is not a sum over rows."""
        # open-unlearning's means count padding, which depends on the other rows of a batch.
        padded = getattr(self.settings, "open_unlearning", False)
        return padded or any(wrapper.whole for wrapper in self.wrappers)

    @property
    def needs_pictures(self) -> bool:
        """Whether it works only on rows with pictures, in a model that sees."""
        return any(wrapper.needs_pictures for wrapper in self.wrappers)

    @property
    def recomputable(self) -> bool:
        """Whether activations may be recomputed, as ``gradient_checkpointing`` does."""
        return True

    @property
    def whole_weights(self) -> bool:
        """Whether a run copies, rewrites or differentiates whole weights, and so cannot be sharded.

        True for a method with a ``run`` of its own; others declare it.
        """
        return type(self).run is not Method.run

    def _wrappers(self) -> list[Wrapper]:
        """The chosen wrappers; also fills their defaults into the settings."""
        given, place = self.settings.wrappers, f"{self.name}.wrappers"
        if given and type(self).run is not Method.run:
            raise LetheError(f"{place}: they go around a loss, and {self.kind} has none; omit them")
        chosen = [wrappers.load(name, place)(own, f"{place}.{name}") for name, own in given.items()]
        full = {wrapper.name: wrapper.settings.model_dump(mode="json") for wrapper in chosen}
        self.settings = self.settings.model_copy(update={"wrappers": full})
        return chosen

    def _passes(self) -> Passes:
        """Passes of a batch, with those of the retain term, the wrappers and the gradient."""
        passes = self.passes if self.term is None else self.passes + self.term.passes
        for wrapper in self.wrappers:
            passes = wrapper.of_loss(self, passes)
        passes = self.settings.gradient.passes(passes)
        for wrapper in self.wrappers:
            passes = wrapper.of_step(self, passes)
        return passes

    def changed(self, **settings: Any) -> Method:
        """A new instance of the method with some settings changed."""
        return type(self)({**self.settings.model_dump(mode="json"), **settings}, self.name)

    @property
    def epochs(self) -> int:
        """How many checkpoints a run leaves: one after each epoch."""
        return self.settings.epochs

    def forget(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The forget term, a scalar to minimise, before its weight."""
        raise LetheError(f"{type(self).__module__}: a method defines forget(), loss() or run()")

    def objective(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The loss as changed by the wrappers."""
        if not self.wrappers:
            return self.loss(model, step, reference)
        from lethe.model.forward import Remembering

        model = Remembering(model.model)
        for wrapper in self.wrappers:
            model = wrapper.forward(model, step, reference)
        value = self.loss(model, step, reference)
        for wrapper in self.wrappers:
            value = wrapper.loss(value, model, step, reference)
        return value

    def terms(self) -> tuple[Term, ...]:
        """Functions whose sum is the objective, each of which can be differentiated by itself.

        The activations of one are then gone before the next begins: one batch's memory, not two.
        """
        own = {type(self).loss, type(self).objective} != {Method.loss, Method.objective}
        if own or self.wrappers or self.term is None:
            return (self.objective,)
        s = self.settings
        return (
            lambda *given: s.forget_weight * self.forget(*given),
            lambda *given: s.retain_weight * self.retain(*given),
        )

    def loss(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor:
        """The scalar to minimise on one step's batches."""
        if not isinstance(self.settings, WeightedSettings):
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
        """The method's own state that a resumed run needs: tensors and plain values by name."""
        return {}

    def restore(self, state: State, model, data: Supervision, seed: int) -> None:
        """Called in place of ``prepare`` when a run resumes, with the model as it was at first."""
        self.prepare(model, data, seed)

    def frozen(self, model) -> Sequence[str]:
        """Patterns of parameters that are not trained, besides those of the settings.

        Called after ``prepare``.
        """
        return ()

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
    """The parts of a method that need whole weights, not adapters, as text; None if none does."""
    around = [wrapper.name for wrapper in method.wrappers if wrapper.whole_weights]
    whole = method.kind in WHOLE_KINDS or around
    return " with ".join([name, *around]) if whole else None


def check_pictures(method: Method, name: str) -> None:
    """LetheError for a method, called ``name``, that does not work on rows with pictures."""
    if not method.pictures:
        raise LetheError(f"{name}: does not work on rows with pictures; leave it out")


def check_family(method: Method, name: str, family: str, model: str) -> None:
    """LetheError if a method, its retain term or a wrapper does not work with a model's family.

    ``name``: what messages call the method; ``model``: the model.
    """
    parts = [(name, method.families)]
    term = getattr(method, "term", None)
    if term is not None:
        parts.append((f"{name}: retain: {method.settings.retain}", term.families))
    parts += [(f"{name}: wrappers.{wrapper.name}", wrapper.families) for wrapper in method.wrappers]
    for what, works_with in parts:
        families.check(works_with, family, what, model)
    if family != CAUSAL and getattr(method.settings, "open_unlearning", False):
        families.check((CAUSAL,), family, f"{name}: open_unlearning", model)
