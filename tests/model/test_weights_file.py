import mmap

import pytest
import torch
from safetensors.torch import load_file, save_file

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.model import checkpoint_record, weights_file


def tensors() -> dict[str, torch.Tensor]:
    """Every format, odd sizes, names that need escapes; a scalar, one empty and one transposed."""
    draw = torch.Generator().manual_seed(0)
    made = {
        f"{'zyx'[number % 3]}.{number}": torch.randint(0, 2, (3, number + 1), generator=draw).to(
            dtype
        )
        for number, dtype in enumerate(weights_file.FORMATS)
    }
    return made | {
        'quote"d': torch.ones(2),
        "Zoë": torch.ones(5, dtype=torch.bfloat16),
        "large": torch.randn(70, 100, generator=draw),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 4),
        "turned": torch.arange(6.0).view(2, 3).t(),
    }


@pytest.mark.parametrize("block", [mmap.PAGESIZE, 3 * mmap.PAGESIZE, 1 << 24])
def test_the_bytes_are_those_of_safetensors_and_the_digests_are_theirs(
    block, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint_record, "BLOCK", block)
    given = tensors()
    digests = weights_file.write(tmp_path / "ours", given)
    plain = {name: tensor.contiguous() for name, tensor in given.items()}
    save_file(plain, tmp_path / "theirs", metadata={"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert digests.sha256 == sha256(tmp_path / "theirs")
    assert digests.checksum == checkpoint_record.checksum(tmp_path / "theirs")


def test_a_hollow_file_has_names_formats_and_shapes(tmp_path):
    weights_file.write_hollow(tmp_path / "hollow", tensors())
    weights_file.write(tmp_path / "whole", tensors())
    assert (tmp_path / "hollow").stat().st_size == (tmp_path / "whole").stat().st_size
    found, wanted = load_file(tmp_path / "hollow"), load_file(tmp_path / "whole")
    kinds = [{n: (t.dtype, t.shape) for n, t in some.items()} for some in (found, wanted)]
    assert kinds[0] == kinds[1]


def test_a_format_that_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(LetheError, match=r"weights w: torch.complex128 cannot be saved; convert"):
        weights_file.write(tmp_path / "w", {"w": torch.zeros(2, dtype=torch.complex128)})


def test_a_full_disk_is_an_error_and_ends_the_threads():
    class Full:
        def write(self, block):
            raise OSError(28, "No space left on device")

    with weights_file._Pieces(Full()) as pieces:
        pieces.put(torch.zeros(10, dtype=torch.uint8))
        with pytest.raises(OSError, match="No space"):
            pieces.digests()
