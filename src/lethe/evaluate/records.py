"""Records: what an evaluation of a run recorded for every item, and all that metrics read.

The format is described in ``docs/architecture.md``. Records that are incomplete, of unequal lengths
or not finite are refused here, so that no metric ever turns them into a number.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_text
from lethe.evaluate import suite as suites
from lethe.evaluate.record_columns import COLUMNS, SAME_SHAPE, WHOLE, text_fault

FORMAT = 1
REMEDY = "delete the file to have it made again"
# How the columns with counts of tokens end.
TOKENS = "_tokens"

# Values of several answers or tokens per item: 2-D [n, k], or n arrays where k varies.
Nested = np.ndarray | list[np.ndarray]


@dataclass(frozen=True, eq=False)
class ItemSet:
    """The items of one set, column by column, each of length n.

    A suite fills in the columns that it declares; the others are None. Losses are the mean negative
    log-likelihood per token of the answer in nats, end token included; ``*_tokens`` count those
    tokens (None also where another program's log does not give them). ``perturbed_*`` have a value
    for each wrong answer; ``wrong_answer`` is the text of the first. ``paraphrase_*`` are None
    where a set has no paraphrases. ``loss_error``: where losses are estimates, the standard errors
    of the answer's, of the paraphrase's if there is one, and of each wrong answer's.

    ``token_*`` have a value for each token of the answer, *without* the end token, from a pass over
    the true answer: its log-probability (nats), whether it is the likeliest token (1 or 0), and its
    log-probability standardised by the probability-weighted mean and standard deviation over the
    whole vocabulary. ``gradient_norm``: mean over the model's parameter tensors of the L2 norm of
    the gradient of ``answer_loss``. Of a whole set's mean loss, the same for all items:
    ``gradient_length``, its gradient's norm, and ``gradient_cosine`` with the other set's.

    ``sample``: sampled answers, equally many for each item; ``sample_entailment``: for each of them
    the probability, by an NLI or a judge, that it states the true answer; ``sample_control``: the
    same for the true answer itself and for another item's.

    Multiple choice: ``option``: the texts of an item's options; ``prompt``: the names of the
    prompts under which it was put; ``prompt_generation``: what the model wrote after each of them.
    ``option_loss`` and ``option_tokens`` have a value for each option, prompt after prompt.

    ``entity``: the part of the answer that is its fact; ``layer_delta``: for each decoder layer, by
    how much the model's states there lower the mean log-probability of the fact's tokens (nats)
    under the model before unlearning; no value where an answer has no such part.

    Attributions: ``label`` and ``predicted``: the letters of the right and the chosen option;
    ``word``: the words of the prompt; ``word_attribution``: how much of the chosen letter's logit
    each accounts for; ``attributed``: the sum over all tokens, and the logit's difference from that
    without a prompt, which the sum approaches.

    Compared with the oracle, at the last token of a question: ``state_distance``, L2 after the last
    layer but one; ``divergence`` of the next token's distributions (Jensen-Shannon, nats); of the
    model's own distribution, ``confidence``: the largest probability, ``margin``: how far the
    second is below it, ``entropy`` (nats). ``weight_distance``, the same for all items: mean over
    parameter tensors of the L2 distance.

    Several languages: ``language``: their names; ``language_role``: whether the unlearner was given
    a language, models only learned it, or neither; ``language_question`` and ``language_answer``:
    the item's texts there, with their values; ``language_wrong_loss``: the losses of wrong answers,
    equally many in each language, language after language.

    Reasoning traces: ``trace``: the true one, before the answer; ``prompt`` and ``prompt_text``:
    name and text of what the answer was made to begin with; ``prompt_generation``: what the model
    wrote after it.

    An agent's memories, by prompt: ``prompt_score``: the detector's score of the memory;
    ``prompt_loss``: the loss of the true answer, as ``answer_loss``.
    Variants, by prompt: ``prompt_text``: all that the model was given; ``prompt_answer``: the right
    answer; ``sample``, if samples were taken: equally many for each prompt, prompt after prompt.

    ``request``: in a sequence of requests, the one that asked for the item, from 1. ``modality``:
    in a world with pictures, whether it is asked by text, picture or both.
    Of LUME: ``task``: the name of the item's task; ``form``: whether it is a completion or a
    question; ``text_loss``: of a whole text without a template, the mean negative log-likelihood of
    its tokens but the first. EDU-RELAT: ``minimal_set``: sets of places among the relationships.
    """

    question: list[str]
    answer: list[str]
    generation: list[str] | None = None
    wrong_answer: list[str] | None = None
    answer_loss: np.ndarray | None = None
    perturbed_loss: Nested | None = None
    paraphrase_loss: np.ndarray | None = None
    answer_tokens: np.ndarray | None = None
    paraphrase_tokens: np.ndarray | None = None
    perturbed_tokens: Nested | None = None
    loss_error: Nested | None = None
    token_logprob: Nested | None = None
    token_match: Nested | None = None
    token_zscore: Nested | None = None
    gradient_norm: np.ndarray | None = None
    gradient_cosine: np.ndarray | None = None
    gradient_length: np.ndarray | None = None
    sample: list[list[str]] | None = None
    sample_entailment: Nested | None = None
    sample_control: Nested | None = None
    option: list[list[str]] | None = None
    prompt: list[list[str]] | None = None
    prompt_generation: list[list[str]] | None = None
    prompt_text: list[list[str]] | None = None
    prompt_answer: list[list[str]] | None = None
    prompt_score: Nested | None = None
    prompt_loss: Nested | None = None
    option_loss: Nested | None = None
    option_tokens: Nested | None = None
    entity: list[str] | None = None
    trace: list[str] | None = None
    layer_delta: Nested | None = None
    label: list[str] | None = None
    predicted: list[str] | None = None
    word: list[list[str]] | None = None
    word_attribution: Nested | None = None
    attributed: Nested | None = None
    state_distance: np.ndarray | None = None
    divergence: np.ndarray | None = None
    weight_distance: np.ndarray | None = None
    confidence: np.ndarray | None = None
    entropy: np.ndarray | None = None
    margin: np.ndarray | None = None
    language: list[list[str]] | None = None
    language_role: list[list[str]] | None = None
    language_question: list[list[str]] | None = None
    language_answer: list[list[str]] | None = None
    language_loss: Nested | None = None
    language_tokens: Nested | None = None
    language_paraphrase_loss: Nested | None = None
    language_wrong_loss: Nested | None = None
    request: np.ndarray | None = None
    modality: list[str] | None = None
    task: list[str] | None = None
    form: list[str] | None = None
    text_loss: np.ndarray | None = None
    minimal_set: list[list[str]] | None = None

    def __len__(self) -> int:
        return len(self.question)

    def take(self, rows: list[int]) -> "ItemSet":
        """The items at ``rows`` (0-based), in that order."""
        return ItemSet(**{f.name: _take(getattr(self, f.name), rows) for f in fields(self)})


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The sets of one checkpoint; ``epoch`` and ``step`` are 0 for a run with only one.

    ``taught``: digests of the rows that an attack trained it on, if the attack tells them
    (``lethe.world.row_digest``); else empty.
    """

    epoch: int
    step: int
    sets: dict[str, ItemSet]
    taught: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Records:
    """All checkpoints of a run under one suite; ``path`` is for messages.

    ``log``: the SHA-256 of the other program's log that they were read from, which may lack the
    counts of tokens; None for Lethe's own.
    """

    suite: str
    checkpoints: list[Checkpoint] = field(default_factory=list)
    path: str = "records"
    log: str | None = None

    @property
    def items(self) -> int:
        """How many items there are, over all checkpoints."""
        return sum(len(items) for point in self.checkpoints for items in point.sets.values())


def nested(rows: Sequence[Sequence], dtype: type | None = None) -> Nested:
    """[n, k] where every item has k values, else n arrays."""
    if len({len(row) for row in rows}) == 1:
        return np.array(rows, dtype=dtype).reshape(len(rows), len(rows[0]))
    return [np.array(row, dtype=dtype) for row in rows]


def dealt(name: str, shares: Sequence[Mapping[str, ItemSet]]) -> ItemSet:
    """Put a set whose items were dealt out in turn to ``shares`` back in its original order."""
    parts = [share[name] for share in shares if name in share]
    size = sum(map(len, parts))
    order = [(row, share) for share, part in enumerate(parts) for row in range(len(part))]
    place = {at: number for number, at in enumerate(order)}
    joined = ItemSet(
        **{f.name: _joined([getattr(p, f.name) for p in parts]) for f in fields(ItemSet)}
    )
    return joined.take([place[divmod(item, len(parts))] for item in range(size)])


def _joined(columns: list[Any]) -> Any:
    if columns[0] is None:
        return None
    if isinstance(columns[0], np.ndarray) and len({column.shape[1:] for column in columns}) == 1:
        return np.concatenate(columns)
    return [value for column in columns for value in column]


def read_records(path: str | os.PathLike) -> Records:
    """Read and check a records file; LetheError names file, set and column of the first fault."""
    return _records(read_json(path), str(path), REMEDY)


def check_records(records: Records, remedy: str) -> None:
    """LetheError for values that ``read_records`` would refuse; sets may be absent."""
    _records(_document(records), records.path, remedy, whole=False)


def write_records(path: str | os.PathLike, records: Records) -> None:
    """Write records as compact JSON, atomically; the same records give the same bytes.

    Values that ``read_records`` would refuse are refused here too; then no file is written.
    """
    document = _document(records)
    _records(document, str(path), "nothing was written: correct what was recorded")
    write_text(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")


def item_set(
    columns: Any, where: str, remedy: str = REMEDY, required: Sequence[str] = ()
) -> ItemSet:
    """Check the columns of one set and make an ItemSet of them.

    ``columns`` maps names of columns to lists and must contain those ``required``. In messages,
    ``where`` names file and set, and ``remedy`` comes last.
    """
    if not isinstance(columns, Mapping):
        raise LetheError(f"{where}: expected columns, found {_kind(columns)}; {remedy}")
    table = _Columns(columns, where, remedy)
    needed = {"question", "answer", *required, *_partners(columns)}
    made = {
        name: table.read(name)
        for name in (f.name for f in fields(ItemSet))
        if name in needed or name in columns
    }
    for first, others in SAME_SHAPE.items():
        for other in others:
            table.same_shape(made.get(first), made.get(other), first, other)
    return ItemSet(**made)


def _partners(columns: Mapping[str, Any]) -> list[str]:
    """Columns that must accompany those given: a paraphrase's loss and its token count."""
    pair = ("paraphrase_loss", "paraphrase_tokens")
    if not any(name in columns for name in pair):
        return []
    return list(pair) if "answer_tokens" in columns else ["paraphrase_loss"]


class _Columns:
    """The columns of one set while they are checked."""

    def __init__(self, columns: Mapping[str, Any], where: str, remedy: str):
        self.columns, self.where, self.remedy = columns, where, remedy
        self.length: int | None = None

    def fail(self, name: str, why: str) -> LetheError:
        return LetheError(f"{self.where}, column '{name}': {why}; {self.remedy}")

    def read(self, name: str) -> list[str] | list[list[str]] | Nested:
        """One column, checked."""
        fault, several = COLUMNS[name]
        values = self.column(name)
        dtype = int if fault in WHOLE else float
        if not several:
            self.each(name, values, fault)
            return values if fault is text_fault else np.array(values, dtype=dtype)
        self.each(name, values, lambda row: None if isinstance(row, list) else "not a list")
        self.each(name, values, lambda row: next(filter(None, map(fault, row)), None))
        return values if fault is text_fault else nested(values, dtype)

    def column(self, name: str) -> list:
        if name not in self.columns:
            raise self.fail(name, "missing")
        values = self.columns[name]
        if not isinstance(values, list) or not values:
            kind = "an empty list" if values == [] else _kind(values)
            raise self.fail(name, f"expected a list of values, found {kind}")
        if self.length is None:
            self.length = len(values)
        if len(values) != self.length:
            raise self.fail(name, f"{len(values)} values for {self.length} questions")
        return values

    def each(self, name: str, values: list, fault) -> None:
        """Raise for the first faulty value, and say how many are faulty."""
        faults = [(row, why) for row, why in enumerate(map(fault, values)) if why]
        if faults:
            row, why = faults[0]
            count = f"{len(faults)} of {len(values)} values"
            raise self.fail(name, f"{count} cannot be used, the first (row {row}) is {why}")

    def same_shape(
        self, one: Sequence | None, two: Sequence | None, first: str, other: str
    ) -> None:
        if one is None or two is None:
            return
        unequal = sum(len(a) != len(b) for a, b in zip(one, two, strict=True))
        if unequal:
            raise self.fail(other, f"{unequal} items have another number of values than '{first}'")


def _records(document: Any, path: str, remedy: str, whole: bool = True) -> Records:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LetheError(f"{path}: not a records file of format {FORMAT}; {remedy}")
    suite, checkpoints = document.get("suite"), document.get("checkpoints")
    if suite not in suites.names():
        raise LetheError(f"{path}: key 'suite' is not the name of a suite; {remedy}")
    if not isinstance(checkpoints, list) or not checkpoints:
        raise LetheError(f"{path}: key 'checkpoints' is missing or has no checkpoint; {remedy}")
    contract, log = suites.contract(suite), document.get("log")
    if not isinstance(log, str | None):
        raise LetheError(f"{path}: key 'log' is {_kind(log)}, not a digest; {remedy}")
    if not whole:
        contract = suites.Contract({}, contract.columns)
    if log is not None:
        counted = [name for name in contract.columns if not name.endswith(TOKENS)]
        contract = replace(contract, columns=tuple(counted))
    made = [_checkpoint(entry, contract, path, remedy) for entry in checkpoints]
    places = [(checkpoint.epoch, checkpoint.step) for checkpoint in made]
    if len(set(places)) < len(places):
        raise LetheError(f"{path}: two checkpoints have the same epoch and step; {remedy}")
    return Records(suite, made, path, log)


def _checkpoint(entry: Any, contract: suites.Contract, path: str, remedy: str) -> Checkpoint:
    if not isinstance(entry, dict):
        raise LetheError(f"{path}: a checkpoint is {_kind(entry)}, not an object; {remedy}")
    for key in ("epoch", "step"):
        if type(entry.get(key)) is not int or entry[key] < 0:
            raise LetheError(f"{path}: '{key}' of a checkpoint is not a whole number; {remedy}")
    where = f"{path}: checkpoint of epoch {entry['epoch']}"
    sets = entry.get("sets")
    if not isinstance(sets, dict) or not sets:
        raise LetheError(f"{where}: key 'sets' is missing or has no set; {remedy}")
    required = contract.sets.keys() - set(contract.optional)
    missing = [name for name in contract.sets if name in required and name not in sets]
    if missing:
        raise LetheError(f"{where}: no set {', '.join(map(repr, missing))}; {remedy}")
    made = {
        name: item_set(sets[name], f"{where}, set '{name}'", remedy, contract.columns)
        for name in sets
    }
    taught = entry.get("taught", [])
    if not isinstance(taught, list) or not all(isinstance(row, str) for row in taught):
        raise LetheError(f"{where}: 'taught' is not a list of texts; {remedy}")
    return Checkpoint(entry["epoch"], entry["step"], made, tuple(taught))


def _document(records: Records) -> dict:
    checkpoints = [
        {
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            **({"taught": list(checkpoint.taught)} if checkpoint.taught else {}),
            "sets": {name: _columns(items) for name, items in checkpoint.sets.items()},
        }
        for checkpoint in records.checkpoints
    ]
    log = {} if records.log is None else {"log": records.log}
    return {"format": FORMAT, "suite": records.suite, **log, "checkpoints": checkpoints}


def _columns(items: ItemSet) -> dict[str, list]:
    columns = {f.name: getattr(items, f.name) for f in fields(items)}
    return {name: _plain(column) for name, column in columns.items() if column is not None}


def _plain(column: Any) -> list:
    if isinstance(column, np.ndarray):
        return column.tolist()
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in column]


def _take(column: Any, rows: list[int]) -> Any:
    if isinstance(column, np.ndarray):
        return column[rows]
    return None if column is None else [column[row] for row in rows]


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
