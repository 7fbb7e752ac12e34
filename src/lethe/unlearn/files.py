"""Which files of a folder in TOFU's format a method reads."""

from collections.abc import Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.unlearn.need import Checkpoint, Need, SplitFile, WorldFile
from lethe.unlearn.needs import chosen, from_source
from lethe.world import tofu_format
from lethe.world.cut_split import split_in
from lethe.world.rows import read_pairs
from lethe.world.splits.base import BaseSplit


def in_folder(source: SplitFile | WorldFile, folder: str | Path, split: BaseSplit) -> Path:
    """The file of a source in a folder of TOFU's format, also in that of the workflow.

    LetheError if the split has no such part, or a world no such file.
    """
    if isinstance(source, SplitFile):
        known = {part: Path(folder, f"{name}.json") for part, name in split.files.items()}
        name, whose = source.part, f"split {split.name}: no part"
    else:
        known = tofu_format.outputs(folder)
        name, whose = source.name, "world: no file"
    if name not in known:
        raise LetheError(f"{whose} {name!r}{suggest(name, known)}")
    return known[name]


def files_of(
    folder: str | Path,
    split: str,
    needs: Sequence[str],
    **checkpoints: str | Path | None,
) -> dict[str, str | Path]:
    """The files of a folder that a method ``needs``, by need; LetheError if one is missing.

    ``checkpoints``: those that the method needs besides its start, by need (``prior``, ``before``).
    LetheError also for one that is needed but not given, or given but not needed. Needs that a
    model computes (alternative answers, reference losses) have no file in the folder.
    """
    wanted, own = chosen(needs), split_in(folder, split)
    given = _given(wanted, checkpoints)
    sources = {need.name: need.source for need in wanted}
    files = {"forget": SplitFile("forget")} | {
        name: source
        for name, source in sources.items()
        if isinstance(source, SplitFile | WorldFile)
    }
    if not Path(folder).is_dir():
        raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
    from_folder = {name: in_folder(source, folder, own) for name, source in files.items()}
    for name, file in from_folder.items():
        if not file.is_file():
            raise LetheError(f"{file}: no such file; the method needs it ({name})")
    _check_content(wanted, from_folder)
    return {**from_folder, **given}


def _given(wanted: Sequence[Need], checkpoints: dict) -> dict[str, str | Path]:
    """The given checkpoints; LetheError unless they are those that are needed."""
    needed = [need.name for need in wanted if isinstance(need.source, Checkpoint)]
    known = [need.name for need in from_source(Checkpoint)]
    for name in {**dict.fromkeys(needed), **checkpoints}:
        if name not in known:
            raise LetheError(
                f"{name}: no method needs a checkpoint of that name{suggest(name, known)}"
            )
        source = checkpoints.get(name)
        if (name in needed) != (source is not None):
            wrong = "needs one: give it" if source is None else "needs none: omit it"
            raise LetheError(f"{name}: the method {wrong}")
    return {name: source for name, source in checkpoints.items() if source is not None}


def _check_content(wanted: Sequence[Need], files: dict[str, Path]) -> None:
    """Find bad rows before a model is loaded; the run reads the files again."""
    forget = read_pairs(files["forget"])
    for need in wanted:
        if need.name in files:
            need.read(files[need.name], forget)
