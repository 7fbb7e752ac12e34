"""Suites: the questions that checkpoints are asked and what is recorded, one file each.

A suite is a module of ``lethe.evaluate.suites``, found by name, with literal constants and two
functions:

    SETS = {"forget": "forget_perturbed"}    its sets, and the data file that each is read from
    COLUMNS = ("answer_loss",)               what it records of an item beside question and answer

    prepare(encoder, rows) -> prepared       rows by set, tokenised once for all checkpoints
    record(model, prepared, limits) -> {set: ItemSet}
    check(rows)                              optional: LetheError if a row's text is missing
    together(rows) -> rows                   optional: rows with what is made from all of them
                                             together, before processes get their shares

and, if some splits cannot fill some of its sets, which are then left out,

    OPTIONAL = ("rest",)

and, if it has settings (``lethe.common.declared_settings``), which are then the last argument of
each function but ``record``:

    SETTINGS = {"samples": {"default": 16, "least": 1}}
    CHECKS = {"nli": "lethe.evaluate.entailment.check"}    functions that check a value that is set
    ONE_OF = ("nli", "judge")                              settings of which at most one is set
    FIELDS_CHECK = "lethe.evaluate.variants.kinds.check_fields"    one that checks all of them
                                against the fields that the rows of the workflow's worlds have

and, if what it asks is an instruction, which only a chat model follows,

    CHAT = True

and, if it compares with the model before unlearning (``full``) or the oracle, which is then the
fourth argument of ``record`` (a ``Reference``),

    REFERENCE = "full"

and, if it costs as much as all other suites together, so that ``lethe evaluate`` asks it only for a
metric that is named,

    PROBE = True

and, if all rows of its sets must be asked, however many ``evaluation.items`` allows,

    WHOLE = True

and, if it asks only likelihoods of answers and greedy answers, which models that are not causal
have as well,

    FAMILIES = ("causal", "masked_diffusion")              the families that it works with

and, if it does not work on rows with pictures,

    PICTURES = False

and, if it needs the model to read the very tokens that the model compared with reads, which one
that puts text of its own before questions does not,

    SAME_PROMPTS = True

A data file is named as in the world, or as the part of a split (``BaseSplit.files``). Constants
are read without importing the module, so the workflow's graph needs no torch. Each suite is one job
for each run.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe.common import declared_settings
from lethe.common.errors import LetheError
from lethe.common.picture_marks import COLUMN
from lethe.common.registry import Registry, function
from lethe.model import families
from lethe.model.families import CAUSAL

# What a suite may compare with, and what messages call it.
REFERENCES = {"full": "the model before unlearning", "oracle": "an oracle"}


@dataclass(frozen=True)
class Contract:
    """What a suite reads and records: the constants of its module."""

    sets: dict[str, str]
    columns: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    chat: bool = False
    fields_check: str | None = None
    one_of: tuple[str, ...] = ()
    reference: str | None = None
    probe: bool = False
    whole: bool = False
    optional: tuple[str, ...] = ()
    families: tuple[str, ...] = (CAUSAL,)
    pictures: bool = True
    same_prompts: bool = False

    def __post_init__(self):
        if self.reference not in (None, *REFERENCES):
            raise LetheError(f"REFERENCE: {self.reference!r}; write {' or '.join(REFERENCES)}")

    def files(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The name of each set's data file; ``parts`` are the names that a split gives.

        Optional sets whose files are not parts of the split are left out.
        """
        return {
            name: parts.get(file, file)
            for name, file in self.sets.items()
            if file in parts or name not in self.optional
        }


SUITES = Registry("lethe.evaluate.suites", "suite", Contract)
names, load, contract = SUITES.names, SUITES.load, SUITES.contract


@dataclass(frozen=True)
class Limits:
    """Limits of what a suite asks and what a checkpoint answers.

    ``max_length``: tokens of question and generated answer together, as in TOFU;
    ``max_new_tokens``: tokens of the answer alone, as in OpenUnlearning (None: no such limit);
    ``token_budget``: padded tokens in a batch of likelihoods (None: chosen by the device).
    """

    max_length: int = 200
    max_new_tokens: int | None = None
    token_budget: int | None = None


@dataclass(frozen=True)
class Reference:
    """A model that a suite compares with, and the ``Encoder`` by which it is asked."""

    model: Any
    encoder: Any


def settings_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a suite, with defaults filled in; LetheError for one that is not allowed."""
    return declared_settings.filled(f"suite '{name}'", contract(name).settings, given)


def check_settings(name: str, given: Mapping[str, Any]) -> None:
    """``settings_of``, then the suite's own checks of values, such as of a folder's content."""
    chosen, declared = settings_of(name, given), contract(name)
    both = [key for key in declared.one_of if chosen[key] is not None]
    if len(both) > 1:
        raise LetheError(f"suite '{name}': both {' and '.join(both)} are set; set one of them")
    for key, check_value in declared.checks.items():
        if chosen[key] is not None:
            function(check_value)(chosen[key])


def check_fields(name: str, given: Mapping[str, Any], fields: Collection[str]) -> None:
    """LetheError if settings ask for what rows with only these ``fields`` do not supply."""
    check_rows_have = contract(name).fields_check
    if check_rows_have is not None:
        function(check_rows_have)(settings_of(name, given), fields)


def check_families(name: str, sources: Iterable[str | Path]) -> None:
    """LetheError if a suite does not work with one of the checkpoints; those on the hub count as
    causal."""
    for source in sources:
        family = families.of_source(source)
        families.check(contract(name).families, family, f"suite '{name}'", str(source))


def check(
    name: str, rows: Mapping[str, Sequence[dict]], given: Mapping[str, Any] | None = None
) -> None:
    """Refuse rows that a suite cannot use, before a model is loaded, by the suite's ``check``.

    ``given``: settings of the suite.
    """
    shown = any(row.get(COLUMN) for some in rows.values() for row in some)
    if shown and not contract(name).pictures:
        raise LetheError(f"suite '{name}': does not work on rows with pictures; leave it out")
    check_rows = getattr(load(name), "check", None)
    if check_rows is not None:
        chosen = settings_of(name, given or {})
        # Suites without settings take no such argument.
        check_rows(rows, *([chosen] if chosen else []))


def text_of(row: Mapping, key: str, place: str):
    """A row's required text (or list of texts); LetheError names the place if it is missing."""
    value = row.get(key)
    if not value:
        raise LetheError(f"{place}: no {key}; every row that is evaluated needs one")
    return value


def places(name: str, rows: Iterable) -> list[str]:
    """What messages call the rows of a set."""
    return [f"set '{name}', row {number}" for number, _ in enumerate(rows, start=1)]
