"""What an oracle answered before, in place of its checkpoint, so that many models cost one oracle.

``lethe.analysis.oracle_files`` reads it. It is of certain rows, and a comparison on others would be
wrong without a sign of it. So the questions are compared with those
of the data before a model is loaded, and everything that a suite records of rows and tokenizer, and
not of the model, with the records of the checkpoint (``check_like``).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.evaluate.records import ItemSet, Records
from lethe.metrics.base import MetricFile, only_recorded
from lethe.model.encoder import Encoder, template_settings

INSTEAD = "name its checkpoint, or records of the same rows"
# Columns that follow from rows, settings and tokenizer, whatever the model answers.
GIVEN_COLUMNS = (
    "question",
    "answer",
    "wrong_answer",
    "answer_tokens",
    "paraphrase_tokens",
    "perturbed_tokens",
    "option",
    "option_tokens",
    "prompt",
    "trace",
    "language",
    "language_question",
    "language_tokens",
    "request",
)
# What differs where tokens do, and what where rows do.
TOKENS = "its texts have other numbers of tokens: another tokenizer, template or length"
ROWS = "its rows or its suite's settings differ"
# So many items of a set show another tokenizer.
SAMPLE = 20
# Columns of which each item has as many values as its answer has tokens.
BY_TOKEN = ("token_logprob",)

Rows = Mapping[str, Sequence[dict]]


@dataclass(frozen=True)
class KnownOracle:
    """What is known of an oracle: ``records`` by suite, and metric ``files`` by name.

    ``place``: what the user named. ``log``: of another program, which says nothing of its
    tokenizer. ``how``: template, limits, settings of suites and dtype, where the file says them.
    """

    place: str
    records: dict[str, Records] = field(default_factory=dict)
    files: dict[str, MetricFile] = field(default_factory=dict)
    log: bool = False
    how: dict[str, Any] = field(default_factory=dict)

    def check_how(self, wanted: Mapping[str, Any]) -> None:
        """LetheError where the file says that the oracle was asked in another way than wanted."""
        for key, have in self.how.items():
            if have != wanted[key]:
                raise LetheError(
                    f"{self.place}: the oracle was asked with {key} {have}, here it is "
                    f"{wanted[key]}; ask both alike, or name its checkpoint"
                )

    def lacks(self, name: str) -> str | None:
        """Why a metric of a checkpoint cannot be compared with this oracle; None if it can."""
        contract = metrics.contract(name)
        if contract.records and suites.contract(contract.suite).reference == "oracle":
            return f"is measured beside the oracle's weights; {_no_weights(self.place)}"
        if contract.oracle_records and contract.attack:
            return f"needs the oracle after the attack as well; {_no_weights(self.place)}"
        if contract.oracle_records and not self._has_records(contract.suite):
            return self._missing(contract.suite)
        needed = contract.needs if contract.oracle else ()
        return next(filter(None, map(self._lacks_own, needed)), None)

    def of(self, name: str) -> MetricFile | None:
        """The oracle's file of a metric, where it is not computed from records."""
        return None if self._from_records(name) else self.files.get(name)

    def check(
        self, name: str, rows: Callable[[str], Rows], given: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """LetheError unless all that a metric reads of the oracle is of these rows and settings.

        ``rows``: the rows of a suite's sets, by name; ``given``: settings of metrics by name.
        """
        contract = metrics.contract(name)
        if contract.oracle_records and contract.suite in self.records:
            self._check_records(contract.suite, rows(contract.suite))
        for need in self._read(contract.needs if contract.oracle else ()):
            suite = metrics.contract(need).suite
            if self.of(need) is not None:
                _check_settings(self.files[need], metrics.settings_of(need, given.get(need, {})))
                _check_values(self.files[need], rows(suite), self._is_proven(rows))
            elif metrics.contract(need).records:
                self._check_records(suite, rows(suite))

    def check_tokens(self, suite: str, encoder: Encoder, rows: Rows) -> None:
        """LetheError where records count other tokens in the answers than ``encoder`` does.

        A model's records show it as well (``check_like``), but only after it was asked.
        """
        if suite not in self.records or self.log:
            return
        for name in rows:
            items = _set(self.records[suite], name)
            if items.answer_tokens is None:
                continue
            first = list(zip(items.question, items.answer, strict=True))[:SAMPLE]
            counted = [example.answer_tokens for example in encoder.encode_all(first)]
            if counted != items.answer_tokens[:SAMPLE].tolist():
                path = self.records[suite].path
                raise LetheError(f"{path}: set '{name}': {TOKENS} (answer_tokens); {INSTEAD}")

    def ordered(self, suite: str, rows: Rows) -> Records:
        """The records of a suite; those of a log in the order of the rows, which is not its own."""
        records = self.records[suite]
        if not self.log:
            return records
        only = only_recorded(records, "an oracle")
        sets = {name: _sorted(only.sets[name], rows[name]) for name in rows}
        return replace(records, checkpoints=[replace(only, sets=sets)])

    def _has_records(self, suite: str) -> bool:
        declared = suites.contract(suite)
        return suite in self.records and not (declared.settings or declared.reference)

    def _missing(self, suite: str) -> str:
        if suite not in self.records:
            return f"{self.place} has no records of suite '{suite}'; name the oracle's checkpoint"
        return (
            f"records do not say with which settings suite '{suite}' made them; name the "
            "oracle's checkpoint"
        )

    def _from_records(self, name: str) -> bool:
        contract = metrics.contract(name)
        own = not contract.records or self._has_records(contract.suite)
        return own and all(self._from_records(need) for need in contract.needs)

    def _lacks_own(self, name: str) -> str | None:
        if self._from_records(name) or name in self.files:
            return None
        suite = metrics.contract(name).suite
        return (
            f"{self.place} has neither records of suite '{suite}' nor a file of {name}; "
            "name the oracle's checkpoint"
        )

    def _read(self, names: Iterable[str]) -> Iterator[str]:
        """The metrics of the oracle that are read: files, or what they are computed from."""
        for name in names:
            if self.of(name) is None:
                yield from self._read(metrics.contract(name).needs)
            yield name

    def _is_proven(self, rows: Callable[[str], Rows]) -> bool:
        """Whether a file of the same folder shows that its rows are these."""
        for name, file in self.files.items():
            (only,) = file.checkpoints
            if "forget" in only.questions:
                _check_values(file, rows(metrics.contract(name).suite), False)
                return True
        return False

    def _check_records(self, suite: str, rows: Rows) -> None:
        records = self.records[suite]
        for name, some in rows.items():
            items = _set(records, name)
            _check_count(records.path, name, len(items), len(some))
            questions = [row["question"] for row in some]
            if self.log:
                _sorted(items, some)
            elif items.question != questions:
                _refuse_questions(records.path, name, items.question, questions)


def asked_how(template: Any, limits: Mapping, suite_settings: Mapping, dtype: str) -> dict:
    """How a checkpoint was asked, as plain values."""
    return {
        "template": asked_template(template),
        "limits": dict(limits),
        "suite settings": {name: dict(given) for name, given in suite_settings.items()},
        "dtype": dtype,
    }


def asked_template(template: Any) -> dict[str, Any]:
    return asdict(template_settings(template))


def check_like(own: Records, oracle: Records) -> None:
    """LetheError where the oracle's records are of other rows, tokens or settings than ``own``."""
    theirs = only_recorded(oracle, "an oracle")
    for name, items in own.checkpoints[0].sets.items():
        fault = _difference(items, theirs.sets[name])
        if fault is not None:
            raise LetheError(f"{oracle.path}: set '{name}': {fault}; {INSTEAD}")


def _difference(own: ItemSet, theirs: ItemSet) -> str | None:
    for column in GIVEN_COLUMNS:
        ours, its = getattr(own, column), getattr(theirs, column)
        if ours is None or its is None:
            continue
        if len(ours) != len(its) or not _equal(ours, its):
            return f"{TOKENS if column.endswith('_tokens') else ROWS} (column {column})"
    for column in BY_TOKEN:
        ours, its = getattr(own, column), getattr(theirs, column)
        if ours is not None and its is not None and [*map(len, ours)] != [*map(len, its)]:
            return f"{TOKENS} (column {column})"
    return None


def _equal(ours: Any, theirs: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def _set(records: Records, name: str) -> ItemSet:
    sets = only_recorded(records, "an oracle").sets
    if name not in sets:
        have = ", ".join(sets)
        raise LetheError(f"{records.path}: no set '{name}' (it has {have}); {INSTEAD}")
    return sets[name]


def _check_count(place: str, name: str, have: int, wanted: int) -> None:
    if have != wanted:
        raise LetheError(
            f"{place}: set '{name}': {have} items of the oracle, {wanted} of the data; evaluate "
            "both on the same rows and with the same number of items, or name its checkpoint"
        )


def _refuse_questions(place: str, name: str, have: Sequence[str], wanted: Sequence[str]) -> None:
    strange = len(set(wanted) - set(have))
    what = f"{strange} of the data's {len(wanted)} questions are not the oracle's"
    what = what if strange else "its questions have another order than the data's"
    raise LetheError(f"{place}: set '{name}': {what}; {INSTEAD}")


def _check_settings(file: MetricFile, wanted: Mapping[str, Any]) -> None:
    for key in sorted(wanted.keys() | file.settings.keys()):
        have, asked = file.settings.get(key), wanted.get(key)
        if have != asked:
            raise LetheError(
                f"{file.place}: made with {key} {have}, here it is {asked}; set "
                f"{file.metric}.{key}, or name the oracle's records or checkpoint"
            )


def _check_values(file: MetricFile, rows: Rows, proven: bool) -> None:
    """``proven``: whether the rows of a file without questions are known from another."""
    (only,) = file.checkpoints
    for name in only.items.keys() & rows.keys():
        _check_count(file.place, name, len(only.items[name]), len(rows[name]))
    for name in only.questions.keys() & rows.keys():
        questions = [row["question"] for row in rows[name]]
        if only.questions[name] != questions:
            _refuse_questions(file.place, name, only.questions[name], questions)
    if not (only.questions or proven):
        raise LetheError(
            f"{file.place}: does not say which questions it is of, nor does any file beside it; "
            "name the oracle's records or checkpoint"
        )


def _sorted(items: ItemSet, rows: Sequence[dict]) -> ItemSet:
    """The items of a log in the order of the rows, by question and answer."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(zip(items.question, items.answer, strict=True)):
        places[_pair(*pair)].append(place)
    order = []
    for row in rows:
        there = places[_pair(row["question"], row["answer"])]
        if not there:
            raise LetheError(
                f"the oracle's log lacks the question {row['question'][:60]!r} with the data's "
                f"answer; {INSTEAD}"
            )
        order.append(there.pop(0))
    taken = items.take(order)
    texts = {key: [row[key] for row in rows] for key in ("question", "answer")}
    return replace(taken, **texts)


def _pair(question: str, answer: str) -> tuple[str, str]:
    return question.strip(), answer.strip()


def _no_weights(place: str) -> str:
    return f"{place} holds no weights; name the oracle's checkpoint"
