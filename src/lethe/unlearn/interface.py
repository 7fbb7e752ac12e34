"""What passes between a method, the wrappers around it, and who runs them. Light to import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from lethe.model.batch import Batch
    from lethe.model.encoder import Encoder, Example
    from lethe.model.forward import Forward
    from lethe.train.execution import Execution, State
    from lethe.train.optimizer_settings import InnerStep

# What a method may declare in ``needs``; the workflow's graph follows from it.
NEEDS = {
    "retain": "rows of the retain set, one for each forget row of a batch",
    "reference_nll": "the loss of each answer before unlearning: one number a row",
    "reference_model": "a frozen copy of the model before unlearning: its memory again",
    "refusals": "answers such as “I don't know”",
    "alternatives": "other answers to the forget questions, by the model before unlearning",
    "prior": "a checkpoint from before the forget set was learned",
    "before": "the checkpoint that the run before this one started from",
}
# Those that give each forget row another answer; a method has one of them at the most.
ALTERNATES = ("refusals", "alternatives")


@dataclass
class Supervision:
    """Tokenised data that a method is given; what it does not need is empty.

    ``forget_pairs`` and ``retain_pairs`` are the same rows as texts, (question, answer);
    ``encoder`` tokenises others.
    ``alternates``: for each forget row the other answers that may stand for its own;
    ``encode(rows, answers)`` tokenises forget questions, by row, with such answers; ``padding``
    is the token that fills a padded batch; ``forget_nll`` [forget rows] is the ``reference_nll``
    where it was computed before; ``prior()`` loads the checkpoint from before the forget set,
    ``before()`` the one that the run before this one started from.
    """

    forget: list[Example]
    retain: list[Example] = field(default_factory=list)
    forget_pairs: Sequence[tuple[str, str]] = ()
    retain_pairs: Sequence[tuple[str, str]] = ()
    encoder: Encoder | None = None
    alternates: Sequence[Sequence[str]] = ()
    encode: Callable[[Sequence[int], Sequence[str]], list[Example]] | None = None
    padding: int = 0
    forget_nll: torch.Tensor | None = None
    prior: Callable[[], Any] | None = None
    before: Callable[[], Any] | None = None


@dataclass
class Step:
    """The batches of one optimiser step; those that the method does not need are None.

    ``alternate``: the questions of ``forget``, in its order, with another answer. ``batch``: its
    number in the run, ``inner_step``: which of the method's ``inner_steps`` it is; both from 0.
    """

    forget: Batch
    retain: Batch | None = None
    alternate: Batch | None = None
    batch: int = 0
    inner_step: int = 0


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


class Trained(Protocol):
    """A method that is trained, as its wrappers and its runner see it."""

    name: str
    settings: Any
    needs: tuple[str, ...]
    inner_steps: tuple[InnerStep, ...]
    answers_forget: bool
    wrappers: Sequence[Any]
    sums: dict[str, float]

    @property
    def whole(self) -> bool: ...

    def objective(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor: ...

    def prepare(
        self, model, data: Supervision, seed: int, how: Execution | None = None
    ) -> None: ...

    def state(self) -> State: ...

    def restore(self, state: State, model, data: Supervision, seed: int) -> None: ...

    def stepped(self, epoch: int) -> None: ...
