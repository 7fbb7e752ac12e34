"""Snakemake's translation of the repository's rules, made once for all forks of a server.

Snakemake reads files of rules word by word and compiles what comes out, at each start: a third of
what a dry run of a small world takes. Translations are kept here by the text of a file and the
number of rules before it, of which Snakemake makes names; any other file is translated as ever.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parents[2]
# The name of the file in a translation, until it is known.
PLACE = "<file of rules>"


@dataclass(frozen=True)
class Translation:
    """What Snakemake makes of a text; ``rules``: the number of rules so far, its own included."""

    code: CodeType
    rules: int
    lines: dict[int, int]

    def of_file(self, name: str) -> CodeType:
        """The code as Snakemake would have compiled it from a file of this name."""
        return _moved(self.code, name)


class Program(str):
    """Stands for the text between Snakemake's translator and Python's compiler."""

    translation: Translation


class _Text:
    """A text that Snakemake opens as it opens files."""

    def __init__(self, text: str):
        self.text = text

    @property
    def sourcecache(self) -> "_Text":
        return self

    def open(self, _path) -> io.StringIO:
        return io.StringIO(self.text)

    def get_path_or_uri(self, secret_free: bool) -> str:
        return PLACE


def translations(translate: Callable) -> dict[tuple[str, int], Translation]:
    """What ``translate`` makes of each file, in the order in which Snakemake comes to them."""
    known, rules = {}, 0
    for text in _texts(ROOT / "Snakefile"):
        lines: dict[int, int] = {}
        before = rules
        program, rules = translate(_Text(text), _Text(text), lines, rulecount=before)
        known[text, before] = Translation(compile(program, PLACE, "exec"), rules, lines)
    return known


def remember() -> None:
    """Have this process, and its forks, take translations that are made now."""
    from snakemake import workflow

    translate = workflow.parse
    known = translations(translate)

    def parse(path, flow, linemap, overwrite_shellcmd=None, rulecount=0):
        with flow.sourcecache.open(path) as file:
            kept = known.get((file.read(), rulecount))
        if kept is None or overwrite_shellcmd is not None:
            return translate(path, flow, linemap, overwrite_shellcmd, rulecount)
        linemap.update(kept.lines)
        program = Program()
        program.translation = kept
        return program, kept.rules

    def compiled(program: str, name: str, mode: str) -> CodeType:
        if isinstance(program, Program):
            return program.translation.of_file(name)
        return compile(program, name, mode)

    workflow.parse, workflow.compile = parse, compiled


@contextmanager
def remembered() -> Iterator[None]:
    """``remember``, and forget it in the end."""
    from snakemake import workflow

    translate = workflow.parse
    remember()
    try:
        yield
    finally:
        workflow.parse = translate
        del workflow.compile


def _texts(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    yield text
    for name in re.findall(r'^include: "(.+)"', text, re.MULTILINE):
        yield from _texts(file.parent / name)


def _moved(code: CodeType, name: str) -> CodeType:
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            constants.append(_moved(constant, name))
        else:
            constants.append(name if constant == PLACE else constant)
    return code.replace(co_filename=name, co_consts=tuple(constants))
