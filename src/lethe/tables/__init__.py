"""Tables from metric files: the tidy scores, and one module for each table made of them.

A table module has ``build(scores, methods, seeds) -> pandas.DataFrame`` (plain columns, for the CSV
file) and ``markdown(table) -> str`` (as a paper would print it). It is found by its name.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from lethe.errors import LetheError

_HELPERS = {"__init__", "labels", "scores", "shape"}


def names() -> list[str]:
    """The names of all tables."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(found - _HELPERS)


def render(
    name: str,
    scores: str | os.PathLike,
    methods: Sequence[str],
    seeds: Sequence[int],
    csv: str | os.PathLike,
    markdown: str | os.PathLike,
) -> None:
    """Write the table ``name`` of the scores in the file ``scores`` as CSV and as Markdown."""
    from lethe.files import whole_file
    from lethe.tables.scores import read_scores

    if name not in names():
        raise LetheError(f"table {name!r}: no such table; choose from {', '.join(names())}")
    module = import_module(f"{__name__}.{name}")
    table = module.build(read_scores(scores), methods, seeds)
    text = module.markdown(table)
    with whole_file(csv) as csv_file, whole_file(markdown) as markdown_file:
        table.to_csv(csv_file, index=False, lineterminator="\n")
        markdown_file.write_text(text, encoding="utf-8")
