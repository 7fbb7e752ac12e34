"""The matrices that attacks on weights change."""

from collections.abc import Iterator


def matrices(model) -> Iterator[tuple]:
    """Weights of linear maps in the decoder's layers, and whether each is [inputs, outputs].

    Embeddings, output layer, norms and biases are left out.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    from lethe.model.forward import decoder_layers

    for module in decoder_layers(model).modules():
        if isinstance(module, torch.nn.Linear):
            yield module.weight, False
        elif isinstance(module, Conv1D):
            yield module.weight, True
