"""The claims of the default run, on worlds and seeds that no tuning has seen.

    make science        (or: pytest -m science)

Each world takes as long as the default run. The table of the last run is in docs/benchmarks.md.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.science
@pytest.mark.parametrize("seed", [101, 202, 303])
def test_claims_hold_on_unseen_seeds(seed):
    name = f"science{seed}"
    overlay = ROOT / "results" / "logs" / f"{name}.yaml"
    overlay.parent.mkdir(parents=True, exist_ok=True)
    overlay.write_text(
        json.dumps(
            {
                "world": {"name": name, "seed": seed},
                "seeds": [seed],
                "oracle_seeds": [seed + 1000],
                "model_settings": {"tiny": {"pretrain": {"seed": seed}}},
            }
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--configfile", str(overlay)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    claims = json.loads((ROOT / "results" / name / "tables" / "claims.json").read_text("utf-8"))
    for claim in claims:
        print("holds" if claim["holds"] else "FAILS", claim["claim"], claim["value"])
    assert claims
    assert [claim["claim"] for claim in claims if not claim["holds"]] == []
