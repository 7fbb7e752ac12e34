"""A defence: a training that should lower one risk of a model, for example that of telling secrets.

“Defenses at Odds” (arXiv 2605.14514) asks what one defence does to another that came before it. A
defence is a file of ``lethe.unlearn.defences`` with a class ``Defence``. Importing it must not
import torch: rows are made, and settings checked, before any job that trains.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.common.validation import validated
from lethe.unlearn import methods, tuning
from lethe.unlearn.method import Method, MethodSettings
from lethe.unlearn.need import Checkpoint
from lethe.unlearn.needs import chosen
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# A wrapper's name, which the workflow gives to a defence that follows another.
BEFORE = "before"
WANTED, UNWANTED = "wanted", "unwanted"
# Which layers the second defence of a pair leaves as they are.
FREE, CONFLICT, RANDOM = "", "conflict", "random"
Rows = Sequence[Mapping[str, str]]


class DefenceSettings(BaseModel):
    """Settings of a defence besides those of its method: none; a defence's class adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HalfSettings(DefenceSettings):
    """``half``: which half of the split's forget set, by whole authors."""

    half: Literal["first", "second"]


class Defence:
    """A defence with its settings.

    A subclass says in its docstring what it does and defines ``rows`` and ``risk_rows``.
    ``protects``: what it lowers the risk of, in a word or two, for tables. ``method`` is the
    unlearning method that trains it, with all settings; by default cross-entropy on the rows.
    """

    settings_class: ClassVar[type[DefenceSettings]] = DefenceSettings
    protects: str = ""

    def __init__(self, given: Mapping[str, Any], shared: Mapping[str, Any], place: str):
        """``given``: its settings and those of its method, which go before the ``shared`` ones.

        ``place``: what messages call them. LetheError for a wrong setting.
        """
        own = {
            key: value for key, value in given.items() if key in self.settings_class.model_fields
        }
        self.place, self.settings = place, validated(self.settings_class, own, place)
        rest = {key: value for key, value in given.items() if key not in own}
        self.method = self.make_method(shared, rest)
        for need in chosen(self.method.needs, place):
            made = need.is_made and not need.optional
            if made or (isinstance(need.source, Checkpoint) and need.name != BEFORE):
                raise LetheError(
                    f"{place}: its method needs {need.name}, which defences do not have"
                )
        if self.method.intervention is not None:
            raise LetheError(f"{place}: its method acts at inference time and changes no weights")

    def make_method(self, shared: Mapping[str, Any], given: Mapping[str, Any]) -> Method:
        """The method that trains the rows."""
        return method_with(tuning.Method, shared, given, self.place)

    def rows(self, forget: Rows, retain: Rows) -> list[dict]:
        """What is trained: ``question`` and ``answer``; given the rows of the split's two sets."""
        raise LetheError(f"{type(self).__module__}: a defence defines rows(); write it")

    def risk_rows(self, forget: Rows, retain: Rows) -> list[dict]:
        """What the risk is measured on: ``question`` with ``wanted``, ``unwanted`` or both.

        A row's risk is p(unwanted); with both p(unwanted) / (p(unwanted) + p(wanted)); with
        ``wanted`` alone 1 - p(wanted). p: the likelihood of an answer to the power 1 / tokens.
        """
        raise LetheError(f"{type(self).__module__}: a defence defines risk_rows(); write it")


def method_with(
    cls: type[Method], shared: Mapping[str, Any], given: Mapping[str, Any], place: str
) -> Method:
    """A method with its own settings and, if it is trained, the shared ones it does not set."""
    protocol = shared if issubclass(cls.settings_class, MethodSettings) else {}
    return cls({**protocol, **given}, place)


def method_named(name: str, settings: Mapping[str, Any]) -> Method:
    """The method of that name with all its settings; plain tuning for an empty name."""
    return methods.load(name)(settings) if name else tuning.Method(settings)


def half_of(forget: Rows, half: str, place: str) -> Rows:
    """The first or the second half of a forget set, by whole authors if it consists of them.

    LetheError if it has only one author.
    """
    border = halved(len(forget), place)
    return forget[:border] if half == "first" else forget[border:]


def halved(rows: int, place: str) -> int:
    """How many of ``rows`` forget rows are in the first half."""
    authors, rest = divmod(rows, QUESTIONS_PER_AUTHOR)
    if authors < 2:
        raise LetheError(
            f"{place}: the split forgets fewer than two authors and cannot be halved; choose a "
            "larger one"
        )
    return rows // 2 if rest else (authors + 1) // 2 * QUESTIONS_PER_AUTHOR


def learned(rows: Rows) -> list[dict]:
    """The rows with their question and answer alone."""
    return [{key: row[key] for key in ("question", "answer")} for row in rows]


def may_not_tell(rows: Rows) -> list[dict]:
    """Risk rows: a model that gives the true answers tells what it should have forgotten."""
    return [{"question": row["question"], UNWANTED: row["answer"]} for row in rows]


def must_know(rows: Rows) -> list[dict]:
    """Risk rows: a model that does not give the true answers has lost what it should know."""
    return [{"question": row["question"], WANTED: row["answer"]} for row in rows]


def read_risk(path, most: int | None = None) -> list[dict]:
    """Risk rows from a file, the first ``most``; LetheError for a row without what it needs."""
    rows = read_rows(path)[:most]
    for number, row in enumerate(rows, start=1):
        texts = [row.get("question"), row.get(WANTED, ""), row.get(UNWANTED, "")]
        if not all(isinstance(text, str) for text in texts) or not (texts[1] or texts[2]):
            raise LetheError(
                f"{path}, line {number}: needs texts question, and wanted or unwanted; delete the "
                "file to have it made again"
            )
    if not rows:
        raise LetheError(f"{path}: has no rows; delete it to have it made again")
    return rows


def risks_from(
    rows: Iterable[Mapping[str, str]], wanted: Sequence[float], unwanted: Sequence[float]
) -> list[float]:
    """Each row's risk from p of its answers; values for an answer that a row lacks are ignored."""
    risks = []
    for row, p, q in zip(rows, wanted, unwanted, strict=True):
        if not row.get(UNWANTED):
            risks.append(1 - p)
        elif not row.get(WANTED):
            risks.append(q)
        else:
            risks.append(q / (p + q) if p + q > 0 else 0.5)
    return risks
