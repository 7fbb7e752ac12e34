"""A folder of the official repository's evaluation logs; names say which model each is from.

Every log is an ``eval_log_aggregated.json`` somewhere in a subfolder whose name ends in its run and
weight decay: ``full_wd0``, ``retain90_wd0.01``, or as in the repository,
``ft_epoch5_lr1e-05_llama2-7b_full_wd0``. ``pretrained`` and ``random`` were not fine-tuned and need
no weight decay. A name that contains ``phi`` belongs to Phi, any other to Llama-2.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lethe.common.errors import LetheError

FILE = "eval_log_aggregated.json"
_NAME = re.compile(
    r"(?:(?P<family>.*)_)?(?P<run>full|retain\d\d|pretrained|random)(?:_(?P<wd>wd[\d.]+))?"
)
LLAMA, PHI = "llama2", "phi"
# TOFU's own splits, as in the official repository.
SPLITS = ("forget01", "forget05", "forget10")
_NOT_TUNED = {"pretrained": "base", "random": "random"}
_EXAMPLES = "full_wd0, retain90_wd0, pretrained or random"


@dataclass(frozen=True, order=True)
class Log:
    """One log: of Llama-2 or Phi, its weight decay (None: not fine-tuned), its run and split.

    ``run`` is ``full``, ``retain``, ``base`` or ``random``; only the oracles belong to a ``split``.
    """

    family: str
    decay: str | None
    run: str
    split: str | None
    path: str

    @property
    def place(self) -> tuple:
        return self.family, self.decay, self.run, self.split


def check(folder: str | os.PathLike | None) -> None:
    """Read all logs of a folder before any job does; LetheError names the first fault."""
    from lethe.analysis.log_scores import read_log

    for log in find(folder) if folder is not None else ():
        read_log(log.path)


def find(folder: str | os.PathLike) -> list[Log]:
    """All logs below ``folder``, sorted. LetheError if there are none, or a name lacks a run."""
    root = Path(folder)
    if not root.is_dir():
        raise LetheError(f"config: logs: no folder at {folder}; name one that holds {FILE} files")
    logs = [_log(root, path) for path in sorted(root.glob(f"*/**/{FILE}"))]
    if not logs:
        raise LetheError(
            f"config: logs: no {FILE} in the subfolders of {folder}; "
            f"put each into a folder named like {_EXAMPLES}"
        )
    _check_unique(logs)
    return sorted(logs, key=lambda log: tuple(map(str, (*log.place, log.path))))


def _log(root: Path, path: Path) -> Log:
    name = path.relative_to(root).parts[0]
    match = _NAME.fullmatch(name)
    if match is None or (match["wd"] is None) != (match["run"] in _NOT_TUNED):
        raise LetheError(f"{path}: {name} does not name a run; name the folder like {_EXAMPLES}")
    family = PHI if PHI in (match["family"] or "") else LLAMA
    if match["run"].startswith("retain"):
        share = 100 - int(match["run"].removeprefix("retain"))
        return Log(family, match["wd"], "retain", f"forget{share:02d}", str(path))
    run = _NOT_TUNED.get(match["run"], match["run"])
    return Log(family, match["wd"], run, None, str(path))


def _check_unique(logs: Iterable[Log]) -> None:
    seen: dict[tuple, str] = {}
    for log in logs:
        if log.place in seen:
            raise LetheError(f"{log.path}: of the same run as {seen[log.place]}; keep one of them")
        seen[log.place] = log.path


def entries(logs: Iterable[Log]) -> list[dict]:
    """The logs as entries of ``evaluations.Evaluations``: a model for each family and weight decay.

    Models that were not fine-tuned belong to every weight decay of their family.
    """
    logs = list(logs)
    decays = sorted({(log.family, log.decay) for log in logs if log.decay is not None})
    return [
        {"model": model_name(*pair), "split": log.split, "run": log.run, "path": log.path}
        for pair in decays
        for log in logs
        if log.family == pair[0] and log.decay in (pair[1], None)
    ]


def model_name(family: str, decay: str) -> str:
    """What tables call the models of one family and weight decay: ``llama2 wd0``."""
    return f"{family} {decay}"


def counterpart(model: str) -> str:
    """The other family's models of the same weight decay, which Figure 4 shows beside these."""
    family, _, decay = model.partition(" ")
    return model_name(LLAMA if family == PHI else PHI, decay)


def pairs(entries: Iterable[Mapping]) -> list[tuple[str, str]]:
    """(model, split) of every oracle whose finetuned model has a log, too."""
    entries = list(entries)
    finetuned = {entry["model"] for entry in entries if entry["run"] == "full"}
    return [
        (entry["model"], entry["split"])
        for entry in entries
        if entry["run"] == "retain" and entry["model"] in finetuned
    ]
