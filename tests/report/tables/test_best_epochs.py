"""The table of best epochs, on made metric files and by hand."""

from dataclasses import replace

import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.best_epoch import course
from lethe.common.errors import LetheError
from lethe.metrics.base import read_metric
from lethe.report import tables
from lethe.report.tables import best_epochs

SETTINGS = {"best_epoch": {"criterion": "closeness_and_utility", "patience": 1}}
METHODS = ["npo", "grad_ascent"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    entries = made.write_world(tmp_path_factory.mktemp("world"), METHODS, seeds=(0, 1))
    files = [entry for entry in entries if entry["metric"] in best_epochs.READS]
    return replace(made.table_data(entries, METHODS, (0, 1)), files=files, settings=SETTINGS)


def of_run(data, run, seed):
    named = {(e["run"], e["seed"], e["metric"]): e["path"] for e in data.files}
    wanted = [
        (run, seed, "truth_ratio"),
        (run, seed, "model_utility"),
        ("retain", seed, "truth_ratio"),
        ("full", seed, "model_utility"),
    ]
    return course(*(read_metric(named[one], one[2]) for one in wanted), "closeness_and_utility")


def test_each_run_has_its_row(data):
    table = best_epochs.build(data)
    assert list(table.columns) == best_epochs.COLUMNS
    places = [tuple(row) for row in table[["run", "seed"]].to_numpy()]
    assert places == [(method, seed) for method in METHODS for seed in (0, 1)]
    for row in table.to_dict("records"):
        found = of_run(data, row["run"], row["seed"])
        at = found.validation.index(max(found.validation))
        assert (row["epochs"], row["best_epoch"]) == (made.EPOCHS, at + 1)
        assert (row["validation"], row["test"]) == (found.validation[at], found.test[at])
        assert row["optimism"] == pytest.approx(found.validation[at] - found.test[at])
        assert row["last_test"] == found.test[-1]
        assert row["epochs_saved"] == made.EPOCHS - row["stop_epoch"]
        assert row["stop_test"] == found.test[row["stop_best_epoch"] - 1]
    # Gradient ascent collapses: its best epoch is not its last, which early stopping spares.
    ascent = table[table["run"] == "grad_ascent"]
    assert (ascent["best_epoch"] < made.EPOCHS).all()
    assert (ascent["epochs_saved"] > 0).all()
    assert (ascent["test"] > ascent["last_test"]).all()


def test_patience_and_criterion_are_the_configurations(data):
    def with_settings(**values):
        chosen = {"best_epoch": SETTINGS["best_epoch"] | values}
        return best_epochs.build(replace(data, settings=chosen))

    patient = with_settings(patience=made.EPOCHS)
    assert (patient["epochs_saved"] == 0).all()
    assert (patient["stop_best_epoch"] == patient["best_epoch"]).all()
    close = with_settings(criterion="closeness")
    assert not close["validation"].equals(best_epochs.build(data)["validation"])


def test_markdown(data):
    text = best_epochs.markdown(best_epochs.build(data))
    header = text.splitlines()[0]
    for heading in ("Best epoch", "Validation − test", "Test, last epoch ↑", "Epochs saved"):
        assert heading in header
    assert " of 5 " in text
    assert "no run was ended" in text


def test_runs_that_were_ended_are_marked(data):
    """Of more epochs than are recorded, the rest was not trained."""
    epochs = {"npo": made.EPOCHS, "grad_ascent": made.EPOCHS + 3}
    settings = {"best_epoch": SETTINGS["best_epoch"] | {"stop": True, "epochs": epochs}}
    table = best_epochs.build(replace(data, settings=settings))
    assert list(table["stopped"]) == [False, False, True, True]
    assert list(table["epochs_saved"]) == [0, 0, 3, 3]
    assert (table["epochs"] == made.EPOCHS).all()
    text = best_epochs.markdown(table)
    assert "a run was ended once" in text
    assert "no run was ended" not in text
    marks = [row.split("|")[-2].strip() for row in text.splitlines()[2:6]]
    assert marks == ["no", "no", "yes", "yes"]


def test_what_is_missing_is_named(data):
    lacking = [e for e in data.files if (e["run"], e["metric"]) != ("full", "model_utility")]
    with pytest.raises(LetheError, match=r"no model_utility of tiny/forget10/full/seed0"):
        best_epochs.build(replace(data, files=lacking))


def test_what_it_declares():
    assert tables.settings("best_epochs") == ("best_epoch",)
    assert tables.settings("summary") == ()
