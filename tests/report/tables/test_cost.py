"""The table of costs against hand computation."""

import json

import pytest

from lethe.analysis.costs import SHARES, read_costs
from lethe.common.errors import LetheError
from lethe.report.tables import cost
from lethe.report.tables.base import TableData


def paid(folder, run, seconds, forward, backward, seed=0, job="unlearn", **more):
    """A cost file and its entry."""
    file = folder / f"{run}{seed}_{job}.json"
    numbers = {"wall_seconds": seconds, "cpu_seconds": seconds / 2, "peak_memory_mib": 100.0 + seed}
    numbers |= {"forward_passes": forward, "backward_passes": backward}
    numbers |= {"forward_tokens": 10 * forward, "backward_tokens": 10 * backward, **more}
    file.write_text(json.dumps(numbers))
    return {"model": "tiny", "split": "forget10", "run": run, "seed": seed, "path": str(file)}


def data(entries):
    return TableData(["npo", "kl_min"], [0, 1], files=entries)


@pytest.fixture
def entries(tmp_path):
    return [
        paid(tmp_path, "full", 11.0, 110, 110),
        paid(tmp_path, "retain", 10.0, 100, 100),
        paid(tmp_path, "npo", 2.0, 8, 8, peak_cuda_mib=7.0),
        paid(tmp_path, "npo", 0.5, 2, 0, job="reference"),
        paid(tmp_path, "kl_min", 4.0, 30, 15),
        paid(tmp_path, "retain", 20.0, 100, 100, seed=1),
        paid(tmp_path, "npo", 5.0, 10, 8, seed=1),
    ]


def test_a_methods_jobs_add_up_and_are_held_against_its_own_oracle(entries):
    table = cost.build(data(entries)).set_index(["run", "seed"])
    assert table.index.tolist()[:3] == [("full", 0), ("retain", 0), ("retain", 1)]
    npo = table.loc["npo", 0]
    assert (npo["wall_seconds"], npo["cpu_seconds"]) == (2.5, 1.25)
    assert (npo["forward_passes"], npo["backward_passes"]) == (10, 8)
    # Ten tokens a pass; a backward pass counts twice.
    assert npo["compute"] == 100 + 2 * 80
    assert npo["compute_share"] == pytest.approx(260 / 3000)
    assert npo["wall_share"] == npo["cpu_share"] == 0.25
    assert (npo["peak_memory_mib"], npo["peak_cuda_mib"]) == (100, 7)
    assert table.loc["npo", 1]["wall_share"] == 0.25
    assert (table.loc["retain"][["wall_share", "compute_share"]] == 1).all(axis=None)
    assert table.loc["kl_min", 0]["compute_share"] == pytest.approx(600 / 3000)


def test_it_can_be_read_again_and_printed(entries, tmp_path):
    table = cost.build(data(entries))
    table.to_csv(tmp_path / "cost.csv", index=False)
    assert read_costs(tmp_path / "cost.csv").to_dict() == table.to_dict()
    line = next(line for line in cost.markdown(table).splitlines() if "| NPO" in line)
    cells = [cell.strip() for cell in line.split("|")[4:]]
    # Seconds and passes are means over the two seeds, peaks the highest.
    assert cells[:6] == ["3.8", "1.9", "101", "7", "10", "8"]
    assert cells[6:9] == ["8.7%", "25.0%", "25.0%"]


def test_a_cost_without_passes_is_named(entries, tmp_path):
    (tmp_path / "npo0_unlearn.json").write_text('{"wall_seconds": 1, "cpu_seconds": 1}')
    with pytest.raises(LetheError, match=r"npo0_unlearn\.json: no forward_passes"):
        cost.build(data(entries))


def test_of_a_given_oracle_no_shares_are_known(entries, tmp_path):
    table = cost.build(data([e for e in entries if e["run"] != "retain"]))
    table.to_csv(tmp_path / "cost.csv", index=False)
    read = read_costs(tmp_path / "cost.csv")
    assert read[list(SHARES)].isna().all(axis=None)
    assert (read["compute"] > 0).all()
    assert "nan" not in cost.markdown(read)


def test_shares_are_of_the_first_of_a_splits_oracles(tmp_path):
    entries = [
        paid(tmp_path, "every", 5.0, 50, 50),
        paid(tmp_path, "share", 10.0, 100, 100),
        paid(tmp_path, "npo", 2.0, 10, 10),
        paid(tmp_path, "full", 11.0, 110, 110),
    ]
    roles = {"forget10": ("share", "every")}
    table = cost.build(TableData(["npo"], [0], files=entries, oracles=roles)).set_index("run")
    assert table.index.tolist() == ["full", "share", "every", "npo"]
    assert table["wall_share"].tolist() == pytest.approx([1.1, 1.0, 0.5, 0.2])
