"""A sequence of requests, run for real: what starts where, what stays, what a further one plans."""

import json

import pytest
from helpers.workflow_folder import Folder, sources

from lethe.model import checkpoint, checkpoint_record

TOFUS = ("probability", "rouge", "truth_ratio", "model_utility", "forget_quality")
ASKED = {
    "pool": 4,
    "asked": [1, {"authors": [17], "facts": [0, 1, 2, 3, 4, 5]}],
    "methods": ["npo", "guard_it"],
}
OVERLAY = {
    "oracle_seeds": [],
    "methods": ["npo"],
    "requests": ASKED,
    "unlearning": {"epochs": 2},
    "checkpoints": {"keep": "none"},
    "figures": ["requests"],
    "evaluation": {"items": 8, "max_length": 40},
}
MADE = ("requests", "probability", "rouge", "truth_ratio", "model_utility")
REPORT = {
    "request_scores",
    "table_requests",
    "table_method_claims",
    "figure_requests[requests]",
    "page",
    "all",
}
RUNS = "results/smoke/micro"


def laid(**changes) -> dict:
    return {**OVERLAY, "requests": {**ASKED, **changes}}


LONGER = laid(asked=[*ASKED["asked"], 2])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("requests") / "folder")
    folder.run(overlay=OVERLAY)
    return folder


@pytest.fixture(scope="module")
def continued(finished, tmp_path_factory) -> Folder:
    folder = finished.copy(tmp_path_factory.mktemp("further") / "folder")
    folder.run(overlay=LONGER)
    return folder


def measured(split, run, quality=False) -> set[str]:
    names = (*MADE, "forget_quality") if quality else MADE
    return {f"collect[{split},{run},0,{suite}]" for suite in ("tofu", "requests")} | {
        f"score[{split},{run},0,{name}]" for name in names
    }


def values(folder, run) -> list[dict]:
    name = f"{RUNS}/requests/{run}/seed0/metrics/sequence.json"
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    return [point["values"] for point in document["checkpoints"]]


def end(folder, split, run="npo"):
    return folder / f"{RUNS}/{split}/{run}/seed0/epoch{2 if run == 'npo' else 1}"


def weights(folder) -> set[str]:
    """The checkpoints of runs on requests that are there."""
    found = (folder / RUNS).glob("request*/*/seed0/epoch*/model.safetensors")
    return {"/".join(file.parts[-5:-1]) for file in found}


def test_each_run_starts_where_the_last_ended(continued):
    first = checkpoint.origin(end(continued, "request1"))["parent"]
    full = continued / f"{RUNS}/all/full/seed0/checkpoint"
    assert first == checkpoint_record.digest(full)
    for run in ASKED["methods"]:
        for before, after in (("request1", "request2"), ("request2", "request3")):
            parent = checkpoint.origin(end(continued, after, run))["parent"]
            assert parent == checkpoint_record.digest(end(continued, before, run))


def test_the_last_checkpoint_of_a_chain_stays_under_every_policy(finished, continued):
    assert weights(finished) == {"request2/npo/seed0/epoch2", "request2/guard_it/seed0/epoch1"}
    # Once a further request started from it, it goes.
    assert weights(continued) == {"request3/npo/seed0/epoch2", "request3/guard_it/seed0/epoch1"}


@pytest.mark.parametrize("keep", ["all", "last", "best", None])
def test_another_policy_of_disk_plans_no_run_on_a_request(finished, keep):
    found = finished.planned(overlay={**OVERLAY, "checkpoints": {"keep": keep}})
    assert not {job for job in found if "request" in job and job.startswith("unlearn")}


def test_nothing_is_left_to_do(finished, continued):
    assert finished.planned(overlay=OVERLAY) == set()
    assert continued.planned(overlay=LONGER) == set()


def test_a_further_request_plans_its_own_jobs_and_nothing_earlier(finished):
    own = {"split_request3", "train_without_asked[request3,0]"}
    runs = ("full", "without_asked", *ASKED["methods"])
    for run in runs:
        own |= measured("request3", run, quality=True) | {f"sequence[{run},0]"}
    own |= {f"unlearn_last_request_{name}[request3,0]" for name in ASKED["methods"]}
    assert finished.planned(overlay=LONGER) == own | REPORT


def test_without_an_oracle_a_further_request_trains_none(finished):
    found = finished.planned(overlay=laid(asked=LONGER["requests"]["asked"], oracles_at=[]))
    assert not {job for job in found if job.startswith("train")}
    assert "unlearn_last_request_npo[request3,0]" in found
    assert not {job for job in found if "forget_quality" in job}


def test_an_oracle_after_an_earlier_request_is_that_requests_alone(finished):
    found = finished.planned(overlay=laid(oracles_at=[1, 2]))
    own = {"train_without_asked[request1,0]"} | measured("request1", "without_asked", True)
    own |= {f"score[request1,{name},0,forget_quality]" for name in ASKED["methods"]}
    assert found == own | {"sequence[without_asked,0]"} | REPORT


def test_a_method_more_runs_its_own_chain(finished):
    found = finished.planned(overlay=laid(methods=[*ASKED["methods"], "grad_ascent"]))
    own = {
        "unlearn_request_grad_ascent[request1,0]",
        "unlearn_last_request_grad_ascent[request2,0]",
    }
    own |= measured("request1", "grad_ascent") | measured("request2", "grad_ascent", True)
    assert found == own | {"sequence[grad_ascent,0]"} | REPORT


def test_a_methods_setting_runs_its_chain_again(finished):
    found = finished.planned(overlay={**OVERLAY, "method_settings": {"npo": {"beta": 0.2}}})
    unlearned = {job for job in found if job.startswith("unlearn")}
    assert unlearned == {
        "unlearn_npo[forget10,0]",
        "unlearn_request_npo[request1,0]",
        "unlearn_last_request_npo[request2,0]",
    }
    assert not {job for job in found if "guard_it" in job or "without_asked" in job}


def test_a_changed_request_runs_the_chains_again(continued):
    """From the first request: the checkpoint that the changed one starts from is gone."""
    asked = [1, {"authors": [17], "facts": [0, 1, 2, 3, 4, 7]}, 2]
    found = continued.planned(overlay=laid(asked=asked))
    assert {"split_request2", "split_request3"} <= found
    assert {f"unlearn_request_npo[request{n},0]" for n in (1, 2)} <= found
    assert not {"split_request1", "train_full[0]", "unlearn_npo[forget10,0]"} & found


def test_measures_table_and_figure(continued):
    (full,) = values(continued, "full")
    assert (full["forgetting"], full["retained"]) == (0, 1)
    # So small a model has no utility, of which others could keep a share.
    assert ("utility_kept" in full) == (full["model_utility"] > 0)
    (oracle,) = values(continued, "without_asked")
    assert "rebound" not in oracle
    for run in ASKED["methods"]:
        course = values(continued, run)
        assert len(course) == 3
        assert course[0]["rebound"] == 0
        assert all(point["rebound"] >= 0 for point in course)
    table = (continued / "results/smoke/tables/requests.md").read_text(encoding="utf-8")
    assert table.count("| micro") == 4
    figures = continued / "results/smoke/figures/micro/requests"
    assert {file.name for file in figures.iterdir()} == {"requests.pdf", "requests.png"}
    page = (continued / "results/smoke/report.html").read_text(encoding="utf-8")
    assert page.count("A sequence of requests") >= 2


def test_records_of_earlier_requests_stay_as_they_are(finished, continued):
    before = finished.results("micro/request[12]/*/seed0/metrics/requests.json")
    after = continued.results("micro/request[12]/*/seed0/metrics/requests.json")
    assert before == after
    assert len(before) == 2 * len(ASKED["methods"]) + 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"asked": [1, 1, 1, 1, 1]},
            "request 5 asks for 1 more authors, but only 0 are left of the pool",
        ),
        ({"pool": 20}, "requests.pool: 20 of the world's 20 authors, and some must stay"),
        ({"asked": [[16], [16]]}, "request 2 asks for author 16, which an earlier one asked for"),
        ({"methods": ["npoo"]}, "requests.methods: unknown name; did you mean npo?"),
        ({"asked": []}, "requests.asked: empty; name one or more"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(finished, changes, words):
    (line,) = finished.snakemake("-n", overlay=laid(**changes)).errors
    assert words in line
