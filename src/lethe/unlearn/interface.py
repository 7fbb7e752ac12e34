"""What methods, wrappers and the runner exchange. Light to import."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from lethe.model.batch import Batch
    from lethe.model.encoder import Encoder, Example
    from lethe.model.forward import Forward
    from lethe.train.execution import Execution, State
    from lethe.train.optimizer_settings import InnerStep


@dataclass
class Supervision:
    """Tokenised data for a method; fields that it does not need are empty.

    ``forget_pairs`` and ``retain_pairs`` are the same rows as texts, (question, answer);
    ``encoder`` tokenises further texts.
    ``alternates``: for each forget row, answers that may replace its own;
    ``encode(rows, answers)`` tokenises forget questions, by row, with such answers; ``padding``
    is the token that fills a padded batch; ``forget_nll`` [forget rows] is the ``reference_nll``,
    if it has been computed already; ``prior()`` loads the checkpoint from before the forget set was
    learned, ``before()`` the one that the run before this one started from. ``extras``: what
    further needs give, by need (``lethe.unlearn.need``). ``groups``: the groups of the forget rows
    and of the retain rows, if each forget row's retain rows are drawn from its group.
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
    extras: dict[str, Any] = field(default_factory=dict)
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None


@dataclass
class Step:
    """The batches of one optimiser step; those that the method does not need are None.

    ``alternate``: the questions of ``forget``, in the same order, with other answers. ``batch``:
    number of the batch in the run, ``inner_step``: index into the method's ``inner_steps``; both
    from 0.
    """

    forget: Batch
    retain: Batch | None = None
    alternate: Batch | None = None
    batch: int = 0
    inner_step: int = 0


@dataclass
class Reference:
    """Values of the model before unlearning; the model itself only where a method needs it.

    Summed negative log-likelihood of each answer: ``forget_nll`` [forget rows] and
    ``alternate_nll`` [alternate answers of the run]; those of a step's rows are
    ``forget_nll[step.forget.index]`` and ``alternate_nll[step.alternate.index]``. ``frozen``:
    forward passes of the model before unlearning.
    """

    forget_nll: torch.Tensor | None = None
    alternate_nll: torch.Tensor | None = None
    frozen: Forward | None = None


class Trained(Protocol):
    """A method that is trained, as wrappers and runner see it."""

    name: str
    settings: Any
    needs: tuple[str, ...]
    inner_steps: tuple[InnerStep, ...]
    answers_forget: bool
    wrappers: Sequence[Any]
    sums: dict[str, float]

    @property
    def whole(self) -> bool: ...

    @property
    def whole_weights(self) -> bool: ...

    def objective(self, model: Forward, step: Step, reference: Reference) -> torch.Tensor: ...

    def terms(self) -> tuple[Callable[..., torch.Tensor], ...]: ...

    def prepare(
        self, model, data: Supervision, seed: int, how: Execution | None = None
    ) -> None: ...

    def state(self) -> State: ...

    def restore(self, state: State, model, data: Supervision, seed: int) -> None: ...

    def frozen(self, model) -> Sequence[str]: ...

    def stepped(self, epoch: int) -> None: ...
