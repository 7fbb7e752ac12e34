"""Splits of a world: what is to be forgotten, the files cut accordingly, and the oracles.

A kind of split is a module of ``lethe.world.splits`` with a class ``Split``, derived from
``lethe.world.splits.base.BaseSplit``, and literal constants, which are read without importing it:

    READS = ("full", "full_perturbed", "holdout")   the world's files that it is cut from; these
                                                    are the default
    NAMES = "forget(?P<percent>[0-9]{2})"           a pattern of names that contain its settings
    EXAMPLE = "forget10"                            examples of such names, for messages

A split's kind is the one in its settings, ``{"kind": "author_share", "percent": 10}``. Without
settings it is the kind whose NAMES match the split's name, or the kind of that name.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.common.registry import Registry, suggest
from lethe.common.validation import validated
from lethe.world.rows import read_qa
from lethe.world.splits.base import BaseSplit
from lethe.world.trace_format import with_column

ROLE = re.compile("[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Contract:
    """What a kind of split declares."""

    reads: tuple[str, ...] = ("full", "full_perturbed", "holdout")
    names: str = ""
    example: str = ""

    def __post_init__(self):
        if bool(self.names) != bool(self.example):
            raise LetheError("NAMES and EXAMPLE belong together; give both, or neither")


KINDS = Registry("lethe.world.splits", "split kind", Contract)
names, contract = KINDS.names, KINDS.contract


def split(name: str, settings: Mapping[str, Any] | None = None) -> BaseSplit:
    """The split called ``name``; ``settings`` as in ``split_settings.NAME`` of a configuration.

    LetheError says what is wrong with the name, the kind, a setting, or the kind's own file.
    """
    given = dict(settings or {})
    from_name: dict[str, int | str] = {}
    if "kind" not in given:
        given["kind"], from_name = _of_name(name)
    kind = given.pop("kind")
    where = f"config: split_settings.{name}"
    cls = KINDS.load(kind, f"{where}.kind").Split
    if cls.__abstractmethods__:
        raise LetheError(f"split kind {kind}: no method {min(cls.__abstractmethods__)}; write it")
    made = cls(name, validated(cls.settings_class, {**from_name, **given}, where))
    _check_kind(made)
    return made


def _of_name(name: str) -> tuple[str, dict[str, int | str]]:
    """The kind that a name stands for, and the settings that the name contains."""
    kinds = {kind: contract(kind) for kind in names()}
    for kind, declared in kinds.items() if isinstance(name, str) else ():
        match = re.fullmatch(declared.names or kind, name)
        if match is not None:
            groups = match.groupdict().items()
            return kind, {key: int(text) if text.isdecimal() else text for key, text in groups}
    plain = [kind for kind, declared in kinds.items() if not declared.names]
    examples = [declared.example for declared in kinds.values() if declared.example]
    close = suggest(name, plain) if difflib.get_close_matches(str(name), plain, n=1) else ""
    use = ", or ".join([*examples, *([", ".join(plain)] if plain else [])])
    raise LetheError(f"splits: {name!r} is not a split{close}; use {use}")


def _check_kind(made: BaseSplit) -> None:
    """LetheError if the parts and oracles that a kind declares do not fit together."""
    where, files = f"split kind {made.kind}", made.files
    required = made.required
    lacking = [part for part in required if part not in files]
    if lacking:
        raise LetheError(f"{where}: no part {lacking[0]}; every split has {', '.join(required)}")
    if not made.oracles or len(set(made.roles)) < len(made.roles):
        raise LetheError(f"{where}: oracles: give one or more, each with its own role")
    for oracle in made.oracles:
        if oracle.part not in files:
            raise LetheError(f"{where}: no part {oracle.part}, which oracle {oracle.role} learns")
        if not ROLE.fullmatch(oracle.role):
            raise LetheError(
                f"{where}: oracle {oracle.role!r}: use lowercase letters, digits and _ only"
            )


def write(
    made: BaseSplit,
    world: Mapping[str, str | Path],
    place: Callable[[str], Path],
    answers_only: bool = False,
) -> None:
    """Cut a split and write its parts, without those that a provider makes.

    ``world``: the files that the kind reads, by name; ``place``: gives the path of a part's file.
    ``answers_only``: rows of the forget set have their reasoning traces in a column of their own,
    so that only their answers are unlearned.
    """
    rows = {name: read_qa(world[name], empty=name != "full") for name in contract(made.kind).reads}
    parts = made.cut(rows)
    if answers_only:
        parts["forget"] = [with_column(row) for row in parts["forget"]]
    for part in (name for name in made.files if name not in made.asked_apart):
        write_rows(place(part), parts[part])
