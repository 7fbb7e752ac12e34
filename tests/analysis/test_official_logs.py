"""Every number that the authors' own aggregation gives on their published logs of Llama-2."""

import math

import pytest

from lethe.analysis.log_scores import read_log, tofu_logs
from lethe.common.errors import LetheError

MODELS = [
    f"{kind}_{wd}"
    for kind in ("full", "retain90", "retain95", "retain99")
    for wd in ("wd0", "wd0.01")
]
VARIANTS = {"geometric": "aggregate", "arithmetic": "utils"}
# Log, oracle, the part and the entry of the expected values, and the pairing.
PAIRS = [
    row
    for wd in ("wd0", "wd0.01")
    for row in [
        (f"full_{wd}", f"retain90_{wd}", "forget_quality", f"full_vs_retain90_{wd}", "all"),
        (
            f"full_{wd}",
            f"retain95_{wd}",
            "forget_quality",
            f"full_vs_retain95_{wd}_common100",
            "common100",
        ),
    ]
]
SAME_ITEMS = [
    (f"{kind}_wd0", f"{kind}_wd0.01", "ks_retain_seeds_wd", f"{kind}_wd0_vs_wd0.01", "all")
    for kind in ("full", "retain90", "retain95", "retain99")
]
UNPAIRED = [
    (f"full_{wd}", f"{oracle}_{wd}", f"full_vs_{oracle}_{wd}")
    for wd in ("wd0", "wd0.01")
    for oracle in ("retain95", "retain99")
]


def same(got: dict, want: dict) -> None:
    for key, value in want.items():
        assert got[key] == pytest.approx(value, rel=1e-9, abs=0), key


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", MODELS)
def test_utility(llama2, expected, model, variant):
    want = expected["utility"][model][VARIANTS[variant]]
    got = tofu_logs(llama2(model), variant=variant)
    assert list(got) == list(want)
    same(got, want)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("model", "oracle", "part", "name", "pairing"), PAIRS + SAME_ITEMS)
def test_forget_quality(llama2, expected, model, oracle, part, name, pairing, variant):
    want = expected[part][name][VARIANTS[variant]]
    got = tofu_logs(llama2(model), llama2(oracle), variant)
    same(got, want)
    assert got["pairing"] == pairing


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("model", "oracle", "name"), UNPAIRED)
def test_unpaired_is_the_authors_script(llama2, expected, model, oracle, name, variant):
    part = expected["forget_quality_code_as_is_mismatched_items"]
    got = tofu_logs(llama2(model), llama2(oracle), variant, unpaired=True)
    same(got, part[name][VARIANTS[variant]])
    assert got["pairing"] == "unpaired"


def test_logs_without_a_common_item_cannot_be_paired(llama2):
    with pytest.raises(LetheError, match="none of its 300 forget questions is among the 40"):
        tofu_logs(llama2("full_wd0"), llama2("retain99_wd0"))


def test_records_hold_what_the_log_holds(llama2):
    items = read_log(llama2("full_wd0")).checkpoints[0].sets["forget"]
    assert len(items) == 300
    assert items.question[0].startswith("What is the full name of the author born in Taipei")
    assert items.question[0].endswith("leadership?")
    assert items.answer[0] == "The author's full name is Hsiao Yun-Hwa."
    assert items.answer_loss[0] == 0.016286935657262802
    assert items.answer_tokens[0] == 17
    assert items.perturbed_loss.shape == (300, 5)


def moved(log, keys):
    """The same items under other indices, the texts in another order than the numbers."""
    made = {name: {keys(key): value for key, value in c.items()} for name, c in log.items()}
    made["generated_text"] = dict(reversed(made["generated_text"].items()))
    return made


def test_indices_mean_nothing(official, save):
    plain = save(official, "plain.json")
    other = {file: moved(log, lambda key: str(100 - int(key))) for file, log in official.items()}
    other["eval_log_forget.json"]["avg_paraphrased_loss"]["98"] = 0.25
    other = save(other, "other.json")
    for column in ("answer_loss", "answer_tokens", "answer", "generation"):
        by_question = [
            dict(zip(items.question, getattr(items, column), strict=True))
            for items in (read_log(path).checkpoints[0].sets["retain"] for path in (plain, other))
        ]
        assert by_question[0] == by_question[1]
    assert tofu_logs(plain, plain)["pvalue"] == 1
    got = tofu_logs(plain, other)
    assert (got["pairing"], got["n"], got["statistic"]) == ("all", [4, 4], 0.25)


def test_only_common_items_are_compared(official, save):
    run = save(official, "run.json")
    forget = official["eval_log_forget.json"]
    # Shared are items 2 and 3; 0 and 1 become other questions with wildly other losses.
    for key in ("0", "1"):
        forget["generated_text"][key][0] = f"[INST] another {key}? [/INST]"
        forget["avg_paraphrased_loss"][key] = 50.0
    oracle = save(official, "oracle.json")
    got = tofu_logs(run, oracle)
    assert (got["pairing"], got["n"]) == ("common2", [2, 2])
    assert (got["pvalue"], got["statistic"]) == (1, 0)
    assert tofu_logs(run, oracle, unpaired=True)["statistic"] == 0.5


def test_numbers_of_a_small_log_by_hand(official, save):
    got = tofu_logs(save(official))
    assert got["Prob. Retain"] == pytest.approx(sum(math.exp(-0.5 - i) for i in range(4)) / 4)
    # Wrong answers cost 2, 3 and 4 + i, the right one 0.5 + i, its "paraphrase" 1 + i.
    share = math.exp(-0.5) / (math.exp(-0.5) + math.exp(-2) + math.exp(-3) + math.exp(-4))
    assert got["Prob. Real Authors"] == pytest.approx(share)
    assert got["Truth Ratio Real World"] == pytest.approx(1 - math.exp(1 - 3))
    assert got["Truth Ratio Forget"] == pytest.approx(math.exp(1 - 4))
    assert got["ROUGE Forget"] == 1
    assert got["n Forget"] == 4


@pytest.mark.parametrize(
    "prompt",
    ["[INST] forget 0? [/INST]", "[INST] forget 0? [/INST]x", "Question: forget 0?\n", "forget 0?"],
)
def test_the_template_around_a_question_is_taken_off(official, save, prompt):
    official["eval_log_forget.json"]["generated_text"]["0"][0] = prompt
    assert read_log(save(official)).checkpoints[0].sets["forget"].question[0] == "forget 0?"


def without_sets(log):
    del log["eval_log_forget.json"], log["eval_log.json"]


def of_forget(change):
    return lambda log: change(log["eval_log_forget.json"])


FAULTS = {
    "sets": (without_sets, ["2 of the 4 sets", "eval_log_forget.json, eval_log.json"]),
    "set": (lambda log: log.update({"eval_log.json": []}), ["eval_log.json: not an object"]),
    "column": (of_forget(lambda s: s.pop("avg_gt_loss")), ["no column 'avg_gt_loss'"]),
    "texts": (of_forget(lambda s: s.pop("generated_text")), ["no column 'generated_text'"]),
    "nothing": (of_forget(lambda s: s["generated_text"].clear()), ["0 of 0 items"]),
    "triple": (of_forget(lambda s: s["generated_text"].update({"1": ["a"]})), ["1 of 4 items"]),
    "fewer": (of_forget(lambda s: s["avg_gt_loss"].pop("3")), ["'avg_gt_loss'", "differ in 1"]),
    "other": (
        of_forget(
            lambda s: s["average_perturb_loss"].update({"9": s["average_perturb_loss"].pop("3")})
        ),
        ["'average_perturb_loss'", "differ in 2"],
    ),
    "nan": (
        of_forget(lambda s: s["avg_gt_loss"].update({"1": float("nan"), "3": float("nan")})),
        ["eval_log_forget.json, column 'answer_loss'", "2 of 4 values", "row 1", "not finite"],
    ),
    "null": (of_forget(lambda s: s["avg_paraphrased_loss"].update({"0": None})), ["1 of 4 values"]),
    "no wrong": (of_forget(lambda s: s["average_perturb_loss"].update({"0": []})), ["perturbed"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_log_is_one_line_that_names_the_fault(official, save, fault):
    spoil, expected_parts = FAULTS[fault]
    spoil(official)
    path = save(official)
    with pytest.raises(LetheError) as error:
        tofu_logs(path)
    for part in [str(path), *expected_parts]:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_no_logs(official, save, tmp_path):
    path = save(official)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LetheError, match="not valid JSON"):
        tofu_logs(path)
    with pytest.raises(LetheError, match="no such file"):
        tofu_logs(tmp_path / "absent.json")
    with pytest.raises(LetheError, match="a folder"):
        tofu_logs(tmp_path)
    for document in ({}, [], {"forget_quality": 1}, 3):
        with pytest.raises(LetheError, match="name the log of a TOFU evaluation"):
            tofu_logs(save(document, "other.json"))


def test_an_unknown_variant_is_refused(official, save):
    with pytest.raises(LetheError, match="geometric or arithmetic"):
        tofu_logs(save(official), variant="aggregate")
