"""The leaderboard: scores follow from records, forged ones are refused, texts are escaped."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.analysis.leaderboard import (
    CHAIN,
    DIFFERS,
    LARGEST_MIB,
    REPRODUCED,
    SELF_REPORTED,
    gather,
    ranked,
)
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_json
from lethe.metrics.base import read_metric
from lethe.report.leaderboard import leaderboard_html


def write_run(world, run, seed, *, draw, oracle=None, variant="geometric"):
    """A run's records, and its metric files as the workflow scores them."""
    folder = world / "tiny" / "forget10" / run / f"seed{seed}"
    document = make_document((1, 2) if oracle else (0,), n=12, seed=draw)
    records = folder / "records" / "tofu.json"
    if oracle:  # All runs are asked the same.
        for point in document["checkpoints"]:
            for name, asked in make_document((0,), n=12, seed=0)["checkpoints"][0]["sets"].items():
                point["sets"][name]["answer"] = asked["answer"]
    write_json(records, document)
    paths = {name: folder / "metrics" / f"{name}.json" for name in CHAIN}
    theirs = {"truth_ratio": (oracle or folder) / "metrics" / "truth_ratio.json"}
    for name in CHAIN:
        chosen = {"variant": variant} if name == "truth_ratio" else {}
        metrics.score(name, records, paths, theirs, None, paths[name], **chosen)
    return folder


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "results" / "small"
    for seed in (0, 1):
        oracle = write_run(folder, "retain", seed, draw=0)
        write_run(folder, "npo", seed, draw=5 + seed, oracle=oracle)
        write_run(folder, "idk", seed, draw=20 + seed, oracle=oracle)
    return folder


def change(folder, run="npo", metric="model_utility", value=0.9):
    """Write another value into a metric file."""
    path = folder / "tiny" / "forget10" / run / "seed0" / "metrics" / f"{metric}.json"
    document = read_json(path)
    document["checkpoints"][-1]["values"][metric] = value
    write_json(path, document)


def test_entries_have_the_scores_of_the_metric_files(world):
    entries, refused = gather([world])
    assert refused == []
    assert {(one.run, one.seed) for one in entries} == {
        (run, seed) for run in ("retain", "npo", "idk") for seed in (0, 1)
    }
    one = next(e for e in entries if (e.run, e.seed) == ("npo", 1))
    folder = world / "tiny" / "forget10" / "npo" / "seed1"
    said = read_metric(folder / "metrics" / "forget_quality.json", "forget_quality")
    assert one.log10_forget_quality == said.checkpoints[-1].values["log10_forget_quality"]
    assert (one.epoch, one.standing, one.submission) == (2, SELF_REPORTED, "small")
    assert len({e.rows for e in entries}) == 1


def test_forged_scores_are_refused_alone(world):
    change(world)
    entries, (forged,) = gather([world])
    assert len(entries) == 5
    assert "model_utility of epoch 2 is 0.9, but its records give" in forged.why
    assert forged.place.endswith("npo/seed0")


def test_forged_records_of_the_oracle_are_seen(world):
    path = world / "tiny" / "forget10" / "retain" / "seed0" / "records" / "tofu.json"
    document = read_json(path)
    forget = document["checkpoints"][0]["sets"]["forget"]
    forget["paraphrase_loss"] = [9.0] * 12
    write_json(path, document)
    _, refused = gather([world])
    assert {one.place.split("/")[-2] for one in refused} >= {"npo", "idk"}


def test_further_oracles_are_no_entries(world):
    write_run(world, "retain", 1000, draw=3)
    entries, refused = gather([world])
    assert 1000 not in {one.seed for one in entries}
    assert refused == []


def test_what_an_entry_lacks(world):
    (world / "tiny/forget10/npo/seed0/metrics/rouge.json").unlink()
    (world / "tiny/forget10/retain/seed1/records/tofu.json").unlink()
    _, refused = gather([world])
    whys = {one.place.split("small/")[-1]: one.why for one in refused}
    assert "score rouge as well" in whys["tiny/forget10/npo/seed0"]
    assert "the records of run and oracle" in whys["tiny/forget10/npo/seed1"]


def test_runs_that_were_run_again(world, tmp_path):
    again = tmp_path / "elsewhere" / "results" / "small"
    oracle = write_run(again, "retain", 0, draw=0)
    write_run(again, "npo", 0, draw=5, oracle=oracle)
    write_run(again, "idk", 0, draw=77, oracle=oracle)
    entries, _ = gather([world], [again])
    standing = {(one.run, one.seed): one.standing for one in entries}
    assert standing["npo", 0] == REPRODUCED
    assert standing["idk", 0] == DIFFERS
    assert standing["npo", 1] == SELF_REPORTED
    ((_, lines),) = ranked(entries)
    # A run stands as its weakest seed does.
    assert dict(zip(lines["run"], lines["standing"], strict=True))["npo"] == SELF_REPORTED


def test_of_several_reruns_each_must_be_near(world, tmp_path):
    reruns = []
    for name, draw in (("far", 77), ("near", 20)):
        reruns.append(tmp_path / name / "small")
        oracle = write_run(reruns[-1], "retain", 0, draw=0)
        write_run(reruns[-1], "idk", 0, draw=draw, oracle=oracle)
    for order, wanted in ((reruns, DIFFERS), (reruns[::-1], DIFFERS), (reruns[1:], REPRODUCED)):
        entries, _ = gather([world], order)
        (standing,) = (one.standing for one in entries if (one.run, one.seed) == ("idk", 0))
        assert standing == wanted


def test_nobody_reruns_himself(world, tmp_path):
    (tmp_path / "link").symlink_to(world)
    for same in (world, world / ".." / "small", tmp_path / "link"):
        with pytest.raises(LetheError, match="submitted as well; a rerun is another folder"):
            gather([world], [same])


def test_a_folder_counts_once_and_a_submissions_run_too(world, tmp_path):
    once, _ = gather([world])
    assert gather([world, world / ".." / "small"]) == (once, [])
    other = tmp_path / "other" / "small"
    oracle = write_run(other, "retain", 0, draw=0)
    write_run(other, "npo", 0, draw=6, oracle=oracle)
    with pytest.raises(LetheError, match="seed 0: twice in the submission 'small'; give one"):
        gather([world, other])
    write_json(other / "submission.json", {"name": "another"})
    entries, _ = gather([world, other])
    assert len(entries) == len(once) + 2
    ((_, lines),) = ranked(entries)
    npo = lines[lines["run"] == "npo"]
    assert dict(zip(npo["submission"], npo["seeds"], strict=True)) == {"small": 2, "another": 1}


def test_the_order_of_a_board(world):
    entries, _ = gather([world])
    ((place, lines),) = ranked(entries)
    assert place[:3] == ("small", "tiny", "forget10")
    passes = (lines["log10_forget_quality"] >= np.log10(0.05)).tolist()
    assert passes == sorted(passes, reverse=True)
    first = lines[passes]
    assert first["model_utility"].tolist() == sorted(first["model_utility"], reverse=True)
    # Both oracles of the fixture have the same records: one model, whatever the folders are called.
    seeds = dict(zip(lines["run"], lines["seeds"], strict=True))
    assert seeds == {"retain": 1, "npo": 2, "idk": 2}


def test_other_settings_of_a_metric_are_another_board(world, tmp_path):
    other = tmp_path / "other" / "small"
    oracle = write_run(other, "retain", 0, draw=0, variant="arithmetic")
    write_run(other, "npo", 0, draw=5, oracle=oracle, variant="arithmetic")
    write_json(other / "submission.json", {"name": "another"})
    entries, refused = gather([world, other])
    assert refused == []
    boards = {place[-1]: set(lines["submission"]) for place, lines in ranked(entries)}
    assert boards == {
        "truth_ratio.variant=arithmetic": {"another"},
        "truth_ratio.variant=geometric": {"small"},
    }
    # A rerun under other settings is none.
    standing = {one.standing for one in gather([world], [other])[0]}
    assert standing == {SELF_REPORTED}


def test_records_of_the_oracle_are_no_run(world):
    runs = world / "tiny" / "forget10"
    for name in ("records/tofu.json", *(f"metrics/{metric}.json" for metric in CHAIN)):
        (runs / "npo/seed0" / name).write_bytes((runs / "retain/seed0" / name).read_bytes())
    _, (one,) = gather([world])
    assert one.place.endswith("npo/seed0")
    assert "the records of its oracle; evaluate the run itself" in one.why


def test_files_that_no_reader_survives_are_refused_unread(world):
    runs = world / "tiny" / "forget10"
    with (runs / "npo/seed0/records/tofu.json").open("r+b") as large:
        large.truncate((LARGEST_MIB << 20) + 1)
    rouge = runs / "npo/seed1/metrics/rouge.json"
    rouge.unlink()
    os.mkfifo(rouge)
    (runs / "idk/seed0").rename(runs / "idk/seed²")
    (runs / "retain/seed0").rename(runs / "retain/seed²")
    _, refused = gather([world])
    whys = {one.place.split("forget10/")[-1]: one.why for one in refused}
    assert "larger than 1024 MiB; submit fewer epochs" in whys["npo/seed0"]
    assert "rouge.json: not a file; score rouge as well" in whys["npo/seed1"]
    assert whys["idk/seed²"] == "seed² is not a seed; leave it out"
    os.mkfifo(world / "submission.json")
    with pytest.raises(LetheError, match=r"submission\.json: not a file; write it again"):
        gather([world])


@pytest.mark.parametrize("alike", ["SMALL", "small\u200b", "\uff53mall", "sm all"])
def test_names_that_look_alike_are_refused(world, tmp_path, alike):
    other = tmp_path / "other" / "small"
    write_run(other, "npo", 0, draw=6, oracle=write_run(other, "retain", 0, draw=0))
    write_json(other / "submission.json", {"name": alike})
    with pytest.raises(LetheError, match="names of submissions that look alike") as caught:
        gather([world, other])
    assert str(caught.value).isascii()


def test_the_command_writes_three_files(world, tmp_path, capsys):
    about = {"name": "<script>x</script>", "by": "A & B", "link": "the code", "note": "with <b>"}
    write_json(world / "submission.json", about)
    change(world)
    out = tmp_path / "board"
    main(["leaderboard", str(world), "--out", str(out)])
    said = capsys.readouterr()
    assert "5 entries, 1 refused" in said.out
    assert "but its records give" in said.err
    table = pd.read_csv(out / "leaderboard.csv")
    assert pd.read_parquet(out / "leaderboard.parquet")["seed"].tolist() == table["seed"].tolist()
    page = (out / "leaderboard.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "&lt;/script&gt;: A &amp; B, the code, with &lt;b&gt;" in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"names": "x"}, "unknown key 'names'"),
        ({"name": 3}, "not texts by name"),
        (["x"], "not texts by name"),
    ],
)
def test_a_broken_submission_is_one_line(world, said, message):
    (world / "submission.json").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(LetheError, match=message):
        gather([world])


def test_nothing_to_show_is_one_line(world, tmp_path):
    with pytest.raises(LetheError, match="no records of runs; name a folder results/WORLD"):
        gather([tmp_path])
    for run in ("npo", "idk", "retain"):
        for seed in (0, 1):
            (world / f"tiny/forget10/{run}/seed{seed}/metrics/rouge.json").unlink()
    with pytest.raises(SystemExit, match="no entry is left"):
        main(["leaderboard", str(world), "--out", str(tmp_path / "board")])
    assert not (tmp_path / "board").exists()


def test_an_empty_page_says_so():
    assert "0 runs." in leaderboard_html([], [])
