"""A world in several languages, from its files to KSS and KPS; nothing of it in other worlds."""

import json

from helpers.workflow_folder import Folder, sources

from lethe.common.files import read_rows

METRICS = ["language_probability", "knowledge_spread"]
LAID = {
    "world": {"name": "spoken", "languages": {"learned": ["L1"], "holdout": ["L3"]}},
    "splits": ["forget10_in_L0"],
    "methods": ["grad_ascent"],
    "unlearning": {"epochs": 1},
    "oracle_seeds": [],
    "metrics": METRICS,
    "figures": [],
}
RUN = "results/spoken/micro/forget10_in_L0"


def test_scores_of_all_languages_from_one_in_which_was_unlearned(tmp_path):
    folder: Folder = sources(tmp_path / "folder")
    target = f"{RUN}/grad_ascent/seed0/metrics/knowledge_spread.json"
    outcome = folder.run(target, overlay=LAID)
    assert {"translations", "background_languages", "split_forget10_in_L0"} <= outcome.jobs
    assert "base" in outcome.jobs
    data = folder / "results/spoken/data"
    stated = read_rows(data / "full_languages.json")
    assert {row["language"] for row in stated} == {"L0", "L1"}
    assert len(stated) == 2 * 400
    assert len(read_rows(data / "forget10_in_L0.json")) == 40
    (point,) = json.loads((folder / target).read_text(encoding="utf-8"))["checkpoints"]
    assert point["values"]["base_rate"] == 0.5
    assert {"kss_roc", "kss_pr_holdout", "ps_L0_L3", "kps_L1", "youden_L3"} <= set(point["values"])
    # The base is asked for the threshold of what is known, though it is no run of the comparison.
    assert (folder / f"{RUN}/base/seed0/metrics/language_probability.json").is_file()
    assert folder.planned(target, overlay=LAID) == set()
    # Another hold-out language is a matter of evaluation, but its rows are in the same files.
    other = {**LAID, "world": {**LAID["world"], "languages": {"learned": ["L1"]}}}
    assert "translations" in {
        job.partition("[")[0] for job in folder.planned(target, overlay=other)
    }


def test_a_world_in_one_language_has_none_of_their_jobs(tmp_path):
    folder: Folder = sources(tmp_path / "folder")
    jobs = {job.partition("[")[0] for job in folder.planned("all")}
    assert "train_full" in jobs
    assert not {job for job in jobs if "languages" in job or "translations" in job}
