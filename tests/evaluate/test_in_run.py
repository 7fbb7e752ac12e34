"""Records made while a model trains are those of its checkpoints, byte for byte."""

import pytest
import torch
from helpers.shared_data import shared_folder

from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.evaluate.collect import collect, read_set
from lethe.evaluate.in_run import Asked, RunEvaluation
from lethe.evaluate.records import write_records
from lethe.evaluate.suite import Limits
from lethe.model.cost import Meter
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

TEMPLATE = {"name": "chat", "system": "You are a helpful assistant."}
SETTINGS = {"epochs": 3, "lr": 1e-3, "batch_size": 4, "warmup_epochs": 1}
LIMITS = Limits(200, 12)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Rows of open-unlearning's tiny models: the files by set, and the model."""
    parity, folder = shared_folder("oracle", "parity"), tmp_path_factory.mktemp("data")
    names = {"forget": "forget10", "forget_perturbed": "forget10_perturbed", "holdout": "holdout10"}
    for name in names.values():
        write_rows(folder / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:6])
    for name in ("retain_perturbed", "real_authors_perturbed", "world_facts_perturbed"):
        write_rows(folder / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:2])
        names[name] = name
    write_rows(folder / "retain90.json", read_rows(parity / "data/retain90.json")[:12])
    files = {name: folder / f"{file}.json" for name, file in names.items()}
    return files | {"retain": folder / "retain90.json"}, parity / "models/full"


def asked(files, folder):
    sets = ("forget", "retain", "real_authors", "world_facts")
    tofu = {name: read_set(files[f"{name}_perturbed"]) for name in sets}
    tokens = {name: read_set(files[name]) for name in ("forget", "holdout")}
    sampled = {"forget": read_set(files["forget"])}
    settings = {"samples": 2, "seed": 3}
    return [
        Asked("tofu", tofu, {}, folder / "tofu.json"),
        Asked("tokens", tokens, {}, folder / "tokens.json"),
        Asked("sampled", sampled, settings, folder / "sampled.json"),
    ]


def run(files, start, out, **more):
    method = methods.load("npo_retain")(SETTINGS, "npo_retain")
    return unlearn(start, method, files, out, template=TEMPLATE, **more)


def test_records_are_those_of_the_checkpoints_and_dropped_epochs_are_not_written(data, tmp_path):
    files, start = data
    whole = run(files, start, tmp_path / "whole")
    meter = Meter()
    within = RunEvaluation(
        start, asked(files, tmp_path / "within"), TEMPLATE, LIMITS, threads=1, meter=meter
    )
    with meter:
        kept = run(files, start, tmp_path / "kept", keep=[3], ended=within)
    training = meter.spent()
    assert within.finish([1, 2, 3]) == 3 * (12 + 12 + 6)
    assert [folder.name for folder in (tmp_path / "kept").iterdir()] == ["epoch3"]
    for file in ("model.safetensors", "checkpoint.json"):
        last = [(one.checkpoints[-1] / file).read_bytes() for one in (whole, kept)]
        assert last[0] == last[1]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for one in asked(files, tmp_path / "after"):
        records = collect(
            one.suite,
            whole.checkpoints,
            one.rows,
            template=TEMPLATE,
            limits=LIMITS,
            settings=one.settings,
        )
        write_records(one.out, records)
        made = tmp_path / "within" / one.out.name
        assert made.read_bytes() == one.out.read_bytes()
    torch.set_num_threads(before)
    assert len([*(tmp_path / "within").iterdir()]) == 3
    # Three epochs of two batches; a step passes twice, the starting model once more.
    with Meter() as alone:
        run(files, start, tmp_path / "again", keep="last")
    assert training["forward_passes"] == alone.spent()["forward_passes"]


def test_a_run_that_was_stopped_has_the_records_of_its_earlier_epochs(data, tmp_path):
    files, start = data
    made = {}
    for name, ends in (("whole", None), ("stopped", 2)):
        out, state = tmp_path / name, tmp_path / f"{name}_state"
        within = RunEvaluation(start, asked(files, out / "records"), TEMPLATE, LIMITS)

        def ended(epoch, step, model, within=within, ends=ends):
            within(epoch, step, model)
            if epoch == ends:
                raise InterruptedError

        how = Execution(state_saver=StateSaver(state, 0))
        if ends is not None:
            with pytest.raises(InterruptedError):
                run(files, start, out, keep=[3], ended=ended, how=how)
            within = RunEvaluation(start, asked(files, out / "records"), TEMPLATE, LIMITS)
            how = Execution(state_saver=StateSaver(state, 0))
        epochs = []
        run(
            files,
            start,
            out,
            keep=[3],
            how=how,
            ended=lambda *point, within=within, epochs=epochs: (
                epochs.append(point[0]),
                within(*point),
            ),
        )
        assert epochs == ([1, 2, 3] if ends is None else [2, 3])
        within.finish([1, 2, 3])
        made[name] = [file.read_bytes() for file in sorted((out / "records").iterdir())]
    assert len(made["whole"]) == 3
    assert made["stopped"] == made["whole"]


def test_what_cannot_be_asked_while_a_model_trains_is_refused(data, tmp_path):
    files, start = data
    rows = {"forget": read_set(files["forget"])}
    for name in ("depth", "oracle_distance"):
        with pytest.raises(LetheError, match=f"suite '{name}': compares with another model"):
            RunEvaluation(start, [Asked(name, rows, {}, tmp_path / "x.json")])
    within = RunEvaluation(start, asked(files, tmp_path), TEMPLATE, LIMITS)
    with pytest.raises(LetheError, match="has other weights than its checkpoint"):
        within(1, 1, torch.nn.Linear(2, 2))
