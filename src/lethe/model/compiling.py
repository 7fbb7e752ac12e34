"""Decoder layers compiled for a training on a GPU.

torch's compiler joins the small operations between matrix products (norms, rotations, activations,
casts of master weights) into few kernels. Every layer has the same code, which is compiled once for
rows of any length. Only passes with gradients run it: evaluations between epochs, whose batches
have other shapes, would each compile again.
"""

import logging
import os
import shutil
import tempfile
from pathlib import Path

import torch

from lethe.model import attached, token_mixing
from lethe.model.decoders import decoder_of
from lethe.model.fsdp import process_group_of
from lethe.model.intervention import carried_by

logger = logging.getLogger("lethe.common.progress")
# Steps times weights of the decoder from which on a training repays half a minute of compiling
# (docs/benchmarks.md): a thousand steps of a model of a billion weights.
WORTH = 10**12


def reason_against(model, steps: int) -> str | None:
    """Why a training's layers are not compiled; None if they are."""
    asked = attached.model_state(model).compile
    mixing = token_mixing.of(model)
    packed = mixing.layout == mixing.beyond_layout == token_mixing.PACKED
    work = steps * sum(p.numel() for p in decoder_of(model).parameters())
    checks = {
        "no GPU": model.device.type != "cuda",
        "its likelihoods are estimated": attached.model_state(model).estimator is not None,
        "it sees pictures": attached.model_state(model).sight is not None,
        f"{steps} steps do not repay it": asked is not True and work < WORTH,
        "its rows are not packed": not packed,
        "it is sharded": process_group_of(model) is not None,
        "it carries interventions": bool(carried_by(model)),
        "activations are recomputed": getattr(model, "is_activation_checkpointing", False),
        "no C compiler": not _has_compiler(),
    }
    return next((reason for reason, true in checks.items() if true), None)


def _has_compiler() -> bool:
    """Whether Triton, which launches kernels from a library that it builds, can build it."""
    return any(shutil.which(name) for name in (os.environ.get("CC"), "gcc", "clang") if name)


def choose(model, steps: int) -> None:
    """Compile a model's layers if a training of ``steps`` steps repays it; on a GPU, log it.

    The configuration, the model and the number of steps decide, never a clock.
    """
    asked = attached.model_state(model).compile
    if not asked:
        return
    reason = reason_against(model, steps)
    if asked is True or model.device.type == "cuda":
        logger.info("compiled layers: %s", "on" if reason is None else f"off ({reason})")
    if reason is None:
        compile_layers(model)


def compile_layers(model) -> None:
    """Let a model's decoder layers run compiled wherever gradients are wanted."""
    from lethe.model.forward import decoder_layers

    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", _own_folder())
    for layer in decoder_layers(model):
        attached.call_through(layer, _while_learning(layer))


def _own_folder() -> str:
    """Where compiled code is kept for later jobs, which only this user can write.

    The compiler's own choice is a known name in the folder for temporary files, where others could
    place their own code first.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "lethe", "compiled")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return tempfile.mkdtemp(prefix="lethe-compiled-")
    return str(cache)


def _while_learning(layer):
    plain = layer._call_impl
    compiled = torch.compile(plain, dynamic=True, options=_options())

    def call(*args, **kwargs):
        packing = kwargs.get("packing")
        # Compiled code would not see hooks that come later: gradient masks, attacks.
        if packing is None or not torch.is_grad_enabled() or attached.is_hooked(layer):
            return plain(*args, **kwargs)
        packing.derive()
        return compiled(*args, **kwargs)

    return call


def _options() -> dict[str, bool]:
    """No kernel is chosen by timing it, since another kernel would sum in another order."""
    from torch._inductor import config

    return {"deterministic": True} if hasattr(config, "deterministic") else {}
