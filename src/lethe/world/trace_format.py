"""Answers with a reasoning trace before them: joining the two in one text, and parting them.

As DeepSeek-R1's distilled models write them, with one line end after each tag:

    <think>
    the trace
    </think>
    the answer

A row has its trace in the column ``cot``, as R-TOFU's rows do, or in its answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OPENING, CLOSING = "<think>", "</think>"
# R-TOFU's name of the column.
COLUMN = "cot"


@dataclass(frozen=True)
class Parted:
    """A text's trace and answer; ``closed``: whether a closing tag ends the trace.

    Without a closing tag ``answer`` is empty, and the whole text counts as trace.
    """

    trace: str
    answer: str
    closed: bool


def begun(trace: str) -> str:
    """All that comes before an answer with this trace."""
    return f"{OPENING}\n{trace}\n{CLOSING}\n"


def joined(trace: str, answer: str) -> str:
    """An answer with the trace before it; the answer alone if the trace is empty."""
    return begun(trace) + answer if trace else answer


def parted(text: str) -> Parted:
    """Trace and answer of a text, divided by the last closing tag."""
    before, tag, after = text.rpartition(CLOSING)
    if not tag:
        return Parted(_bare(text), "", closed=False)
    return Parted(_bare(before), after.strip(), closed=True)


def trace_of(row: Mapping) -> str:
    """The trace in a row's own column; empty if it has none."""
    trace = row.get(COLUMN)
    return trace.strip() if isinstance(trace, str) else ""


def whole_answer(row: Mapping) -> str:
    """What a model learns to answer: the row's answer, after its trace if it has one."""
    return joined(trace_of(row), row["answer"])


def row_parts(row: Mapping) -> Parted:
    """A row's own trace and answer; ``closed`` is false for a row without a trace."""
    if trace_of(row):
        return Parted(trace_of(row), row["answer"], closed=True)
    apart = parted(row["answer"])
    return apart if apart.closed else Parted("", row["answer"], closed=False)


def with_column(row: Mapping) -> dict:
    """A row whose answer has a trace, with the trace in a column of its own."""
    apart = parted(row["answer"])
    if not apart.closed:
        return dict(row)
    return {**row, "answer": apart.answer, COLUMN: apart.trace}


def _bare(trace: str) -> str:
    return trace.replace(OPENING, "").strip()
