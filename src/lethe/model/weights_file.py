"""Weights files in safetensors' format, hashed while they are written.

safetensors' own writer holds Python's lock until the last byte is on disk, so that training would
stand still, and its file would have to be read again to be hashed. Ours writes the same bytes.
"""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from xxhash import xxh3_128, xxh3_128_hexdigest

from lethe.common.errors import LetheError
from lethe.model import checkpoint_record

# Number formats in the order in which safetensors stores them: the widest first.
FORMATS = {
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
# The most pieces, each at most a block, that may wait to be written and hashed.
WAITING = 4


class Digests(NamedTuple):
    """Both digests of a file, as ``checkpoint_record`` has them."""

    sha256: str
    checksum: str


def ordered(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The names in the order of the file; LetheError for a number format that is not supported."""
    places = {dtype: place for place, dtype in enumerate(FORMATS)}
    for name, tensor in tensors.items():
        if tensor.dtype not in places:
            raise LetheError(f"weights {name}: {tensor.dtype} cannot be saved; convert the model")
    return sorted(tensors, key=lambda name: (places[tensors[name].dtype], name))


def header(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """The beginning of the file: its length in 8 bytes, then formats, shapes and places as JSON."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name in ordered(tensors):
        tensor = tensors[name]
        end = begin + tensor.numel() * tensor.element_size()
        entries[name] = {
            "dtype": FORMATS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def write_hollow(file: str | Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """A file whose header is complete and whose values are a hole, to try loading names from."""
    beginning = header(tensors)
    with open(file, "wb") as out:
        out.write(beginning)
        out.truncate(len(beginning) + sum(t.numel() * t.element_size() for t in tensors.values()))


def write(file: str | Path, tensors: Mapping[str, torch.Tensor]) -> Digests:
    """Write tensors, which may be on a GPU, and return the digests of the file's bytes.

    Besides the tensors it takes, for those on a GPU, the memory of a few blocks.
    """
    with open(file, "wb") as out, _Pieces(out) as pieces:
        pieces.put(torch.frombuffer(bytearray(header(tensors)), dtype=torch.uint8))
        for name in ordered(tensors):
            pieces.put(tensors[name].detach().contiguous().reshape(-1).view(torch.uint8))
        return pieces.digests()


class _Pieces:
    """Bytes on their way to a file, piece by piece: one thread writes, another hashes."""

    def __init__(self, out):
        self.out, self.block = out, checkpoint_record.BLOCK
        self.hash, self.sum, self.sums = hashlib.sha256(), xxh3_128(), []
        # Bytes of the current block.
        self.filled = 0
        self.work: deque[Future] = deque()

    def __enter__(self) -> "_Pieces":
        # One thread each keeps the order.
        self.hashing, self.writing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_) -> None:
        self.hashing.shutdown(cancel_futures=True)
        self.writing.shutdown(cancel_futures=True)

    def put(self, values: torch.Tensor) -> None:
        """Add bytes, [n] uint8, which must not change until all is written."""
        begin = 0
        while begin < len(values):
            count = min(self.block - self.filled, len(values) - begin)
            piece = values[begin : begin + count].cpu().numpy()
            begin, self.filled = begin + count, (self.filled + count) % self.block
            self.work.append(self.hashing.submit(self.hash.update, piece))
            self.work.append(self.writing.submit(self._write, piece, self.filled == 0))
            self._wait(2 * WAITING)

    def digests(self) -> Digests:
        """Wait until all is written; both digests of everything."""
        self._wait(0)
        if self.filled:
            self.sums.append(self.sum.digest())
        return Digests(self.hash.hexdigest(), xxh3_128_hexdigest(b"".join(self.sums)))

    def _write(self, piece, last: bool) -> None:
        """Write a piece, which may be the last of its block."""
        self.out.write(piece)
        self.sum.update(piece)
        if last:
            self.sums.append(self.sum.digest())
            self.sum = xxh3_128()

    def _wait(self, left: int) -> None:
        """Wait until no more than ``most`` pieces are left."""
        while len(self.work) > left:
            self.work.popleft().result()
