"""How torch computes in a job: device, number of threads, deterministic kernels."""

import os

from lethe.common.errors import LetheError

# Environment variables that make libraries compute less precisely, on CPUs and GPUs, whatever the
# program says. A job's precision must follow from its configuration alone. Each is read once, at
# the first matrix product.
EXACT = {
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
    "DNNL_DEFAULT_FPMATH_MODE": "STRICT",
    "NVIDIA_TF32_OVERRIDE": "0",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "0",
}


def set_up(threads: int, device: str = "cpu") -> str:
    """Fix everything on which the last digit of results depends. Call before any computation.

    ``device``: one of torch's names, or ``auto``: a GPU if there is one. Returns the device to
    compute on; each process of a job gets its own GPU. LetheError if the device is missing.
    """
    os.environ.update(EXACT)
    # Deterministic matrix products on a GPU; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some progress bars of transformers obey only this; read when tqdm is imported.
    os.environ.setdefault("TQDM_DISABLE", "1")
    # No code from the hub, whatever a model asks for; read when transformers is imported.
    os.environ["USE_HUB_KERNELS"] = "NO"
    import torch
    from transformers.utils.logging import disable_progress_bar

    # For the case that torch was imported before the variables were set.
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(threads)
    # As use_deterministic_algorithms(True), which also loads torch's compiler: 1.5 seconds more.
    torch.set_deterministic_debug_mode("error")
    # It would fill each new tensor, which exposes reads of uninitialised memory, but costs one more
    # kernel per tensor on a GPU and a fourteenth of a training's time on a CPU.
    torch.utils.deterministic.fill_uninitialized_memory = False
    # Values below 1e-38 become 0: CPUs are many times slower with denormals, which gradients of NPO
    # become once the forget set is forgotten.
    torch.set_flush_denormal(True)
    # Bars that last milliseconds; a job reports its own progress.
    disable_progress_bar()
    return _device(device)


def _device(choice: str) -> str:
    import torch

    there = torch.cuda.is_available()
    if choice == "auto":
        choice = "cuda" if there else "cpu"
    if choice.startswith("cuda") and not there:
        raise LetheError(f"compute.device: {choice}, but torch finds no GPU; set it to auto or cpu")
    if choice == "mps" and not torch.backends.mps.is_available():
        raise LetheError(
            "compute.device: mps, but torch finds no MPS device; set it to auto or cpu"
        )
    _, _, number = choice.partition(":")
    if number and int(number) >= torch.cuda.device_count():
        raise LetheError(
            f"compute.device: {choice}, but torch finds {torch.cuda.device_count()} GPUs, from "
            "cuda:0; name one of them"
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if choice == "cuda" else choice
