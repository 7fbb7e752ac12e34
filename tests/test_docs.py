"""What the docs name exists: files of the repository, and modules and members of the library."""

import ast
import re
from pathlib import Path

import lethe

LIBRARY = Path(lethe.__file__).parent
ROOT = LIBRARY.parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Old names stand there.
OLD = ROOT / "docs" / "renamed.md"
# Guides tell their readers to make files; tests follow them to the letter.
GUIDES = ("adding-a", "defences", "extending", "paper")
ROOMS = "|".join(path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file())
FILE = re.compile(
    rf"`((?:src/lethe|workflow|tests|profiles|envs|containers|benchmarks|{ROOMS})/[\w./-]+)`"
)
NAME = re.compile(r"`(lethe(?:\.\w+)+)`")
BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def mentions(pattern: re.Pattern) -> list[tuple[str, str]]:
    """Each page's name with each match in its prose and tables."""
    return [
        (page.name, match)
        for page in PAGES
        if page != OLD
        for match in pattern.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    ]


def members(file: Path) -> set[str]:
    """Names that a module defines or imports at its top."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                names.update(alias.asname or alias.name for alias in imported)
    return names


def exists(name: str) -> bool:
    """Whether a dotted name is a package, a module or a member of one."""
    place = LIBRARY
    for part in name.split(".")[1:]:
        if place.is_dir() and (place / part).is_dir():
            place = place / part
        elif place.is_dir() and (place / f"{part}.py").is_file():
            place = place / f"{part}.py"
        else:
            file = place / "__init__.py" if place.is_dir() else place
            return part in members(file)
    return True


def has_placeholder(file: str) -> bool:
    """``X.py`` and ``NAME/``: capitals stand for a name."""
    return any(re.fullmatch(r"[A-Z]+", part.split(".")[0]) for part in Path(file).parts)


def is_there(page: str, file: str) -> bool:
    """In the repository, or, for short, in the library; a guide's example is neither."""
    places = (ROOT / file, LIBRARY / file)
    if page.startswith(GUIDES):
        return any(place.parent.is_dir() for place in places)
    return any(place.exists() for place in places) or has_placeholder(file)


def test_files_that_the_docs_name_exist():
    named = mentions(FILE)
    assert len(named) > 50
    assert not {(page, file) for page, file in named if not is_there(page, file)}


def test_names_of_the_library_that_the_docs_use_exist():
    named = mentions(NAME)
    assert len(named) > 40
    assert not {(page, name) for page, name in named if not exists(name)}
