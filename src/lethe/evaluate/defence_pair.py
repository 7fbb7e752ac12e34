"""What a second defence does to a first: risks, changes of outputs and of weights, by layer.

“Defenses at Odds” (arXiv 2605.14514), after its analysis code: W0 is the model before any defence,
W1 after the first, W2 after the second. A layer's output is read at the last token of each prompt,
and averaged over the questions D1 of the first risk, or D2 of the second:

    first shift    m(D1, W1) - m(D1, W0)        what the first defence did for its own risk
    second shift   m(D2, W2) - m(D2, W1)        what the second did for its own
    interference   m(D1, W2) - m(D1, W1)        what the second did to the first

and the alignment of a layer's updates is cos(W1 - W0, W2 - W1) over all of its weights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe.common.progress import silent
from lethe.evaluate.same_weights import check_same
from lethe.model.settings import Compute
from lethe.unlearn.defence import UNWANTED, WANTED, risks_from

WHEN = ("before", "between", "after")
WHOSE = ("first", "second")


@dataclass
class Measured:
    """``risks[of][when]``: the risk of each row; ``layers[name]``: one number for each layer.

    ``of`` is one of ``WHOSE`` and ``when`` one of ``WHEN``. ``changed``: 1 for a layer that the
    second defence trained, 0 for one that it left as it was.
    """

    risks: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    layers: dict[str, list[float]] = field(default_factory=dict)


def measure_pair(
    checkpoints: Sequence[str | Path],
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    *,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 200,
    compute: Compute | None = None,
    device: str = "cpu",
    report: Callable[[int, int], None] = silent,
) -> Measured:
    """Measure the three ``checkpoints`` (W0, W1, W2) on the risk rows of both defences.

    ``rows``: by ``WHOSE``, as ``lethe.unlearn.defence.read_risk`` returns them. The models are kept
    in main memory; one at a time is on the device. LetheError for checkpoints that cannot be
    loaded, are not of one architecture, or act at inference time.
    """
    from lethe.model import checkpoint
    from lethe.model.encoder import Encoder

    measured, models, means = Measured({of: {} for of in WHOSE}), [], {}
    for number, (when, source) in enumerate(zip(WHEN, checkpoints, strict=True), start=1):
        loading = (compute or Compute()).loading()
        model, tokenizer = checkpoint.load(source, device, **loading, template=template)
        encoder = Encoder(tokenizer, template, max_length)
        for of in WHOSE:
            measured.risks[of][when] = risks(model, encoder, rows[of])
            means[of, when] = prompt_means(model, encoder, rows[of])
        models.append(model.to("cpu"))
        check_same(checkpoints[0], models[0], source, model)
        report(number, len(WHEN))
    measured.layers = _weights(*models) | _shifts(means)
    return measured


def risks(model, encoder, rows: Sequence[Mapping[str, str]]) -> list[float]:
    """The risk of each row, from 0 to 1 (``lethe.unlearn.defence.Defence.risk_rows``)."""
    import math

    from lethe.model.likelihood import mean_losses

    columns = []
    for key in (WANTED, UNWANTED):
        there = [number for number, row in enumerate(rows) if row.get(key)]
        pairs = [(rows[number]["question"], rows[number][key]) for number in there]
        losses = mean_losses(model, encoder.encode_all(pairs)) if pairs else []
        column = [0.0] * len(rows)
        for number, loss in zip(there, losses, strict=True):
            column[number] = math.exp(-loss)
        columns.append(column)
    return risks_from(rows, *columns)


def prompt_means(model, encoder, rows: Sequence[Mapping[str, str]]) -> dict:
    """The mean output of each layer at the prompts' last tokens, [H] by layer, in float64."""
    from lethe.model.layer_changes import outputs

    # Examples must have an answer; it is not read.
    pairs = [(row["question"], row.get(WANTED) or row[UNWANTED]) for row in rows]
    states = outputs(model, encoder.encode_all(pairs), "prompt_end")
    return {name: some.double().mean(0).cpu() for name, some in states.items()}


def _weights(before, between, after) -> dict[str, list[float]]:
    """Alignment of the two updates of each layer, and whether the second changed it."""
    from lethe.model.layer_changes import alignment, layers_by_name

    layers = [list(layers_by_name(model).values()) for model in (before, between, after)]
    triples = list(zip(*layers, strict=True))
    return {
        "alignment": [alignment(*three) for three in triples],
        "changed": [float(_differ(one, two)) for _, one, two in triples],
    }


def _differ(one, other) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return any(not p.equal(q) for p, q in pairs)


def _shifts(means: Mapping[tuple[str, str], Mapping]) -> dict[str, list[float]]:
    """Cosines between the shifts of each layer, and the interference along either shift.

    A shift of length 0, as of frozen layers, has cosines and projections of 0.
    """
    names = list(means["first", "before"])
    measured: dict[str, list[float]] = {key: [] for key in SHIFTS}
    for name in names:
        at = {place: some[name] for place, some in means.items()}
        first = at["first", "between"] - at["first", "before"]
        second = at["second", "after"] - at["second", "between"]
        interference = at["first", "after"] - at["first", "between"]
        numbers = (
            _cosine(first, second),
            _cosine(interference, first),
            _cosine(interference, second),
            _along(interference, first),
            _along(interference, second),
        )
        for key, number in zip(SHIFTS, numbers, strict=True):
            measured[key].append(number)
    return measured


SHIFTS = (
    "shifts_cosine",
    "interference_first_cosine",
    "interference_second_cosine",
    "interference_along_first",
    "interference_along_second",
)


def _cosine(u, v) -> float:
    length = float(u.norm() * v.norm())
    return float(u @ v) / length if length else 0.0


def _along(u, direction) -> float:
    """The length of ``u`` along the unit vector of a direction; in units of outputs."""
    length = float(direction.norm())
    return float(u @ direction) / length if length else 0.0
