"""What probes measured of one checkpoint, and how it behaved; as a file between jobs."""

import os
from dataclasses import asdict, dataclass
from typing import Any

from lethe.analysis.audit.conduct import Conduct
from lethe.analysis.audit.measured import Measured
from lethe.common.errors import LetheError
from lethe.common.files import MADE_AGAIN, read_json, write_json

FORMAT = 1


@dataclass(frozen=True)
class Answers:
    """What each probe measured, the settings it had, why others were not run, and the conduct."""

    measured: dict[str, Measured]
    settings: dict[str, dict[str, Any]]
    not_run: dict[str, str]
    conduct: Conduct


def write_answers(path: str | os.PathLike, answers: Answers) -> None:
    """Write answers as JSON, atomically; the same answers give the same bytes."""
    write_json(path, {"format": FORMAT, **asdict(answers)})


def read_answers(path: str | os.PathLike) -> Answers:
    """Read what ``write_answers`` wrote; anything else is a LetheError that names the file."""
    document = read_json(path)
    try:
        if document["format"] != FORMAT:
            raise ValueError
        measured = {name: Measured(**one) for name, one in document["measured"].items()}
        conduct = Conduct(**document["conduct"])
        return Answers(measured, dict(document["settings"]), dict(document["not_run"]), conduct)
    except (TypeError, KeyError, ValueError, AttributeError, LetheError):
        raise LetheError(f"{path}: no answers of an audit; {MADE_AGAIN}") from None
