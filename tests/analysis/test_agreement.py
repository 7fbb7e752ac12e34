"""Agreement of rankings with published tables, against values computed by hand."""

import math

import pandas as pd
import pytest
from helpers.configurations import configured, message, written
from helpers.workflow_folder import ROOT

from lethe.analysis import agreement
from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError
from lethe.pipeline.config.load import configuration
from lethe.report.tables import agreement as table
from lethe.report.tables.base import TableData

RUNS = {"grad_ascent": "GradAscent", "npo_retain": "NPO", "rmu": "RMU"}


def test_tau_b_with_a_tie_is_kendalls():
    # Pairs: ab agree, ac agree, bc tied on the right: 2 / sqrt(3 * 2).
    left, right = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "c": 5, "d": 9}
    assert agreement.tau_b(left, right) == pytest.approx(2 / math.sqrt(6))
    assert agreement.tau_b(left, {m: -v for m, v in left.items()}) == -1


def test_a_side_that_ranks_nothing_has_no_tau():
    assert math.isnan(agreement.tau_b({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "c": 3}))


def test_fewer_than_three_common_methods_are_refused():
    with pytest.raises(LetheError, match="2 common methods"):
        agreement.tau_b({"a": 1, "b": 2, "x": 3}, {"a": 1, "b": 2, "c": 3})


@pytest.mark.parametrize(
    ("measure", "by_split"),
    [
        ("model_utility", [0.55, 0.55, 0.47]),
        ("forget_quality", [0.14, 1.00, 0.97]),
        ("forget_truth_ratio", [0.28, 0.87, 0.87]),
    ],
)
def test_the_published_tables_agree_as_the_docs_say(measure, by_split):
    splits = ("forget01", "forget05", "forget10")
    found = [agreement.between_tables(split, measure) for split in splits]
    assert found == pytest.approx(by_split, abs=0.005)
    page = (ROOT / "docs/agreement.md").read_text(encoding="utf-8")
    assert f"{by_split[0]:.2f} | {by_split[1]:.2f} | {by_split[2]:.2f} |" in page


def test_every_published_table_has_every_method_on_every_split():
    assert len(agreement.methods()) == 6
    for name, whole in agreement.tables().items():
        for split in whole["splits"]:
            for measure in agreement.MEASURES:
                assert list(agreement.published(name, split, measure)) == agreement.methods()


def test_an_unknown_table_is_refused_and_an_unpublished_split_is_empty():
    with pytest.raises(LetheError, match=r"did you mean llama2_7b\?"):
        agreement.published("llama_7b", "forget10", "model_utility")
    assert agreement.published("llama2_7b", "forget20", "model_utility") == {}


def test_disagreements_count_opposite_pairs_and_no_ties():
    left = {"a": 1, "b": 2, "c": 3, "d": 4}
    right = {"a": 4, "b": 1, "c": 3, "d": 3}
    assert agreement.disagreements(left, right) == {"a": 3, "b": 1, "c": 1, "d": 1}


@pytest.fixture
def data() -> TableData:
    """Utilities of three methods and two seeds; the second seed has NPO and RMU exchanged."""
    utilities = {"full": (0.6, 0.6), "retain": (0.6, 0.6), "grad_ascent": (0.0, 0.0)}
    utilities |= {"npo_retain": (0.4, 0.5), "rmu": (0.5, 0.4), "kl_min": (0.9, 0.9)}
    rows = []
    for run, by_seed in utilities.items():
        for seed, utility in enumerate(by_seed):
            for metric, name in agreement.MEASURES.values():
                value = utility if metric == "model_utility" else 0.0
                rows.append(("tiny", "forget10", run, seed, 5, 9, metric, name, value))
    scores = pd.DataFrame(rows, columns=COLUMNS)
    settings = {"agreement": {"methods": RUNS}}
    return TableData([*RUNS, "kl_min"], [0, 1], scores=scores, settings=settings)


def test_the_table_has_tau_for_each_seed_beside_that_of_the_tables(data):
    built = table.build(data).set_index(["table", "measure"])
    row = built.loc["llama32_1b", "model_utility"]
    # Published: GradAscent 0 < NPO 0.46 < RMU 0.59.
    assert (row["tau_b_low"], row["tau_b_high"]) == pytest.approx((1 / 3, 1))
    assert row["tau_b"] == pytest.approx(2 / 3)
    assert row["published_tau_b"] == pytest.approx(0.467, abs=0.001)
    assert row["methods"] == 3
    # By the means NPO and RMU are equal, and so nothing is in the opposite order.
    assert row["out_of_place"] == ""
    assert built.loc["llama2_7b", "model_utility"]["out_of_place"] == ""


def test_what_ranks_nothing_is_empty_not_zero(data):
    row = table.build(data).set_index(["table", "measure"]).loc["llama32_1b", "forget_quality"]
    assert math.isnan(row["tau_b"])
    assert (row["ranked_seeds"], row["seeds"]) == (0, 2)


def test_readers_see_which_methods_are_out_of_place(data):
    moved = data.scores.copy()
    moved.loc[moved["run"] == "grad_ascent", "value"] = 0.8
    changed = TableData(data.methods, data.seeds, scores=moved, settings=data.settings)
    text = table.markdown(table.build(changed))
    assert "GradAscent 2 NPO 1 RMU 1" in text
    assert "Llama-3.2-1B-Instruct" in text


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({"npo": "NPOO"}, "did you mean NPO?"),
        ({"npo": "NPO", "rmu": "RMU"}, "3 different methods"),
        ({**RUNS, "npo": "NPO"}, "the same published method"),
        ({"npo": "NPO", "rmu": "RMU", "grad_ascent": "GradAscent"}, "not among methods"),
    ],
)
def test_what_cannot_be_compared_is_refused(methods, words):
    assert words in message(written({"agreement": {"methods": methods}}))


def test_the_preset_carries_the_published_settings_over():
    config = configuration([ROOT / "config/agreement.yaml"])
    assert sorted(config.agreement.methods.values()) == sorted(agreement.methods())
    assert config.world.authors == 200
    schedule, finetune = config.unlearning, config.model_settings["tiny"].finetune
    assert schedule.lr == finetune.lr
    assert (schedule.epochs, schedule.batch_size) == (10, 32)
    assert len(config.seeds) == 5


def test_the_default_run_makes_no_such_table():
    assert configured().agreement.methods == {}
