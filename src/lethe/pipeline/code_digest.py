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
import os
import sys
from collections.abc import Iterable
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
    total = hashlib.sha256()
    for file in sorted(_closure(entries), key=_parts):
        total.update(f"{_label(file)}\0{_file_digest(file)}\n".encode())
    return total.hexdigest()[:16]


def closure(entry: str | Path) -> set[Path]:
    """Every file of ours that an entry depends on, itself and its packages' data files included."""
    return {Path(file) for file in _closure([entry])}


def _closure(entries: Iterable[str | Path]) -> set[str]:
    """The files of all entries; strings, since each start compares some ten thousand paths."""
    files: set[str] = set()
    waiting = {_start(entry) for entry in entries}
    while waiting:
        file = waiting.pop()
        files.add(file)
        waiting |= _needed(str(PACKAGE), file) - files
    return files


def _start(entry: str | Path) -> str:
    if isinstance(entry, str) and "/" not in entry:
        file = _module_file(str(PACKAGE), entry)
    else:
        file = os.path.realpath(entry) if os.path.exists(entry) else None
    if file is None:
        raise FileNotFoundError(f"no source file for {entry}")
    return file


@cache
def _needed(package: str, file: str) -> frozenset[str]:
    """What a file needs itself: what it imports, also inside functions, and its data files."""
    folder = os.path.dirname(file)
    data = _data_files(package, folder)
    if not file.endswith(".py"):
        return data
    beside = None if f"{folder}/".startswith(f"{package}/") else folder
    names = _of_content(file)["imports"]
    return data.union(*(_imported(package, name, beside) for name in names))


@cache
def _data_files(package: str, folder: str) -> frozenset[str]:
    """A package's data files (word lists, styles); the library's top folder has none."""
    if not folder.startswith(f"{package}/"):
        return frozenset()
    suffixes = (".json", ".txt", ".mplstyle", ".jinja")
    return frozenset(f"{folder}/{name}" for name in _entries(folder) if name.endswith(suffixes))


@cache
def _imported(package: str, name: str, beside: str | None) -> frozenset[str]:
    """The file of a dotted name, and the ``__init__`` files that run when it is imported.

    ``beside``: a script's folder, in which it finds modules of its own; None for our modules.
    """
    top, *rest = name.split(".")
    files = {_module_file(package, name, beside)}
    if top == os.path.basename(package):
        folders = ("/".join((package, *rest[:depth])) for depth in range(len(rest) + 1))
        files.update(_entries(folder).get("__init__.py") for folder in folders)
    return frozenset(file for file in files if file)


def _module_file(package: str, name: str, beside: str | None = None) -> str | None:
    """The file of one of our modules, or of one beside a script; None for other libraries'."""
    top, *rest = name.split(".")
    if top == os.path.basename(package):
        *folders, last = package, *rest
    elif beside is not None:
        *folders, last = beside, top, *rest
    else:
        return None
    folder = "/".join(folders)
    module = _entries(folder).get(f"{last}.py") if folder else None
    return module or _entries(f"{folder}/{last}" if folder else last).get("__init__.py")


@cache
def _entries(folder: str) -> dict[str, str]:
    """What a folder holds, by name, links resolved; nothing if there is no such folder.

    Listed once: most names that files import are no modules but functions of one.
    """
    try:
        with os.scandir(folder) as entries:
            top = os.path.realpath(folder)
            return {
                entry.name: os.path.realpath(entry) if entry.is_symlink() else f"{top}/{entry.name}"
                for entry in entries
            }
    except OSError:
        return {}


@cache
def _parts(file: str) -> tuple[str, ...]:
    """The names along a path, in whose order digests take files."""
    return tuple(file.split("/"))


@cache
def _file_digest(file: str) -> str:
    if not file.endswith(".py"):
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return _of_content(file)["digest"]


@cache
def _of_content(file: str) -> dict[str, Any]:
    """The digest of a file's syntax tree, and the names that it imports."""
    content = Path(file).read_bytes()
    key = hashlib.sha256(content).hexdigest()
    learned = _learned()
    if key not in learned:
        learned[key] = _of_tree(ast.parse(content, filename=file))
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
def _label(file: str) -> str:
    """A file's name, the same wherever the project is, in a checkout or a wheel."""
    path = Path(file)
    if PACKAGE in path.parents:
        return f"src/{path.relative_to(PACKAGE.parent).as_posix()}"
    root = workflow_files.root()
    return path.relative_to(root).as_posix() if root in path.parents else path.name
