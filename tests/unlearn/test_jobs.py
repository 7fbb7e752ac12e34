"""Jobs as functions: each does what its steps do by hand, and records where it came from."""

import numpy as np
import pytest
import torch
from helpers.small_models import make_family

from lethe.common.errors import LetheError
from lethe.common.files import read_rows, sha256, write_rows
from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.evaluate.attacks.quantization import rounded_to
from lethe.evaluate.collect import collect, read_set
from lethe.model import checkpoint, checkpoint_record
from lethe.model.encoder import Encoder
from lethe.model.random_weights import make_untrained
from lethe.train.finetune import fit
from lethe.train.finetuned_model import finetune
from lethe.train.settings import Finetuning
from lethe.unlearn.methods import load
from lethe.unlearn.reference_losses import write_reference_losses
from lethe.unlearn.runner import answer_nll
from lethe.unlearn.unlearning import unlearn

SETTINGS = {"epochs": 2, "lr": 1e-3, "batch_size": 2}


@pytest.fixture(scope="module")
def start(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs") / "start"
    checkpoint.save(folder, make_family("llama", tokenizer), tokenizer, {"epoch": 3, "step": 7})
    return folder


@pytest.fixture
def rows(pairs):
    return [{"question": q, "answer": a} for q, a in pairs]


@pytest.fixture
def forget(rows, tmp_path):
    write_rows(tmp_path / "forget10.json", rows[:3])
    return tmp_path / "forget10.json"


def weights(source) -> torch.Tensor:
    model = checkpoint.load(source)[0] if not hasattr(source, "parameters") else source
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_finetuning_is_a_fit_and_a_record(start, rows, pairs, tmp_path):
    settings = Finetuning(**SETTINGS, fact_repeats=2)
    counts = finetune(
        start, rows[1:], tmp_path / "out", facts=rows[:1], settings=settings, seed=4,
        max_length=96, stage="train_retain", data="d", split="forget10",
    )  # fmt: skip
    model, tokenizer = checkpoint.load(start)
    # Each fact twice an epoch, after the authors.
    examples = Encoder(tokenizer, "chat", 96).encode_all([*pairs[1:], pairs[0], pairs[0]])
    assert fit(model, examples, settings, 4) == counts
    assert torch.equal(weights(model), weights(tmp_path / "out"))
    origin = checkpoint.origin(tmp_path / "out")
    assert origin["parent"] == checkpoint_record.digest(start)
    wanted = {"stage": "train_retain", "data": "d", "split": "forget10", "seed": 4}
    assert origin.items() >= wanted.items()
    assert origin["settings"]["fact_repeats"] == 2


def test_a_run_does_not_mix_with_an_earlier_one(start, forget, tmp_path):
    method = load("grad_ascent")(SETTINGS)
    run = unlearn(start, method, {"forget": forget}, tmp_path / "out", max_length=96)
    assert [folder.name for folder in run.checkpoints] == ["epoch1", "epoch2"]
    assert run.counts == {"steps": 4, "rows": 3}
    assert checkpoint.origin(run.checkpoints[0])["forget"] == sha256(forget)
    before = weights(run.checkpoints[1])
    with pytest.raises(LetheError, match="checkpoints of an earlier run"):
        unlearn(start, method, {"forget": forget}, tmp_path / "out", max_length=96)
    assert torch.equal(weights(run.checkpoints[1]), before)


def test_reference_losses_are_those_of_the_rows(start, forget, pairs, tmp_path):
    counts = write_reference_losses(start, forget, tmp_path / "nll.json", batch_size=2)
    model, tokenizer = checkpoint.load(start)
    examples = Encoder(tokenizer, "chat", 500).encode_all(pairs[:3])
    losses = [row["nll"] for row in read_rows(tmp_path / "nll.json")]
    assert counts == {"rows": 3}
    assert losses == answer_nll(model, examples, 2).tolist()


def test_a_method_with_written_reference_losses_is_the_same(start, forget, tmp_path):
    method = load("npo")(SETTINGS)
    write_reference_losses(start, forget, tmp_path / "nll.json", batch_size=2)
    known = {"forget": forget, "reference_nll": tmp_path / "nll.json"}
    read = unlearn(start, method, known, tmp_path / "read").checkpoints[-1]
    computed = unlearn(start, method, {"forget": forget}, tmp_path / "own").checkpoints[-1]
    assert torch.equal(weights(read), weights(computed))


def test_random_weights_are_others_with_a_parent(start, tmp_path):
    for seed in (0, 0, 1):
        make_untrained(start, tmp_path / f"seed{seed}", seed)
    assert checkpoint.origin(tmp_path / "seed1")["parent"] == checkpoint_record.digest(start)
    assert not torch.equal(weights(tmp_path / "seed0"), weights(tmp_path / "seed1"))
    assert weights(tmp_path / "seed0").shape == weights(start).shape


def test_an_attack_keeps_the_place_in_the_run(start, tmp_path):
    attack_checkpoint(start, "quantization", tmp_path / "out", settings={"bits": 3, "group": 8})
    origin = checkpoint.origin(tmp_path / "out")
    assert (origin["epoch"], origin["step"], origin["state"]) == (3, 7, "quantization")
    assert origin["settings"] == {"bits": 3, "group": 8, "kind": "integer"}
    before, after = (checkpoint.load(s)[0] for s in (start, tmp_path / "out"))
    name = "model.layers.0.mlp.up_proj.weight"
    rounded = rounded_to(before.state_dict()[name], 3, 8)
    assert torch.equal(after.state_dict()[name], rounded)
    with pytest.raises(LetheError, match=r"attack_settings\.bit"):
        attack_checkpoint(start, "quantization", tmp_path / "no", settings={"bit": 3})


def test_records_name_the_checkpoints_place_and_count_items(start, rows, tmp_path):
    sets = {"forget": rows[:3], "holdout": rows[3:5]}
    told = []
    records = collect("tokens", [start, start], sets, report=lambda *at: told.append(at))
    assert [(point.epoch, point.step) for point in records.checkpoints] == [(3, 7)] * 2
    assert records.items == 10
    assert told == [(1, 2), (2, 2)]
    first, second = (point.sets["forget"].answer_loss for point in records.checkpoints)
    assert np.array_equal(first, second)


def test_a_sets_rows_are_the_first_ones(rows, tmp_path):
    write_rows(tmp_path / "forget10.json", rows)
    assert read_set(tmp_path / "forget10.json", 2) == rows[:2]
    assert read_set(tmp_path / "forget10.json") == rows
    # Wrong answers are read, and so checked, in files that say they have them.
    odd = [{**rows[0], "perturbed_answer": 7}]
    write_rows(tmp_path / "forget10.json", odd)
    assert read_set(tmp_path / "forget10.json") == odd
    write_rows(tmp_path / "forget10_perturbed.json", odd)
    with pytest.raises(LetheError, match="perturbed_answer"):
        read_set(tmp_path / "forget10_perturbed.json")
