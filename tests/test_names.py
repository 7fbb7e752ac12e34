"""Names say what a thing is: words that would fit anything are no names."""

import ast
from pathlib import Path

import pytest

import lethe

ROOT = Path(lethe.__file__).parent
# Participles that say how a value came about, and nothing about what it is.
OVERUSED = {"found", "kept", "told"}
# A setting of ICUL; configurations and checkpoints have it by this name.
SETTINGS = {"unlearn/methods/icul.py": {"kept"}, "model/interventions/context.py": {"kept"}}
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def nodes(folder: Path) -> list[tuple[Path, ast.AST]]:
    """Every node of the modules below a folder, each with its file within the library."""
    return [
        (file.relative_to(ROOT), node)
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]


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
    classes = {node.name: file for file, node in nodes(ROOT) if isinstance(node, ast.ClassDef)}
    assert "NPOSettings" in classes
    assert "Settings" not in classes, classes.get("Settings")


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_named_by_a_word_that_fits_anything(room):
    assert len(ROOMS) == 12
    names = [(file.as_posix(), given_name(node)) for file, node in nodes(ROOT / room)]
    assert len({name for _, name in names}) > 50
    overused = {(file, name) for file, name in names if name in OVERUSED}
    assert overused == {(file, name) for file, name in overused if name in SETTINGS.get(file, ())}
