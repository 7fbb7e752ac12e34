"""Plug-ins: the modules of a folder, found by the names of their files; there is no list of them.

A plug-in declares what it needs in literal constants (``NEEDS = ("forget",)``), which are read from
its source: the workflow plans without importing torch, pandas or matplotlib. ``base.py`` and files
whose names begin with an underscore are what the plug-ins of a folder share, and no plug-ins.
"""

import ast
import difflib
import importlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from lethe.common.errors import LetheError

LETHE = Path(__file__).parents[1]
SHARED = "base"


class Registry:
    """The plug-ins of one package; ``noun`` is what messages call one of them."""

    def __init__(self, package: str, noun: str):
        self.package, self.noun = package, noun
        self.folder = LETHE.joinpath(*package.split(".")[1:])

    def names(self) -> list[str]:
        """Names of all plug-ins, sorted."""
        return sorted(file.stem for file in self.folder.glob("[a-z]*.py") if file.stem != SHARED)

    def check(self, name: Any, place: str | None = None) -> None:
        """LetheError where there is no such plug-in; it names what comes closest.

        ``place``: where the name was read, as messages put it; by default the noun's plural.
        """
        known = self.names()
        if name not in known:
            raise LetheError(
                f"{place or self.noun + 's'}: unknown {self.noun} {name!r}{suggest(name, known)}"
            )

    def load(self, name: str, place: str | None = None) -> ModuleType:
        """Import one plug-in and no other; an unknown name is a LetheError."""
        self.check(name, place)
        return importlib.import_module(f"{self.package}.{name}")

    def declared(self, name: str, place: str | None = None) -> dict[str, Any]:
        """The constants of a plug-in, without importing it; an unknown name is a LetheError."""
        self.check(name, place)
        return literals(self.folder / f"{name}.py")


def literals(file: Path) -> dict[str, Any]:
    """The constants (``NAME = literal``) at the top of a module, read without importing it."""
    found = {}
    for statement in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        name = statement.targets[0].id
        # Others may be computed; only those in capitals could be declarations.
        if name.isupper():
            with suppress(ValueError):
                found[name] = ast.literal_eval(statement.value)
    return found


def suggest(key: Any, known: Iterable[str]) -> str:
    """What to write in the place of an unknown name: the closest, or all that there are."""
    known = list(known)
    close = difflib.get_close_matches(str(key), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"
