import json
import os
import shutil
from pathlib import Path

import pytest

from lethe import lineage
from lethe.errors import LetheError
from lethe.lineage import bring, check, staged

ONE, TWO = "results/w/data/full.json", "results/w/tables/scores.csv"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # What Snakemake itself keeps, from which it knows what is up to date.
    lineage.RECORDS.mkdir(parents=True)
    (lineage.RECORDS / "abc").write_text("{}")
    return folder


def make(*outputs: str, text: str = "made\n", name: str | None = None) -> None:
    with staged(name or outputs[0]) as stage:
        for output in outputs:
            stage(output).write_text(text)


def visible(folder: Path = Path("results")) -> list[str]:
    return sorted(p.as_posix() for p in folder.rglob("*") if p.is_file())


def test_all_outputs_are_published_with_their_digests():
    with staged(ONE) as stage:
        stage(ONE).write_text("one\n")
        stage(TWO).write_text("two\n")
        # Not before the job has succeeded.
        assert not Path(ONE).exists()
        assert not Path(TWO).exists()
        # Nobody takes the stage for results meanwhile.
        check()
    assert visible() == [ONE, TWO]
    assert Path(TWO).read_text() == "two\n"
    # No stage is left.
    assert os.listdir("results") == ["w"]
    check()


def fail_halfway() -> None:
    with staged(ONE) as stage:
        stage(ONE).write_text("one\n")
        stage(TWO).write_text("new\n")
        raise RuntimeError


def test_nothing_is_published_if_the_job_fails():
    make(TWO, text="old\n")
    with pytest.raises(RuntimeError):
        fail_halfway()
    assert visible() == [TWO]
    assert Path(TWO).read_text() == "old\n"
    assert os.listdir("results") == ["w"]
    check()


def test_whole_folders_are_published():
    folder = "results/w/tiny/base"
    with staged(f"{folder}/model.safetensors") as stage:
        target = stage(folder)
        target.mkdir()
        (target / "model.safetensors").write_text("weights")
        (target / "deep").mkdir()
        (target / "deep" / "config.json").write_text("{}")
    assert visible() == [f"{folder}/deep/config.json", f"{folder}/model.safetensors"]
    check()
    Path(f"{folder}/deep/config.json").write_text("[]")
    with pytest.raises(LetheError, match=r"deep/config\.json"):
        check()


def test_a_job_that_runs_again_replaces_its_results():
    make(ONE, text="old\n")
    make(ONE, text="newer\n")
    assert Path(ONE).read_text() == "newer\n"
    check()


def test_files_that_a_job_no_longer_makes_keep_their_provenance():
    """Fewer epochs than before: the later ones stay what they are."""
    make(ONE, TWO)
    make(ONE, text="again\n")
    check()
    Path(TWO).write_text("tampered")
    with pytest.raises(LetheError, match=r"scores\.csv"):
        check()


def test_touched_and_copied_files_are_accepted():
    make(ONE, TWO)
    os.utime(ONE, ns=(1, 1))
    check()
    # The new time is noted, so that the next check need not read the file again.
    ledger = json.loads((lineage.LEDGERS / f"{ONE}.json").read_text())
    assert ledger[ONE]["mtime_ns"] == 1
    assert ledger[TWO]["mtime_ns"] == Path(TWO).stat().st_mtime_ns


def test_unchanged_files_are_not_read(monkeypatch):
    make(ONE)
    monkeypatch.setattr(lineage, "sha256", lambda file: pytest.fail(f"read {file}"))
    check()


@pytest.mark.parametrize("text", ["other\n", "much longer than it was\n", ""])
def test_changed_content_is_refused_by_name(text):
    make(TWO, name="a")
    make(ONE, text="made!\n", name="b")
    assert len("other\n") == len("made!\n")  # the size alone would not tell
    Path(ONE).write_text(text)
    with pytest.raises(LetheError, match=rf"^{ONE}: .*delete it") as error:
        check()
    assert "\n" not in str(error.value)
    Path(ONE).unlink()
    check()


def test_results_of_another_file_are_refused():
    make(ONE, text="one\n", name="a")
    make(TWO, text="two\n", name="b")
    os.replace(TWO, ONE)
    with pytest.raises(LetheError, match=ONE):
        check()


def test_strangers_are_refused_and_counted():
    make(ONE)
    Path("results/w/metrics").mkdir()
    Path("results/w/metrics/a.json").write_text("{}")
    with pytest.raises(
        LetheError, match=r"^results/w/metrics/a\.json: .*without provenance.*bring"
    ):
        check()
    Path("results/w/metrics/b.json").write_text("{}")
    with pytest.raises(LetheError, match=r"^results/w/metrics/a\.json \(and 1 more\)"):
        check()


def test_logs_and_unfinished_files_are_no_strangers():
    make(ONE)
    Path("results/logs").mkdir()
    Path("results/logs/a.log").write_text("x")
    Path("results/report.html").write_text("x")
    Path("results/w/data/.full.json.x7").write_text("x")
    Path("results/.stage-left").mkdir()
    Path("results/.stage-left/a.json").write_text("x")
    check()
    # A world may be called logs; only the top folder's are free.
    Path("results/w/logs").mkdir()
    Path("results/w/logs/a.json").write_text("x")
    with pytest.raises(LetheError, match=r"results/w/logs/a\.json"):
        check()


def test_missing_files_are_fine():
    make(ONE, TWO)
    Path(ONE).unlink()
    check()
    for file in visible():
        Path(file).unlink()
    check()


def test_an_empty_project_passes(project, tmp_path):
    check()
    check(tmp_path / "nowhere")


def test_results_without_snakemakes_records_are_refused(project, tmp_path):
    """Copied results alone: Snakemake would make no difference between them and fresh ones."""
    make(ONE)
    shutil.copytree("results", tmp_path / "copy" / "results")
    with pytest.raises(LetheError, match=f"{ONE}: a result without provenance"):
        check(tmp_path / "copy")
    # The ledgers alone do not help: without metadata Snakemake trusts whatever lies there.
    shutil.copytree(lineage.LEDGERS, tmp_path / "copy" / lineage.LEDGERS)
    with pytest.raises(LetheError, match="without provenance"):
        check(tmp_path / "copy")
    shutil.copytree(lineage.RECORDS, tmp_path / "copy" / lineage.RECORDS)
    check(tmp_path / "copy")


@pytest.fixture
def other(tmp_path, monkeypatch, project) -> Path:
    """A second project with two results."""
    folder = tmp_path / "other"
    folder.mkdir()
    monkeypatch.chdir(folder)
    lineage.RECORDS.mkdir(parents=True)
    (lineage.RECORDS / "other").write_text("{}")
    make(ONE, TWO, text="theirs\n")
    monkeypatch.chdir(project)
    return folder


def test_bring_copies_results_with_their_provenance(other):
    make("results/v/data/full.json")
    assert bring(other) == 2
    assert Path(ONE).read_text() == "theirs\n"
    # Snakemake's records of both.
    assert sorted(os.listdir(lineage.RECORDS)) == ["abc", "other"]
    check()
    # From now on they are guarded here.
    Path(TWO).write_text("thairs\n")
    with pytest.raises(LetheError, match=r"scores\.csv"):
        check()
    check(other)


def test_bring_refuses_to_replace_a_result(other):
    make(TWO, text="ours\n")
    with pytest.raises(LetheError, match=f"^{TWO}: .*remove it first"):
        bring(other)
    assert visible() == [TWO]
    assert Path(TWO).read_text() == "ours\n"
    check()


def test_bring_refuses_what_does_not_pass_there(other):
    (other / ONE).write_text("forged\n")
    with pytest.raises(LetheError, match=ONE):
        bring(other)
    assert visible() == []
    (other / ONE).unlink()
    (other / "results/stranger.json").write_text("{}")
    with pytest.raises(LetheError, match="stranger"):
        bring(other)
    assert visible() == []


def test_bring_keeps_the_provenance_of_results_here(other):
    """Each project lacks one of the job's two results: none is replaced."""
    (other / ONE).unlink()
    make(ONE, text="ours\n")
    assert bring(other) == 1
    check()


def test_bring_of_a_project_without_results_brings_none(other):
    shutil.rmtree(other / "results")
    assert bring(other) == 0


def test_bring_refuses_a_folder_that_is_none_of_ours(tmp_path):
    with pytest.raises(LetheError, match="no results with provenance"):
        bring(tmp_path / "nowhere")
