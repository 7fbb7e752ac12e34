"""The choice made while a run trains is the one made afterwards, and stopping saves epochs."""

import json

import pytest
from helpers.shared_data import shared_folder

from lethe import metrics
from lethe.analysis.best_epoch import course
from lethe.analysis.best_so_far import UTILITY, BestSoFar
from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.evaluate.collect import collect, read_set
from lethe.evaluate.in_run import Asked, RunEvaluation
from lethe.evaluate.records import write_records
from lethe.evaluate.suite import Limits
from lethe.metrics.base import write_metric
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

SETS = ("forget", "retain", "real_authors", "world_facts")
CRITERION = "closeness_and_utility"
EPOCHS = 3
LIMITS = Limits(200, 6)


def measured(records):
    """TOFU's metrics of records, by name."""
    files = {}
    for name in (*metrics.contract(UTILITY).needs, UTILITY):
        files[name] = metrics.compute(name, records, files)
    return files


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model, rows, a run of all its epochs with records made afterwards, and its course.

    The model stands for both oracle and full, so that every step away from it is a worse one.
    """
    parity, folder = shared_folder("oracle", "parity"), tmp_path_factory.mktemp("world")
    start, rows = parity / "models/full", {}
    for name in SETS:
        file = "forget10" if name == "forget" else name
        few = read_rows(parity / "data" / f"{file}_perturbed.json")[:4]
        write_rows(folder / f"{name}_perturbed.json", few)
        rows[name] = read_set(folder / f"{name}_perturbed.json")
    forget = read_rows(parity / "data/forget10.json")[:6]
    write_rows(folder / "forget.json", forget)
    known = measured(collect("tofu", [start], rows, limits=LIMITS))
    compared = {"oracle": folder / "oracle.json", "full": folder / "full.json"}
    write_metric(compared["oracle"], known["truth_ratio"])
    write_metric(compared["full"], known[UTILITY])
    made = {"start": start, "rows": rows, "forget": folder / "forget.json", **compared}
    run = trained(made, folder / "whole")
    records = collect("tofu", run.checkpoints, rows, limits=LIMITS)
    files = measured(records)
    own = (files["truth_ratio"], files[UTILITY], known["truth_ratio"], known[UTILITY])
    return made | {"run": run, "records": records, "course": course(*own, CRITERION)}


def trained(world, out, **more):
    settings = {"epochs": EPOCHS, "lr": 3e-3, "batch_size": 6, "warmup_epochs": 0}
    method = methods.load("grad_ascent")(settings)
    return unlearn(world["start"], method, {"forget": world["forget"]}, out, **more)


def choice(world, out, **more):
    asked = [Asked("tofu", world["rows"], {}, out / "records/tofu.json")]
    evaluation = RunEvaluation(world["start"], asked, limits=LIMITS)
    where = {"best": out / "best", "last": out / "last"}
    compared = (world["oracle"], world["full"], CRITERION, EPOCHS)
    return BestSoFar(evaluation, *compared, **where, **more)


def same(folder, checkpoint):
    names = sorted(file.name for file in checkpoint.iterdir())
    assert sorted(file.name for file in folder.iterdir()) == names
    return all((folder / name).read_bytes() == (checkpoint / name).read_bytes() for name in names)


def check(world, out, epochs):
    """What a run that was ended after some epochs has left is what a whole run has of these."""
    best = world["course"].best(epochs)
    write_records(out / "expected.json", records_until(world, epochs))
    assert (out / "records/tofu.json").read_bytes() == (out / "expected.json").read_bytes()
    assert json.loads((out / "chosen.json").read_text()) == {"epoch": best + 1}
    assert same(out / "best", world["run"].checkpoints[best])
    assert same(out / "last", world["run"].checkpoints[epochs - 1])
    assert not [*out.glob("epoch*")]
    assert len([*(out / "records").iterdir()]) == 1


def records_until(world, epochs):
    whole = world["records"]
    return type(whole)(whole.suite, whole.checkpoints[:epochs])


def test_the_best_epoch_is_that_chosen_afterwards(world, tmp_path):
    chosen = choice(world, tmp_path)
    trained(world, tmp_path, keep=[], ended=chosen)
    chosen.finish(tmp_path / "chosen.json")
    assert chosen.course == world["course"]
    check(world, tmp_path, EPOCHS)


def test_a_run_ends_where_the_rule_stops_it_also_after_a_kill(world, tmp_path):
    stop = world["course"].stop(1) + 1
    assert stop < EPOCHS, "a course that never stops would test nothing"
    for killed_after in (1, stop):
        out = tmp_path / f"killed_{killed_after}"
        how = Execution(state_saver=StateSaver(out / "state", 0))
        chosen = choice(world, out, patience=1)

        def ended(epoch, *rest, chosen=chosen, end=killed_after):
            after = chosen(epoch, *rest)
            if epoch == end:
                raise InterruptedError
            return after

        with pytest.raises(InterruptedError):
            trained(world, out, keep=[], ended=ended, how=how)
        how = Execution(state_saver=StateSaver(out / "state", 0))
        chosen = choice(world, out, patience=1)
        run = trained(world, out, keep=[], ended=chosen, how=how)
        chosen.finish(out / "chosen.json")
        assert run.counts["steps"] == stop
        check(world, out, stop)


def test_a_kill_after_the_records_were_joined_loses_none(world, tmp_path):
    passes = []
    for _ in range(2):
        how = Execution(state_saver=StateSaver(tmp_path / "state", 0))
        chosen = choice(world, tmp_path, patience=1)
        trained(world, tmp_path, keep=[], ended=chosen, how=how)
        chosen.finish(tmp_path / "chosen.json")
        check(world, tmp_path, world["course"].stop(1) + 1)
        passes.append(chosen.evaluation.costs["tofu"]["forward_passes"])
    # The second resumed at the last epoch, and asked that one alone.
    assert 0 < passes[1] < passes[0]


def test_what_cannot_be_chosen_from_is_refused_before_training(world, tmp_path):
    asked = [Asked("tokens", {"forget": world["rows"]["forget"]}, {}, tmp_path / "tokens.json")]
    evaluation = RunEvaluation(world["start"], asked, limits=LIMITS)
    with pytest.raises(LetheError, match="chosen by suite tofu; ask it as well"):
        BestSoFar(evaluation, world["oracle"], world["full"], CRITERION, EPOCHS)
