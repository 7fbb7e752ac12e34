"""Names say what a thing is: words that would fit anything are no names."""

import ast
from functools import cache
from pathlib import Path

import pytest

import lethe

ROOT = Path(lethe.__file__).parent
# Participles that say how a value came about, and nothing about what it is.
OVERUSED = {"found", "kept", "told"}
# A setting of ICUL; configurations and checkpoints have it by this name.
SETTINGS = {"unlearn/methods/icul.py": {"kept"}, "model/interventions/context.py": {"kept"}}
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


@cache
def named_in(file: Path) -> tuple[set[str], set[str]]:
    """The names of a module's classes, and all names that it gives."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    return classes, {name for node in nodes if (name := given_name(node))}


def modules(folder: Path) -> list[tuple[str, set[str], set[str]]]:
    """Each module below a folder by its name within the library, with its ``named_in``."""
    files = sorted(folder.rglob("*.py"))
    return [(file.relative_to(ROOT).as_posix(), *named_in(file)) for file in files]


def given_name(node: ast.AST) -> str | None:
    """The name that a node gives to something."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return node.name
        case ast.arg():
            return node.arg
        case ast.Name(ctx=ast.Store()):
            return node.id
        case ast.Attribute(ctx=ast.Store()):
            return node.attr
    return None


def test_a_settings_class_says_whose_settings_it_holds():
    classes = {name: file for file, own, _ in modules(ROOT) for name in own}
    assert "NPOSettings" in classes
    assert "Settings" not in classes, classes.get("Settings")


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_named_by_a_word_that_fits_anything(room):
    assert len(ROOMS) == 12
    names = {(file, name) for file, _, given in modules(ROOT / room) for name in given}
    assert len({name for _, name in names}) > 50
    overused = {(file, name) for file, name in names if name in OVERUSED}
    assert overused == {(file, name) for file, name in overused if name in SETTINGS.get(file, ())}
