"""Asking checkpoints a suite's questions and recording the answers, item by item."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lethe.common.distributed import SingleProcess
from lethe.common.errors import LetheError
from lethe.common.progress import silent
from lethe.evaluate import suite as suites
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records
from lethe.evaluate.suite import REFERENCES, Limits, Reference
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.settings import Compute
from lethe.world.rows import read_asked, read_perturbed


def read_set(file: str | Path, most: int | None = None) -> list[dict]:
    """Up to ``most`` rows of a set's file; ``…_perturbed.json`` also holds wrong answers."""
    perturbed = Path(file).stem.endswith("_perturbed")
    return (read_perturbed if perturbed else read_asked)(file)[:most]


def collect(
    suite: str,
    sources: Sequence[str | Path],
    rows: Mapping[str, Sequence[dict]],
    *,
    template: str | Mapping[str, Any] = "chat",
    limits: Limits | None = None,
    compute: Compute | None = None,
    device: str = "cpu",
    process_group: SingleProcess | None = None,
    report: Callable[[int, int], None] = silent,
    load: Callable = checkpoint.load,
    settings: Mapping[str, Any] | None = None,
    reference: str | Path | None = None,
) -> Records:
    """The records of checkpoints, such as those of a run, under one suite.

    ``sources``: folders or hub ids; epoch and step come from a checkpoint's own record (0 if it has
    none). ``rows``: the rows of each set of the suite, as from ``read_set``. Each process of a
    ``process_group`` asks its share, and every process gets all records. ``report`` is called after
    each checkpoint. ``load`` replaces ``checkpoint.load``, for instance to cache loaded models.
    ``settings``: the suite's own, such as how many samples it takes. ``reference``: the
    checkpoint that the suite compares with, if it does; others do not load it.

    LetheError for a checkpoint that cannot be loaded and, before one is, for rows that lack a text.
    """
    limits, loading = limits or Limits(), (compute or Compute()).loading()
    suites.check_families(suite, sources)
    suites.check(suite, rows, settings)

    def loaded(source: str | Path) -> tuple[Any, Encoder]:
        model, tokenizer = load(source, device, **loading, template=template)
        return model, Encoder(tokenizer, template, limits.max_length)

    recorded, evaluation = [], None
    beside = None
    if suites.contract(suite).reference is not None:
        beside = Reference(*loaded(_needed(suite, reference)))
    for source in sources:
        model, encoder = loaded(source)
        if evaluation is None:
            evaluation = Evaluation(suite, encoder, rows, limits, process_group, settings, beside)
        origin = checkpoint.origin(source)
        point = evaluation(model, origin.get("epoch", 0), origin.get("step", 0))
        recorded.append(replace(point, taught=tuple(origin.get("taught", ()))))
        report(len(recorded), len(sources))
    return Records(suite, recorded)


def _needed(suite: str, reference: str | Path | None) -> str | Path:
    if reference is None:
        role = REFERENCES[suites.contract(suite).reference]
        raise LetheError(f"suite '{suite}': compares with {role}; name it")
    return reference
