"""What a model gives on packed rows, and a stand-in for the kernel that needs CUDA."""

from itertools import pairwise

import torch
from torch.nn.functional import scaled_dot_product_attention

from helpers.small_models import gradients
from lethe.model.batch import pack
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses


def loss_of(model, examples) -> torch.Tensor:
    return Forward(model).answers(pack(examples)).mean_nll()


def results(model, examples) -> tuple:
    """A loss with its gradients, losses of trees, and generations."""
    found = gradients(model, loss_of(model, examples))
    trees = torch.tensor(mean_losses(model, examples))
    prompts = [example.ids[: example.start] for example in examples]
    return found, trees, greedy(model, prompts, 40, examples[0].ids[-1])


def varlen_stand_in(
    query, key, value, starts, starts_k, longest, longest_k, *, scale, window_size, enable_gqa
):
    """What torch's kernel, which needs CUDA, is documented to compute; sequence by sequence."""
    assert torch.equal(starts, starts_k)
    assert starts.dtype == torch.int32
    assert query.dtype == key.dtype == value.dtype
    assert longest == longest_k == int(starts.diff().max())
    out = []
    for start, end in pairwise(starts.tolist()):
        rows = (tensor[start:end].transpose(0, 1)[None] for tensor in (query, key, value))
        place = torch.arange(end - start)
        back = place[:, None] - place[None, :]
        seen = (back >= 0) & ((back <= window_size[0]) | torch.tensor(window_size[0] < 0))
        found = scaled_dot_product_attention(
            *rows, attn_mask=seen, scale=scale, enable_gqa=enable_gqa
        )
        out.append(found[0].transpose(0, 1))
    return torch.cat(out)
