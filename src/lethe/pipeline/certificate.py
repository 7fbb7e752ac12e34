"""The certificate of an unlearned model: which files were audited, and what the audit found.

A certificate is a folder with ``certificate.json``, the audit that it is about, and a page. It ties
an audit's verdict to digests: of the checkpoint, of those it was compared with, of the data and of
the code. By itself it shows that nothing was changed since (*unsigned: integrity only*). A
signature by its issuer's own key says who vouches for it (``lethe.pipeline.signature``). It says
what was tested and how small a leak would have been found, never that nothing is left.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.analysis.audit.document import checked_document, document, judged_again
from lethe.common.characters import shown
from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256
from lethe.model import checkpoint_files, checkpoint_record
from lethe.pipeline.certificate_format import (
    AUDIT,
    FORMAT,
    PAGE,
    SCOPE,
    in_folder,
    read_certificate,
    signature,
)
from lethe.pipeline.revision import library_digest, revision

# The entries of an audit's document beside its verdict, and of each probe, by kind and number.
JUDGED = ("refuses", "collapsed", "conduct", "level", "power")
OF_PROBE = (
    *("verdict", "blind", "questions", "values", "beyond", "full_beyond_oracle"),
    "smallest_leak",
)
# Errors that reading a broken or forged document may raise.
BROKEN = (LetheError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
AGAIN = "verdict, computed again from the values by question"
REWORDED = "verdict and numbers follow from the values; rely on these alone"
REMEDY = "name the folder that `lethe audit` wrote"
# Numbers computed again may differ by rounding on another processor.
TOLERANCE = 1e-9


def certificate(checkpoint: str | Path, audit: str | Path, signer: str | None) -> dict[str, Any]:
    """The certificate of a checkpoint, from ``audit.json`` of an audit of exactly these files.

    ``signer``: who will sign it; None: nobody. LetheError if the audit is of other files, has no
    oracle, or does not follow from its own values.
    """
    made = checked_document(read_json(in_folder(audit), REMEDY), str(audit))
    audited = _audited(made, audit)
    files = _digests(checkpoint)
    base = checkpoint_files.base_elsewhere(checkpoint)
    if base is not None:
        raise LetheError(
            f"{checkpoint}: adapters on {base}, whose files are not here; write its folder "
            "into adapter_config.json (base_model_name_or_path), and audit again"
        )
    other = differing(files, audited["checkpoint"])
    if other:
        raise LetheError(
            f"{audit}: audited another checkpoint ({shown(_how(other[0], files))}); "
            f"audit {checkpoint} itself"
        )
    _refuse_forged(made, audit)
    return {
        "format": FORMAT,
        "signature": signature(signer),
        "signer": signer,
        "scope": SCOPE,
        "checkpoint": {
            # This also works for "." and for a path that ends in "..".
            "name": os.path.basename(os.path.abspath(checkpoint)),
            "files": files,
            "origin": _origin(checkpoint),
        },
        "code": {**revision(), "sha256": library_digest()},
        **_of_the_audit(made, sha256(audit)),
    }


def _of_the_audit(made: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """The entries of an audit's document that a certificate repeats."""
    files = made["files"]
    return {
        "parents": {role: digests for role, digests in files.items() if role != "checkpoint"},
        "data": made["data"],
        "audit": {
            "sha256": digest,
            "budget": made["about"].get("budget"),
            "verdict": made["verdict"],
            "refuses": made["refuses"],
            "collapsed": made["collapsed"],
            "tested": {name: _tested(one) for name, one in made["probes"].items()},
            "not_tested": made["not_run"],
        },
    }


def _digests(checkpoint: str | Path) -> dict[str, str]:
    files = checkpoint_files.digests(checkpoint)
    if not files:
        raise LetheError(
            f"{checkpoint}: not a folder with files; only local files can be certified"
        )
    return files


def _audited(made: Mapping[str, Any], place: str | Path) -> dict[str, dict[str, str]]:
    """The digests of the checkpoints that an audit compared."""
    files = made.get("files")
    whole = isinstance(files, dict) and all(isinstance(one, dict) for one in files.values())
    if not whole or not files.get("checkpoint"):
        raise LetheError(f"{place}: an audit without digests of its checkpoint; audit it again")
    if "oracle" not in files:
        raise LetheError(
            f"{place}: an audit without an oracle, and only an oracle shows what not knowing "
            "looks like; audit again with --oracle"
        )
    return files


def _origin(checkpoint: str | Path) -> dict[str, Any]:
    ours = checkpoint_record.is_ours(checkpoint)
    return checkpoint_record.read(checkpoint)["origin"] if ours else {}


def _tested(one: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("verdict", "why", "questions", "values", "beyond", "smallest_leak")
    return {key: one[key] for key in keys}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names, in order, in which two mappings of digests differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _how(name: str, here: Mapping[str, str]) -> str:
    return f"{name} {'differs' if name in here else 'is missing'}"


def _refuse_forged(made: dict[str, Any], place: str | Path) -> None:
    wrong = does_not_follow(made) or reworded(made)
    if wrong is not None:
        raise LetheError(f"{place}: {wrong}; audit again")


def does_not_follow(made: Mapping[str, Any]) -> str | None:
    """Which verdict or number of an audit's document does not follow from its own values; or None.

    Words about them are not compared, because another version may choose others (``reworded``).
    """
    try:
        again = _judged_again(made)
    except BROKEN as error:
        return f"its values give no audit ({error})"
    if _verdict(made, "verdict") != _verdict(again, "verdict"):
        return "its verdict does not follow from its values by question"
    for key in JUDGED:
        if not _equal(made.get(key), again[key]):
            return f"its {key} does not follow from its values by question"
    for name, one in again["probes"].items():
        for key in OF_PROBE:
            if not _equal(made["probes"][name].get(key), one[key]):
                return f"{name}: its {key} does not follow from its values by question"
    return None


def reworded(made: Mapping[str, Any]) -> str | None:
    """Which words about a verdict are not those that this version writes; None if all are.

    Only for documents in which everything else follows.
    """
    again = _judged_again(made)
    for key in ("why", "remarks"):
        if not _equal(_verdict(made, key), _verdict(again, key)):
            return f"its verdict's words ({key}) are not those of this version"
    for name, one in again["probes"].items():
        if made["probes"][name].get("why") != one["why"]:
            return f"{name}: its verdict's words (why) are not those of this version"
    return None


def _judged_again(made: Mapping[str, Any]) -> dict[str, Any]:
    return document(judged_again(made), made["about"])


def _verdict(made: Mapping[str, Any], key: str) -> Any:
    verdict = made.get("verdict")
    return verdict.get(key) if isinstance(verdict, Mapping) else None


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
    """One thing that was verified: what, whether it is right (None: not checked), and why."""

    what: str
    holds: bool | None
    why: str = ""


def verify(
    folder: str | Path,
    checkpoint: str | Path,
    parents: Mapping[str, str | Path] | None = None,
    data: Mapping[str, str | Path] | None = None,
) -> list[Check]:
    """Whether a certificate is of these files, and its verdict is that of the audit beside it.

    ``parents``: folders of the full model and the oracle, by role; ``data``: files of rows, by set.
    Files that are not named are not checked, and the result says so. The signature is verified by
    ``lethe.pipeline.signature``.
    """
    made, parents, data = read_certificate(folder), parents or {}, data or {}
    checks = [_of_files("checkpoint", made["checkpoint"]["files"], _digests(checkpoint))]
    if checks[0].holds:
        same = _equal(_origin(checkpoint), made["checkpoint"]["origin"])
        why = "" if same else "it is not what the checkpoint's record says"
        checks.append(Check("origin of the checkpoint", same, why))
    for role in (*made["parents"], *(role for role in parents if role not in made["parents"])):
        here = _digests(parents[role]) if role in parents else None
        checks.append(_of_files(role, made["parents"].get(role), here))
    for name, wanted in made["data"].items():
        here = {"rows": sha256(data[name])} if name in data else None
        checks.append(_of_files(f"data of {name}", {"rows": wanted}, here))
    return [
        *checks,
        _of_code(made["code"]),
        *_of_audit(made, Path(folder, AUDIT)),
        _of_page(made, Path(folder, PAGE)),
    ]


def _of_files(what: str, wanted: Mapping[str, str] | None, here: Mapping[str, str] | None) -> Check:
    if wanted is None:
        return Check(what, False, "the audit was made without one")
    if here is None:
        return Check(what, None, "not named, not looked at")
    other = differing(wanted, here)
    return Check(what, not other, _how(other[0], here) if other else "")


def _of_code(code: Mapping[str, Any]) -> Check:
    """Another version may verify a certificate, so that other sources are no fault."""
    same = code.get("sha256") == library_digest()
    return Check("code", same or None, "" if same else "certified by other sources than these")


def _of_audit(made: Mapping[str, Any], file: Path) -> list[Check]:
    if not file.is_file():
        return [Check("audit", False, f"{AUDIT} is missing")]
    if sha256(file) != made["audit"]["sha256"]:
        return [Check("audit", False, f"{AUDIT} is not the one that was certified")]
    audited = checked_document(read_json(file), str(file))
    wrong = does_not_follow(audited)
    if wrong is not None:
        return [Check("audit", True), Check(AGAIN, False, wrong)]
    same = audited["files"].get("checkpoint") == made["checkpoint"]["files"]
    repeated = _of_the_audit(audited, made["audit"]["sha256"])
    alike = _equal(repeated["audit"]["verdict"], made["audit"]["verdict"])
    rest = [part for part, value in repeated.items() if not _equal(value, made[part])]
    return [
        Check("audit", same, "" if same else "it audited another checkpoint"),
        Check(AGAIN, True),
        *_of_words(audited),
        Check("verdict of the certificate", alike, "" if alike else "it is not the audit's"),
        Check(
            "rest of the certificate", not rest, f"its {rest[0]} is not the audit's" if rest else ""
        ),
    ]


def _of_words(audited: Mapping[str, Any]) -> list[Check]:
    """No check if the words are this version's."""
    other = reworded(audited)
    return [] if other is None else [Check("words of the verdict", None, f"{other}; {REWORDED}")]


def _of_page(made: Mapping[str, Any], file: Path) -> Check:
    if not file.is_file():
        return Check("page", False, f"{PAGE} is missing")
    same = sha256(file) == made["page"]["sha256"]
    return Check("page", same, "" if same else f"{PAGE} is not the one that was certified")
