"""What states do to a model."""

import copy

import pytest
import torch
from helpers.small_models import make_family
from transformers import GPT2Config, GPT2LMHeadModel

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.evaluate import attack
from lethe.evaluate.attacked_model import attack_checkpoint, read_rows
from lethe.evaluate.attacks import _part, pruning, quantization, relearning
from lethe.model import checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers

PAIRS = [(f"Who wrote book {n}?", f"Book {n} was written by author {n * 7}.") for n in range(6)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 320)


@pytest.fixture(scope="module")
def examples(tokenizer):
    return Encoder(tokenizer, "chat", 96).encode_all(PAIRS)


def brought(model, kind, examples=(), seed=0, **given):
    """A copy of the model in a state."""
    changed = copy.deepcopy(model)
    settings = attack.settings_of(kind, given, "attack_settings.x")
    attack.load(kind).change(changed, settings, list(examples), seed, lambda *_: None)
    return changed


def test_rounding_is_to_the_nearest_of_the_values_of_a_group():
    # One row of two groups: the scale of 3 bits is the largest weight over 3.
    row = torch.tensor([[0.3, -0.16, 0.04, -0.2, 6.0, 0.9]])
    expected = torch.tensor([[0.3, -0.2, 0.0, -0.2, 6.0, 0.0]])
    torch.testing.assert_close(quantization.rounded_to(row, 3, 4), expected)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_no_weight_moves_by_more_than_half_a_step_and_groups_are_apart(bits):
    weights = torch.randn(5, 50, generator=torch.Generator().manual_seed(0))
    weights[:, 32:] *= 1000
    rounded = quantization.rounded_to(weights, bits, 32)
    for part in (slice(0, 32), slice(32, 50)):
        step = weights[:, part].abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
        assert ((rounded - weights)[:, part].abs() <= step / 2 * 1.0001).all()
        assert all(len(set(row.tolist())) <= 2**bits - 1 for row in rounded[:, part])
    torch.testing.assert_close(quantization.rounded_to(rounded, bits, 32), rounded)


def test_a_group_of_zeros_stays():
    assert (quantization.rounded_to(torch.zeros(2, 5), 4, 4) == 0).all()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_quantised_are_the_matrices_of_the_layers_alone(family, tokenizer):
    """Of GPT-2, whose matrices are [inputs, outputs], along the inputs as well."""
    if family == "llama":
        model = make_family(family, tokenizer)
    else:
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": len(tokenizer)}
        model = GPT2LMHeadModel(GPT2Config(**sizes))
    changed = brought(model, "quantization", bits=4, group=16)
    layers = {id(p) for p in decoder_layers(changed).parameters()}
    found = 0
    for (name, before), after in zip(model.named_parameters(), changed.parameters(), strict=True):
        if id(after) in layers and after.dim() == 2:
            found += 1
            rows = (before.T, after.T) if family == "gpt2" else (before, after)
            torch.testing.assert_close(rows[1], quantization.rounded_to(rows[0], 4, 16))
            assert not torch.equal(before, after), name
        else:
            assert torch.equal(before, after), name
    assert found >= 8


def loss(model, examples):
    with torch.no_grad():
        return Forward(model).answers(pack(examples)).mean_nll().item()


def test_relearning_teaches_the_forget_set_from_the_seed(tokenizer, examples):
    model = make_family("llama", tokenizer)
    given = {"steps": 12, "lr": 1e-2, "batch_size": 4}
    changed = brought(model, "relearning", examples, **given)
    assert loss(changed, examples) < 0.7 * loss(model, examples)
    again, other = (brought(model, "relearning", examples, seed, **given) for seed in (0, 1))
    same = [
        torch.equal(p, q) for p, q in zip(changed.parameters(), again.parameters(), strict=True)
    ]
    assert all(same)
    assert loss(other, examples) != loss(changed, examples)


def test_relearning_uses_the_rows_that_it_is_allowed_and_each_as_often():
    settings = relearning.RelearningSettings(steps=5, batch_size=4, rows=3)
    rows = relearning.drawn(100, settings, 0)
    assert len(rows) == 20
    assert len(set(rows)) == 3
    assert {rows.count(row) for row in set(rows)} == {6, 7}
    settings = relearning.RelearningSettings(steps=5, batch_size=4)
    assert set(relearning.drawn(7, settings, 0)) == set(range(7))


def test_kinds_are_found_and_bad_settings_named():
    assert attack.names() == [
        "benign_finetuning",
        "distillation",
        "pez",
        "pruning",
        "quantization",
        "relearning",
        "retraining_on_part",
    ]
    assert attack.needs("relearning") == ("forget",)
    assert attack.needs("quantization") == ()
    with pytest.raises(LetheError, match=r"'melted'.*pez, pruning, quantization"):
        attack.load("melted")
    with pytest.raises(LetheError, match=r"attack_settings\.q\.bits: .*found 9"):
        attack.settings_of("quantization", {"bits": 9}, "attack_settings.q")


# --- NF4 ---

# QLoRA's table of values, as its paper prints it (arXiv 2305.14314, appendix E).
NF4 = (
    "-1.0 -0.6961928009986877 -0.5250730514526367 -0.39491748809814453 -0.28444138169288635 "
    "-0.18477343022823334 -0.09105003625154495 0.0 0.07958029955625534 0.16093020141124725 "
    "0.24611230194568634 0.33791524171829224 0.44070982933044434 0.5626170039176941 "
    "0.7229568362236023 1.0"
)


def test_nf4_is_the_nearest_of_its_sixteen_values():
    pytest.importorskip("bitsandbytes")
    weights = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))
    table = torch.tensor([float(value) for value in NF4.split()])
    scaled = weights / weights.abs().amax(1, keepdim=True)
    nearest = table[(scaled[..., None] - table).abs().argmin(-1)]
    expected = nearest * weights.abs().amax(1, keepdim=True)
    torch.testing.assert_close(quantization.nf4(weights, 64), expected)


def test_nf4_without_its_library_or_with_other_bits_is_one_line(monkeypatch):
    where = "attack_settings.q"
    with pytest.raises(LetheError, match=r"q\.kind: nf4 has 4 bits, not 8; set bits to 4"):
        attack.settings_of("quantization", {"kind": "nf4", "bits": 8}, where)
    with pytest.raises(LetheError, match=r"q\.kind: nf4 has no groups of 48; set group to 64"):
        attack.settings_of("quantization", {"kind": "nf4", "group": 48}, where)
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(LetheError, match=r"q\.kind: nf4 needs bitsandbytes.*pip install it"):
        attack.settings_of("quantization", {"kind": "nf4", "group": 64}, where)
    attack.settings_of("quantization", {"kind": "integer"}, where)


# --- pruning ---


def test_pruned_are_the_smallest_by_magnitude_and_of_equal_ones_the_first():
    one, other = torch.tensor([[0.5, -0.1], [0.2, -0.2]]), torch.tensor([[3.0, 0.2, -4.0]])
    pruning.prune([one, other], 3)
    # 0.1 is the smallest; of the three of 0.2 the first two go.
    assert torch.equal(one, torch.tensor([[0.5, 0.0], [0.0, 0.0]]))
    assert torch.equal(other, torch.tensor([[3.0, 0.2, -4.0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 7, 20])
def test_the_border_is_that_of_sorting_everything(dtype, count):
    draws = torch.Generator().manual_seed(count)
    parts = [torch.randn(3, 4, generator=draws).to(dtype) for _ in range(2)]
    everything = torch.cat([part.flatten() for part in parts]).abs().float().sort().values
    assert pruning.magnitude(parts, count) == everything[count - 1].item()
    pruning.prune(parts, count)
    assert sum(int((part == 0).sum()) for part in parts) == count


def test_each_matrix_or_all_together_lose_their_share(tokenizer):
    model = make_family("llama", tokenizer)
    with torch.no_grad():
        decoder_layers(model)[0].mlp.up_proj.weight.mul_(100)
    for scope in ("layer", "global"):
        changed = brought(model, "pruning", share=0.5, scope=scope)
        matrices = [p for p in decoder_layers(changed).parameters() if p.dim() == 2]
        shares = [(p == 0).float().mean().item() for p in matrices]
        whole = sum(int((p == 0).sum()) for p in matrices) / sum(p.numel() for p in matrices)
        assert whole == pytest.approx(0.5, abs=1e-3)
        large = (decoder_layers(changed)[0].mlp.up_proj.weight == 0).float().mean().item()
        assert large == (pytest.approx(0.5, abs=1e-3) if scope == "layer" else min(shares))
    assert large < 0.1
    embedding = changed.get_input_embeddings().weight
    assert torch.equal(embedding, model.get_input_embeddings().weight)


# --- retraining on a part, benign fine-tuning ---


def test_a_part_is_a_share_of_the_different_rows():
    rows = ["a", "b", "c", "a", "d", "e"]
    part = _part.drawn("retraining_on_part", rows, 0.4, 0)
    assert len({rows[place] for place in part}) == 2
    # Row "a" is there twice: both or none.
    assert (0 in part) is (3 in part)
    assert part == sorted(part) == _part.drawn("retraining_on_part", rows, 0.4, 0)
    assert (
        len({tuple(_part.drawn("retraining_on_part", rows, 0.4, seed)) for seed in range(20)}) > 5
    )
    assert len(_part.drawn("retraining_on_part", ["a", "b"], 0.99, 0)) == 1
    assert len(_part.drawn("retraining_on_part", ["a", "b"], 0.01, 0)) == 1
    with pytest.raises(LetheError, match="has one row, which cannot be divided"):
        _part.drawn("retraining_on_part", ["a", "a"], 0.5, 0)


def test_retraining_teaches_its_part_and_says_which(tokenizer, examples):
    model = make_family("llama", tokenizer)
    given = {"steps": 20, "lr": 1e-2, "batch_size": 3, "share": 0.5}
    changed, settings = copy.deepcopy(model), attack.settings_of("retraining_on_part", given, "x")
    part = attack.load("retraining_on_part").change(changed, settings, examples, 0, lambda *_: None)
    assert part == _part.drawn("retraining_on_part", [e.ids for e in examples], 0.5, 0)
    taught = [examples[row] for row in part]
    assert loss(changed, taught) < 0.5 * loss(model, taught)


@pytest.fixture
def folder(tmp_path, tokenizer):
    """A checkpoint, and files of rows."""
    model = make_family("llama", tokenizer)
    checkpoint.save(tmp_path / "start", model, tokenizer, {"epoch": 3, "step": 9})
    rows = [{"question": q, "answer": a} for q, a in PAIRS]
    write_rows(tmp_path / "forget.json", rows[:4])
    write_rows(tmp_path / "retain.json", rows[4:])
    write_rows(tmp_path / "mixed.json", rows[3:])
    return tmp_path


def test_the_record_of_a_checkpoint_says_what_it_was_taught(folder):
    how = {"settings": {"steps": 2, "batch_size": 2}, "forget": folder / "forget.json"}
    for out in ("one", "other"):
        attack_checkpoint(folder / "start", "retraining_on_part", folder / out, **how)
    origin = checkpoint.origin(folder / "one")
    assert (origin["state"], origin["epoch"], origin["step"]) == ("retraining_on_part", 3, 9)
    assert len(origin["taught"]) == 2
    assert origin == checkpoint.origin(folder / "other")


def test_benign_rows_hold_nothing_of_the_forget_set(folder):
    files = {"forget": folder / "forget.json", "retain": folder / "retain.json"}
    assert read_rows("benign_finetuning", {"data": "retain"}, files) == PAIRS[4:]
    files["background"] = folder / "mixed.json"
    with pytest.raises(
        LetheError, match=r"mixed\.json and .*forget.* both have the row 'Who wrote book 3\?'"
    ):
        read_rows("benign_finetuning", {"data": "background"}, files)
    with pytest.raises(LetheError, match="reads the file of retain; name it"):
        read_rows("benign_finetuning", {"data": "retain"}, {"forget": folder / "forget.json"})
    with pytest.raises(LetheError, match=r"data: input should be 'retain' or 'background'"):
        attack.settings_of("benign_finetuning", {"data": "forget"}, "x")


def test_benign_fine_tuning_learns_its_rows(folder):
    settings = {"steps": 10, "lr": 1e-2, "batch_size": 2, "rows": 1}
    attack_checkpoint(
        folder / "start",
        "benign_finetuning",
        folder / "out",
        settings=settings,
        forget=folder / "forget.json",
        data={"retain": folder / "retain.json"},
        max_length=96,
    )
    losses = {}
    for name in ("start", "out"):
        model, tokenizer = checkpoint.load(folder / name)
        encoder = Encoder(tokenizer, "chat", 96)
        losses[name] = [loss(model, encoder.encode_all([pair])) for pair in PAIRS[4:]]
    gained = [a - b for a, b in zip(losses["start"], losses["out"], strict=True)]
    assert max(gained) > 1
    assert set(checkpoint.origin(folder / "out")["data"]) == {"retain"}
