"""Weights files in safetensors' format, hashed while they are written.

safetensors' own writer holds Python's lock until the last byte is on disk, so that training would
stand still, and its file would have to be read again to be hashed. Ours writes the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch

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
# Blocks that may wait to be written and hashed.
WAITING = 3


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

    Besides the tensors it takes the memory of a few blocks.
    """
    with open(file, "wb") as out, _Blocks(out) as blocks:
        blocks.put(torch.frombuffer(bytearray(header(tensors)), dtype=torch.uint8))
        for name in ordered(tensors):
            blocks.put(tensors[name].detach().contiguous().reshape(-1).view(torch.uint8))
        return blocks.digests()


class _Blocks:
    """Bytes on their way to a file, block by block: one thread writes, another hashes."""

    def __init__(self, out):
        self.out, size = out, checkpoint_record.BLOCK
        self.buffers = [torch.empty(size, dtype=torch.uint8) for _ in range(WAITING)]
        # Of each buffer, the work that still reads it.
        self.work: list[list[Future]] = [[] for _ in self.buffers]
        self.hash, self.sums = hashlib.sha256(), []
        self.current, self.filled = 0, 0

    def __enter__(self) -> "_Blocks":
        # One thread each keeps the order.
        self.hashing, self.writing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_) -> None:
        self.hashing.shutdown(cancel_futures=True)
        self.writing.shutdown(cancel_futures=True)

    def put(self, values: torch.Tensor) -> None:
        """Add bytes, [n] uint8."""
        begin = 0
        while begin < len(values):
            buffer = self.buffers[self.current]
            count = min(len(buffer) - self.filled, len(values) - begin)
            buffer[self.filled : self.filled + count].copy_(values[begin : begin + count])
            self.filled, begin = self.filled + count, begin + count
            if self.filled == len(buffer):
                self._send()

    def digests(self) -> Digests:
        """Send the rest, wait for all, and return the digests of everything."""
        from xxhash import xxh3_128_hexdigest

        if self.filled or not self.sums:
            self._send()
        for place in range(len(self.buffers)):
            self._free(place)
        return Digests(self.hash.hexdigest(), xxh3_128_hexdigest(b"".join(self.sums)))

    def _send(self) -> None:
        block = self.buffers[self.current][: self.filled].numpy()
        self.work[self.current] = [
            self.hashing.submit(self.hash.update, block),
            self.writing.submit(self._write, block),
        ]
        self.current, self.filled = (self.current + 1) % len(self.buffers), 0
        self._free(self.current)

    def _write(self, block) -> None:
        from xxhash import xxh3_128_digest

        self.out.write(block)
        self.sums.append(xxh3_128_digest(block))

    def _free(self, place: int) -> None:
        for work in self.work[place]:
            work.result()
        self.work[place] = []
