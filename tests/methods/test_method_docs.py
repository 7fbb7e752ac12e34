"""The table of docs/methods.md against what the methods declare."""

import re
from pathlib import Path

from lethe import methods

DOCS = (Path(__file__).parents[2] / "docs/methods.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(\w+)` \| ([\w ]+) \| ([\w, ]+) \| (\d), (\d), (\d) \| .* \|$", re.MULTILINE
)


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
