"""Epochs that are dropped, evaluated by the job that trains: same records, no checkpoint."""

import pytest

from lethe.common.files import read_json

FULL = "results/smoke/micro/all/full/seed0/checkpoint"
NPO = "results/smoke/micro/forget10/npo/seed0"
RECORDS = [f"{NPO}/records/{suite}.json" for suite in ("tofu", "tokens")]
# Two suites.
METRICS = {"metrics": ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality"]}
METRICS["metrics"] += ["exact_memorization"]
LAST = {"checkpoints": {"keep": "last"}, **METRICS}
IN_RUN = {**LAST, "evaluation": {"in_run": True}}
UNLEARN = {"unlearn_npo[forget10,0]"}
BEFORE = {"split_forget10", "reference[forget10,0]"}


@pytest.fixture(scope="module")
def started(made_once):
    """A folder with the full model alone."""
    return made_once("full_alone", lambda folder: folder.run(f"{FULL}/checkpoint.json"))


@pytest.fixture(scope="module")
def within(started, tmp_path_factory):
    """A folder in which the records were made by the job that trained."""
    folder = started.copy(tmp_path_factory.mktemp("within") / "folder")
    outcome = folder.run(*RECORDS, overlay=IN_RUN)
    assert outcome.jobs == BEFORE | UNLEARN
    return folder


def test_records_and_the_checkpoint_are_those_of_separate_jobs(started, within, tmp_path):
    apart = started.copy(tmp_path / "apart")
    collected = {f"collect[forget10,npo,0,{suite}]" for suite in ("tofu", "tokens")}
    assert apart.run(*RECORDS, overlay=LAST).jobs == BEFORE | UNLEARN | collected
    for name in (*RECORDS, f"{NPO}/epoch2/model.safetensors", f"{NPO}/epoch2/checkpoint.json"):
        assert (within / name).read_bytes() == (apart / name).read_bytes()
    # The epoch that is dropped left nothing, nor did its records by themselves.
    assert not (within / NPO / "epoch1").exists()
    assert sorted(file.name for file in (within / NPO / "records").iterdir()) == [
        "tofu.json",
        "tokens.json",
    ]
    epochs = [point["epoch"] for point in read_json(within / RECORDS[0])["checkpoints"]]
    assert epochs == [1, 2]
    # What evaluation took is no cost of the method.
    passes = [read_json(one / NPO / "cost/unlearn.json") for one in (within, apart)]
    assert passes[0]["forward_passes"] == passes[1]["forward_passes"]


@pytest.mark.parametrize(
    ("name", "setting", "again"),
    [
        (None, {}, set()),
        ("src/lethe/evaluate/suites/tofu.py", {}, UNLEARN),
        ("src/lethe/evaluate/evaluation.py", {}, UNLEARN),
        ("src/lethe/unlearn/methods/npo.py", {}, UNLEARN),
        ("src/lethe/unlearn/methods/kl_min.py", {}, set()),
        ("src/lethe/metrics/rouge.py", {}, set()),
        (None, {"max_length": 40}, UNLEARN),
    ],
)
def test_an_edit_of_evaluation_has_the_epochs_made_again(within, tmp_path, name, setting, again):
    folder = within.copy(tmp_path / "folder")
    if name is not None:
        folder.append(name, "\n\nANSWER = 42\n")
    overlay = IN_RUN | {"evaluation": {"in_run": True, **setting}}
    assert folder.planned(*RECORDS, overlay=overlay) == again


def test_training_does_not_depend_on_evaluation_where_it_is_off(started, tmp_path):
    """Nor by a policy that drops nothing, with which the setting changes nothing."""
    folder = started.copy(tmp_path / "folder")
    checkpoint = f"{NPO}/epoch2/checkpoint.json"
    folder.run(checkpoint)
    for overlay in (None, {"evaluation": {"in_run": True}}):
        assert folder.planned(checkpoint, overlay=overlay) == set()
    folder.append("src/lethe/evaluate/suites/tofu.py", "\n\nANSWER = 42\n")
    assert folder.planned(checkpoint) == set()


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"compute": {"processes": 2}}, "several processes train one model"),
        ({"model_settings": {"micro": {"lora": {"rank": 2}}}}, "micro trains adapters"),
        ({"methods": ["guard_it"]}, "guard_it leaves an intervention"),
        (
            {"search": {"methods": ["npo"], "strategy": "greedy", "trials": 2}},
            "trials of a search are proposed in batches",
        ),
        ({"metrics": [*METRICS["metrics"], "depth"]}, "suite depth compares with another model"),
        (
            {"checkpoints": {"keep": "best"}, "metrics": ["exact_memorization"], "figures": []},
            "the best epoch is chosen by suite tofu, which no metric asks",
        ),
    ],
)
def test_what_cannot_be_asked_in_the_run_is_one_line(started, setting, why):
    outcome = started.snakemake("-n", *RECORDS, overlay={**IN_RUN, **setting})
    assert outcome.code != 0
    (line,) = outcome.errors
    assert f"config: evaluation.in_run: {why}" in line
    assert line.endswith("set evaluation.in_run to false")


@pytest.mark.parametrize("keep", ["last", "none"])
def test_once_turned_off_a_change_of_evaluation_is_evaluated(started, tmp_path, keep):
    """The records of the training are another job's then; dropped epochs are made again."""
    folder = started.copy(tmp_path / "folder")
    metric = f"{NPO}/metrics/exact_memorization.json"
    keeping = {**METRICS, "checkpoints": {"keep": keep}}
    folder.run(metric, overlay={**keeping, "evaluation": {"in_run": True}})
    again = {"collect[forget10,npo,0,tokens]", "score[forget10,npo,0,exact_memorization]"}
    planned = folder.planned(metric, overlay={**keeping, "evaluation": {"max_length": 40}})
    assert planned == UNLEARN | again
