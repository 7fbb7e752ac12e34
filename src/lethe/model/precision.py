"""Making a loaded model ready to train: number formats, checkpointing of activations, adapters."""

import copy
import random
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from lethe.model import attached, lora
from lethe.model.fsdp import team_of


def prepare(model, training: Mapping[str, Any], seed: int, start: str | Path) -> None:
    """Change a model in place into what an optimiser can train; ``training`` as in ``Compute``.

    ``start`` is the checkpoint that the model was loaded from, which adapters name as their base.
    Chance within training (dropout) is that of ``seed``.
    """
    torch.manual_seed(random.Random(f"training/{seed}").getrandbits(63))
    if training["lora"] is not None:
        lora.add(model, training["lora"], seed, start)
    elif training["master_weights"] and model.dtype != torch.float32:
        attached.update_model(model, dtype=model.dtype)
        model.float()
    if training["gradient_checkpointing"]:
        # The reentrant kind gives no gradient to adapters behind frozen embeddings, silently.
        model.activation_checkpointing_enable({"use_reentrant": False})
        if training["lora"] is not None:
            model.enable_input_require_grads()


def computing(model) -> AbstractContextManager:
    """The context in which a model with master weights computes in its own numbers."""
    dtype = attached.model_state(model).dtype
    return nullcontext() if dtype is None else torch.autocast(model.device.type, dtype=dtype)


def stored(model) -> dict[str, torch.Tensor] | None:
    """The weights as a checkpoint has them, where these are not as training holds them.

    In other numbers; or whole, of a model in shards: of the first process, and all must call.
    """
    dtype, team = attached.model_state(model).dtype, team_of(model)
    if dtype is None and team is None:
        return None
    weights, converted = {}, {}
    for name, value in model.state_dict(keep_vars=True).items():
        # Tied weights stay tied.
        if id(value) not in converted:
            whole = value.detach() if team is None else team.whole(value.detach())
            wanted = dtype is not None and value.is_floating_point() and whole is not None
            converted[id(value)] = whole.to(dtype) if wanted else whole
        weights[name] = converted[id(value)]
    return weights


def frozen_copy(model):
    """The model as it is now, not to be trained; weights that do not change are shared."""
    shared = {id(p): p for p in model.parameters() if not p.requires_grad}
    twin = copy.deepcopy(model, shared).eval().requires_grad_(False)
    dtype = attached.model_state(twin).dtype
    if dtype is not None:
        # The weights came from a checkpoint in this dtype, so that nothing is lost.
        attached.update_model(twin, dtype=None)
        twin.to(dtype)
    return twin
