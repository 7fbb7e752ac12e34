"""The lineage of models from files: their records, the rows, the certificates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.files import sha256
from lethe.pipeline.lineage import Known, document, lifted, of_checkpoint
from lethe.world.rows import read_pairs


def lineage_of(
    models: Sequence[Mapping[str, str]],
    forget: str | Path,
    rows: Sequence[str | Path],
    certificates: Sequence[str | Path] = (),
    certified: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The lineage of models, each with ``run``, ``state`` and ``folder``.

    ``forget``: the file of what is to be forgotten; ``rows``: files that models may have learned.
    ``certified``: ``checkpoints`` by name that a certificate may be about, and ``full`` and
    ``oracle``, against which it must have been audited.
    """
    lineage = [of_checkpoint(one["folder"], one["run"], one["state"]) for one in models]
    wanted = set(read_pairs(forget))
    forgotten = {sha256(file) for file in rows if wanted & {*read_pairs(file)}}
    reasons, refused = {}, []
    for folder in certificates:
        digest, why = lifted(folder, **certified)
        if digest is None:
            refused.append(why)
        else:
            reasons[digest] = why
    known = Known(frozenset(forgotten), frozenset(map(sha256, rows)) - forgotten, reasons)
    return document(lineage, known, refused)
