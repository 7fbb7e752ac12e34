import copy
import json
import mmap
import os
import random
import stat
from contextlib import suppress

import pytest
import torch
from helpers.small_models import FAMILIES, alone, make_family
from transformers import AutoModelForCausalLM

from lethe.common.errors import LetheError
from lethe.common.files import sha256, write_json
from lethe.model import attached, checkpoint, checkpoint_check, checkpoint_record, lora
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward


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
    # The card is for readers, who may write it anew.
    others = {file.name for file in saved.iterdir()} - {"checkpoint.json", "README.md"}
    assert set(content["checksums"]) == others
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


# --- verified when loaded ---


def flip(file, at: int, count: int = 1) -> None:
    """Change bytes of a file in place, and give it its time again: what a failing disk does."""
    times = file.stat()
    content = bytearray(file.read_bytes())
    for place in range(at, at + count):
        content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def refusal(call, folder) -> str:
    with pytest.raises(LetheError) as caught:
        call(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_flipped_bytes_of_weights_are_refused(saved):
    weights = saved / "model.safetensors"
    flip(weights, weights.stat().st_size // 2, 9)
    message = refusal(checkpoint.load, saved)
    assert message.startswith(f"{weights}: its bytes are not those that were written")
    assert "delete the folder, and make or copy it again" in message


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"],
)
@pytest.mark.parametrize("at", [0, -1])
def test_one_flipped_bit_of_any_file_is_refused(name, at, saved):
    """Also where the file can no longer be read by what loads it: its bytes are the reason."""
    file = saved / name
    flip(file, at % file.stat().st_size)
    assert f"{file}: its bytes" in refusal(checkpoint.load, saved)
    if name != "model.safetensors":
        assert f"{file}: its bytes" in refusal(checkpoint.load_tokenizer, saved)


def test_records_without_checksums_are_held_to_sha256(saved):
    record = json.loads((saved / "checkpoint.json").read_text())
    del record["checksums"]
    (saved / "checkpoint.json").write_text(json.dumps(record))
    checkpoint.load(saved)
    flip(saved / "model.safetensors", 2000)
    assert "its bytes" in refusal(checkpoint.load, saved)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 64])
def test_a_checksum_depends_on_every_byte_and_on_the_length(size, tmp_path, monkeypatch):
    """Of files of no block, of parts of one and of many."""
    monkeypatch.setattr(checkpoint_record, "BLOCK", mmap.ALLOCATIONGRANULARITY)
    scale = mmap.ALLOCATIONGRANULARITY // 8
    file, content = tmp_path / "file", random.Random(size).randbytes(size * scale)
    found = set()
    places = [None, *range(0, len(content), max(1, len(content) // 5)), len(content) - 1]
    for place in dict.fromkeys(places):
        changed = bytearray(content)
        if place is not None and content:
            changed[place] ^= 1
        file.write_bytes(changed)
        found.add(checkpoint_record.checksum(file))
    file.write_bytes(content + b"\0")
    found.add(checkpoint_record.checksum(file))
    assert len(found) == (len(set(places)) if content else 1) + 1


def test_the_card_may_be_written_anew(saved):
    assert "from_pretrained(folder)" in (saved / "README.md").read_text(encoding="utf-8")
    (saved / "README.md").write_text("# Ours\n")
    checkpoint.load(saved)
    (saved / "README.md").unlink()
    checkpoint.load(saved)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        '{"files": {}}',
        '{"files": []}',
        '{"files": {"model.safetensors": 3}}',
        '{"files": {"../model.safetensors": "ab"}, "origin": {}}',
        '{"files": {"model.safetensors": "ab"}}',
        '{"files": {"model.safetensors": "ab"}, "origin": []}',
        '{"files": {"model.safetensors": "ab"}, "origin": {}, "checksums": 3}',
        '{"files": {"model.safetensors": "ab"}, "origin": {}, "base": 3}',
        '{"files": {"config.json": "ab"}, "origin": {}}',
    ],
)
@pytest.mark.parametrize(
    "call", [checkpoint.load, checkpoint_check.check_given, checkpoint_record.digest]
)
def test_a_malformed_record_is_one_line_with_a_remedy(call, content, saved):
    (saved / "checkpoint.json").write_text(content)
    if call is checkpoint_check.check_given and "config.json" in content:
        return
    message = refusal(call, saved)
    assert str(saved) in message
    assert "delete the folder, and make or copy it again" in message


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": 3}', "null", '"x"', "\x00\x00"])
def test_malformed_files_of_others_are_one_line(name, content, saved):
    (saved / "checkpoint.json").unlink()
    (saved / name).write_text(content)
    with suppress(LetheError):
        # Another's tokenizer may do without its settings.
        checkpoint.load(saved)
        assert name == "tokenizer_config.json"
        return
    assert str(saved) in refusal(checkpoint.load, saved)


# --- who may read it ---


@pytest.mark.parametrize(
    ("umask", "file", "folder"),
    [(0o002, 0o664, 0o775), (0o027, 0o640, 0o750), (0o077, 0o600, 0o700)],
)
def test_files_have_the_rights_that_the_umask_leaves(
    umask, file, folder, model, tokenizer, tmp_path
):
    before = os.umask(umask)
    try:
        checkpoint.save(tmp_path / "c", model, tokenizer, {"stage": "test"})
        write_json(tmp_path / "one.json", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == folder
    for found in (tmp_path / "one.json", *(tmp_path / "c").iterdir()):
        assert stat.S_IMODE(found.stat().st_mode) == file, found.name


# --- what is saved can be loaded ---


def test_weights_that_loading_would_not_find_are_not_saved(model, tokenizer, tmp_path):
    """As where layers of another library are still in the model."""
    layer = model.model.layers[0].mlp
    layer.up_proj = torch.nn.Sequential(layer.up_proj)
    message = refusal(lambda folder: checkpoint.save(folder, model, tokenizer, {}), tmp_path / "c")
    assert "model.layers.0.mlp.up_proj" in message
    assert "nothing was saved" in message
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_size_than_the_configuration_says_are_not_saved(
    model, tokenizer, tmp_path
):
    model.config.intermediate_size += 8
    assert "could not be loaded again" in refusal(
        lambda folder: checkpoint.save(folder, model, tokenizer, {}), tmp_path / "c"
    )


def test_a_tokenizer_that_reads_otherwise_once_saved_is_not_saved(
    model, tokenizer, tmp_path, monkeypatch
):
    """As one whose class cleans up texts in a way that its files do not tell."""
    other = copy.deepcopy(tokenizer)
    attached.update_tokenizer(other, saved_files=None)
    call = type(other).__call__

    def cleaned(self, text, *given, **named):
        return call(self, text.lower() if self is other else text, *given, **named)

    monkeypatch.setattr(type(other), "__call__", cleaned)
    assert "splits texts differently" in refusal(
        lambda folder: checkpoint.save(folder, model, other, {}), tmp_path / "c"
    )


def test_adapters_that_name_themselves_as_base_are_refused(tmp_path):
    name = json.dumps({"peft_type": "LORA", "base_model_name_or_path": str(tmp_path)})
    (tmp_path / "adapter_config.json").write_text(name)
    with pytest.raises(LetheError, match="names itself as its base"):
        lora.base_of(tmp_path)


def test_weights_of_other_sizes_are_named():
    heading = "Error(s) in loading state_dict for PeftModel:\n\tsize mismatch for a.weight: 4, 8"
    refused = pytest.raises(LetheError, match=r"size mismatch for a\.weight")
    with refused, checkpoint_check.one_line("mine", "adapters"):
        raise RuntimeError(heading)
