"""The straight line between two checkpoints: losses of the models whose weights lie on it.

theta(a) = (1 - a) theta_0 + a theta_1 for a from 0 to 1. If the loss rises on the way, the two lie
in different modes of the loss, and training that is in one would not reach the other
(linear mode connectivity, Frankle et al. 2020, arXiv 1912.05671; "Downgrade to Upgrade", arXiv
2510.00761, asks this about optimisers). Nothing is trained.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.progress import silent
from lethe.evaluate.same_weights import check_same
from lethe.model.settings import Compute

# The sets whose loss is measured on a line, and the parts of a split that they are read from.
SETS = {"forget": "forget", "retain": "retain_perturbed"}


@dataclass(frozen=True)
class Line:
    """The places a on a line, from 0 to 1, and by set the mean loss of an answer at each (nats)."""

    places: list[float]
    losses: dict[str, list[float]]


def places_of(points: int) -> list[float]:
    """``points`` places from 0 to 1 at equal distances, both ends included (at least 3)."""
    if points < 3:
        raise LetheError(
            f"interpolation: {points} points leave none between the ends; set 3 or more"
        )
    return [number / (points - 1) for number in range(points)]


def losses_between(
    first: str | Path,
    second: str | Path,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    points: int = 11,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 200,
    compute: Compute | None = None,
    device: str = "cpu",
    report: Callable[[int, int], None] = silent,
) -> Line:
    """The losses of ``rows``, by set, on the line from ``first`` to ``second``.

    A set's loss is the mean over its answers of the mean over the tokens of an answer. The ends are
    the checkpoints themselves, bit by bit. LetheError for checkpoints that cannot be loaded, have
    other weights or another vocabulary, or act at inference time.
    """
    from lethe.model import checkpoint
    from lethe.model.encoder import Encoder, rows_to_pairs
    from lethe.model.likelihood import mean_losses

    places = places_of(points)
    loading = (compute or Compute()).loading()
    other, theirs = checkpoint.load(second, "cpu", **loading, template=template)
    ends = dict(other.named_parameters())
    model, tokenizer = checkpoint.load(first, device, **loading, template=template)
    _check_alike((first, model, tokenizer), (second, other, theirs))
    encoder = Encoder(tokenizer, template, max_length)
    examples = {name: encoder.encode_all(rows_to_pairs(some)) for name, some in rows.items()}
    losses: dict[str, list[float]] = {name: [] for name in rows}
    for number, _ in enumerate(_moved(model, ends, places), start=1):
        for name, some in examples.items():
            each = mean_losses(model, some)
            losses[name].append(sum(each) / len(each))
        report(number, points)
    return Line(places, losses)


def _moved(model, ends: Mapping[str, Any], places: Sequence[float]) -> Iterator[float]:
    """Bring the model to each place in turn; places in the middle are computed in float32."""
    import torch

    starts = {name: p.detach().cpu().clone() for name, p in model.named_parameters()}
    for place in places:
        with torch.no_grad():
            for name, p in model.named_parameters():
                start, end = starts[name], ends[name]
                if place in (0, 1):
                    p.copy_(end if place else start)
                else:
                    p.copy_(torch.lerp(start.float(), end.float(), place))
        yield place


def _check_alike(first: tuple, second: tuple) -> None:
    check_same(*first[:2], *second[:2])
    if first[2].get_vocab() != second[2].get_vocab():
        raise LetheError(f"{second[0]}: its tokenizer is not that of {first[0]}; name another")
