"""The table of docs/families.md: read by the tests, written by running this file.

    PYTHONPATH=tests .venv/bin/python -m helpers.families_table [FAMILY ...]

examines the families named (all, without a name) and puts what became of them into the table.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "families.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def rows() -> dict[str, tuple[str, str, str]]:
    """Class, outcome and how, by family, as the page has them."""
    table = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in table.splitlines()
        if line.startswith("| `")
    ]
    return {name.strip("`"): (kind.strip("`"), *rest) for name, kind, *rest in cells}


def counts(found: dict[str, tuple[str, str, str]]) -> str:
    """How many there are of each outcome, as the page says it."""
    number = Counter(outcome for _, outcome, _ in found.values())
    return (
        f"{len(found)} families: {number['exact']} exact, "
        f"{number['exact by fallback']} exact by fallback, {number['refused']} refused."
    )


def write(found: dict[str, tuple[str, str, str]]) -> None:
    """Put a table into the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    lines = [
        f"| `{name}` | `{kind}` | {outcome} | {how} |"
        for name, (kind, outcome, how) in sorted(found.items())
    ]
    head = ["| family | class | outcome | how |", "|---|---|---|---|"]
    text = "\n".join(["", "", counts(found), "", *head, *lines, "", ""])
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.split(END)[1]}")


def main(chosen: list[str]) -> None:
    """Examine families and write what became of them."""
    from helpers.family_outcomes import examine, tokenizer
    from helpers.tiny_families import class_of, names

    known, there = rows(), names()
    found = {name: known[name] for name in there if name in known and chosen}
    for name in chosen or there:
        with tempfile.TemporaryDirectory() as folder:
            outcome = examine(name, tokenizer(), Path(folder))
        found[name] = (class_of(name), outcome.kind, outcome.how)
        print(name, *found[name], flush=True)
    write(found)


if __name__ == "__main__":
    main(sys.argv[1:])
