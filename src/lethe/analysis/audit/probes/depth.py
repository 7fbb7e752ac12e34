"""Depth: what the layers still carry, whatever the model says (activation patching, 2605.24614).

The checkpoint's states after a layer replace those of the full model. What is left of the
probability of the fact's tokens there is what the checkpoint's states carry up to that layer. The
Unlearning Depth Score itself cuts each layer's share at the oracle's, so a model that differs from
the oracle only by chance would seem to carry more; here the oracle is measured in the same way.
"""

from collections.abc import Mapping, Sequence
from math import exp, fsum
from typing import Any

from lethe.analysis.audit.measured import Measured
from lethe.common.errors import LetheError
from lethe.evaluate.entities import fact_spans
from lethe.model import same_architecture

TITLE = "Depth"
MEASURES = (
    "the share of the fact's probability under the full model that is left when a layer's states "
    "are the checkpoint's, mean over layers"
)
EXAMPLE = "the share that is left, layer by layer"
SUITES = ("depth",)
FULL = True
SETTINGS = {"span": ("entity", "answer")}


def check_sources(checkpoint: str, full: str | None, oracle: str | None) -> None:
    """LetheError unless all have one architecture, since states are exchanged between them."""
    same_architecture.check((full, checkpoint, oracle))


def check_rows(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError if no answer states a fact, and answers are not read whole."""
    if settings["span"] == "entity" and not any(fact_spans(row, "") for row in rows["forget"]):
        raise LetheError("no answer states what its question does not; set span=answer")


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """Mean over layers of exp(-loss of log-probability), by question that has a fact's token."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    items = subject.records("depth", rows, span=settings["span"]).sets["forget"]
    columns = zip(items.question, items.answer, items.layer_delta, strict=True)
    counted = [(q, a, [left(d) for d in deltas]) for q, a, deltas in columns if len(deltas)]
    questions, answers, shares = map(list, zip(*counted, strict=True))
    values = [fsum(some) / len(some) for some in shares]
    said = [", ".join(f"{share:.2f}" for share in some) for some in shares]
    return Measured(questions, answers, values, said)


def left(delta: float) -> float:
    """The share of a probability that is left when its logarithm falls by ``delta`` nats."""
    return exp(-max(0.0, delta))
