"""Plug-ins: the modules of a folder, looked up by file name; there is no list of them.

A plug-in declares what it needs and reads in literal constants (``NEEDS = ("forget",)``), which are
read from its source: the workflow plans without importing torch, pandas or matplotlib. What it may
declare are the fields of its registry's contract, a dataclass; a constant has its field's name in
capitals. ``base.py`` and files whose names begin with an underscore are shared by the plug-ins of a
folder and are not plug-ins.
"""

import ast
import difflib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from lethe.common.errors import LetheError

LETHE = Path(__file__).parents[1]
SHARED = "base"


Contract = TypeVar("Contract")


def function(name: str) -> Callable[..., Any]:
    """A function by its dotted name, as a plug-in declares it."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


class Registry(Generic[Contract]):
    """The plug-ins of one package; ``noun`` is what messages call one of them.

    ``contract``: the dataclass of what they declare; None if their classes declare it themselves.
    """

    def __init__(self, package: str, noun: str, contract: type[Contract] | None = None):
        self.package, self.noun, self._contract = package, noun, contract
        self.folder = LETHE.joinpath(*package.split(".")[1:])

    @property
    def declares(self) -> bool:
        """Whether its plug-ins declare anything in constants."""
        return self._contract is not None

    def names(self) -> list[str]:
        """Names of all plug-ins, sorted."""
        stems = (file.removesuffix(".py") for file in _listed(self.folder) if file.endswith(".py"))
        return sorted(stem for stem in stems if "a" <= stem[:1] <= "z" and stem != SHARED)

    def check(self, name: Any, place: str | None = None) -> None:
        """Raise LetheError if there is no such plug-in; the message suggests the closest name.

        ``place``: where the name was read, for the message; by default the plural of the noun.
        """
        if not self._has(name):
            known = suggest(name, self.names())
            raise LetheError(f"{place or self.noun + 's'}: unknown {self.noun} {name!r}{known}")

    def _has(self, name: Any) -> bool:
        """Whether ``names`` lists it; planning asks so often that listing folders takes long."""
        return (
            isinstance(name, str)
            and "a" <= name[:1] <= "z"
            and name != SHARED
            and os.path.basename(name) == name
            and os.path.isfile(f"{self.folder}/{name}.py")
        )

    def load(self, name: str, place: str | None = None) -> ModuleType:
        """Import one plug-in and no other; an unknown name is a LetheError."""
        self.check(name, place)
        return importlib.import_module(self.module(name))

    def module(self, name: str) -> str:
        """The dotted name of a plug-in, as code digests expect it."""
        return f"{self.package}.{name}"

    def contract(self, name: str, place: str | None = None) -> Contract:
        """What a plug-in declares, the defaults filled in, without importing it.

        Raises:
            LetheError: no such plug-in, or a declaration is missing or has no meaning.
        """
        self.check(name, place)
        return declared(self.folder / f"{name}.py", f"{self.noun} {name}", self._contract)

    def functions(self, name: str) -> frozenset[str]:
        """The functions that a plug-in defines, without importing it."""
        self.check(name)
        return _source(self.folder / f"{name}.py").functions


@cache
def declared(file: Path, who: str, contract: type[Contract]) -> Contract:
    """A contract filled in from the constants of a file; messages begin with ``who``."""
    constants = literals(file)
    for field in fields(contract):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name.upper() not in constants:
            raise LetheError(f"{who}: declares no {field.name.upper()}; write it in {file.name}")
    names = {field.name.upper(): field.name for field in fields(contract)}
    given = {names[key]: value for key, value in constants.items() if key in names}
    try:
        return contract(**given)
    except LetheError as error:
        raise LetheError(f"{who}: {error}") from None


def literals(file: Path) -> Mapping[str, Any]:
    """The constants (``NAME = literal``) at the top of a module, read without importing it."""
    return _source(file).literals


@dataclass(frozen=True)
class _Source:
    """What planning reads of a module's source."""

    literals: Mapping[str, Any]
    functions: frozenset[str]


def _source(file: Path) -> _Source:
    return _read(file.read_text(encoding="utf-8"), str(file))


@cache
def _read(text: str, file: str) -> _Source:
    """By text, so that an edit counts; ``file`` is named in an error of syntax."""
    constants, functions = {}, set()
    for statement in ast.parse(text, filename=file).body:
        match statement:
            case ast.FunctionDef(name=name):
                functions.add(name)
            # Others may be computed; only those in capitals could be declarations.
            case ast.Assign(targets=[ast.Name(id=name), *_]) if name.isupper():
                with suppress(ValueError):
                    constants[name] = ast.literal_eval(statement.value)
    return _Source(constants, frozenset(functions))


def _listed(folder: Path) -> list[str]:
    """Names of a folder's files; none if there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def suggest(key: Any, known: Iterable[str]) -> str:
    """What to write instead of an unknown name: the closest one, or the list of all."""
    known = list(known)
    close = difflib.get_close_matches(str(key), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"
