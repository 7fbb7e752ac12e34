"""MUSE's numbers from the logs of its own evaluation, computed again by Lethe's own metrics."""

import os
from typing import Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.logs.muse import PRIVLEAK, TEXTS, Answers, Surprises, read_logs

# AUC_retrain of Min-40% on MUSE's own retrained models (constants.py of its repository).
PUBLISHED_AUC = {"news": 0.4772, "books": 0.5393}
# Numbers that differ by no more are the same: texts are scored again by the same package.
NEAR = 1e-9


def muse_logs(
    folder: str | os.PathLike,
    oracle: str | os.PathLike | None = None,
    corpus: str | None = None,
) -> dict[str, Any]:
    """MUSE's numbers of one model, from the items of its logs.

    "verbmem_f", "knowmem_f" and "knowmem_r" are percent, each with the number of items ("n NAME"),
    MUSE's own number ("stated NAME", if it is there) and of how many items the stated ROUGE-L is
    not that of their texts ("differing NAME"). "auc" is that of Min-40%; "privleak" needs what it
    is compared with: the logs of the retrained model (``oracle``), or the constant that MUSE has
    for a ``corpus`` ("news" or "books"). "missing": the logs that are not there.

    LetheError for a folder that is not of MUSE's form, where the oracle has no AUC or it is 0, and
    for an ``oracle`` or ``corpus`` without the model's own log of the attack.
    """
    if oracle is not None and corpus is not None:
        raise LetheError("--oracle and --corpus: both say what PrivLeak compares with; give one")
    if corpus is not None and corpus not in PUBLISHED_AUC:
        raise LetheError(f"--corpus: {corpus!r}; choose news or books")
    logs = read_logs(folder)
    if PRIVLEAK not in logs and (oracle is not None or corpus is not None):
        option = "--oracle" if corpus is None else "--corpus"
        raise LetheError(
            f"{option}: only for PrivLeak, but {folder} has no privleak/log.json; leave it out"
        )
    numbers: dict[str, Any] = {}
    for name in TEXTS:
        if name in logs:
            numbers |= _of_texts(name, logs[name], str(folder))
    if PRIVLEAK in logs:
        numbers |= _of_attack(logs[PRIVLEAK])
        numbers |= _privleak(numbers["auc"], oracle, corpus)
    return numbers | {"missing": [name for name in (*TEXTS, PRIVLEAK) if name not in logs]}


def _of_texts(name: str, log: Answers, path: str) -> dict[str, Any]:
    # All three are means of the same ROUGE-L, and either set of knowmem has a log of its own.
    file = metrics.compute("verbmem", log.records("verbmem", "forget", path))
    scored = file.checkpoints[0]
    pairs = zip(scored.items["forget"], log.rouge_l, strict=True)
    stated = {} if log.mean is None else {f"stated {name}": 100 * log.mean}
    return {
        name: 100 * scored.values["forget"],
        f"n {name}": len(log.items),
        **stated,
        f"differing {name}": sum(abs(ours - theirs) > NEAR for ours, theirs in pairs),
    }


def _of_attack(log: Surprises) -> dict[str, Any]:
    auc = metrics.load("membership_text").auc(**log.by_set)
    stated = {} if log.auc is None else {"stated auc": log.auc}
    return {"auc": auc, **stated, "n auc": [len(values) for values in log.by_set.values()]}


def _privleak(auc: float, oracle: str | os.PathLike | None, corpus: str | None) -> dict[str, Any]:
    if oracle is not None:
        logs = read_logs(oracle)
        if PRIVLEAK not in logs:
            raise LetheError(f"{oracle}: no privleak/log.json; name a folder that has it")
        wanted, whence = _of_attack(logs[PRIVLEAK])["auc"], str(oracle)
        if wanted == 0:
            raise LetheError(f"{oracle}: its AUC is 0, by which PrivLeak divides; name another")
    elif corpus is not None:
        wanted, whence = PUBLISHED_AUC[corpus], f"MUSE's constant for {corpus}"
    else:
        return {}
    value = 100 * ((auc - wanted) / wanted)
    return {"privleak": value, "auc_retrain": wanted, "auc_retrain from": whence}
