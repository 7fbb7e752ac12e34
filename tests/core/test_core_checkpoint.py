import json

import pytest
import torch
from core_helpers import FAMILIES, alone, make_family
from transformers import AutoModelForCausalLM

from lethe import checkpoint, checkpoint_record
from lethe.errors import LetheError
from lethe.files import sha256
from lethe.forward import Forward
from lethe.packing import pack
from lethe.text import Encoder


@pytest.fixture
def saved(model, tokenizer, tmp_path):
    folder = tmp_path / "run" / "epoch1"
    checkpoint.save(folder, model, tokenizer, {"stage": "test", "epoch": 1})
    return folder


@pytest.mark.parametrize("name", sorted(FAMILIES))
@torch.no_grad()
def test_round_trip(name, tokenizer, examples, tmp_path):
    model = make_family(name, tokenizer)
    checkpoint.save(tmp_path / "c", model, tokenizer, {})
    again, _ = checkpoint.load(tmp_path / "c")
    assert not again.training
    batch = pack(examples)
    # Equal to the bit: the same numbers, computed in the same way.
    assert torch.equal(Forward(again).all_logits(batch), Forward(model).all_logits(batch))


def test_the_tokenizer_comes_back_with_its_chat_template(saved, examples, pairs):
    _, tokenizer = checkpoint.load(saved)
    assert Encoder(tokenizer, "chat", 96).encode_all(pairs) == examples
    assert Encoder(checkpoint.load_tokenizer(saved), "chat", 96).encode_all(pairs) == examples


@torch.no_grad()
def test_others_can_load_it_without_lethe(saved, model, examples):
    """The attention of packed batches is ours alone: nothing of it may be in the files."""
    for file in saved.glob("*.json"):
        assert "lethe" not in file.read_text(encoding="utf-8")
    plain = AutoModelForCausalLM.from_pretrained(saved, attn_implementation="sdpa").eval()
    found, expected = alone(plain, examples[0]), alone(model, examples[0])
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_the_dtype_is_as_asked(saved):
    model, _ = checkpoint.load(saved, dtype="bfloat16")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    model, _ = checkpoint.load(saved)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_equal_work_gives_equal_bytes(saved, model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "b", model, tokenizer, {"stage": "test", "epoch": 1})
    names = sorted(file.name for file in saved.iterdir())
    assert names == sorted(file.name for file in (tmp_path / "b").iterdir())
    for name in names:
        assert (saved / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert checkpoint_record.digest(saved) == checkpoint_record.digest(tmp_path / "b")
    # Loading and saving again changes nothing of the weights.
    checkpoint.save(tmp_path / "c", *checkpoint.load(saved), {})
    assert checkpoint_record.digest(tmp_path / "c") == checkpoint_record.digest(saved)
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-3
    checkpoint.save(tmp_path / "d", model, tokenizer, {})
    assert checkpoint_record.digest(tmp_path / "d") != checkpoint_record.digest(saved)


def test_the_digest_is_of_the_files(saved):
    content = json.loads((saved / "checkpoint.json").read_text())
    assert content["origin"] == {"stage": "test", "epoch": 1}
    others = {file.name for file in saved.iterdir()} - {"checkpoint.json"}
    assert content["files"] == {name: sha256(saved / name) for name in others}
    assert checkpoint_record.digest(saved) == sha256(saved / "model.safetensors")


def test_a_failure_leaves_no_folder(model, tokenizer, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(type(tokenizer), "save_pretrained", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(tmp_path / "c", model, tokenizer, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_checkpoint(saved, model, tokenizer, monkeypatch):
    before = checkpoint_record.digest(saved)

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(type(tokenizer), "save_pretrained", fail)
    with torch.no_grad():
        next(model.parameters()).zero_()
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(saved, model, tokenizer, {})
    assert [folder.name for folder in saved.parent.iterdir()] == [saved.name]
    assert sha256(saved / "model.safetensors") == before
    checkpoint.load(saved)


def test_saving_replaces_the_whole_folder(saved, model, tokenizer):
    (saved / "left.txt").write_text("of an older one")
    checkpoint.save(saved, model, tokenizer, {"stage": "again"})
    assert not (saved / "left.txt").exists()
    assert json.loads((saved / "checkpoint.json").read_text())["origin"] == {"stage": "again"}


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_deleted_file_is_named_with_a_remedy(saved, name):
    (saved / name).unlink()
    with pytest.raises(LetheError, match=rf"epoch1: {name} missing; delete the folder") as error:
        checkpoint.load(saved)
    assert "\n" not in str(error.value)


def test_a_folder_of_others_that_is_no_checkpoint_is_one_line(saved):
    """Without our digest beside it, as a downloaded model is."""
    (saved / "checkpoint.json").unlink()
    checkpoint.load(saved)
    (saved / "model.safetensors").unlink()
    with pytest.raises(LetheError, match="epoch1: no weights as safetensors") as error:
        checkpoint.load(saved)
    assert "\n" not in str(error.value)


def test_truncated_weights_are_one_line_that_names_them(saved):
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(LetheError, match="epoch1"):
        checkpoint.load(saved)
