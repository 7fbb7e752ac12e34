"""Which models are tainted: made from what is to be forgotten, or from a tainted model (AI-FOPT).

A model is *tainted* if it was trained on rows that are to be forgotten, or if a recorded parent is
tainted; what it says plays no part. Retraining without those rows gives a model without such
parents. Otherwise only a certificate lifts the taint, if it verifies against the files here,
including those of the full model and of the oracle, and its audit found no leak. A model with a
parent that nobody recorded is *unknown*. (arXiv 2601.02631; what follows a certificate is
reconstructed [RECON].)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe.analysis.audit.verdict import NO_LEAK
from lethe.common.errors import LetheError
from lethe.evaluate import attack
from lethe.model import checkpoint_record
from lethe.pipeline.certificate import differing, verify
from lethe.pipeline.certificate_format import read_certificate

TAINTED, CLEAN, UNKNOWN = "tainted", "clean", "unknown"
BASE = "base"


@dataclass(frozen=True)
class Model:
    """A model by its run and state; ``parents`` by digest, ``data``: digests of what it learned."""

    run: str
    state: str
    digest: str
    parents: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name for readers."""
        return f"{self.run}, {self.state}" if self.state else self.run


@dataclass(frozen=True)
class Standing:
    """What follows for a model, and why."""

    taint: str
    why: str


@dataclass(frozen=True)
class Known:
    """``forgotten`` and ``other``: digests of files with and without rows to be forgotten.

    ``certified``: why the taint of a model is lifted, by the model's digest.
    """

    forgotten: frozenset[str]
    other: frozenset[str]
    certified: Mapping[str, str] = field(default_factory=dict)


def of_checkpoint(folder: str | Path, run: str, state: str = "") -> Model:
    """A checkpoint's part in a lineage, from its record."""
    origin = checkpoint_record.read(folder)["origin"]
    parents = (origin.get("parent"), origin.get("student"))
    named = tuple(parent for parent in parents if parent is not None)
    digest = checkpoint_record.digest(folder)
    return Model(run, state, digest, named, tuple(_learned(origin)))


def _learned(origin: Mapping[str, Any]) -> Iterable[str]:
    """The digests of the files of rows that a training learned."""
    data = origin.get("data")
    if "state" not in origin:
        return [data] if isinstance(data, str) else []
    kind = origin["state"]
    # A student learns its teacher's words, and takes only questions from the data; what changes
    # only the questions learns nothing.
    if attack.starts_from_base(kind) or attack.prompts_only(kind):
        return []
    files = {**(data or {}), "forget": origin.get("forget")}
    names = attack.trained_on(kind, origin["settings"])
    return [files[name] for name in names if files.get(name)]


def standings(models: Sequence[Model], known: Known) -> list[Standing]:
    """What follows for each model, in their order. LetheError for one that descends from itself."""
    by_digest: dict[str, list[Model]] = {}
    for model in models:
        by_digest.setdefault(model.digest, []).append(model)
    settled: dict[Model, Standing] = {}

    def standing(model: Model, below: tuple[Model, ...] = ()) -> Standing:
        if model not in settled:
            settled[model] = _standing(model, parents(model, (*below, model)), known)
        return settled[model]

    def parents(model: Model, below: tuple[Model, ...]) -> dict[str, Standing]:
        standing_of = {}
        for digest in model.parents:
            recorded = [one for one in by_digest.get(digest, ()) if one != model]
            # Two runs may have made the same bytes: a state descends from its own run's.
            there = [one for one in recorded if one.run == model.run] or recorded
            # What changed nothing has its parent's bytes, and neither is the other's descendant.
            above = [one for one in there if one not in below]
            if there and not above:
                raise LetheError(f"lineage: {there[0].name} is recorded as its own ancestor")
            if not there:
                standing_of[digest[:12]] = Standing(UNKNOWN, "not recorded here")
            standing_of |= {one.name: standing(one, below) for one in above}
        return standing_of

    return [standing(model) for model in models]


def _standing(model: Model, parents: Mapping[str, Standing], known: Known) -> Standing:
    if model.digest in known.certified:
        return Standing(CLEAN, known.certified[model.digest])
    if known.forgotten & {*model.data}:
        return Standing(TAINTED, "learned rows that are to be forgotten")
    for name, parent in parents.items():
        if parent.taint == TAINTED:
            return Standing(TAINTED, f"descends from {name}")
    strange = {*model.data} - known.other
    if strange:
        return Standing(UNKNOWN, f"learned a file that is not known here ({min(strange)[:12]})")
    for name, parent in parents.items():
        if parent.taint == UNKNOWN:
            return Standing(UNKNOWN, f"descends from {name}, {parent.why}")
    if not parents and model.run != BASE:
        return Standing(UNKNOWN, "no parent is recorded")
    why = "made from background alone" if model.run == BASE else "no ancestor learned them"
    return Standing(CLEAN, why)


def lifted(
    folder: str | Path,
    checkpoints: Mapping[str, str | Path],
    full: str | Path,
    oracle: str | Path,
) -> tuple[str | None, str]:
    """The digest of the checkpoint whose taint a certificate lifts, and why; or None, and why.

    ``checkpoints``: folders that it may be about, by name; ``full`` and ``oracle``: what they were
    audited against.
    """
    made = read_certificate(folder)
    name = next(
        (n for n, place in checkpoints.items() if _is_of(made["checkpoint"]["files"], place)), None
    )
    if name is None:
        return None, f"{folder}: of no checkpoint here, or of one whose files have changed since"
    checks = verify(folder, checkpoints[name], {"full": full, "oracle": oracle})
    wrong = [one for one in checks if one.holds is False]
    if wrong:
        return None, f"{folder}: {name}: {wrong[0].what} fails: {wrong[0].why}"
    verdict = made["audit"]["verdict"]["verdict"]
    if verdict != NO_LEAK:
        return None, f"{folder}: {name}: its audit says: {verdict}"
    digest = checkpoint_record.digest(checkpoints[name])
    return digest, f"certificate of {name} verifies ({made['signature']}): {verdict}"


def _is_of(files: Mapping[str, str], folder: str | Path) -> bool:
    recorded = checkpoint_record.read(folder)["files"]
    both = {*files} & {*recorded}
    return bool(both) and not differing({n: files[n] for n in both}, {n: recorded[n] for n in both})


def document(models: Sequence[Model], known: Known, refused: Sequence[str]) -> dict[str, Any]:
    """The lineage as plain values; ``refused``: why other certificates lift nothing."""
    all_standings = standings(models, known)
    return {
        "format": 1,
        "models": [
            {
                "run": model.run,
                "state": model.state,
                "digest": model.digest,
                "parents": list(model.parents),
                "taint": standing.taint,
                "why": standing.why,
            }
            for model, standing in zip(models, all_standings, strict=True)
        ],
        "certificates_refused": list(refused),
    }
