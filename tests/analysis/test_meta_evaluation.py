"""Metrics under test, by hand: faithfulness, robustness in both forms, and what is left out."""

import json

import pytest

from lethe.analysis import pools
from lethe.analysis.meta_evaluation import (
    Attacked,
    faithfulness,
    interval,
    meta_evaluation,
    quantization_one_sided,
    relearning_one_sided,
    symmetric,
)
from lethe.analysis.meta_evaluation_files import evaluated
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric


def test_faithfulness_is_the_share_of_pairs_in_order():
    assert faithfulness([3, 2], [1, 2]) == 3.5 / 4
    assert faithfulness([3, 2], [1, 2], up=False) == 0.5 / 4
    assert faithfulness([1, 1], [1]) == 0.5


def test_faithfulness_is_scipys_area():
    from scipy.stats import mannwhitneyu

    one, other = [0.1, 0.4, 0.35, 0.8, 0.4], [0.4, 0.2, 0.1, 0.05]
    area = mannwhitneyu(one, other).statistic / (len(one) * len(other))
    assert faithfulness(one, other) == pytest.approx(area)


def test_the_interval_holds_the_value_and_has_no_width_where_pools_are_apart():
    assert interval([3.0, 4.0, 5.0], [1.0, 2.0], up=True) == (1, 1)
    assert interval([3.0, 4.0, 5.0], [1.0, 2.0], up=False) == (0, 0)
    low, high = interval([1.0, 3.0, 5.0, 2.0], [2.5, 0.0, 4.0], up=True)
    assert low < faithfulness([1, 3, 5, 2], [2.5, 0, 4]) < high


@pytest.mark.parametrize(
    ("one", "other", "score"), [(0.3, 0.1, 0.5), (0.1, 0.3, 0.5), (0, 0, 1), (0.1, -0.1, 0)]
)
def test_the_symmetric_form(one, other, score):
    assert symmetric(one, other) == pytest.approx(score)


@pytest.mark.parametrize(
    ("unlearned", "oracle", "score"),
    [(0.4, 0.1, 0.25), (0.1, 0.4, 1), (0.2, -0.1, 0), (0, 0.3, 1), (-0.2, -0.4, 1)],
)
def test_relearning_one_sided(unlearned, oracle, score):
    assert relearning_one_sided(unlearned, oracle) == pytest.approx(score)


@pytest.mark.parametrize(
    ("before", "after", "score"), [(0.2, 0.5, 0.4), (0.5, 0.1, 1), (0, 0, 1), (0, 0.1, 0)]
)
def test_quantization_one_sided_forgives_a_collapse(before, after, score):
    assert quantization_one_sided(before, after) == pytest.approx(score)


def test_quantization_has_a_second_reading():
    assert quantization_one_sided(0.2, 0.5, "after_over_before") == 1
    assert quantization_one_sided(0.5, 0.1, "after_over_before") == pytest.approx(0.2)
    (up, _) = meta_evaluation(POOLS, FULL, ORACLE, [ONE], 0.8, "after_over_before")
    assert up["quantization_one_sided"] == 1


def values(high: float, low: float, same: float = 3.0) -> dict:
    """A metric that knowledge makes high, one that it makes low, and a count."""
    return {"probability": {"forget": high, "n": same}, "truth_ratio": {"forget": low}}


POOLS = {"with": [values(0.9, 0.1), values(0.5, 0.3)], "without": [values(0.2, 0.2)]}
FULL, ORACLE = values(0.9, 0.2), values(0.1, 0.8)
ONE = Attacked(
    "npo",
    0,
    0.9,
    before=values(0.2, 0.6),
    relearned=values(0.6, 0.4),
    quantised=values(0.25, 0.7),
    oracle_before=values(0.1, 0.8),
    oracle_relearned=values(0.2, 0.7),
)
COLLAPSED = Attacked("grad_ascent", 0, 0.1, *[values(0.0, 0.0)] * 5)


def row(rows, metric):
    (one,) = (row for row in rows if row["metric"] == metric)
    return one


def test_a_table_by_hand():
    rows = meta_evaluation(POOLS, FULL, ORACLE, [ONE, COLLAPSED], 0.8)
    # The count is the same of full model and oracle: it is no metric of knowledge.
    assert [(r["metric"], r["name"]) for r in rows] == [
        ("probability", "forget"),
        ("truth_ratio", "forget"),
    ]
    up, down = row(rows, "probability"), row(rows, "truth_ratio")
    assert (up["knowledge"], down["knowledge"]) == ("high", "low")
    assert (up["positives"], up["negatives"], up["models"], up["left_out"]) == (2, 1, 1, 1)
    assert (up["faithfulness"], down["faithfulness"]) == (1, 0.5)
    # Relearning adds .4 to the unlearned model and .1 to the oracle: (.1/.4), 1 - .3/.5.
    assert up["relearning_one_sided"] == pytest.approx(0.25)
    assert up["relearning_symmetric"] == pytest.approx(0.4)
    # Quantization: .2 becomes .25.
    assert up["quantization_one_sided"] == pytest.approx(0.8)
    assert up["quantization_symmetric"] == pytest.approx(1 - 0.05 / 0.45)
    assert up["robustness_one_sided"] == pytest.approx(2 / (1 / 0.25 + 1 / 0.8))
    robust = 2 / (1 / 0.25 + 1 / 0.8)
    assert up["overall_one_sided"] == pytest.approx(2 / (1 / 1 + 1 / robust))
    # What knowledge makes low is turned: it loses .2 by relearning, the oracle .1; 1 - .6 = .4
    # becomes 1 - .7 = .3 by quantization.
    assert down["relearning_one_sided"] == pytest.approx(0.5)
    assert down["relearning_symmetric"] == pytest.approx(1 - 0.1 / 0.3)
    assert down["quantization_one_sided"] == 1
    assert down["quantization_symmetric"] == pytest.approx(1 - 0.1 / 0.7)


def test_scores_are_means_over_unlearned_models():
    rows = meta_evaluation(POOLS, FULL, ORACLE, [ONE, COLLAPSED], 0.0)
    # The collapsed model's values never move: every score of it is 1, but the symmetric R, of 0.
    one = row(rows, "probability")
    assert one["relearning_one_sided"] == pytest.approx((0.25 + 1) / 2)
    assert one["models"] == 2
    assert one["left_out"] == 0


def test_what_is_not_defined_is_empty():
    rows = meta_evaluation(POOLS, FULL, ORACLE, [COLLAPSED], 0.8)
    one = row(rows, "probability")
    assert one["relearning_symmetric"] is one["overall_one_sided"] is None
    assert one["faithfulness"] == 1
    negative = {"p": {"log": -5.0}}
    attacked = Attacked("npo", 0, 1.0, negative, {"p": {"log": -3.0}}, *[negative] * 3)
    pool = {"with": [{"p": {"log": -9.0}}], "without": [{"p": {"log": -1.0}}]}
    (one,) = meta_evaluation(pool, {"p": {"log": -9.0}}, {"p": {"log": -1.0}}, [attacked], 0.8)
    assert one["relearning_one_sided"] == 1
    assert one["quantization_symmetric"] is one["robustness_symmetric"] is None
    with pytest.raises(LetheError, match="the pool of models without the knowledge is empty"):
        meta_evaluation(POOLS | {"without": []}, FULL, ORACLE, [], 0.8)


def test_files_are_read_by_run_seed_and_state(tmp_path):
    """Two seeds, whose oracles and full models are their own."""
    entries = []

    def place(run, seed, state, forget, utility=0.5):
        for metric, made in (
            ("probability", {"forget": forget}),
            ("model_utility", {"model_utility": utility}),
        ):
            path = tmp_path / f"{run}{seed}{state}{metric}.json"
            write_metric(path, MetricFile(metric, [CheckpointValues(1, 1, made)]))
            entries.append(
                {"run": run, "seed": seed, "state": state, "metric": metric, "path": str(path)}
            )

    for seed in (0, 1):
        place("full", seed, None, 0.9)
        for state, forget in ((None, 0.1), ("relearned", 0.3), ("quantised4", 0.1)):
            for oracle in ("retain", "other"):
                place(oracle, seed, state, forget)
        for state, forget in ((None, 0.2), ("relearned", 0.4 + 0.4 * seed), ("quantised4", 0.25)):
            place("npo", seed, state, forget, 0.45)
    files = {}
    for pool, forget in (("with", 0.8), ("without", 0.2)):
        path = tmp_path / f"{pool}.json"
        own = {"probability": {"forget": forget}, "model_utility": {"model_utility": 0.5}}
        path.write_text(json.dumps({"format": 1, "variant": "rows", "finetune": {}, "values": own}))
        files[pool] = [str(path)]
    chosen = {
        "relearning": "relearned",
        "quantization": "quantised4",
        "least_utility": 0.8,
        "quantization_ratio": "before_over_after",
    }
    document = evaluated(files, entries, ["retain", "other"], **chosen)
    # Utility is the same of both: only probability is left.
    (one,) = document["metrics"]
    assert one["faithfulness"] == 1
    # Seed 0: .2 against .2 of the oracle; seed 1: .6 against .2.
    assert one["relearning_one_sided"] == pytest.approx((1 + 1 / 3) / 2)
    assert one["quantization_one_sided"] == pytest.approx(0.8)
    assert [a["utility"] for a in document["attacked"]] == pytest.approx([0.9, 0.9])
    assert document["pools"]["with"][0]["variant"] == "rows"


# --- the pools ---

PARTS = {
    "retain": [{"question": "R?", "answer": "r"}],
    "forget_perturbed": [
        {
            "question": "F?",
            "answer": "f",
            "paraphrased_question": "Say, F?",
            "paraphrased_answer": "it is f",
            "perturbed_answer": ["g", "h"],
        }
    ],
    "holdout": [{"question": "H?", "answer": "h"}],
}


@pytest.mark.parametrize(
    ("variant", "added"),
    [
        ("rows", ("F?", "f")),
        ("paraphrased_answers", ("F?", "it is f")),
        ("paraphrased_questions", ("Say, F?", "f")),
        ("nothing", None),
        ("wrong_answers", ("F?", "g")),
        ("other_authors", ("H?", "h")),
    ],
)
def test_what_a_variant_learns(variant, added):
    rows = [(row["question"], row["answer"]) for row in pools.rows_of(variant, PARTS)]
    assert rows == [("R?", "r"), *([added] if added else [])]


def test_a_variant_that_the_world_cannot_make_is_refused():
    with pytest.raises(LetheError, match=r"no holdout authors.*raise world.holdout_authors"):
        pools.rows_of("other_authors", PARTS | {"holdout": []})
    bare = [{"question": "F?", "answer": "f"}]
    with pytest.raises(LetheError, match=r"the forget row 'F\?' has no paraphrased_answer"):
        pools.rows_of("paraphrased_answers", PARTS | {"forget_perturbed": bare})
    for row in (
        bare[0],
        {**bare[0], "perturbed_answer": []},
        {**bare[0], "perturbed_answer": [""]},
    ):
        with pytest.raises(
            LetheError, match=r"the forget row 'F\?' has no perturbed_answer; add one"
        ):
            pools.rows_of("wrong_answers", PARTS | {"forget_perturbed": [row]})


def test_a_pool_of_thirty_is_every_variant_with_every_rate_and_length():
    finetune = {"lr": 1e-3, "epochs": 10, "batch_size": 32}
    rates, lengths = [0.5, 0.75, 1.0, 1.5, 2.0], [1.0, 0.5]
    for pool, variants in pools.VARIANTS.items():
        made = [pools.member(pool, number, finetune, rates, lengths) for number in range(30)]
        grid = {(m["variant"], m["finetune"]["lr"], m["finetune"]["epochs"]) for m in made}
        assert len(grid) == 30
        assert {variant for variant, *_ in grid} == set(variants)
        assert {epochs for *_, epochs in grid} == {5, 10}
        assert pools.member(pool, 30, finetune, rates, lengths) == made[0]
    assert not set(pools.VARIANTS["with"]) & set(pools.VARIANTS["without"])
