"""States of a checkpoint: what becomes of it afterwards, one file for each kind, found by name.

A kind is a module of this folder with

    NEEDS = ("forget",)             data files that it reads, a literal constant; () for none
    class Settings(BaseModel)       its settings, typed
    change(model, settings, examples, seed, report, how)
                                    changes the model in place; ``examples`` are those of NEEDS,
                                    ``how`` a training runs is an Execution

Importing it must not import torch. What a state does goes through ``checkpoint.load`` and ``save``,
so that it works on whatever a method left: weights, or weights that something else acts upon.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from lethe.common.errors import LetheError
from lethe.pipeline.code_digest import literals

FOLDER = Path(__file__).parent


def kinds() -> list[str]:
    """Names of all kinds, sorted."""
    return sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))


def needs(kind: str) -> Sequence[str]:
    """The data files that a kind reads, from its source."""
    _known(kind)
    return literals(FOLDER / f"{kind}.py")["NEEDS"]


def load(kind: str) -> ModuleType:
    """The module of a kind; an unknown one is a LetheError that lists those there are."""
    _known(kind)
    return importlib.import_module(f"lethe.evaluate.attacks.{kind}")


def settings_of(kind: str, given: Mapping[str, Any], name: str) -> Any:
    """A kind's settings with defaults; what is wrong with a key is one line that names it."""
    from lethe.unlearn.method import validated

    return validated(load(kind).Settings, dict(given), name)


def _known(kind: str) -> None:
    if kind not in kinds():
        raise LetheError(f"states: unknown state {kind!r}; there are {', '.join(kinds())}")
