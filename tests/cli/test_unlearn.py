"""``lethe unlearn``: one run on a folder of TOFU's files, and every mistake as one line."""

import json

import pytest
import torch
import torch.utils.checkpoint
from helpers.commands import refusal
from helpers.small_models import make_family
from safetensors.torch import load_file
from transformers import modeling_utils

from lethe.cli.main import main
from lethe.cli.model_options import given_settings
from lethe.common.errors import LetheError
from lethe.common.files import write_rows, write_text
from lethe.model import attention, checkpoint, checkpoint_record
from lethe.model.encoder import Encoder
from lethe.unlearn import methods
from lethe.unlearn.files import files_of
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.supervision import supervise


@pytest.fixture
def folder(tmp_path, pairs):
    """TOFU's names: all rows, those to be forgotten, and the others."""
    rows = [{"question": q, "answer": a} for q, a in pairs]
    write_rows(tmp_path / "data/forget10.json", rows[:3])
    write_rows(tmp_path / "data/retain90.json", rows[3:])
    write_text(tmp_path / "data/idontknow.jsonl", "I don't know.\nNo idea.\n")
    return tmp_path


@pytest.fixture
def start(folder, tokenizer):
    checkpoint.save(folder / "start", make_family("llama", tokenizer), tokenizer, {})
    return folder / "start"


def unlearn(folder, *arguments: str, method: str = "npo_retain", out: str = "out") -> None:
    data = ["--data", str(folder / "data"), "--split", "forget10"]
    out = ["--out", str(folder / out), "--max-length", "60", "--method", method]
    main(["unlearn", str(folder / "start"), *data, *out, *arguments])


def weights(folder) -> torch.Tensor:
    model, _ = checkpoint.load(folder)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


ONCE = ["--set", "lr=1e-3", "--set", "batch_size=2", "--set", "epochs=1"]
SET = [*ONCE[:-1], "epochs=2"]
# Of methods that are not trained, what they cannot do without on so few rows.
GIVEN = {"prompt": ["--set", 'names=["Ada Lind"]']}


def test_it_is_the_librarys_run(folder, start, pairs):
    unlearn(folder, *SET, "--set", "retain_weight=5", "--seed", "3")
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["cost.json", "epoch1", "epoch2"]
    model, tokenizer = checkpoint.load(start)
    settings = {"epochs": 2, "lr": 1e-3, "batch_size": 2, "retain_weight": 5}
    method = methods.load("npo_retain")(settings)
    data = supervise(Encoder(tokenizer, "chat", 60), method.needs, pairs[:3], retain=pairs[3:])
    ends = []
    for epoch, step in method.run(model, data, 3):
        ends.append((epoch, step))
        found = weights(folder / f"out/epoch{epoch}")
        assert torch.equal(found, torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert ends == [(1, 2), (2, 4)]
    origin = json.loads((folder / "out/epoch2/checkpoint.json").read_text())["origin"]
    assert origin["parent"] == checkpoint_record.digest(start)
    assert (origin["method"], origin["seed"], origin["epoch"]) == ("npo_retain", 3, 2)
    assert origin["settings"]["retain_weight"] == 5
    cost = json.loads((folder / "out/cost.json").read_text())
    assert (cost["steps"], cost["rows"]) == (4, 3)
    # Two passes of each of four steps, and what the reference takes: three rows in two batches.
    assert (cost["forward_passes"], cost["backward_passes"]) == (8 + 2, 8)


def test_the_last_epoch_alone_has_the_same_bytes(folder, start):
    unlearn(folder, *SET)
    unlearn(folder, *SET, "--keep", "last", out="last")
    assert sorted(p.name for p in (folder / "last").iterdir()) == ["cost.json", "epoch2"]
    for file in (folder / "out/epoch2").iterdir():
        assert (folder / "last/epoch2" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", methods.for_causal())
def test_every_method_runs(name, folder, start):
    cls = methods.load(name)
    prior = ["--prior", str(start)] if "prior" in cls({}).needs else []
    trained = issubclass(cls.settings_class, MethodSettings)
    settings = ONCE if trained else GIVEN.get(name, [])
    unlearn(folder, *settings, *prior, method=name)
    # Those that act at inference time leave the weights, and carry an intervention.
    untouched = cls.kind == "inference"
    assert torch.equal(weights(folder / "out/epoch1"), weights(start)) == untouched
    assert (folder / "out/epoch1/intervention.json").exists() == untouched
    made = (folder / "out/alternatives.json").exists()
    assert made == ("alternatives" in methods.load(name)({}).needs)


def test_settings_go_into_mappings_by_dots(folder, start):
    unlearn(folder, *SET, "--set", "optimiser.name=nbit", "--set", "optimiser.bits=3")
    origin = json.loads((folder / "out/epoch1/checkpoint.json").read_text())["origin"]
    assert origin["settings"]["optimiser"] == {"name": "nbit", "bits": 3}


def test_given_settings():
    texts = ["lr=1e-3", "a.b=2", "a.c=x", 'frozen=["embed", "norm"]', "retain=kl", "x=null"]
    assert given_settings(texts) == {
        "lr": 1e-3,
        "a": {"b": 2, "c": "x"},
        "frozen": ["embed", "norm"],
        "retain": "kl",
        "x": None,
    }
    for text in ("lr", "=3", ""):
        with pytest.raises(LetheError, match="key=value"):
            given_settings([text])
    with pytest.raises(LetheError, match=r"^--compute lr: write"):
        given_settings(["lr"], "--compute")
    with pytest.raises(LetheError, match="optimiser already has a value"):
        given_settings(["optimiser=sgd", "optimiser.bits=3"])


def error(folder, *arguments: str, **changed) -> str:
    return refusal(lambda: unlearn(folder, *arguments, **changed))


def test_mistakes_are_one_line_before_the_model_is_loaded(folder):
    """There is no model at all in these."""
    assert "unknown method 'nop'" in error(folder, method="nop")
    assert "npo_retain.beta: " in error(folder, "--set", "beta=-1")
    assert "npo_retain.betta: unknown setting" in error(folder, "--set", "betta=1")
    assert "--compute.dtype: input should be 'float32' or 'bfloat16'" in error(
        folder, "--compute", "dtype=float16"
    )
    assert "--compute.lora.ranks: unknown setting" in error(folder, "--compute", "lora.ranks=4")
    assert "--prior: the method needs one" in error(folder, method="msa")
    assert "--prior: the method needs none" in error(folder, "--prior", "x")
    (folder / "data/retain90.json").unlink()
    assert "retain90.json: no such file; the method needs it (retain)" in error(folder)
    assert "npo_retain" not in error(folder, method="npo")


def test_a_folder_with_something_in_it_is_left_alone(folder, start):
    (folder / "out").mkdir()
    (folder / "out/mine").write_text("x")
    assert "not empty" in error(folder)
    assert [p.name for p in (folder / "out").iterdir()] == ["mine"]


def test_only_what_is_needed_must_be_there(folder):
    (folder / "data/idontknow.jsonl").unlink()
    assert set(files_of(folder / "data", "forget10", ("retain", "reference_nll"))) == {
        "forget",
        "retain",
    }
    with pytest.raises(LetheError, match="idontknow"):
        files_of(folder / "data", "forget10", ("refusals",))


# --- how the model computes ---


@pytest.fixture
def calls(monkeypatch):
    """What happens while a command runs: kinds of attention, layers computed again."""
    found = {"attention": set(), "again": 0}
    attend, again = attention.packed_attention, torch.utils.checkpoint.checkpoint

    def attending(*args, kind="sdpa", **kwargs):
        found["attention"].add(kind)
        return attend(*args, kind=kind, **kwargs)

    def computing_again(*args, **kwargs):
        found["again"] += 1
        return again(*args, **kwargs)

    monkeypatch.setattr(attention, "packed_attention", attending)
    for module in (torch.utils.checkpoint, modeling_utils):
        monkeypatch.setattr(module, "checkpoint", computing_again, raising=False)
    return found


def compute(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--compute", setting)]


def stored(folder) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_numbers_are_the_checkpoints_and_master_weights_keep_small_steps(folder, start):
    small = ["--set", "epochs=3", "--set", "lr=3e-5", "--set", "batch_size=1"]
    small += ["--set", "warmup_epochs=0"]
    unlearn(folder, *small, *compute("dtype=bfloat16"), out="with")
    unlearn(folder, *small, *compute("dtype=bfloat16", "master_weights=false"), out="without")
    kept, lost, before = (stored(folder / f) for f in ("with/epoch3", "without/epoch3", "start"))
    assert {tensor.dtype for tensor in kept.values()} == {torch.bfloat16}
    # Bfloat16 has steps of 1.2e-4 and more there: one of training's is lost, nine together are not.
    large = {name: tensor.abs() > 0.02 for name, tensor in before.items()}
    changed = [
        {n for n, old in before.items() if (old.bfloat16() != new[n].bfloat16())[large[n]].any()}
        for new in (kept, lost)
    ]
    assert changed[0]
    assert not changed[1]


def test_checkpointed_activations_are_computed_again_to_the_same_weights(folder, start, calls):
    unlearn(folder, *SET, out="plain")
    assert calls["again"] == 0
    unlearn(folder, *SET, *compute("gradient_checkpointing=true"))
    assert calls["again"] > 0
    torch.testing.assert_close(weights(folder / "out/epoch2"), weights(folder / "plain/epoch2"))


def test_attention_is_the_one_that_was_chosen(folder, start, calls):
    unlearn(folder, *SET, *compute("attention=eager"))
    assert calls["attention"] == {"eager"}


def test_adapters_alone_are_trained_and_kept(folder, start):
    unlearn(folder, *SET, *compute("lora.rank=2", "lora.targets=[q_proj, v_proj]"))
    kept = stored(folder / "out/epoch2")
    assert kept
    assert all("lora_" in name and ("q_proj" in name or "v_proj" in name) for name in kept)
    # They begin as a change of nothing: B is zero until it is trained.
    assert all(tensor.abs().max() > 0 for name, tensor in kept.items() if "lora_B" in name)
    adapted = json.loads((folder / "out/epoch2/adapter_config.json").read_text())
    assert (adapted["r"], adapted["base_model_name_or_path"]) == (2, str(start))
    before, after = (checkpoint.load(source)[0] for source in (start, folder / "out/epoch2"))
    changed = {
        name.split(".")[-2]
        for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert changed == {"q_proj", "v_proj"}


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("task_vector", [], "task_vector works on whole weights"),
        ("zero_unlearn", [], "zero_unlearn works on whole weights"),
        ("npo", ["--set", "wrappers.mpu={}"], "npo with mpu works on whole weights"),
    ],
)
def test_what_works_on_whole_weights_is_given_no_adapters(folder, method, settings, words):
    message = error(folder, *settings, *compute("lora={}"), method=method)
    assert f"--compute lora: {words}; leave adapters out" in message


def test_a_method_that_acts_at_inference_may_have_adapters(folder, start):
    unlearn(folder, *GIVEN["prompt"], *compute("lora={}"), method="prompt")
    assert torch.equal(weights(folder / "out/epoch1"), weights(start))
    assert (folder / "out/epoch1/intervention.json").exists()
