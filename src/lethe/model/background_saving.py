"""Saves checkpoints while a training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from lethe.model import checkpoint


class BackgroundSaver:
    """Saves as ``checkpoint.save`` does, the same bytes, one checkpoint at a time.

    On a GPU ``save`` returns when the weights are in main memory, and a thread that never uses the
    GPU writes and hashes them while the next steps run; a second ``save`` first waits for it, so
    that there is never more than one copy. On a CPU, where writing would slow the steps down,
    ``save`` does it at once; ``always``: it overlaps there, too. As a context manager it waits at
    the end of the block, also after an error, so that every finished epoch is on disk.
    """

    def __init__(self, always: bool = False):
        self.always = always
        self.pending: Future | None = None
        # The copy's memory, which each checkpoint uses again.
        self.places: dict[str, torch.Tensor] = {}

    def __enter__(self) -> "BackgroundSaver":
        self.pool = ThreadPoolExecutor(1)
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            self.wait()
        except Exception:
            # An error of the training itself is more informative.
            if kind is None:
                raise
        finally:
            self.pool.shutdown()
            self.places.clear()

    def save(self, folder: str | Path, model, tokenizer, origin: dict[str, Any]) -> None:
        """Save a checkpoint; an error in writing the one before it is raised here."""
        staged = checkpoint.stage(folder, model, tokenizer, origin)
        if staged is None:
            return
        if not (self.always or model.device.type == "cuda"):
            staged.finish()
            return
        try:
            self.wait()
            staged.copy_weights(self.places)
        except BaseException:
            staged.discard()
            raise
        self.pending = self.pool.submit(staged.finish)

    def wait(self) -> None:
        """Return when nothing is left to write; an error in writing is raised here."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()
