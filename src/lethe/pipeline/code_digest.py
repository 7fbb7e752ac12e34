"""Digests of source code by meaning: what a result depends on, and nothing more.

The digest of an entry file covers its syntax tree and those of all modules of ours that it
imports, directly or not, without comments, docstrings and layout. Modules loaded by name at run
time (methods, metrics, figures, world providers) have no import statement, so the caller adds the
one that is used.
"""

import ast
import atexit
import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from lethe.common.files import sha256, write_json
from lethe.pipeline import workflow_files

PACKAGE = Path(__file__).resolve().parents[1]
# A cache of digests and imports by content, because each start of the workflow needs all of them.
LEARNED = Path(".snakemake/lethe_sources.json")


def digest(*entries: str | Path) -> str:
    """The digest of entries: paths of scripts, or names like ``lethe.unlearn.methods.npo``."""
    files = {file for entry in entries for file in closure(entry)}
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{_label(file)}\0{_file_digest(file)}\n".encode())
    return total.hexdigest()[:16]


def closure(entry: str | Path) -> set[Path]:
    """Every file of ours that an entry depends on, itself and its packages' data files included."""
    start = _module_file(entry) if isinstance(entry, str) and "/" not in entry else Path(entry)
    if start is None or not start.exists():
        raise FileNotFoundError(f"no source file for {entry}")
    files: set[Path] = set()
    waiting = [start.resolve()]
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        waiting.extend(_imports(file) - files)
    return files | {data for file in files for data in _data_files(file.parent)}


@cache
def _data_files(folder: Path) -> frozenset[Path]:
    """A package's data files (word lists, styles); the library's top folder has none."""
    if folder == PACKAGE or PACKAGE not in folder.parents:
        return frozenset()
    suffixes = {".json", ".txt", ".mplstyle", ".jinja"}
    return frozenset(file for file in folder.glob("*") if file.suffix in suffixes)


@cache
def _imports(file: Path) -> frozenset[Path]:
    """Files of ours that a file imports, also inside functions."""
    if file.suffix != ".py":
        return frozenset()
    names = _of_content(file)["imports"]
    files = {_module_file(name, file.parent) for name in names}
    packages = {parent for name in names for parent in _packages(name)}
    return frozenset((files | packages) - {None})


def _packages(name: str) -> frozenset[Path]:
    """The ``__init__`` files that run when a dotted name of ours is imported."""
    top, *rest = name.split(".")
    return _inits(PACKAGE, tuple(rest)) if top == PACKAGE.name else frozenset()


@cache
def _inits(folder: Path, parts: tuple[str, ...]) -> frozenset[Path]:
    """The ``__init__`` files of a folder and of nested packages, outermost first."""
    inits = (folder.joinpath(*parts[:depth], "__init__.py") for depth in range(len(parts) + 1))
    return frozenset(init for init in inits if init.exists())


def _module_file(name: str, beside: Path | None = None) -> Path | None:
    """The file of one of our modules, or of one beside a script; None for other libraries'."""
    top, *rest = name.split(".")
    if top == PACKAGE.name:
        return _first_of(PACKAGE, tuple(rest))
    if beside is not None and PACKAGE not in (beside, *beside.parents):
        return _first_of(beside, (top, *rest))
    return None


@cache
def _first_of(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file of a module or a package; cached, since most are imported by many files."""
    stem = folder.joinpath(*parts)
    for file in (stem.with_suffix(".py"), stem / "__init__.py"):
        if file.exists():
            return file.resolve()
    return None


@cache
def _file_digest(file: Path) -> str:
    if file.suffix != ".py":
        return hashlib.sha256(file.read_bytes()).hexdigest()
    return _of_content(file)["digest"]


def _of_content(file: Path) -> dict[str, Any]:
    """The digest of a file's syntax tree, and the names that it imports."""
    content = file.read_bytes()
    key = hashlib.sha256(content).hexdigest()
    learned = _learned()
    if key not in learned:
        learned[key] = _of_tree(ast.parse(content, filename=str(file)))
    return learned[key]


def _of_tree(tree: ast.Module) -> dict[str, Any]:
    names: set[str] = set()
    for node in ast.walk(tree):
        _drop_docstring(node)
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return {"digest": digest, "imports": sorted(names)}


@cache
def _learned() -> dict[str, dict]:
    """The cache of earlier starts, by the digest of a file's bytes; written back at the end."""
    # Other versions of Python have other trees; other versions of this module digest differently.
    maker = f"{sys.version} {sha256(Path(__file__))}"
    learned: dict[str, dict] = {}
    with suppress(OSError, ValueError, LookupError, TypeError):
        stored = json.loads(LEARNED.read_text(encoding="utf-8"))
        if stored["maker"] == maker:
            learned = dict(stored["files"])
    atexit.register(_keep, learned, len(learned), LEARNED.absolute(), maker)
    return learned


def _keep(learned: dict[str, dict], before: int, file: Path, maker: str) -> None:
    """Write the cache beside Snakemake's own records if it has grown and they exist."""
    if len(learned) > before and file.parent.is_dir():
        with suppress(OSError):
            write_json(file, {"maker": maker, "files": learned})


def _drop_docstring(node: ast.AST) -> None:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if not isinstance(node, holders) or not node.body:
        return
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
        node.body = node.body[1:] or [ast.Pass()]


@cache
def _label(file: Path) -> str:
    """A file's name, the same wherever the project is, in a checkout or a wheel."""
    if PACKAGE in file.parents:
        return f"src/{file.relative_to(PACKAGE.parent).as_posix()}"
    root = workflow_files.root()
    return file.relative_to(root).as_posix() if root in file.parents else file.name
