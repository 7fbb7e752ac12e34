"""Which files of a folder in TOFU's format a method reads."""

from collections.abc import Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.rows import read_pairs, read_refusals
from lethe.world.split import split as split_of

REFUSALS = "idontknow.jsonl"


def files_of(
    folder: str | Path,
    split: str,
    needs: Sequence[str],
    prior: str | Path | None = None,
    before: str | Path | None = None,
) -> dict[str, str | Path]:
    """The files of a folder that a method ``needs``, by need; LetheError if one is missing.

    LetheError also for a checkpoint (``prior``, ``before``) that is needed but not given, or given
    but not needed. Needs that a model computes (alternative answers, reference losses) have no file
    in the folder.
    """
    given = {"prior": prior, "before": before}
    for need, source in given.items():
        if (need in needs) != (source is not None):
            wrong = "needs one: give it" if source is None else "needs none: omit it"
            raise LetheError(f"{need}: the method {wrong}")
    own = split_of(split).files
    names = {"retain": f"{own['retain']}.json", "refusals": REFUSALS}
    wanted = {"forget": f"{own['forget']}.json"} | {n: names[n] for n in needs if n in names}
    if not Path(folder).is_dir():
        raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
    files = {need: Path(folder) / name for need, name in wanted.items()}
    for need, file in files.items():
        if not file.is_file():
            raise LetheError(f"{file}: no such file; the method needs it ({need})")
        # Read only to find bad rows before a model is loaded; the run reads it again.
        (read_refusals if need == "refusals" else read_pairs)(file)
    return {**files, **{need: source for need, source in given.items() if source is not None}}
