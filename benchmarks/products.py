"""How fast linear layers multiply: torch's own, and oneDNN's (lethe.model.onednn), one thread.

    .venv/bin/python benchmarks/products.py

Floating-point operations a second of the forward pass alone, and of forward and backward, on 1,000
rows, for the layers of the default tiny model and of SmolLM2-135M.
"""

import time
from collections.abc import Callable

import torch

from lethe.common.torch_setup import set_up
from lethe.model import onednn
from lethe.model.onednn import OneDNNLinear

ROWS, ROUNDS = 1000, 7
# Inputs and outputs.
LAYERS = ((128, 128), (128, 384), (384, 128), (128, 2048), (576, 576), (576, 1536), (1536, 576))


def rate(work: Callable, operations: float) -> float:
    """Operations a second, in billions, of the fastest round; of the processor's time."""
    count, best = max(3, int(2e9 / operations)), 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(count):
            work()
        best = max(best, operations * count / (time.process_time() - start))
    return best / 1e9


def both(layer: torch.nn.Linear) -> tuple[float, float]:
    """Of a forward pass, and of forward and backward."""
    inputs, outputs = layer.in_features, layer.out_features
    rows = torch.randn(ROWS, inputs, requires_grad=True)
    gradient = torch.randn(ROWS, outputs)
    forward = 2 * ROWS * inputs * outputs
    with torch.inference_mode():
        alone = rate(lambda: layer(rows), forward)
    wanted = (rows, layer.weight)
    derive = lambda: torch.autograd.grad(layer(rows), wanted, gradient)  # noqa: E731
    return alone, rate(derive, 3 * forward)


def main() -> None:
    set_up(1)
    print(f"oneDNN is used on this machine: {'yes' if onednn.is_faster() else 'no'}")
    for inputs, outputs in LAYERS:
        layer = torch.nn.Linear(inputs, outputs, bias=False)
        plain = both(layer)
        layer.__class__ = OneDNNLinear
        pairs = [f"{a:.0f} -> {b:.0f}" for a, b in zip(plain, both(layer), strict=True)]
        print(f"{inputs} x {outputs}: forward {pairs[0]}, with backward {pairs[1]} GFLOP/s")


if __name__ == "__main__":
    main()
