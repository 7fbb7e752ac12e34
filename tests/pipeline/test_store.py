"""A store that several people use: what is sent and brought, and what is refused."""

import base64
import json
from pathlib import Path

import fsspec
import pytest

from lethe.common.errors import LetheError
from lethe.pipeline import ledger_files
from lethe.pipeline.ledger import check, staged
from lethe.pipeline.ledger_files import RECORDS
from lethe.pipeline.store import bring_from, is_address, share

FULL = "results/w/tiny/all/full/seed0/model.safetensors"
TABLE = "results/w/tables/summary.md"


@pytest.fixture(params=["memory", "file"])
def address(request, tmp_path):
    """An empty store: one like an object store, and one that is a folder."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    fsspec.filesystem("memory").store.clear()
    return "memory://bucket/lethe"


@pytest.fixture
def enter(tmp_path, monkeypatch):
    """Go to a working folder of a name."""

    def into(name: str) -> Path:
        folder = tmp_path / name
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)
        return folder

    return into


def make(name: str, text: str) -> None:
    record = RECORDS / base64.urlsafe_b64encode(name.encode()).decode()
    record.write_text(f"record of {name}")
    with staged(name) as stage:
        stage(name).write_text(text)


@pytest.fixture
def sent(address, enter):
    enter("first")
    make(FULL, "weights\n")
    make(TABLE, "| p |\n")
    assert share(address) == 2
    return address


def opened(address: str, name: str, mode: str):
    return fsspec.open(f"{address}/{name}", mode).open()


def test_results_come_with_their_provenance(sent, enter):
    second = enter("second")
    assert bring_from(sent) == 2
    assert Path(FULL).read_text() == "weights\n"
    check()
    records = {file.read_text() for file in (second / RECORDS).iterdir()}
    assert records == {f"record of {FULL}", f"record of {TABLE}"}
    assert sorted(path.name for path in second.iterdir()) == [".snakemake", "results"]
    assert bring_from(sent) == 0


def test_what_is_asked_for_alone(sent, enter):
    enter("second")
    assert bring_from(sent, only=["results/w/tiny/all/full"]) == 1
    assert not Path(TABLE).exists()
    with pytest.raises(LetheError, match="results/w/tiny/al: no such result"):
        bring_from(sent, only=["results/w/tiny/al"])
    with pytest.raises(LetheError, match="no such result"):
        share(sent, only=["results/v"])


def test_only_what_is_new_is_sent(sent):
    assert share(sent) == 0
    make("results/w/tables/cost.md", "| s |\n")
    assert share(sent) == 1


def test_a_different_result_stays_on_both_sides(sent, enter):
    enter("second")
    make(FULL, "others\n")
    with pytest.raises(LetheError, match="a different result of that name is there"):
        share(sent)
    with pytest.raises(LetheError, match="a different result of that name is already here"):
        bring_from(sent)
    assert Path(FULL).read_text() == "others\n"
    with opened(sent, FULL, "r") as file:
        assert file.read() == "weights\n"


def test_a_changed_file_is_refused_and_nothing_is_left(sent, enter):
    with opened(sent, FULL, "w") as file:
        file.write("weights!")
    second = enter("second")
    with pytest.raises(LetheError, match=r"seed0/model.safetensors: not what its job wrote"):
        bring_from(sent)
    assert [path.name for path in second.iterdir()] == [".snakemake"]


def test_a_result_changed_here_is_not_sent(address, enter):
    enter("first")
    make(FULL, "weights\n")
    Path(FULL).write_text("changed by hand\n")
    with pytest.raises(LetheError, match=r"model\.safetensors"):
        share(address)
    with pytest.raises(LetheError, match="no results with provenance there"):
        bring_from(address)


def test_a_ledger_of_someone_else_cannot_lead_out(sent, enter):
    ledger = ledger_files.place("results/w/evil")
    entry = {"size": 1, "mtime_ns": 1, "sha256": "0"}
    with opened(sent, ledger.as_posix(), "w") as file:
        json.dump({"results/../../evil": entry}, file)
    enter("second")
    with pytest.raises(LetheError, match="is not a file below results"):
        bring_from(sent)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://key:secret@bucket/lethe", r"^s3://…: an address must hold no key"),
        ("nothing://bucket", "nothing://bucket: ValueError"),
    ],
)
def test_addresses_that_are_refused(given, said, enter):
    enter("first")
    make(FULL, "weights\n")
    with pytest.raises(LetheError, match=said) as refused:
        share(given)
    assert "secret" not in str(refused.value)


def test_an_address_is_no_folder():
    assert is_address("s3://bucket/lethe")
    assert is_address("file:///labs/lethe")
    assert not is_address("/labs/lethe")
    assert not is_address("../other")


def test_a_job_at_work_holds_back_its_own_results_alone(address, enter):
    enter("first")
    make(FULL, "weights\n")
    make(TABLE, "| p |\n")
    at_work = Path(".snakemake/incomplete") / base64.urlsafe_b64encode(TABLE.encode()).decode()
    at_work.parent.mkdir(parents=True)
    at_work.write_text("")
    with pytest.raises(LetheError, match="its job has not ended"):
        share(address)
    assert share(address, only=["results/w/tiny"]) == 1
