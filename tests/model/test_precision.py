"""What training is given: number formats, checkpointed activations, adapters; and what is saved."""

import copy
import math

import pytest
import torch
from helpers.small_models import CLOSE, distance, gradients, make_family
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM

from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.model import checkpoint, precision
from lethe.model import lora as adapters
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers
from lethe.model.settings import Compute
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.unlearn.methods import load
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import leave_checkpoints

LORA = {"rank": 4, "alpha": 8}
SCHEDULE = Schedule(epochs=2, lr=1e-2, batch_size=4, warmup_epochs=0)


def training(stage="finetune", **values) -> dict:
    return Compute(**values).training(stage)


@pytest.fixture
def start(model, tokenizer, tmp_path):
    """A whole checkpoint to start from, under the working folder's results."""
    folder = tmp_path / "results/w/m/base"
    checkpoint.save(folder, model, tokenizer, {"stage": "test"})
    return folder


@torch.no_grad()
def logits(model, examples) -> torch.Tensor:
    return Forward(model.eval()).all_logits(pack(examples))


def loss_of(model, examples) -> torch.Tensor:
    model.train()
    return Forward(model).answers(pack(examples)).mean_nll()


# --- adapters ---


@pytest.mark.parametrize("name", ["llama", "gpt_neox", "phi"])
def test_adapters_begin_as_no_change_and_alone_are_trained(name, tokenizer, examples):
    model = make_family(name, tokenizer)
    before = logits(model, examples)
    weights = {n: p.detach().clone() for n, p in model.named_parameters()}
    precision.prepare(model, training(lora=LORA), 0, "base")
    assert torch.equal(logits(model, examples), before)
    fit(model, examples, SCHEDULE, 0)
    assert not torch.equal(logits(model, examples), before)
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            assert torch.equal(parameter, weights[name.replace(".base_layer", "")]), name


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("name", ["llama", "phi"])
def test_every_adapter_and_with_checkpointing_its_input_has_a_gradient(
    name, checkpointing, tokenizer, examples
):
    from peft.tuners.lora import LoraLayer

    model = make_family(name, tokenizer)
    settings = training(lora=LORA, gradient_checkpointing=checkpointing)
    precision.prepare(model, settings, 0, "base")
    # B begins at 0, where A has no gradient yet.
    fit(model, examples, SCHEDULE.model_copy(update={"epochs": 1}), 0)
    seen = {}

    def look(layer, inputs, output):
        if torch.is_grad_enabled() and inputs[0].requires_grad:
            inputs[0].register_hook(lambda grad: seen.update({layer: float(grad.abs().sum())}))

    adapted = [module for module in model.modules() if isinstance(module, LoraLayer)]
    # Four or three linear layers of attention, three or two of the rest, in each of two layers.
    assert len(adapted) >= 12
    for module in adapted:
        module.register_forward_hook(look)
    found = gradients(model, loss_of(model, examples))
    assert len(found) == 2 * len(adapted)
    for name, gradient in found.items():
        assert "lora_" in name
        assert float(gradient.abs().sum()) > 0, name
    if checkpointing:
        assert set(seen) == set(adapted)
    # Behind frozen embeddings and without need of them, the first layer's inputs have none.
    assert all(value > 0 for value in seen.values())


@pytest.mark.parametrize("lora", [None, LORA])
def test_checkpointing_of_activations_changes_no_gradient(lora, tokenizer, examples):
    """And it does recompute: each layer runs twice in a step."""
    twin = make_family("llama", tokenizer)
    plain, saving = twin, copy.deepcopy(twin)
    for model, checkpointing in ((plain, False), (saving, True)):
        settings = training(lora=lora, gradient_checkpointing=checkpointing)
        precision.prepare(model, settings, 0, "base")
    runs = {"plain": 0, "saving": 0}
    for name, model in (("plain", plain), ("saving", saving)):
        for layer in decoder_layers(model):
            norm = layer.input_layernorm
            norm.register_forward_hook(lambda *_, name=name: runs.update({name: runs[name] + 1}))
    wanted = gradients(plain, loss_of(plain, examples))
    found = gradients(saving, loss_of(saving, examples))
    assert runs["saving"] == 2 * runs["plain"] > 0
    assert distance(found, wanted) < CLOSE


def test_a_checkpoint_of_adapters_loads_as_a_plain_model(start, tokenizer, examples, monkeypatch):
    monkeypatch.chdir(start.parents[3])
    name = start.relative_to(start.parents[3])
    model, _ = checkpoint.load(name)
    precision.prepare(model, training(lora=LORA), 0, name)
    fit(model, examples, SCHEDULE, 0)
    folder = start.parent / "all/full/seed0/checkpoint"
    checkpoint.save(folder, model, tokenizer, {"stage": "test"})
    again, loaded = checkpoint.load(folder)
    # In other words the same function: sums of products in another order.
    expected = logits(model, examples)
    assert torch.allclose(
        logits(again, examples), expected, atol=1e-4 * float(expected.abs().max())
    )
    assert not torch.allclose(logits(checkpoint.load(start)[0], examples), expected, atol=1e-2)
    assert {n for n, _ in again.named_parameters()} == {
        n for n, _ in checkpoint.load(start)[0].named_parameters()
    }
    assert all(parameter.requires_grad for parameter in again.parameters())
    assert Encoder(loaded, "chat", 96)
    size = sum(
        file.stat().st_size for file in folder.glob("*.safetensors") if not file.is_symlink()
    )
    assert size < (start / "model.safetensors").stat().st_size / 2
    # The base is found from another working folder, too.
    monkeypatch.chdir("/")
    assert torch.equal(logits(checkpoint.load(folder)[0], examples), logits(again, examples))


def test_adapters_on_adapters(start, tokenizer, examples):
    """A full model of adapters, from which a method starts with adapters of its own."""
    full, method = start.parent / "full", start.parent / "method"
    model, _ = checkpoint.load(start)
    precision.prepare(model, training(lora=LORA), 0, start)
    fit(model, examples, SCHEDULE, 0)
    checkpoint.save(full, model, tokenizer, {})
    model, _ = checkpoint.load(full)
    precision.prepare(model, training("unlearn", lora=LORA), 1, full)
    before = logits(model, examples)
    npo = load("npo")({"epochs": 2, "lr": 1e-2, "batch_size": 4})
    encoder = Encoder(tokenizer, "chat", 96)
    data = supervise(encoder, npo.needs, [("Where was Ada born?", "Ada was born in Paris.")])
    leave_checkpoints(npo, model, tokenizer, data, 0, {}, lambda epoch: method, lambda *_: None)
    expected = logits(model, examples)
    assert not torch.allclose(expected, before, atol=1e-3)
    found = logits(checkpoint.load(method)[0], examples)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))
    # peft would make another model of them without a word, were it not told.
    for loader in (AutoPeftModelForCausalLM, AutoModelForCausalLM):
        with pytest.raises(Exception, match=r"load it with lethe\.model\.checkpoint\.load"):
            loader.from_pretrained(method)
    assert "Only with Lethe" in (method / "README.md").read_text(encoding="utf-8")


def test_equal_training_gives_equal_files_of_adapters(start, tokenizer, examples):
    for name in ("a", "b"):
        model, _ = checkpoint.load(start)
        precision.prepare(model, training(lora={**LORA, "dropout": 0.1}), 3, start)
        fit(model, examples, SCHEDULE, 3)
        checkpoint.save(start.parent / name, model, tokenizer, {})
    for file in (start.parent / "a").iterdir():
        assert file.read_bytes() == (start.parent / "b" / file.name).read_bytes(), file.name


def test_others_can_load_adapters_with_peft(start, tokenizer, examples):
    from peft import PeftModel

    model, _ = checkpoint.load(start)
    precision.prepare(model, training(lora=LORA), 0, start)
    fit(model, examples, SCHEDULE, 0)
    folder = start.parent / "adapters"
    checkpoint.save(folder, model, tokenizer, {})
    base = AutoModelForCausalLM.from_pretrained(start, attn_implementation="sdpa")
    theirs = PeftModel.from_pretrained(base, folder).eval()
    expected = logits(model, examples[:1])
    with torch.no_grad():
        found = theirs(input_ids=torch.tensor([examples[0].ids[:-1]])).logits[0]
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


def test_adapters_whose_base_is_gone_or_another_are_one_line(start, tokenizer, model):
    trained, _ = checkpoint.load(start)
    precision.prepare(trained, training(lora=LORA), 0, start)
    folder = start.parent / "adapters"
    checkpoint.save(folder, trained, tokenizer, {})
    with torch.no_grad():
        next(model.parameters()).zero_()
    checkpoint.save(start, model, tokenizer, {})
    with pytest.raises(LetheError, match="is not the model that these adapters were trained on"):
        checkpoint.load(folder)
    (start / "model.safetensors").unlink()
    with pytest.raises(LetheError, match=r"its base: .*model\.safetensors missing") as caught:
        checkpoint.load(folder)
    assert "\n" not in str(caught.value)


def test_targets_that_no_layer_has_are_one_line(model):
    with pytest.raises(LetheError, match=r"lora\.targets: ") as caught:
        precision.prepare(model, training(lora={**LORA, "targets": ["no_such"]}), 0, "base")
    assert "\n" not in str(caught.value)


def test_frozen_weights_are_shared_with_the_reference(model, examples):
    precision.prepare(model, training(lora=LORA), 0, "base")
    twin = precision.frozen_copy(model)
    ours, theirs = (dict(m.named_parameters()) for m in (model, twin))
    shared = [name for name in ours if theirs[name] is ours[name]]
    assert [name for name in ours if name not in shared] == [n for n in ours if "lora_" in n]
    before = logits(twin, examples)
    fit(model, examples, SCHEDULE, 0)
    assert torch.equal(logits(twin, examples), before)


# --- number formats ---


def test_master_weights_keep_small_steps_and_files_are_16_bit(start, tokenizer, examples):
    """A step of 1e-5 of a weight of 0.2 is below bfloat16's 1/256 of it."""
    small = SCHEDULE.model_copy(update={"lr": 1e-5})
    moved = {}
    for kept in (True, False):
        model, _ = checkpoint.load(start, dtype="bfloat16")
        precision.prepare(model, training(dtype="bfloat16", master_weights=kept), 0, start)
        before = [p.detach().clone() for p in model.parameters() if p.dim() > 1]
        fit(model, examples, small, 0)
        after = [p for p in model.parameters() if p.dim() > 1]
        moved[kept] = sum(int((a != b).sum()) for a, b in zip(after, before, strict=True))
        folder = start.parent / f"kept_{kept}"
        checkpoint.save(folder, model, tokenizer, {})
        again, _ = checkpoint.load(folder, dtype="bfloat16")
        for name, parameter in again.named_parameters():
            assert torch.equal(parameter, model.get_parameter(name).bfloat16()), name
        assert read_json(folder / "config.json")["dtype"] == "bfloat16"
        half = (start / "model.safetensors").stat().st_size / 2
        assert math.isclose((folder / "model.safetensors").stat().st_size, half, rel_tol=0.2)
    assert moved[False] < moved[True] / 3


def test_bfloat16_computes_what_float32_does_to_its_precision(start, examples):
    exact, _ = checkpoint.load(start)
    rounded, _ = checkpoint.load(start, dtype="bfloat16")
    precision.prepare(rounded, training(dtype="bfloat16"), 0, start)
    expected, found = logits(exact, examples), logits(rounded, examples)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert float((found - expected).norm() / expected.norm()) < 0.05
    twin = precision.frozen_copy(rounded)
    assert {p.dtype for p in twin.parameters()} == {torch.bfloat16}
    assert float((logits(twin, examples) - expected).norm() / expected.norm()) < 0.05


def test_stages_say_where_adapters_are_trained():
    compute = Compute(lora={**LORA, "stages": ["unlearn"]})
    assert compute.training("finetune")["lora"] is None
    assert compute.training("unlearn")["lora"]["rank"] == 4
    assert not adapters.are_in("no/such/folder")


# --- where adapters find their base ---


@pytest.fixture
def adapted(start, examples, tokenizer, monkeypatch):
    """A checkpoint of adapters on a base that was named from the working folder."""
    monkeypatch.chdir(start.parents[3])
    name = start.relative_to(start.parents[3])
    model, _ = checkpoint.load(name)
    precision.prepare(model, training(lora=LORA), 0, name)
    fit(model, examples, SCHEDULE, 0)
    folder = start.parent / "all/full/seed0/checkpoint"
    checkpoint.save(folder, model, tokenizer, {"stage": "test"})
    return folder


def test_peft_opens_them_from_any_folder(adapted, examples, monkeypatch, tmp_path):
    expected = logits(checkpoint.load(adapted)[0], examples[:1])
    monkeypatch.chdir("/")
    theirs = AutoPeftModelForCausalLM.from_pretrained(adapted).eval()
    with torch.no_grad():
        found = theirs(input_ids=torch.tensor([examples[0].ids[:-1]])).logits[0]
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("place", ["moved", "moved/results", "moved/deep/w/m"])
def test_they_find_their_base_where_both_were_moved(place, adapted, examples, monkeypatch):
    expected = logits(checkpoint.load(adapted)[0], examples)
    results = adapted.parents[5]
    top = {"moved": results, "moved/results": results, "moved/deep/w/m": results / "w/m"}[place]
    moved = results.parent / place
    moved.parent.mkdir(parents=True, exist_ok=True)
    top.rename(moved)
    monkeypatch.chdir("/")
    folder = moved / adapted.relative_to(top)
    assert torch.equal(logits(checkpoint.load(folder)[0], examples), expected)


def test_a_base_of_that_name_that_is_another_is_passed_over(adapted, model, tokenizer, monkeypatch):
    """As in a working folder with other results: what counts is the digest."""
    other = adapted.parents[6] / "other"
    with torch.no_grad():
        next(model.parameters()).zero_()
    checkpoint.save(other / "results/w/m/base", model, tokenizer, {"stage": "test"})
    monkeypatch.chdir(other)
    checkpoint.load(adapted)
    assert adapters.base_of(adapted) == str(adapted.parents[3] / "base")


def test_flipped_bytes_of_adapters_or_of_their_base_are_refused(adapted, start):
    for folder in (adapted, start):
        file = folder / "model.safetensors"
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(LetheError, match="its bytes are not those that were written"):
            checkpoint.load(adapted)
        file.write_bytes(content)
    checkpoint.load(adapted)
