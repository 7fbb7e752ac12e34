"""What probes measured on one checkpoint, and how it behaved, as a file between jobs."""

import os
from dataclasses import asdict, dataclass, field
from typing import Any

from lethe.analysis.audit.conduct import Conduct
from lethe.analysis.audit.measured import Measured
from lethe.common.errors import LetheError
from lethe.common.files import MADE_AGAIN, read_json, write_json

FORMAT = 2


@dataclass(frozen=True)
class Answers:
    """What each probe measured, with which settings, why others were not run, and the conduct.

    ``files`` and ``data``: SHA-256 of the checkpoint's files by name
    (``lethe.model.checkpoint_files``), and of the files of rows by set.
    """

    measured: dict[str, Measured]
    settings: dict[str, dict[str, Any]]
    not_run: dict[str, str]
    conduct: Conduct
    files: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)


def write_answers(path: str | os.PathLike, answers: Answers) -> None:
    """Write answers as JSON, atomically; the same answers give the same bytes."""
    write_json(path, {"format": FORMAT, **asdict(answers)})


def read_answers(path: str | os.PathLike) -> Answers:
    """Read what ``write_answers`` wrote; anything else raises a LetheError that names the file."""
    document = read_json(path)
    try:
        if document["format"] != FORMAT:
            raise ValueError
        measured = {name: Measured(**one) for name, one in document["measured"].items()}
        conduct = Conduct(**document["conduct"])
        parts = [dict(document[key]) for key in ("settings", "not_run")]
        digests = [dict(document[key]) for key in ("files", "data")]
        return Answers(measured, *parts, conduct, *digests)
    except (TypeError, KeyError, ValueError, AttributeError, LetheError):
        raise LetheError(f"{path}: not the answers of an audit; {MADE_AGAIN}") from None
