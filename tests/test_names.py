"""Names say what a thing is: words that would fit anything are no names."""

import ast
from pathlib import Path

import lethe

ROOT = Path(lethe.__file__).parent


def parsed(folder: Path) -> list[tuple[str, ast.AST]]:
    """Every node of the modules below a folder, with its place."""
    return [
        (f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node)
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]


def test_a_settings_class_says_whose_settings_it_holds():
    nodes = parsed(ROOT)
    classes = {node.name: place for place, node in nodes if isinstance(node, ast.ClassDef)}
    assert "NPOSettings" in classes
    assert "Settings" not in classes, classes.get("Settings")


# Words that say only how something came about. Rooms are added as they are cleared of them.
VAGUE = {"found", "kept", "told"}
CLEARED = ("report", "pipeline", "cli")


def own_names(node: ast.AST) -> list[str]:
    """The names that a node gives to variables, parameters, functions or classes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
    return []


def test_names_say_what_a_thing_is_not_how_it_came_about():
    named = [
        (place, name.strip("_"))
        for room in CLEARED
        for place, node in parsed(ROOT / room)
        for name in own_names(node)
    ]
    assert len(named) > 1000
    assert [(place, name) for place, name in named if name in VAGUE] == []
