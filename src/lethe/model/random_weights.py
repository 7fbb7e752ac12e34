"""The random model of Table 4: nothing learned, not even from the base model's text."""


def untrained(model, seed: int):
    """A model of the same architecture with weights drawn from ``seed``."""
    import torch

    from lethe.model import batch_layout

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(model)(model.config)
    batch_layout.as_fitted(fresh, model)
    return fresh.eval()
