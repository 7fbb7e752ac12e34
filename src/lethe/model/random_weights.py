"""The random model of Table 4, which has learned nothing, not even the base model's text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.model import checkpoint, checkpoint_record
from lethe.model.settings import Compute


def make_untrained(
    start: str | Path,
    out: str | Path,
    seed: int,
    *,
    template: str | Mapping[str, Any] = "chat",
    compute: Compute | None = None,
    parent: str | None = None,
    stage: str = "random",
) -> None:
    """Save at ``out`` the architecture of the checkpoint ``start`` with weights from ``seed``.

    ``parent``: the name of ``start`` in the provenance; None: ``checkpoint_record.name_of``.
    """
    model, tokenizer = checkpoint.load(start, **(compute or Compute()).loading())
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        "seed": seed,
        "template": template,
    }
    checkpoint.save(out, untrained(model, seed), tokenizer, origin)


def untrained(model, seed: int):
    """A model of the same architecture with weights drawn from ``seed``."""
    import torch

    from lethe.model import batch_layout

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(model)(model.config)
    batch_layout.as_fitted(fresh, model)
    return fresh.eval()
