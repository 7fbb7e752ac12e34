"""The documentation's table of claims, from made outputs of two runs."""

import json

import pandas as pd
import pytest
from helpers.commands import CLAIM, refusal
from helpers.workflow_folder import ROOT

from lethe.analysis.claims.claim import Claim, judged
from lethe.analysis.claims.paper_check import COLUMNS
from lethe.analysis.claims.papers.base import not_built
from lethe.analysis.claims.verdict import Criterion
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.report.claims_page import read_outputs, write

PAGE = "# Claims\n\nBefore.\n\n<!-- claims -->\nformer\n<!-- end of claims -->\n\nAfter.\n"
COMMIT = "0123456789abcdef"
LEAD = [0.1, 0.2, 0.3, 0.4, 0.5]


def of_seeds(claim: Claim, values) -> dict:
    """The row of a claim with these values."""
    row = judged(claim.text, claim.criterion, {str(n): value for n, value in enumerate(values)})
    return row | {"values": json.dumps(row["values"]), "reason": ""}


def untested(claim: Claim, reason: str = "") -> dict:
    return claim.row_or_reason("forget10", []) | ({"reason": reason} if reason else {})


def outputs(folder, subject, rows, changed=False, **revision):
    """The files of a run; ``rows``: (subject, row of a claim). Returns its table."""
    tables = folder / f"results/claims_{subject}/tables"
    tables.mkdir(parents=True)
    place = {"model": "tiny", "split": "forget10"}
    records = [place | {"subject": of, "paper": "A paper"} | row for of, row in rows]
    pd.DataFrame(records, columns=COLUMNS).to_csv(tables / "method_claims.csv", index=False)
    (tables / "claims.json").write_text(json.dumps([CLAIM]))
    made = {"date": "2026-12-01", "version": "1", "commit": COMMIT, "changed": changed}
    (tables / "claims_revision.json").write_text(json.dumps(made | revision))
    return tables / "method_claims.csv"


AHEAD, BEHIND = Claim("it is ahead: by"), Claim("it loses little: by")
BOTH = Claim("it stays within", criterion=Criterion("=", 0.0, margin=0.25))
LASTS = Claim("it lasts: by")
LATER = not_built("it will be seen", Criterion("<", 0.5), "no such suite")


@pytest.fixture
def core(tmp_path):
    rows = [
        ("core", of_seeds(AHEAD, LEAD)),
        ("core", of_seeds(BEHIND, [-value for value in LEAD])),
        ("core", of_seeds(BOTH, LEAD)),
        ("core", untested(LATER)),
        # Another run's: what this one says of it is not shown.
        ("attacks", of_seeds(LASTS, [9.0] * 5)),
    ]
    return outputs(tmp_path, "core", rows)


@pytest.fixture
def attacks(tmp_path):
    rows = [("core", untested(AHEAD, "no run")), ("attacks", of_seeds(LASTS, [0.25] * 5))]
    return outputs(tmp_path, "attacks", rows, changed=True, date="2026-12-02")


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return file


def cells(text: str) -> list[list[str]]:
    """The cells of all rows of tables."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_block_is_written_anew_from_the_runs(core, attacks, page):
    main(["claims", "--page", str(page), str(core), str(attacks)])
    text = page.read_text()
    assert text.startswith("# Claims\n\nBefore.\n\n<!-- claims -->\n\n### core\n")
    assert text.endswith("<!-- end of claims -->\n\nAfter.\n")
    assert "former" not in text
    assert "World `claims_core`, 2026-12-01, commit `0123456789`. 3 claims: holds 1, " in text
    assert ": holds 1, fails 1, undecided 1.\n" in text
    assert "World `claims_attacks`, 2026-12-02, commit `0123456789`, with changes." in text
    rows = cells(text)
    for row in (
        ["A paper", "it is ahead: by", "0.3 [0.1, 0.5]", "5", "> 0", "holds"],
        ["A paper", "it loses little: by", "-0.3 [-0.5, -0.1]", "5", "> 0", "FAILS"],
        ["A paper", "it stays within", "0.3 [0.1, 0.5]", "5", "= 0 ± 0.25", "undecided"],
        ["A paper", "it lasts: by", "0.25 [0.25, 0.25]", "5", "> 0", "holds"],
        ["A paper", "it will be seen", "< 0.5", "not built yet: no such suite"],
        ["full knows", "0.9", "1", "> 0.8", "holds"],
    ):
        assert row in rows, row
    assert "covers the median over seeds in 94%" in text


def test_the_same_files_give_the_same_page(core, page):
    write(page, [core])
    first = page.read_text()
    write(page, [core])
    assert page.read_text() == first
    # Its own preset has not been run.
    row = ["A paper", "it lasts: by", "> 0", "its preset, config/claims/attacks.yaml, has not been"]
    assert any(cells[:3] == row[:3] and cells[3].startswith(row[3]) for cells in cells(first))


def test_the_documentation_has_a_place_for_it(core, page):
    page.write_text((ROOT / "docs/claims.md").read_text(encoding="utf-8"), encoding="utf-8")
    write(page, [core])
    text = page.read_text(encoding="utf-8")
    assert "World `claims_core`, 2026-12-01" in text
    assert "## The three verdicts" in text.partition("World `claims_core`")[0]
    assert "## One seed" in text.partition("World `claims_core`")[2]


def test_without_a_checkout_the_version_says_which_code(tmp_path):
    table = outputs(tmp_path, "x", [("x", of_seeds(AHEAD, LEAD))], commit=None)
    (tmp_path / "page.md").write_text(PAGE)
    write(tmp_path / "page.md", [table])
    assert "2026-12-01, version 1. 1 claim: holds 1" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("holds", "fails"),
        ('""4"": 0.5', '""4"": -0.5'),
        (",5,holds", ",6,holds"),
        ("verdict", "result"),
        (",>,", ",~,"),
    ],
)
def test_a_verdict_that_does_not_follow_is_refused(old, new, core, page):
    text = core.read_text()
    assert old in text
    core.write_text(text.replace(old, new))
    message = refusal(lambda: main(["claims", "--page", str(page), str(core)]))
    assert "not a table of claims" in message
    assert page.read_text() == PAGE


def test_other_files_and_pages_are_refused(core, page, tmp_path):
    (tmp_path / "other.md").write_text("# Page\n")
    with pytest.raises(LetheError, match="no lines <!-- claims -->"):
        write(tmp_path / "other.md", [core])
    (core.parent / "claims.json").write_text("[1]")
    with pytest.raises(LetheError, match=r"claims\.json: no claims"):
        read_outputs(core)
    (core.parent / "claims_revision.json").unlink()
    with pytest.raises(LetheError, match="ask the run for it: `snakemake claims_revision`"):
        read_outputs(core)
    assert page.read_text() == PAGE
