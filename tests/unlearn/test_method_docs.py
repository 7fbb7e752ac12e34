"""The tables of docs/methods.md against what methods and wrappers declare."""

import re
from pathlib import Path

from lethe.unlearn import methods, wrappers

DOCS = (Path(__file__).parents[2] / "docs/methods.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(\w+)` \| ([\w ]+) \| ([\w, ]+) \| (\d+), (\d+), (\d+) \| .* \|$", re.MULTILINE
)
WRAPPER = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+) \| [^|]* \| [^|]* \|$", re.MULTILINE)


def test_the_table_says_what_the_methods_declare():
    rows = ROW.findall(DOCS)
    assert len(rows) >= 17
    assert len({name for name, *_ in rows}) == len(rows)
    for name, kind, needs, *passes in rows:
        method = methods.load(name)({})
        assert method.kind == kind, name
        declared = set() if needs == "nothing" else set(needs.split(", "))
        assert set(method.needs) == declared, name
        assert list(map(int, passes)) == list(vars(method.passes).values()), name


def test_the_table_of_wrappers_says_what_they_declare():
    rows = [row for row in WRAPPER.findall(DOCS) if row[0] in wrappers.names()]
    assert len({name for name, *_ in rows}) == len(rows) >= 5
    for name, kind, need in rows:
        wrapper = wrappers.load(name)({})
        needs = () if need == "nothing" else (need,)
        assert (wrapper.kind, wrapper.needs) == (kind, needs), name
        assert wrapper.paper.rpartition(" ")[2] in DOCS
