"""How torch computes in a job: a fixed number of threads, deterministic kernels."""

import os


def set_up(threads: int) -> None:
    """Fix what results depend on in the last digit. Call before the first computation."""
    # Some of transformers' bars ask for nothing but this; read when tqdm is loaded.
    os.environ.setdefault("TQDM_DISABLE", "1")
    import torch
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(threads)
    # As use_deterministic_algorithms(True), which also loads torch's compiler: 1.5 seconds more.
    torch.set_deterministic_debug_mode("error")
    # Bars of a few milliseconds: a job's own progress says more.
    disable_progress_bar()
