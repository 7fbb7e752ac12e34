"""Audits as parts of a page: verdict, probes with intervals, a drawing of them, examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lethe.analysis.audit.document import ROLES, checked_document
from lethe.analysis.audit.verdict import LEAKS, LEAKS_BEYOND, NO_LEAK, UNKNOWN
from lethe.common.files import read_json
from lethe.report.labels import run_label
from lethe.report.page.tables import Cell, PageTable

# Symbols beside verdicts, which can be told apart without colours, and the colours' classes.
SYMBOLS = {LEAKS_BEYOND: "✗", LEAKS: "✗", NO_LEAK: "○", UNKNOWN: "?"}
CLASSES = {LEAKS_BEYOND: "fails", LEAKS: "fails", NO_LEAK: "holds", UNKNOWN: "undecided"}
NAMES = {"checkpoint": "Checkpoint", "full": "Full model", "oracle": "Oracle"}
# Characters of a text in an example.
MOST_LETTERS = 500
# The drawing of differences, in its own units: from -1 to 1 around the middle.
MIDDLE, REACH, ROW = 480.0, 260.0, 26


@dataclass(frozen=True)
class Bar:
    """One probe in the drawing: the interval's ends, the mean, and where the full model is."""

    label: str
    y: int
    low: float
    high: float
    mean: float
    full: float | None
    kind: str


@dataclass(frozen=True)
class ProbeExamples:
    """Examples of a probe under its heading."""

    title: str
    measures: str
    table: PageTable


@dataclass(frozen=True)
class AuditPart:
    """An audit as the template writes it; ``id``: a name for its elements."""

    id: str
    title: str
    verdict: Cell
    why: str
    remarks: Sequence[str]
    note: str
    probes: PageTable
    conduct: PageTable
    bars: Sequence[Bar]
    examples: Sequence[ProbeExamples]
    not_run: Sequence[str]
    zero: str

    @property
    def height(self) -> int:
        """The height of the drawing."""
        return ROW * (len(self.bars) + 1)


def read_audit(file: str | Path) -> dict[str, Any]:
    """The document in a file; LetheError for any other file."""
    return checked_document(read_json(file), str(file))


def audit_part(document: Mapping[str, Any], id: str, title: str) -> AuditPart:
    """The parts of an audit's document."""
    probes, compared = document["probes"], "oracle" in document["conduct"]
    return AuditPart(
        id,
        title,
        verdict_cell(document["verdict"]["verdict"]),
        document["verdict"]["why"],
        document["verdict"]["remarks"],
        _note(document, compared),
        _probes(probes, compared),
        _conduct(document["conduct"]),
        _bars(probes),
        [_examples(one) for one in probes.values()],
        [f"{name.replace('_', ' ')}: {why}" for name, why in document["not_run"].items()],
        "oracle" if compared else "chance",
    )


def verdict_cell(name: str) -> Cell:
    """A verdict with its symbol."""
    order = list(SYMBOLS).index(name)
    return Cell(f"{SYMBOLS[name]} {name}", order, CLASSES[name])


def _note(document: Mapping[str, Any], compared: bool) -> str:
    against = "the oracle" if compared else "what it scores where it cannot know"
    return (
        f"Brackets are intervals over questions of the difference from {against}, at a level "
        f"({document['level']:.2%}) at which those of all probes hold together at 95%. The "
        "smallest leak is the least difference that would have been found with probability "
        f"{document['power']:.0%}. Probes can show that knowledge is left, never that none is."
    )


def _probes(probes: Mapping[str, Any], compared: bool) -> PageTable:
    roles = [role for role in ROLES if any(role in one["values"] for one in probes.values())]
    beyond = "Beyond the oracle" if compared else "Beyond chance"
    headings = ["Probe", "Verdict", *(NAMES[role] for role in roles), beyond]
    headings += ["Full model beyond the oracle", "Smallest leak", "Questions"]
    rows = [
        [
            Cell(one["title"], kind="long"),
            replace(verdict_cell(one["verdict"]), interval=one["why"]),
            *(_number(one["values"].get(role)) for role in roles),
            _interval(one["beyond"]),
            _interval(one["full_beyond_oracle"]),
            _number(one["smallest_leak"]),
            Cell(str(one["questions"]), one["questions"], "number"),
        ]
        for one in probes.values()
    ]
    return PageTable(headings, rows)


def _number(value: float | None) -> Cell:
    return Cell("", "") if value is None else Cell(_digits(value), value, "number")


def _digits(value: float, sign: str = "") -> str:
    """Three decimals, or two digits of what these would show as 0; rounding errors are 0."""
    value = round(value, 9) + 0.0
    return f"{value:{sign}.1e}" if 0 < abs(value) < 0.0005 else f"{value:{sign}.3f}"


def _interval(difference: Mapping[str, float] | None) -> Cell:
    if difference is None:
        return Cell("", "")
    mean, low, high = (_digits(difference[name], "+") for name in ("mean", "low", "high"))
    return Cell(mean, difference["mean"], "number", f"[{low}, {high}]")


def _conduct(conduct: Mapping[str, Any]) -> PageTable:
    """What is refused and what is revealed about forgotten, known and never-seen authors."""
    kinds = {"forget": "forgotten", "retain": "known", "holdout": "never seen"}
    headings = ["Model", *(f"refused, {kind}" for kind in kinds.values())]
    headings += [f"revealed, {kind}" for kind in kinds.values()]
    rows = [
        [Cell(NAMES[role])]
        + [_number(one[what].get(kind)) for what in ("refused", "revealed") for kind in kinds]
        for role, one in conduct.items()
    ]
    return PageTable(headings, rows)


def _bars(probes: Mapping[str, Any]) -> list[Bar]:
    shown = [one for one in probes.values() if one["beyond"] is not None]
    return [
        Bar(
            one["title"],
            ROW * (number + 1),
            *(_place(one["beyond"][end]) for end in ("low", "high", "mean")),
            full=_place(one["full_beyond_oracle"]["mean"]) if one["full_beyond_oracle"] else None,
            kind=CLASSES[one["verdict"]],
        )
        for number, one in enumerate(shown)
    ]


def _place(difference: float) -> float:
    return round(MIDDLE + REACH * max(-1.0, min(1.0, difference)), 1)


def _examples(probe: Mapping[str, Any]) -> ProbeExamples:
    roles = [role for role in ROLES if role in probe["values"]]
    shows = probe["shows"]
    headings = ["Question", "True answer", *(f"{NAMES[role]}: {shows}" for role in roles)]
    rows = [
        [
            _text(one["question"]),
            _text(one["answer"]),
            *(
                Cell(_cut(one[role]["said"]), kind="answer", interval=_digits(one[role]["value"]))
                for role in roles
            ),
        ]
        for one in probe["examples"]
    ]
    return ProbeExamples(probe["title"], probe["measures"], PageTable(headings, rows))


def _text(text: str) -> Cell:
    return Cell(_cut(text), kind="answer")


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"


@dataclass(frozen=True)
class Audits:
    """The audits of a world's runs: a table of their verdicts, then each of them."""

    table: PageTable
    parts: Sequence[AuditPart]


def audits(entries: Sequence[Mapping[str, Any]]) -> Audits | None:
    """The audits of entries with model, split, run, seed and path; None without entries."""
    if not entries:
        return None
    documents = [read_audit(entry["path"]) for entry in entries]
    probes = dict.fromkeys(name for one in documents for name in one["probes"])
    titles = {name: _title(name, documents) for name in probes}
    names = [_name(entry, entries) for entry in entries]
    rows = [
        [Cell(name), verdict_cell(one["verdict"]["verdict"])]
        + [_of_probe(one["probes"].get(probe)) for probe in probes]
        for name, one in zip(names, documents, strict=True)
    ]
    parts = [
        audit_part(one, f"audit-{number}", name)
        for number, (one, name) in enumerate(zip(documents, names, strict=True))
    ]
    return Audits(PageTable(["Run", "Verdict", *titles.values()], rows), parts)


def _title(name: str, documents: Sequence[Mapping[str, Any]]) -> str:
    return next(one["probes"][name]["title"] for one in documents if name in one["probes"])


def _of_probe(probe: Mapping[str, Any] | None) -> Cell:
    """How far a run is beyond the oracle by a probe, and the probe's verdict."""
    if probe is None or probe["beyond"] is None:
        return Cell("", "")
    said = _interval(probe["beyond"])
    return replace(said, interval=f"{said.interval} {probe['verdict']}")


def _name(entry: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    """A run's name, with model, split and seed if there are several."""
    several = [
        str(entry[key])
        for key in ("model", "split", "seed")
        if len({str(one[key]) for one in entries}) > 1
    ]
    name = run_label(entry["run"])
    return f"{name} ({', '.join(several)})" if several else name
