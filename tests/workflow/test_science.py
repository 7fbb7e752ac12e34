"""The claims of the default run, on worlds and seeds that no tuning has seen, judged together.

    make science        (or: pytest -m science)

Each world takes as long as the default run. The table of the last run is in docs/benchmarks.md.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lethe.analysis.claims.rows import pooled
from lethe.analysis.claims.verdict import ENOUGH, FAILS, PAIRED
from lethe.cli.commands.claims import line, read_claims

ROOT = Path(__file__).parents[2]
SEEDS = (101, 202, 303, 404, 505)


def claims_of(seed: int) -> list[dict]:
    """The claims of the default run with this seed, in a world of its own; resumes."""
    name = f"science{seed}"
    overlay = ROOT / "results" / "logs" / f"{name}.yaml"
    overlay.parent.mkdir(parents=True, exist_ok=True)
    overlay.write_text(
        json.dumps(
            {
                "world": {"name": name, "seed": seed},
                "seeds": [seed],
                "oracle_seeds": [seed + 1000],
            }
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--configfile", str(overlay)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return read_claims(str(ROOT / "results" / name / "tables" / "claims.json"))


@pytest.mark.science
def test_no_claim_fails_on_unseen_seeds():
    rows = pooled([claims_of(seed) for seed in SEEDS])
    for row in rows:
        print(line(row))
    assert {row["seeds"] for row in rows if row["kind"] == PAIRED} == {ENOUGH}
    assert [row["claim"] for row in rows if row["verdict"] == FAILS] == []
