"""How torch computes in a job: a fixed number of threads, deterministic kernels."""


def set_up(threads: int) -> None:
    """Fix what results depend on in the last digit. Call before the first computation."""
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
