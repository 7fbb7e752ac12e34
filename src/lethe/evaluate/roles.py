"""The role a checkpoint is given must not contradict its own record.

Checkpoints made by Lethe record the stage and the data that they come from. Others record nothing,
and may have any role that the user gives them.
"""

from collections.abc import Iterable
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.model import checkpoint
from lethe.world.cut_split import split_in

# Stages that train an oracle end in its role: train_retain for TOFU's.
ORACLE = "train_oracle"
# What each stage (a rule of the workflow, or ``lethe unlearn``) makes, in words.
MADE = {
    "base": "a base model, from before any author was learned",
    "random": "a model with random weights",
    "train_full": "the full model, which learned the forget set",
    ORACLE: "an oracle, which never saw the forget set",
    "unlearn": "an unlearned model",
}
# Stages whose checkpoints cannot have a role.
WRONG = {
    "oracle": ("base", "random", "train_full", "unlearn"),
    "full": ("base", "random", ORACLE),
    "prior": ("train_full", "unlearn"),
}
WANTED = {
    "oracle": "the model trained on the retain set alone",
    "full": "the model before unlearning",
    "prior": "a checkpoint from before the forget set was learned",
}


def check_role(where: str, source: str | Path | None, role: str) -> None:
    """LetheError, beginning with ``where``, if a checkpoint's record contradicts its role.

    ``role``: ``oracle``, ``full`` or ``prior``.
    """
    stage = _stage(source)
    if stage in WRONG[role]:
        raise LetheError(f"{where}: {source} is {MADE[stage]}; name {WANTED[role]}")


def check_oracle(where: str, source: str | None, folder: str | Path, split: str) -> None:
    """``check_role`` for an oracle, which must also not have learned another file of the folder.

    ``folder``: data in TOFU's format.
    """
    check_role(where, source, "oracle")
    learned, chosen = _origin(source).get("data"), split_in(folder, split)
    wanted = [f"{chosen.data_of(role)}.json" for role in chosen.roles]
    files = {file.name: file for file in Path(folder).glob("*.json")}
    if learned is None or not files.keys() & {*wanted}:
        return
    trained_on = [name for name, file in sorted(files.items()) if sha256(file) == learned]
    if trained_on and not {*trained_on} & {*wanted}:
        raise LetheError(
            f"{where}: {source} was trained on {trained_on[0]}, not on {' or '.join(wanted)}; "
            "name that"
        )


def of_other_data(sources: Iterable[str | None], folder: str | Path) -> list[str]:
    """Checkpoints that record a file that they learned or forgot, which the folder lacks."""
    here = {sha256(file) for file in Path(folder).glob("*.json")}
    used = {source: _origin(source) for source in sources if source is not None}
    files = {source: one.get("data") or one.get("forget") for source, one in used.items()}
    return [source for source, file in files.items() if file is not None and file not in here]


def check_different(given: Iterable[tuple[str, str | None]]) -> None:
    """LetheError where one checkpoint is named for two roles that it cannot both have."""
    seen: dict[Path, str] = {}
    for where, source in given:
        if source is None:
            continue
        place = Path(source).resolve()
        if place in seen:
            raise LetheError(f"{where}: {source} is also given for {seen[place]}; name another")
        seen[place] = where


def _origin(source: str | Path | None) -> dict:
    origin = checkpoint.origin(source) if source is not None else {}
    return origin if isinstance(origin, dict) else {}


def _stage(source: str | Path | None) -> str | None:
    """The stage that made a checkpoint, as ``MADE`` names it; unknown ones are None."""
    stage = _origin(source).get("stage")
    kind = str(stage).partition("_")[0]
    if kind == "train" and stage != "train_full":
        return ORACLE
    stage = "unlearn" if kind == "unlearn" else stage
    return stage if stage in MADE else None
