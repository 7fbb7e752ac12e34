"""Defences that follow each other, for real in little: the runs, and what another pair plans."""

import json

import pytest
from helpers.workflow_folder import Folder, sources

from lethe.analysis.costs import read_costs
from lethe.model import checkpoint, checkpoint_record

RUNS = "results/smoke/micro/forget10"
A, B = {"defence": "unlearning", "half": "first"}, {"defence": "unlearning", "half": "second"}
DEFENCES = {
    "split": "forget10",
    "pairs": [["a", "repair"], ["repair", "a"], ["a", "b"]],
    "freeze": [["a", "repair"]],
    "freezing": {"share": 0.5, "probe": "prompt_end"},
    "items": 12,
    "settings": {"a": A, "b": B, "repair": {"epochs": 1}},
}
OVERLAY = {
    "defences": DEFENCES,
    "methods": ["npo"],
    "oracle_seeds": [],
    "unlearning": {"epochs": 1},
    "figures": ["exacerbation"],
    "evaluation": {"items": 8, "max_length": 40},
}
PAIRS = ("a_then_b", "a_then_repair", "a_then_repair_conflict", "a_then_repair_random")
PAIRS += ("repair_then_a",)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("defences") / "folder")
    folder.run(overlay=OVERLAY)
    return folder


def numbers(folder, run) -> tuple[dict, dict]:
    document = json.loads((folder / f"{RUNS}/{run}/seed0/defence_pair.json").read_text("utf-8"))
    (point,) = document["checkpoints"]
    return point["values"], point["items"]


def test_a_pair_starts_where_its_first_defence_ended(finished):
    first = checkpoint_record.digest(finished / f"{RUNS}/a/seed0/epoch1")
    for run in PAIRS[:-1]:
        origin = checkpoint.origin(finished / f"{RUNS}/{run}/seed0/epoch1")
        assert (origin["parent"], origin["split"]) == (first, "forget10")
    log = finished / "results/logs/smoke/micro/forget10/a_then_repair_conflict/seed0.log"
    assert "conflict_freezing: freezes" in log.read_text("utf-8")


def test_pairs_share_what_was_before(finished):
    """The risk after the first defence is one number, whatever follows."""
    found = {run: numbers(finished, run)[0] for run in PAIRS}
    after_a = {found[run]["first_between"] for run in PAIRS[:-1]}
    assert len(after_a) == 1
    assert found["repair_then_a"]["first_before"] == found["a_then_repair"]["second_before"]
    for run, values in found.items():
        assert values["rise"] == values["first_after"] - values["first_between"], run
    # Repairing utility teaches retain rows: their risk falls.
    assert found["a_then_repair"]["success"] > 0


def test_random_layers_are_as_many_as_those_in_conflict(finished):
    guided, control = (
        numbers(finished, f"a_then_repair_{kind}")[0]["frozen"] for kind in ("conflict", "random")
    )
    assert guided == control
    assert numbers(finished, "a_then_repair")[0]["frozen"] == 0
    _, items = numbers(finished, "a_then_repair_random")
    for alignment, changed in zip(items["alignment"], items["changed"], strict=True):
        assert changed or alignment == 0


def test_the_table_has_a_row_for_each_pair_and_the_figure_is_drawn(finished):
    table = (finished / "results/smoke/tables/defences.md").read_text(encoding="utf-8")
    assert table.count("| forget10") == len(PAIRS)
    assert "one seed has no spread" in table
    assert (finished / "results/smoke/figures/micro/forget10/exacerbation.png").is_file()
    assert finished.planned(overlay=OVERLAY) == set()


def test_a_pair_costs_both_trainings(finished):
    costs = read_costs(finished / "results/smoke/tables/cost.csv").set_index("run")
    first, pair = costs.loc["a", "forward_tokens"], costs.loc["a_then_b", "forward_tokens"]
    assert pair > first > 0


def test_another_pair_causes_its_own_jobs_alone(finished):
    more = {**DEFENCES, "pairs": [*DEFENCES["pairs"], ["b", "a"], ["a", "safety"]]}
    own = {"defend_b[0]", "defend_b_then_a[0]", "defend_a_then_safety[0]"}
    own |= {"defence_rows_safety", "defence_pair[forget10,b_then_a,0]"}
    own |= {"defence_pair[forget10,a_then_safety,0]"}
    shown = {
        "table_cost",
        "table_defences",
        "table_method_claims",
        "figure_exacerbation[forget10]",
        "page",
        "all",
    }
    assert finished.planned(overlay={**OVERLAY, "defences": more}) == own | shown


def test_other_settings_of_one_defence_leave_the_others_alone(finished):
    changed = {**DEFENCES, "settings": {**DEFENCES["settings"], "b": {**B, "lr": 5.0e-4}}}
    shown = {
        "table_cost",
        "table_defences",
        "table_method_claims",
        "figure_exacerbation[forget10]",
        "page",
        "all",
    }
    own = {"defend_a_then_b[0]", "defence_pair[forget10,a_then_b,0]"}
    assert finished.planned(overlay={**OVERLAY, "defences": changed}) == own | shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pairs": [["a", "a"]]}, "a then a: one defence twice; name two"),
        ({"pairs": [["a", "b"], ["a", "b"]], "freeze": []}, "a then b is listed twice"),
        ({"pairs": [["a", "safty"]]}, "'safty' is not a defence; did you mean safety?"),
        ({"freeze": [["b", "a"]]}, "defences.freeze: b then a is not among pairs"),
        ({"split": None}, "defences.split: null is not among splits"),
        ({"settings": {"a": {"defence": "unlearning"}}}, "settings.a.half: field required"),
        (
            {"settings": {**DEFENCES["settings"], "a": {**A, "method": "npoo"}}},
            "settings.a.method: unknown method 'npoo'; did you mean npo?",
        ),
        (
            {"settings": {**DEFENCES["settings"], "a": {**A, "method": "msa"}}},
            "settings.a: its method needs prior, which defences do not have",
        ),
        (
            {"pairs": [["npo", "repair"]], "settings": {"npo": A}, "freeze": []},
            "defences: npo is the name of another run",
        ),
        ({"pairs": [], "freeze": []}, "figures: exacerbation shows"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(finished, changed, words):
    (line,) = finished.snakemake("-n", overlay={**OVERLAY, "defences": DEFENCES | changed}).errors
    assert words in line


def test_what_a_world_or_model_cannot_show_is_refused(finished):
    adapters = {"micro": {"lora": {"rank": 4}}}
    for more, words in (
        ({"splits": ["forget05"]}, "defences.split: forget10 is not among splits"),
        ({"model_settings": adapters}, "compares whole weights, but micro trains adapters"),
        (
            {"splits": ["forget05"], "defences": {**DEFENCES, "split": "forget05"}},
            "forget05: the split forgets fewer than two authors",
        ),
    ):
        (line,) = finished.snakemake("-n", overlay={**OVERLAY, **more}).errors
        assert words in line
