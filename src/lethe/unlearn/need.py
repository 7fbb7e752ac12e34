"""What a need of a method is: where it comes from, how it is read, what the method gets.

Importing a need's file must not import torch: the workflow plans by what needs declare. A source is
plain data, which the workflow turns into inputs of a rule, and ``lethe.unlearn.files`` into files
of a folder. This module is part of every unlearning job's digest, so it imports only what reading
needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world.rows import read_asked

if TYPE_CHECKING:
    from lethe.unlearn.interface import Supervision

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SplitFile:
    """The file of one ``part`` of the run's split, such as ``forget_perturbed``."""

    part: str


@dataclass(frozen=True)
class WorldFile:
    """A file of the world that no split changes, named as in ``lethe.world.tofu_format``."""

    name: str


@dataclass(frozen=True)
class MadeFile:
    """A file that a model makes from the forget set, once for each model, split and seed.

    ``run``: the rule that makes it and the run in whose folder it lies, as ``name``. ``maker``: the
    function behind the rule (``lethe.unlearn.made_files``); ``options``: arguments of its own, with
    the keys of the configuration that have their values. ``by_run``: a run without such a file
    computes its content itself; the workflow's file comes from the full model, so it is not for
    runs with another start.
    """

    run: str
    name: str
    maker: str
    options: Mapping[str, str] = field(default_factory=dict)
    by_run: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint besides the start; outside the workflow the user names it.

    ``role``: what its record must not contradict (``lethe.evaluate.roles``), if anything.
    """

    role: str | None = None


@dataclass(frozen=True)
class BaseCheckpoint(Checkpoint):
    """The base, unless the method's ``setting`` names a snapshot (a number) or another place."""

    setting: str = ""


@dataclass(frozen=True)
class PreviousStart(Checkpoint):
    """The checkpoint that the run before this one started from."""


Source = SplitFile | WorldFile | MadeFile | Checkpoint


class Need:
    """Something besides the forget set that methods may name in ``needs``.

    A subclass says in its docstring what it is, and sets ``source``; without one it is made from
    the model itself. ``read`` and ``fill`` are for files of rows and for ``Supervision.extras``,
    unless the subclass has its own.
    """

    source: ClassVar[Source | None] = None

    def __init__(self):
        self.name = type(self).__module__.rpartition(".")[2]

    @property
    def description(self) -> str:
        """What the method gets, in one line."""
        return (self.__doc__ or self.name).splitlines()[0].rstrip(".")

    @property
    def is_made(self) -> bool:
        """Whether a model makes its file."""
        return isinstance(self.source, MadeFile)

    @property
    def optional(self) -> bool:
        """Whether a run does without a file."""
        return self.source is None or (self.is_made and self.source.by_run)

    def read(self, file: str | Path, forget: Pairs) -> Any:
        """The need's value from its file: by default the rows.

        ``forget``: (question, answer) of each forget row. A file of a folder is read before a model
        is loaded, and again by the run; LetheError says in one line what is wrong with it.
        """
        return read_asked(file)

    def fill(self, data: Supervision, value: Any) -> None:
        """Give a method the value: by default as ``data.extras[name]``.

        ``data`` has the forget set already. The value of a checkpoint is a function that loads it.
        """
        data.extras[self.name] = value


class AlternateAnswers(Need):
    """Answers that may replace a forget row's own: ``step.alternate``. A method has at most one."""

    def fill(self, data: Supervision, value: Sequence[Sequence[str]]) -> None:
        """``value``: the answers for each forget row."""
        data.alternates = value
        data.encode = lambda rows, texts: data.encoder.encode_all(
            [(data.forget_pairs[row][0], text) for row, text in zip(rows, texts, strict=True)]
        )


def column(
    file: str | Path,
    key: str,
    forget: Pairs,
    read: Callable[[str | Path], list[dict]] = read_rows,
) -> list[Any]:
    """The value under ``key`` for each forget row, from a file of rows in any order.

    Rows are matched by the texts of question and answer. LetheError where a row has no value.
    """
    values = {(row.get("question"), row.get("answer")): row.get(key) for row in read(file)}
    for pair in forget:
        if values.get(pair) is None:
            raise LetheError(
                f"{file}: no {key} for {pair[0][:60]!r}; add it, or make the file again"
            )
    return [values[pair] for pair in forget]
