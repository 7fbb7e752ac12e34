"""The best epoch of each run: chosen on the validation half, reported on the test half.

Beside it are the last epoch, how much better the choice looks than it is (optimism: validation
minus test), and where early stopping would have ended the run, or ended it (``best_epoch.stop``).
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from lethe.analysis.best_epoch import Course, course
from lethe.common.errors import LetheError
from lethe.metrics.base import MetricFile, read_metric
from lethe.report.labels import FULL
from lethe.report.table_layout import markdown_table, row_start
from lethe.report.tables.base import TableData

READS = ("truth_ratio", "model_utility")
SETTINGS = ("best_epoch",)
PAGE = {
    "title": "The best epoch of each run",
    "section": "statistics",
    "place": 1,
    "columns": {
        "best_epoch": ("Best epoch", ".0f"),
        "epochs": ("of", ".0f"),
        "validation": ("Validation ↑", ".3f"),
        "test": ("Test ↑", ".3f"),
        "optimism": ("Validation − test", "+.3f"),
        "last_test": ("Test, last epoch ↑", ".3f"),
        "stop_epoch": ("Early stop after", ".0f"),
        "stop_test": ("Test, early stop ↑", ".3f"),
        "epochs_saved": ("Epochs saved", ".0f"),
    },
}
COLUMNS = [
    *("model", "split", "run", "seed", "epochs", "best_epoch", "validation", "test", "optimism"),
    *("last_test", "stop_epoch", "stop_best_epoch", "stop_test", "epochs_saved"),
]

# With best_epoch.stop: whether a run was ended before its last epoch.
STOPPED = "stopped"

# (run, seed, metric) -> file, of one model and split.
_Files = dict[tuple[str, int, str], MetricFile]


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split, method and seed."""
    chosen = data.settings["best_epoch"]
    rows = []
    for (model, split), files in _by_split(data.files).items():
        for method in data.methods:
            for seed in data.seeds:
                place = {"model": model, "split": split, "run": method, "seed": seed}
                scored = _course(files, place, data.roles(split)[0], chosen["criterion"])
                row = place | _row(scored, chosen["patience"])
                if "epochs" in chosen:
                    row |= _ended(scored, chosen["epochs"][method])
                rows.append(row)
    return pd.DataFrame(rows, columns=[*COLUMNS, *([STOPPED] if "epochs" in chosen else [])])


def _by_split(entries: Iterable[Mapping]) -> dict[tuple[str, str], _Files]:
    by_split: dict[tuple[str, str], _Files] = {}
    for entry in entries:
        files = by_split.setdefault((entry["model"], entry["split"]), {})
        place = (entry["run"], int(entry["seed"]), entry["metric"])
        files[place] = read_metric(entry["path"], entry["metric"])
    return by_split


def _course(files: _Files, place: Mapping, oracle: str, criterion: str) -> Course:
    run, seed = place["run"], place["seed"]
    wanted = [(run, seed, metric) for metric in READS]
    wanted += [(oracle, seed, "truth_ratio"), (FULL, seed, "model_utility")]
    for name, number, metric in wanted:
        if (name, number, metric) not in files:
            where = f"{place['model']}/{place['split']}/{name}/seed{number}"
            raise LetheError(f"best_epochs: no {metric} of {where}; score that run")
    return course(*(files[one] for one in wanted), criterion)


def _row(scored: Course, patience: int) -> dict:
    best, stop = scored.best(), scored.stop(patience)
    stopped = scored.best(stop + 1)
    return {
        "epochs": len(scored.epochs),
        "best_epoch": scored.epochs[best],
        "validation": scored.validation[best],
        "test": scored.test[best],
        "optimism": scored.validation[best] - scored.test[best],
        "last_test": scored.test[-1],
        "stop_epoch": scored.epochs[stop],
        "stop_best_epoch": scored.epochs[stopped],
        "stop_test": scored.test[stopped],
        "epochs_saved": len(scored.epochs) - 1 - stop,
    }


def _ended(scored: Course, configured: int) -> dict:
    """Of a run that was ended by early stopping, if it was: after its last epoch."""
    trained = len(scored.epochs)
    return {"epochs_saved": configured - trained, STOPPED: trained < configured}


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    ended = STOPPED in table
    rows = [
        row_start(record)
        | {
            "Seed": record["seed"],
            "Best epoch": f"{record['best_epoch']} of {record['epochs']}",
            "Validation ↑": f"{record['validation']:.3f}",
            "Test ↑": f"{record['test']:.3f}",
            "Validation − test": f"{record['optimism']:+.3f}",
            "Test, last epoch ↑": f"{record['last_test']:.3f}",
            "Early stop after": record["stop_epoch"],
            "Its best": record["stop_best_epoch"],
            "Test, early stop ↑": f"{record['stop_test']:.3f}",
            "Epochs saved": record["epochs_saved"],
            **({"Stopped": "yes" if record[STOPPED] else "no"} if ended else {}),
        }
        for record in table.to_dict("records")
    ]
    return markdown_table(rows) + _CHOICE + (_ENDED if ended else _NOT_ENDED)


_CHOICE = (
    "\nThe best epoch is chosen by the score on the validation half of the forget items "
    "(best_epoch.criterion) and reported on the other half. "
)
_NOT_ENDED = (
    "Early stop: what the same choice finds "
    "if a run ends once the score has not risen for best_epoch.patience epochs; no run was ended.\n"
)
_ENDED = (
    "Early stop: a run was ended once the score had not risen for best_epoch.patience epochs; "
    "epochs saved were not trained.\n"
)
