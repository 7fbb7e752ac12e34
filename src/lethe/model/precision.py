"""Makes a loaded model ready to train: dtypes, gradient checkpointing, adapters."""

import copy
import random
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from lethe.model import attached, lora
from lethe.model.fsdp import process_group_of


def prepare(model, training: Mapping[str, Any], seed: int, start: str | Path) -> None:
    """Prepare a model for training, in place; ``training`` as ``Compute.training`` returns it.

    ``start`` is the checkpoint that the model was loaded from, which adapters name as their base.
    ``seed`` seeds the randomness within training (dropout).
    """
    torch.manual_seed(random.Random(f"training/{seed}").getrandbits(63))
    if training["lora"] is not None:
        lora.add(model, training["lora"], seed, start)
    elif training["master_weights"] and model.dtype != torch.float32:
        attached.update_model(model, dtype=model.dtype)
        model.float()
    if training["gradient_checkpointing"]:
        # The reentrant kind silently gives no gradient to adapters after frozen embeddings.
        model.activation_checkpointing_enable({"use_reentrant": False})
        if training["lora"] is not None:
            model.enable_input_require_grads()


def computing(model) -> AbstractContextManager:
    """The context in which a model with master weights computes in its own dtype."""
    dtype = attached.model_state(model).dtype
    return nullcontext() if dtype is None else torch.autocast(model.device.type, dtype=dtype)


def stored(model) -> dict[str, torch.Tensor] | None:
    """The weights as a checkpoint stores them; None if training holds them in the same form.

    They are converted to the checkpoint's dtype, and gathered if the model is sharded: then all
    processes must call this, and only the first one gets the weights.
    """
    dtype, process_group = attached.model_state(model).dtype, process_group_of(model)
    if dtype is None and process_group is None:
        return None
    weights, converted = {}, {}
    for name, value in model.state_dict(keep_vars=True).items():
        # Tied weights stay tied.
        if id(value) not in converted:
            whole = (
                value.detach() if process_group is None else process_group.unsharded(value.detach())
            )
            wanted = dtype is not None and value.is_floating_point() and whole is not None
            converted[id(value)] = whole.to(dtype) if wanted else whole
        weights[name] = converted[id(value)]
    return weights


def frozen_copy(model):
    """A copy of the model as it is now that is not trained; it shares weights that are frozen."""
    shared = {id(p): p for p in model.parameters() if not p.requires_grad}
    twin = copy.deepcopy(model, shared).eval().requires_grad_(False)
    dtype = attached.model_state(twin).dtype
    if dtype is not None:
        # The weights came from a checkpoint in this dtype, so nothing is lost.
        attached.update_model(twin, dtype=None)
        twin.to(dtype)
    return twin
