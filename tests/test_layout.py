"""The rooms of src/lethe: imports run one way, and plug-in folders hold plug-ins alone."""

import ast
from functools import cache
from pathlib import Path

import lethe

ROOT = Path(lethe.__file__).parent
# A room may import itself and those before it.
ROOMS = (
    "common", "llm", "world", "model", "train", "unlearn", "evaluate", "metrics", "analysis",
    "report", "pipeline", "cli",
)  # fmt: skip
# Nor do these import each other, though one stands before the other.
STRANGERS = {("model", "llm"), ("train", "llm"), ("model", "world"), ("train", "world")}


def imported(file: Path) -> set[str]:
    """Every module of ours that a file imports, wherever the statement stands, or loads by name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                found.update(alias.name for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, f"{file}: a relative import"
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
            case ast.Constant(value=str(text)) if (
                text.startswith("lethe.") and text != "lethe.progress"
            ):
                found.add(text)
    return {name for name in found if name.startswith("lethe.") and file_of(name)}


def file_of(name: str) -> Path | None:
    """The file of a module, or of that whose member the name is; None if there is none."""
    *parts, last = name.split(".")[1:]
    for stem in (ROOT.joinpath(*parts, last), ROOT.joinpath(*parts)):
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if stem != ROOT and file.exists():
                return file
    return None


def room(file: Path) -> str:
    return file.relative_to(ROOT).parts[0]


FILES = sorted(file for file in ROOT.rglob("*.py") if file.parent != ROOT)


@cache
def imports() -> dict[Path, set[Path]]:
    return {file: {file_of(name) for name in imported(file)} - {file} for file in FILES}


def test_the_library_has_twelve_rooms():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(ROOMS)
    assert [file.name for file in ROOT.glob("*.py")] == ["__init__.py"]


def test_imports_run_one_way():
    wrong = [
        f"{file.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
        for file in FILES
        for other in imports()[file]
        if ROOMS.index(room(other)) > ROOMS.index(room(file))
        or (room(file), room(other)) in STRANGERS
    ]
    assert not wrong


def test_no_import_comes_back():
    """Not within a room either: the modules can be put in an order."""
    left = {file: set(others) for file, others in imports().items()}
    while left:
        free = {file for file, others in left.items() if not others & left.keys()}
        assert free, "a circle: " + ", ".join(str(f.relative_to(ROOT)) for f in sorted(left))
        left = {file: others for file, others in left.items() if file not in free}


# --- the tests' own tree ---

TESTS = Path(__file__).parent
# Of what lies outside the library, or is shared.
BESIDE = {"families", "guides", "helpers", "workflow"}


def test_tests_lie_in_folders_named_as_those_of_the_library():
    folders = {file.relative_to(TESTS).parent for file in TESTS.rglob("test_*.py")}
    own = {folder for folder in folders if folder.parts and folder.parts[0] not in BESIDE}
    assert len(own) > len(ROOMS)
    assert [folder for folder in own if not (ROOT / folder).is_dir()] == []


def test_no_conftest_changes_where_modules_are_looked_for():
    files = sorted(TESTS.rglob("conftest.py"))
    assert len(files) > 5
    assert [file for file in files if "sys.path" in file.read_text(encoding="utf-8")] == []
