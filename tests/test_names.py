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
