"""Saves checkpoints while a training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lethe.model import checkpoint


class BackgroundSaver:
    """Saves as ``checkpoint.save`` does, the same bytes, one checkpoint at a time.

    On a GPU ``save`` returns when the weights are copied, and a thread writes and hashes the copy
    while the next steps run; a second ``save`` first waits for it, so that there is never more than
    one copy. On a processor, where writing would take time from the steps, ``save`` does it at
    once; ``always``: it overlaps there, too. As a context manager it waits at the end of the block,
    also after an error, so that every epoch that ended is there.
    """

    def __init__(self, always: bool = False):
        self.always = always
        self.pending: Future | None = None

    def __enter__(self) -> "BackgroundSaver":
        self.pool = ThreadPoolExecutor(1)
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            self.wait()
        except Exception:
            # An error of the training itself says more.
            if kind is None:
                raise
        finally:
            self.pool.shutdown()

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
            staged.copy_weights()
        except BaseException:
            staged.discard()
            raise
        self.pending = self.pool.submit(_finish, staged, model.device)

    def wait(self) -> None:
        """Return when nothing is left to write; an error in writing is raised here."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()


def _finish(staged, device) -> None:
    """Finish a checkpoint beside the work of the GPU's main stream."""
    if device.type != "cuda":
        staged.finish()
        return
    import torch

    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream(device)):
        staged.finish()
