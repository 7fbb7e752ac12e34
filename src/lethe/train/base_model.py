"""Making a base checkpoint: a tokenizer and a small Llama that have learned no target author."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.progress import silent
from lethe.model import checkpoint, checkpoint_record
from lethe.train.execution import Execution
from lethe.train.loop import Report
from lethe.train.pretrain import pretrain


def make_base(
    background: Sequence[dict],
    facts: Sequence[dict],
    out: str | Path,
    *,
    architecture: Mapping[str, int],
    settings: Mapping[str, Any],
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    start: str | Path | None = None,
    snapshots: Mapping[int, str | Path] | None = None,
    device: str = "cpu",
    how: Execution | None = None,
    report: Report = silent,
    later: Sequence[Mapping[str, Any]] = (),
) -> dict[str, float]:
    """Train on rows of background authors and true facts (question, answer), and save at ``out``.

    ``architecture``: sizes, as ``model.architectures.llama.Architecture``; ``settings``: as
    ``train.settings.Pretraining``. ``start``: a checkpoint of these sizes from which training goes
    on, with its tokenizer. ``snapshots``: folders by percentage: after that share of the
    steps the model is also saved there. ``later``: settings of further stages, on the rows with
    their number as ``stage`` (``train.pretrain``). Returns counts: steps, tokens, rows.
    """
    origin = {"stage": "base", "settings": settings, "template": template}
    if later:
        origin["later"] = list(later)
    if start is not None:
        origin["start"] = checkpoint_record.digest(start)
    folders = dict(snapshots or {})

    def keep(percent: int, model, tokenizer) -> None:
        checkpoint.save(folders[percent], model, tokenizer, {**origin, "percent": percent})

    model, tokenizer, counts = pretrain(
        background,
        facts,
        architecture,
        settings,
        template,
        max_length,
        report,
        how,
        device,
        tuple(folders),
        keep,
        start,
        later,
    )
    checkpoint.save(out, model, tokenizer, origin)
    return counts
