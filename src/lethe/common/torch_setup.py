"""How torch computes in a job: where, with how many threads, with deterministic kernels."""

import os

from lethe.common.errors import LetheError

# Variables with which others ask libraries for rougher numbers, on processors and on GPUs, whatever
# a program says; how exact a job is follows from its configuration alone. Each is read once, at the
# first product.
EXACT = {
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
    "DNNL_DEFAULT_FPMATH_MODE": "STRICT",
    "NVIDIA_TF32_OVERRIDE": "0",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "0",
}


def set_up(threads: int, device: str = "cpu") -> str:
    """Fix what results depend on in the last digit. Call before the first computation.

    ``device``: of torch's names, or ``auto``: a GPU if there is one. Returns the one to compute on;
    of several processes of a job, each has a GPU of its own. LetheError if it is not there.
    """
    os.environ.update(EXACT)
    # Deterministic matrix products on a GPU; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some of transformers' bars ask for nothing but this; read when tqdm is loaded.
    os.environ.setdefault("TQDM_DISABLE", "1")
    # No code of the hub's, whatever a model's configuration asks; read when transformers is loaded.
    os.environ["USE_HUB_KERNELS"] = "NO"
    import torch
    from transformers.utils.logging import disable_progress_bar

    # As the variable would be obeyed if torch was loaded before this.
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(threads)
    # As use_deterministic_algorithms(True), which also loads torch's compiler: 1.5 seconds more.
    torch.set_deterministic_debug_mode("error")
    # It would fill each new tensor before it is written, which shows reads of what nobody wrote:
    # a kernel more for each on a GPU, a fourteenth of a training's time on a processor.
    torch.utils.deterministic.fill_uninitialized_memory = False
    # Numbers below 1e-38 are 0: processors are many times slower with them, and gradients of NPO
    # become such once the forget set is forgotten.
    torch.set_flush_denormal(True)
    # Bars of a few milliseconds: a job's own progress says more.
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
        raise LetheError("compute.device: mps, but torch finds none; set it to auto or cpu")
    _, _, number = choice.partition(":")
    if number and int(number) >= torch.cuda.device_count():
        raise LetheError(
            f"compute.device: {choice}, but torch finds {torch.cuda.device_count()} GPUs, from "
            "cuda:0; name one of them"
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if choice == "cuda" else choice
