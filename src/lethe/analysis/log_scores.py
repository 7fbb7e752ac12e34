"""TOFU's numbers from an evaluation log of another program, computed by Lethe's own metrics."""

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.evaluate.logs.official import is_official, official_records
from lethe.evaluate.logs.open_unlearning import is_open_unlearning, open_unlearning_records
from lethe.evaluate.records import Records

# The authors' names of sets and metrics, in the order of their table.
SETS = {
    "retain": "Retain",
    "real_authors": "Real Authors",
    "world_facts": "Real World",
    "forget": "Forget",
}
METRICS = {"probability": "Prob.", "rouge": "ROUGE", "truth_ratio": "Truth Ratio"}


def read_log(path: str | os.PathLike) -> Records:
    """Read an official ``eval_log_aggregated.json``, or open-unlearning's ``TOFU_EVAL.json``.

    The content tells which of the two it is. LetheError names the file, the set and the fault.
    """
    if Path(path).is_dir():
        raise LetheError(
            f"{path}: a folder; name the log in it (eval_log_aggregated.json), or say where to "
            "write the results of all logs (--out)"
        )
    document = read_json(path, GIVEN)
    if is_official(document):
        return official_records(document, str(path))
    if is_open_unlearning(document):
        return open_unlearning_records(document, str(path))
    known = "eval_log_aggregated.json nor a TOFU_EVAL.json"
    raise LetheError(f"{path}: neither an {known}; name the log of a TOFU evaluation")


def tofu_logs(
    file: str | os.PathLike,
    oracle: str | os.PathLike | None = None,
    variant: str = "geometric",
    unpaired: bool = False,
) -> dict[str, Any]:
    """TOFU's numbers of one evaluation log, under the authors' own names.

    "Prob.", "ROUGE" and "Truth Ratio" and the number of items ("n") of "Retain", "Real Authors",
    "Real World" and "Forget", and "Model Utility". With the log of an ``oracle``, also forget
    quality: "pvalue", "log10_pvalue", "statistic" (Kolmogorov-Smirnov), "n" of both samples, and
    "pairing", which says which items were compared:

    - "all": both logs hold the same forget items;
    - "commonK": only the K items that both hold, matched by the text of the question;
    - "unpaired": whatever items the logs hold (``unpaired=True``), as the authors' script does.

    ``variant`` of the truth ratio: "geometric" (the authors' aggregation) or "arithmetic" (paper).
    LetheError for a log that is broken or incomplete, and for logs without a common forget item.
    """
    records = read_log(file)
    numbers = _utility(records, variant)
    if oracle is not None:
        numbers |= _forget_quality(records, read_log(oracle), variant, unpaired)
    return numbers


def _utility(records: Records, variant: str) -> dict[str, Any]:
    files = {
        "probability": metrics.compute("probability", records),
        "rouge": metrics.compute("rouge", records),
        "truth_ratio": metrics.compute("truth_ratio", records, variant=variant),
    }
    numbers: dict[str, Any] = {}
    for name, label in SETS.items():
        for metric, prefix in METRICS.items():
            numbers[f"{prefix} {label}"] = files[metric].checkpoints[0].values[name]
        numbers[f"n {label}"] = len(records.checkpoints[0].sets[name])
    utility = metrics.compute("model_utility", needs=files)
    return numbers | {"Model Utility": utility.checkpoints[0].values["model_utility"]}


def _forget_quality(run: Records, oracle: Records, variant: str, unpaired: bool) -> dict[str, Any]:
    pairing = "unpaired"
    if not unpaired:
        run, oracle, pairing = _common(run, oracle)
    ours = metrics.compute("truth_ratio", run, variant=variant)
    theirs = metrics.compute("truth_ratio", oracle, variant=variant)
    if unpaired:
        samples = [file.checkpoints[0].items["forget"] for file in (ours, theirs)]
        values = metrics.load("forget_quality").compare(*samples)
    else:
        needs, reference = {"truth_ratio": ours}, {"truth_ratio": theirs}
        quality = metrics.compute("forget_quality", needs=needs, oracle=reference)
        values = quality.checkpoints[0].values
    return {
        "pvalue": values["forget_quality"],
        "log10_pvalue": values["log10_forget_quality"],
        "statistic": values["ks_statistic"],
        "n": [len(_forget(run)), len(_forget(oracle))],
        "pairing": pairing,
    }


def _common(run: Records, oracle: Records) -> tuple[Records, Records, str]:
    """Both logs reduced to the forget items they share, and the name of that pairing."""
    pairs = common_rows(_forget(run), _forget(oracle))
    sizes = len(_forget(run)), len(_forget(oracle))
    if not pairs:
        raise LetheError(
            f"{run.path}: none of its {sizes[0]} forget questions is among the {sizes[1]} of "
            f"{oracle.path}; name an oracle of the same split, or ask for the unpaired comparison"
        )
    if sizes == (len(pairs), len(pairs)):
        return run, oracle, "all"
    ours = _forget_rows(run, [row for row, _ in pairs])
    theirs = _forget_rows(oracle, [row for _, row in pairs])
    return ours, theirs, f"common{len(pairs)}"


def common_rows(ours: list[str], theirs: list[str]) -> list[tuple[int, int]]:
    """Pairs of row indices with the same question in both sets, in the order of ``ours``.

    A question that is in both twice makes two pairs.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, question in enumerate(theirs):
        rows[question].append(row)
    return [(row, rows[question].pop(0)) for row, question in enumerate(ours) if rows.get(question)]


def _forget(records: Records) -> list[str]:
    return records.checkpoints[0].sets["forget"].question


def _forget_rows(records: Records, rows: list[int]) -> Records:
    """The records with these rows of the forget set only."""
    checkpoint = records.checkpoints[0]
    sets = checkpoint.sets | {"forget": checkpoint.sets["forget"].take(rows)}
    return replace(records, checkpoints=[replace(checkpoint, sets=sets)])
