"""Which samples the paper's tests compare, and that items are paired by the question's text."""

import numpy as np
import pytest
from helpers import paper_evaluations as made
from scipy.stats import ks_2samp

from lethe.common.errors import LetheError
from lethe.evaluate.records import read_records, write_records
from lethe.report.paper.cells import (
    Cell,
    Side,
    figure_cells,
    reference_cells,
    retain_cells,
    samples,
    table,
    test,
)
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibits import references, retain_models, rouge

# Under its own name pytest would take it for a test.
compare = test
del test


def test_cells_are_the_papers():
    """Three pairs of oracles and nine references, on each of two sets."""
    pairs = [cell.key for cell in retain_cells("tiny", made.SPLITS)]
    assert pairs[:3] == [
        "table3/retain/retain90-retain95",
        "table3/retain/retain90-retain99",
        "table3/retain/retain95-retain99",
    ]
    assert len(pairs) == 6
    keys = [cell.key for cell in reference_cells("tiny", made.SPLITS)]
    assert keys[:4] == [
        "table4/retain/retain90-full",
        "table4/retain/retain90-base",
        "table4/retain/retain90-random",
        "table4/retain/retain95-full",
    ]
    assert len(keys) == 18


def test_oracles_share_the_smaller_forget_set(evaluations):
    found = retain_models.build(made.of_records(evaluations))
    own = found[found["model"] == "tiny"]
    assert own["n"].tolist() == [60, 60, 60, 50, 10, 10]


def test_references_are_asked_the_oracles_own_forget_set(evaluations):
    found = references.build(made.of_records(evaluations))
    own = found[(found["model"] == "small") & (found["data"] == "forget")]
    assert own["n"].tolist() == [100] * 3 + [50] * 3 + [10] * 3
    assert own["second"].tolist() == ["full", "base", "random"] * 3


def ratios_of(entries, *place: str) -> dict[str, float]:
    """Truth ratios of a run's forget items by question, without the code under test."""
    (path,) = [e["path"] for e in entries if (e["model"], e["split"], e["run"]) == place]
    items = read_records(path).checkpoints[0].sets["forget"]
    ratios = np.exp((items.paraphrase_loss[:, None] - items.perturbed_loss).mean(axis=1))
    return dict(zip(items.question, ratios, strict=True))


def test_p_is_that_of_scipy_on_the_common_items(entries):
    key = "table3/forget/retain90-retain95"
    (cell,) = (cell for cell in retain_cells("tiny", made.SPLITS) if cell.key == key)
    found = compare(cell, Evaluations(entries))
    ten = ratios_of(entries, "tiny", "forget10", "retain")
    five = ratios_of(entries, "tiny", "forget05", "retain")
    expected = ks_2samp([ten[question] for question in five], list(five.values()))
    assert found.p == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.n == (50, 50)


def test_references_are_evaluated_on_the_oracles_split(entries):
    """The finetuned model's values are those of its evaluation on that split."""
    found = references.build(made.of_records(Evaluations(entries)))
    row = found[(found["model"] == "tiny") & (found["data"] == "forget")]
    row = row[(row["first"] == "retain95") & (row["second"] == "random")]
    samples = [ratios_of(entries, "tiny", "forget05", run) for run in ("retain", "random")]
    expected = ks_2samp(*(list(sample.values()) for sample in samples))
    assert row["p"].tolist() == pytest.approx([expected.pvalue], rel=1e-12)


def test_order_of_items_means_nothing(entries, tmp_path):
    """A file with its forget items the other way round gives the same table."""
    turned = []
    for entry in entries:
        if (entry["run"], entry["split"]) == ("retain", "forget10"):
            records = read_records(entry["path"])
            sets = records.checkpoints[0].sets
            sets["forget"] = sets["forget"].take(list(range(100))[::-1])
            path = tmp_path / f"{entry['model']}.json"
            write_records(path, records)
            entry = {**entry, "path": str(path)}
        turned.append(entry)
    one = retain_models.build(made.of_records(Evaluations(entries)))
    other = retain_models.build(made.of_records(Evaluations(turned)))
    assert one.equals(other)


def test_a_question_asked_twice_makes_two_pairs(tmp_path):
    places = [("one", ["a", "b", "b"]), ("two", ["b", "a", "c", "b"])]
    entries = []
    for model, questions in places:
        path = tmp_path / f"{model}.json"
        write_records(path, made.records(questions, ["x"]))
        entries.append({"model": model, "run": "retain", "split": "forget10", "path": str(path)})
    sides = [Side(model, "retain", "forget10", "forget") for model, _ in places]
    ratios, why = samples(Cell("x", *sides), Evaluations(entries))
    assert why == ""
    assert [len(sample) for sample in ratios] == [3, 3]
    # Not one of the two rows twice: their values differ.
    assert len(set(ratios[1])) == 3


def test_samples_of_two_sets_are_taken_whole(evaluations):
    middle = figure_cells("tiny", "small", "forget10")[1]
    assert compare(middle, evaluations).n == (100, 60)


def test_what_lacks_is_told(entries):
    without = Evaluations([e for e in entries if e["run"] != "random"])
    cell = reference_cells("tiny", made.SPLITS)[2]
    assert compare(cell, without).why == "no evaluation of tiny random"
    assert compare(cell, without).p is None
    with pytest.raises(LetheError, match=r"retain90-random of tiny: no evaluation of tiny random"):
        table([cell], without)


def test_no_common_question_is_told(tmp_path):
    entries = []
    for model, questions in (("one", ["a"]), ("two", ["b"])):
        path = tmp_path / f"{model}.json"
        write_records(path, made.records(questions, ["x"]))
        entries.append({"model": model, "run": "retain", "split": "forget10", "path": str(path)})
    sides = [Side(model, "retain", "forget10", "forget") for model in ("one", "two")]
    assert compare(Cell("x", *sides), Evaluations(entries)).why == "no question in common"


def test_a_run_that_unlearns_is_refused(entries, tmp_path):
    records = read_records(entries[0]["path"])
    (checkpoint,) = records.checkpoints
    records.checkpoints.append(type(checkpoint)(1, 1, checkpoint.sets))
    write_records(tmp_path / "two.json", records)
    place = {
        "model": "tiny",
        "run": "full",
        "split": "forget10",
        "path": str(tmp_path / "two.json"),
    }
    with pytest.raises(LetheError, match=r"two\.json: 2 checkpoints, but one is expected"):
        Evaluations([place]).get("tiny", "full", "forget10")


# --- the tables as text ---


def test_table_2_is_the_mean_over_both_sets(evaluations):
    found = rouge.build(made.of_records(evaluations))
    # "the right words" has two of the three words of "the right answer".
    assert found["rouge"].tolist() == pytest.approx([2 / 3] * 4)
    assert found["n"].tolist() == [160] * 4
    header = rouge.markdown(found).splitlines()[0]
    assert header.index("Pretrained") < header.index("Finetune")


def test_table_3_has_a_column_for_each_pair(evaluations):
    text = retain_models.markdown(retain_models.build(made.of_records(evaluations)))
    header, _, *rows = text.strip().splitlines()
    assert "retain90 – retain95" in header
    assert len(rows) == 4
    assert rows[1].count("(n=10)") == 2


def test_table_4_has_a_column_for_each_reference(evaluations):
    text = references.markdown(references.build(made.of_records(evaluations)))
    header, _, *rows = text.strip().splitlines()
    assert [name in header for name in ("Finetune", "Pretrained", "Random")] == [True] * 3
    assert len(rows) == 12
