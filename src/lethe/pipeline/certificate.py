"""The certificate of an unlearned model: which files were audited, and what the audit found.

A certificate is a folder with ``certificate.json``, the audit that it speaks of and a page. It ties
an audit's verdict to digests: of the checkpoint, of those it was compared with, of the data and of
the code. By itself it shows that nothing was changed since (*unsigned: integrity only*). A
signature by its issuer's own key says who vouches for it (``lethe.pipeline.signature``). It says
what was tested and how small a leak would have been found, never that nothing is left.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.analysis.audit.document import document, judged_again
from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256
from lethe.model import checkpoint_files, checkpoint_record
from lethe.pipeline.revision import revision

FORMAT = 1
FILE, AUDIT, PAGE = "certificate.json", "audit.json", "certificate.html"
UNSIGNED = "unsigned: integrity only"
SCOPE = (
    "This says what was tested, on these files, and how small a leak each probe would have found. "
    "It does not say that nothing is left."
)
# What an audit's own words are made of, in the document of an audit.
JUDGED = ("verdict", "refuses", "collapsed", "level", "power")
OF_PROBE = ("verdict", "why", "blind", "values", "beyond", "full_beyond_oracle", "smallest_leak")
# Numbers computed again may differ by rounding on another processor.
TOLERANCE = 1e-9


def certificate(checkpoint: str | Path, audit: str | Path, signer: str | None) -> dict[str, Any]:
    """The certificate of a checkpoint, from ``audit.json`` of an audit of exactly these files.

    ``signer``: who will sign it; None: nobody. LetheError if the audit is of other files, has no
    oracle, or does not follow from its own values.
    """
    made = read_json(audit, "name the audit.json that `lethe audit` wrote")
    audited = _audited(made, audit)
    files = checkpoint_files.digests(checkpoint)
    if not files:
        raise LetheError(f"{checkpoint}: no folder with files; a certificate is of files at hand")
    other = differing(files, audited["checkpoint"])
    if other:
        raise LetheError(
            f"{audit}: audited another checkpoint ({other[0]} differs); audit {checkpoint} itself"
        )
    _refuse_forged(made, audit)
    return {
        "format": FORMAT,
        "signature": UNSIGNED if signer is None else f"signed by {signer}",
        "signer": signer,
        "scope": SCOPE,
        "checkpoint": {
            "name": Path(checkpoint).name,
            "files": files,
            "origin": _origin(checkpoint),
        },
        "parents": {role: digests for role, digests in audited.items() if role != "checkpoint"},
        "data": made["data"],
        "code": revision(),
        "audit": {
            "sha256": sha256(audit),
            "budget": made["about"].get("budget"),
            "verdict": made["verdict"],
            "refuses": made["refuses"],
            "collapsed": made["collapsed"],
            "tested": {name: _tested(one) for name, one in made["probes"].items()},
            "not_tested": made["not_run"],
        },
    }


def _audited(made: Any, place: str | Path) -> dict[str, dict[str, str]]:
    """The digests of the checkpoints that an audit compared."""
    files = made.get("files") if isinstance(made, dict) else None
    if not isinstance(files, dict) or not files.get("checkpoint"):
        raise LetheError(f"{place}: an audit without digests of its checkpoint; audit it again")
    if "oracle" not in files:
        raise LetheError(
            f"{place}: an audit without an oracle, which alone shows what not knowing looks like; "
            "audit again with --oracle"
        )
    return files


def _origin(checkpoint: str | Path) -> dict[str, Any]:
    ours = checkpoint_record.is_ours(checkpoint)
    return checkpoint_record.read(checkpoint)["origin"] if ours else {}


def _tested(one: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("verdict", "why", "questions", "values", "beyond", "smallest_leak")
    return {key: one[key] for key in keys}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names, in order, that two mappings of digests do not have alike."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _refuse_forged(made: dict[str, Any], place: str | Path) -> None:
    wrong = does_not_follow(made)
    if wrong is not None:
        raise LetheError(f"{place}: {wrong}; audit again")


def does_not_follow(made: Mapping[str, Any]) -> str | None:
    """What of an audit's document does not follow from its own values; None if all does."""
    try:
        again = document(judged_again(made), made["about"])
    except (LetheError, KeyError, TypeError, AttributeError) as error:
        return f"its values give no audit ({error})"
    for key in JUDGED:
        if not _equal(made.get(key), again[key]):
            return f"its {key} does not follow from its values by question"
    for name, one in again["probes"].items():
        for key in OF_PROBE:
            if not _equal(made["probes"][name].get(key), one[key]):
                return f"{name}: its {key} does not follow from its values by question"
    return None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == other


@dataclass(frozen=True)
class Check:
    """One thing that was verified: what, whether it is so (None: could not be looked at), why."""

    what: str
    holds: bool | None
    why: str = ""


def read_certificate(folder: str | Path) -> dict[str, Any]:
    """The certificate in a folder; LetheError for anything else."""
    file = Path(folder, FILE)
    made = read_json(file, "name the folder that `lethe certify` wrote")
    parts = ("checkpoint", "parents", "data", "audit", "signer")
    if not isinstance(made, dict) or made.get("format") != FORMAT or not {*parts} <= made.keys():
        raise LetheError(f"{file}: no certificate of format {FORMAT}; make it again")
    return made


def verify(
    folder: str | Path,
    checkpoint: str | Path,
    parents: Mapping[str, str | Path] | None = None,
    data: Mapping[str, str | Path] | None = None,
) -> list[Check]:
    """Whether a certificate is of these files, and its verdict that of the audit beside it.

    ``parents``: folders of the full model and the oracle, by role; ``data``: files of rows, by set.
    What is not named is not looked at, and the checks say so. The signature is verified by
    ``lethe.pipeline.signature``.
    """
    made = read_certificate(folder)
    checks = [
        _of_files("checkpoint", made["checkpoint"]["files"], checkpoint_files.digests(checkpoint))
    ]
    for role, wanted in made["parents"].items():
        place = (parents or {}).get(role)
        here = None if place is None else checkpoint_files.digests(place)
        checks.append(_of_files(role, wanted, here))
    for name, wanted in made["data"].items():
        place = (data or {}).get(name)
        here = None if place is None else {"rows": sha256(place)}
        checks.append(_of_files(f"data of {name}", {"rows": wanted}, here))
    return [*checks, *_of_audit(made, Path(folder, AUDIT))]


def _of_files(what: str, wanted: Mapping[str, str], here: Mapping[str, str] | None) -> Check:
    if here is None:
        return Check(what, None, "not named, not looked at")
    other = differing(wanted, here)
    return Check(what, not other, f"{other[0]} differs" if other else "")


def _of_audit(made: Mapping[str, Any], file: Path) -> list[Check]:
    if not file.is_file():
        return [Check("audit", False, f"{AUDIT} is missing")]
    if sha256(file) != made["audit"]["sha256"]:
        return [Check("audit", False, f"{AUDIT} is not the one that was certified")]
    audited = read_json(file)
    wrong = does_not_follow(audited)
    same = audited.get("files", {}).get("checkpoint") == made["checkpoint"]["files"]
    alike = _equal(audited.get("verdict"), made["audit"]["verdict"])
    return [
        Check("audit", same, "" if same else "it audited another checkpoint"),
        Check("verdict, computed again from the values by question", wrong is None, wrong or ""),
        Check("verdict of the certificate", alike, "" if alike else "it is not the audit's"),
    ]
