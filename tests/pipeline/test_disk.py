"""What checkpoints take on disk, told before they are made; and which of them stay."""

import copy
import errno
import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.architectures.llama import Architecture, make_model
from lethe.pipeline import disk, sizes
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.load import build
from lethe.pipeline.config.models import ModelSettings
from lethe.pipeline.ledger import staged

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
# Weights of one billion, trained by six methods with five epochs each.
BIG = {"base_checkpoint": "org/big", "parameters": 1e9, "dtype": "bfloat16"}


def of(path, **values) -> ModelSettings:
    return ModelSettings.model_construct(base_checkpoint=path, **values)


def tiny(checkpoints=None, **values) -> Config:
    config = copy.deepcopy(DEFAULT)
    config["model_settings"]["tiny"] |= values
    config["checkpoints"] |= checkpoints or {}
    return build(config)


# --- sizes ---


def test_an_architecture_has_the_weights_of_its_model(tokenizer):
    sizes_of = Architecture(
        hidden_size=48, layers=3, heads=2, intermediate_size=96, vocabulary=len(tokenizer)
    )
    model = make_model(sizes_of, tokenizer, 0)
    assert sizes_of.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("NousResearch/Llama-2-7b-chat-hf", 7e9),
        ("meta-llama/Llama-3.2-1B-Instruct", 1e9),
        ("Qwen/Qwen2.5-0.5B", 0.5e9),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 135e6),
        ("microsoft/phi-1_5", None),
        ("org/4bit-model", None),
    ],
)
def test_a_name_may_tell(path, expected):
    assert sizes.parameters(of(path)) == expected
    assert sizes.parameters(of(path, parameters=3e6)) == 3_000_000


def test_files_tell_without_being_read(model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "c", model, tokenizer, {})
    count = sum(p.numel() for p in model.parameters())
    assert sizes.parameters(of(str(tmp_path / "c"))) == count
    # The header is enough.
    file = tmp_path / "c/model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int.from_bytes(content[:8], "little") + 8])
    assert sizes.parameters(of(str(tmp_path / "c"))) == count


@pytest.mark.parametrize(
    ("count", "blocks"),
    [
        # rank * (in + out) of q, k, v, o, gate, up and down; Llama-2-7b and Llama-3.2-1B.
        (6738415616, 32 * (4 * (4096 + 4096) + 3 * (4096 + 11008))),
        (1235814400, 16 * (2 * (2048 + 2048) + 2 * (2048 + 512) + 3 * (2048 + 8192))),
    ],
)
def test_adapters_of_real_models_are_told_within_a_tenth(count, blocks):
    assert sizes.adapter_parameters(count, 16) == pytest.approx(16 * blocks, rel=0.1)


def test_checkpoints_are_as_large_as_told(model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "c", model, tokenizer, {})
    written = (tmp_path / "c/model.safetensors").stat().st_size
    count = sum(p.numel() for p in model.parameters())
    told = sizes.checkpoint_bytes(of(None, parameters=count), "unlearn")
    assert told == pytest.approx(written, rel=0.1)
    half = of(None, parameters=count, dtype="bfloat16")
    assert sizes.checkpoint_bytes(half, "unlearn") == told / 2


# --- the policy ---


def test_which_epochs_stay():
    assert disk.kept_epochs(None, 5) == disk.kept_epochs("all", 5) == {1, 2, 3, 4, 5}
    assert disk.kept_epochs("last", 5) == {5}
    assert disk.kept_epochs("none", 5) == disk.kept_epochs("best", 5) == set()


def test_how_many_checkpoints_of_a_run_stay():
    left = {keep: disk.checkpoints_left(keep, 5) for keep in (None, "all", "last", "best", "none")}
    assert left == {None: 5, "all": 5, "last": 1, "best": 1, "none": 0}
    config = tiny()
    assert disk.methods_bytes(config, "best") == disk.methods_bytes(config, "last")


def test_every_epoch_of_large_models_is_not_kept_by_accident():
    disk.check(build(DEFAULT))
    with pytest.raises(LetheError, match=r"^config: checkpoints\.keep: .* 60\.6 GB; choose all"):
        disk.check(tiny(**BIG))
    for keep in ("all", "last", "best", "none"):
        disk.check(tiny({"keep": keep}, **BIG))
    # Adapters of the same model are small.
    disk.check(tiny(**BIG, lora={"rank": 8}))


def test_a_size_that_nothing_tells_is_asked_for():
    with pytest.raises(LetheError, match=r"^config: model_settings\.tiny\.parameters: .*org/big"):
        disk.check(tiny(**{**BIG, "parameters": None}))


def test_a_policy_is_one_of_four():
    with pytest.raises(LetheError, match=r"^config: checkpoints\.keep: ") as caught:
        tiny({"keep": "some"})
    assert "\n" not in str(caught.value)


# --- room ---


def made(size: int, stays: bool, run: str, file: str = "nowhere") -> disk.Made:
    return disk.Made(file, size, stays, run)


def test_what_a_run_takes_is_what_stays_and_what_waits(tmp_path):
    passing = [made(10, False, f"run{n}") for n in range(5) for _ in range(2)]
    # One job at a time: one run is evaluated while the next is trained.
    assert disk.needed([made(100, True, "full"), *passing], 1) == (100, 40)
    assert disk.needed(passing, 4) == (0, 100)
    # A file that is replaced gives its room back.
    (tmp_path / "old").write_bytes(b"x" * 60)
    assert disk.needed([made(100, True, "full", str(tmp_path / "old"))], 1) == (40, 0)


def test_a_run_that_the_disk_cannot_hold_is_refused(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    line = disk.check_room([made(10**6, True, "full")], 1, str(tmp_path))
    assert line.startswith("Disk: checkpoints take 1 MB to stay and 0 MB for a time; ")
    with pytest.raises(LetheError, match=r"free; make room, or keep fewer") as caught:
        disk.check_room([made(2 * free, True, "full")], 1, str(tmp_path))
    assert "\n" not in str(caught.value)


def test_what_lies_beside_deleted_weights_is_cleared(model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [Path(f"results/w/m/run/{name}") for name in ("epoch1", "epoch2")]
    with staged(f"{folders[0]}/model.safetensors") as stage:
        for folder in folders:
            checkpoint.save(stage(folder), model, tokenizer, {})
    gone, there = folders
    (gone / "notes.md").write_text("My own.")
    before = sorted(there.iterdir())
    (gone / "model.safetensors").unlink()
    disk.sweep("w")
    # What no job wrote is not ours to clear.
    assert sorted(file.name for file in gone.iterdir()) == ["checkpoint.json", "notes.md"]
    assert sorted(there.iterdir()) == before


def test_a_folder_that_can_be_written_is_left_as_it_is(tmp_path):
    disk.check_writable([tmp_path, tmp_path / "to/be/made", tmp_path])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room, then run"),
        (errno.EDQUOT, "make room, then run"),
        (errno.EROFS, "make it writable, then run"),
        (errno.EACCES, "make it writable, then run"),
    ],
)
def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(
    number, remedy, tmp_path, monkeypatch
):
    def fails(**given):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", fails)
    with pytest.raises(LetheError) as caught:
        disk.check_writable([tmp_path / "results/w"])
    assert str(caught.value).startswith(f"{tmp_path}: {os.strerror(number)}; {remedy}")


def test_a_disk_that_takes_names_but_no_bytes_is_full(tmp_path):
    """As a file that may not grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(LetheError, match="make room"):
            disk.check_writable([tmp_path])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
