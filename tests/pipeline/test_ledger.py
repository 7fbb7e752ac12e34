import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lethe.common.errors import LetheError
from lethe.pipeline import ledger as lineage
from lethe.pipeline.bring import bring
from lethe.pipeline.ledger import check, staged, verify
from lethe.pipeline.ledger_files import LEDGERS, RECORDS

ONE, TWO = "results/w/data/full.json", "results/w/tables/scores.csv"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # What Snakemake itself keeps, from which it knows what is up to date.
    RECORDS.mkdir(parents=True)
    (RECORDS / "abc").write_text("{}")
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
    ledger = json.loads((LEDGERS / f"{ONE}.json").read_text())
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
    shutil.copytree(LEDGERS, tmp_path / "copy" / LEDGERS)
    with pytest.raises(LetheError, match="without provenance"):
        check(tmp_path / "copy")
    shutil.copytree(RECORDS, tmp_path / "copy" / RECORDS)
    check(tmp_path / "copy")


NOTEBOOK = "results/w/notes.ipynb"


def test_what_no_job_would_touch_is_nobodys_business():
    make(ONE)
    Path(NOTEBOOK).write_text("{}")
    asked = []

    def counts(name: str) -> bool:
        asked.append(name)
        return name == TWO

    check(counts=counts)
    # Only strangers are asked for: with many results the question is not cheap.
    assert asked == [NOTEBOOK]
    Path(TWO).parent.mkdir()
    Path(TWO).write_text("x")
    with pytest.raises(LetheError, match=rf"^{TWO}: a result without provenance"):
        check(counts=counts)


def test_a_note_that_a_job_wrote_may_be_changed():
    card = "results/w/tiny/README.md"
    make(ONE, card)
    Path(card).write_text("My own words.\n")
    check(counts=lambda name: name != card)
    with pytest.raises(LetheError, match="README"):
        check()


def test_publishing_keeps_what_a_user_wrote_in_the_place_of_an_output():
    card = Path("results/w/tiny/README.md")
    make(ONE, str(card))
    make(ONE, str(card), text="again\n")
    assert visible(card.parent) == [str(card)]
    card.write_text("My own words.\n")
    make(ONE, str(card), text="once more\n")
    assert card.read_text() == "once more\n"
    assert card.with_name("README.kept.md").read_text() == "My own words.\n"


def test_links_to_folders_are_followed(tmp_path):
    make(ONE)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_text("{}")
    Path("results/w/linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LetheError, match=r"results/w/linked/a\.json"):
        check()
    (tmp_path / "elsewhere" / "a.json").unlink()
    # In a circle.
    (tmp_path / "elsewhere" / "back").symlink_to(Path("results").absolute())
    check()


# --- damaged ledgers ---

WHOLE = {"size": 1, "mtime_ns": 1, "sha256": "0"}
DAMAGED = {
    "empty": "",
    "cut off": '{"results/w/data/full.json": {"si',
    "a zeroed page": "\0" * 4096,
    "nested": "[" * 100_000,
    "a list": "[]",
    "no entry": json.dumps({ONE: 3}),
    "half an entry": json.dumps({ONE: {"size": 5}}),
    "an entry of other types": json.dumps({ONE: WHOLE | {"mtime_ns": "1"}}),
    "a name outside": json.dumps({"results/../../secret": WHOLE}),
    "an absolute name": json.dumps({"/etc/passwd": WHOLE}),
    "a name elsewhere": json.dumps({"journals/w.sqlite": WHOLE}),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_the_remedy_for_a_damaged_ledger_works(text):
    make(ONE, "results/w/data/a b.json", name=ONE)
    make(TWO)
    ledger = LEDGERS / f"{ONE}.json"
    ledger.write_text(text)
    with pytest.raises(LetheError) as error:
        check()
    message = str(error.value)
    assert message.startswith(f"{ledger}: damaged (")
    assert "\n" not in message
    _, remedy = message.split("have its results made again: ")
    subprocess.run(remedy, shell=True, check=True)
    assert visible() == [TWO]
    check()
    make(ONE, name=ONE)
    check()


def test_a_damaged_ledger_is_found_before_the_work(project):
    make(ONE)
    (LEDGERS / f"{ONE}.json").write_text("")
    with pytest.raises(LetheError, match="damaged"), staged(ONE):
        pytest.fail("worked")


# --- what a job reads ---


def flip(file: str) -> None:
    """Change a byte behind the back of size and time."""
    content, stat = bytearray(Path(file).read_bytes()), os.stat(file)
    content[0] ^= 1
    Path(file).write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("first", [ONE, "results/w/data/a.json", "results/w/zero/b.json"])
def test_a_flipped_byte_is_noticed_by_the_job_that_reads_it(first):
    """Wherever the first output of its job lies, after which the ledger is called."""
    make(first, ONE, name=first)
    make(TWO)
    verify([ONE, TWO, "config/config.yaml", "results/w/missing.json"])
    flip(ONE)
    check()
    with pytest.raises(LetheError, match=rf"^{ONE}: it is not what its job wrote"):
        verify([TWO, ONE])


def test_weights_and_the_largest_files_are_not_hashed(monkeypatch):
    weights = "results/w/tiny/base/model.safetensors"
    make(weights, ONE, TWO, name=weights)
    Path(TWO).write_text("much longer than the others\n")
    monkeypatch.setattr(lineage, "VERIFIED", 10)
    monkeypatch.setattr(lineage, "sha256", lambda file: hashed.append(file) or "")
    hashed: list[str] = []
    with pytest.raises(LetheError, match=ONE):
        verify([TWO, weights, ONE])
    assert hashed == [ONE]


# --- killed while publishing ---


def test_a_kill_at_any_call_of_publishing_leaves_a_folder_that_is_accepted(project):
    """In turn at each call of the system by name: each time the next run ends in the same bytes."""
    script = Path(__file__).parents[1] / "helpers/killed_while_publishing.py"
    done = subprocess.run(
        [sys.executable, script], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    calls, places = done.stdout.split()
    # It ended by itself at last, and had been ended before between any two files.
    assert int(calls) > 40
    assert int(places) > 5


# A result that the other folder had once, and still knows.
OLD = "results/w/data/background.json"


def record(name: str, folder: Path = Path()) -> Path:
    """Where Snakemake keeps its record of a file."""
    return folder / RECORDS / base64.urlsafe_b64encode(name.encode()).decode()


@pytest.fixture
def other(tmp_path, monkeypatch, project) -> Path:
    """A second project with two results."""
    folder = tmp_path / "other"
    folder.mkdir()
    monkeypatch.chdir(folder)
    RECORDS.mkdir(parents=True)
    for name in (ONE, TWO, OLD):
        record(name).write_text(f"theirs of {name}")
    make(ONE, TWO, text="theirs\n")
    monkeypatch.chdir(project)
    return folder


def test_bring_copies_results_with_their_provenance(other):
    make("results/v/data/full.json")
    assert bring(other) == 2
    assert Path(ONE).read_text() == "theirs\n"
    # Snakemake's records of these, and of no others.
    brought = {record(name).name for name in (ONE, TWO)}
    assert set(os.listdir(RECORDS)) == {"abc", *brought}
    assert record(TWO).read_text() == f"theirs of {TWO}"
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


def test_what_the_other_folder_only_remembers_says_nothing_of_results_here(other, monkeypatch):
    """The record of a file that is not brought would make a stale one here pass for fresh."""
    monkeypatch.chdir(other)
    make(OLD, text="theirs, long gone\n")
    Path(OLD).unlink()
    monkeypatch.chdir(other.parent / "project")
    make(OLD, text="ours\n")
    record(OLD).write_text("ours")
    assert bring(other) == 2
    assert record(OLD).read_text() == "ours"
    assert list(json.loads((LEDGERS / f"{OLD}.json").read_text())) == [OLD]
    check()
    assert Path(OLD).read_text() == "ours\n"


def test_what_is_remembered_here_of_a_file_gone_gives_way(other):
    make(ONE, text="ours, and later than theirs\n", name=TWO)
    Path(ONE).unlink()
    record(ONE).write_text("ours")
    assert bring(other) == 2
    assert record(ONE).read_text() == f"theirs of {ONE}"
    check()


def test_without_a_record_there_none_of_ours_speaks_for_what_is_brought(other):
    record(ONE).write_text("ours")
    record(ONE, other).unlink()
    bring(other)
    assert not record(ONE).exists()


def test_long_names_are_cut_as_snakemake_cuts_them(other, monkeypatch):
    name = f"results/w/{'long/' * 60}file.json"
    monkeypatch.chdir(other)
    make(name)
    code = record(name).name
    cut = RECORDS / f"@{code[:254]}" / code[254:]
    cut.parent.mkdir()
    cut.write_text("theirs")
    monkeypatch.chdir(other.parent / "project")
    assert bring(other) == 3
    assert cut.read_text() == "theirs"


def test_bring_is_repeated_after_a_kill(other, monkeypatch):
    """Wherever it ended, the same call brings the rest."""
    copy = shutil.copyfile
    for fatal in range(10):
        calls = iter(range(100))

        def dies(*given, fatal=fatal, calls=calls):
            if next(calls) == fatal:
                raise KeyboardInterrupt
            return copy(*given)

        monkeypatch.setattr(shutil, "copyfile", dies)
        try:
            bring(other)
        except KeyboardInterrupt:
            check()
        else:
            break
    assert fatal > 0
    monkeypatch.setattr(shutil, "copyfile", copy)
    assert bring(other) == 0
    assert {name: Path(name).read_text() for name in (ONE, TWO)} == {
        ONE: "theirs\n",
        TWO: "theirs\n",
    }
    assert record(ONE).read_text() == f"theirs of {ONE}"
    check()


def test_results_that_were_copied_get_their_provenance(other):
    shutil.copytree(other / "results", "results")
    with pytest.raises(LetheError, match="without provenance"):
        check()
    assert bring(other) == 2
    check()


def test_bring_leaves_the_other_folder_as_it_is(other):
    os.utime(other / ONE, ns=(1, 1))

    def state() -> dict:
        files = sorted(p for p in other.rglob("*") if p.is_file())
        return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}

    before = state()
    assert bring(other) == 2
    assert state() == before


def test_bring_follows_links(other, tmp_path):
    (other / "results/w").rename(tmp_path / "scratch")
    (other / "results/w").symlink_to(tmp_path / "scratch")
    assert bring(other) == 2
    assert not Path("results/w").is_symlink()
    check()


def test_bring_names_a_link_that_leads_nowhere(other, tmp_path):
    (other / "results/w/gone").symlink_to(tmp_path / "gone")
    with pytest.raises(LetheError, match=r"results/w/gone: a link that leads nowhere"):
        bring(other)


@pytest.mark.parametrize("name", ["results/../../x", "/etc/x", "config/config.yaml", "results"])
def test_ledgers_of_others_name_nothing_outside_results(other, name):
    ledger = other / LEDGERS / f"{ONE}.json"
    entries = json.loads(ledger.read_text())
    ledger.write_text(json.dumps(entries | {name: entries[ONE]}))
    with pytest.raises(LetheError, match="damaged"):
        bring(other)
    assert visible() == []


def test_bring_refuses_results_of_a_job_that_has_not_ended(other):
    """Its Snakemake was killed: the files may be newer than the records of them."""
    mark = other / ".snakemake/incomplete" / record(TWO).name
    mark.parent.mkdir()
    mark.write_text("{}")
    with pytest.raises(LetheError, match=r"scores\.csv: its job has not ended"):
        bring(other)
    (other / TWO).unlink()
    assert bring(other) == 1


def test_what_changes_while_it_is_copied_is_not_brought(other, monkeypatch):
    copy = shutil.copyfile

    def torn(source, target):
        copy(source, target)
        Path(target).write_text("torn")

    monkeypatch.setattr(shutil, "copyfile", torn)
    with pytest.raises(LetheError, match="changed while it was copied"):
        bring(other)
    assert visible() == []
