"""Qwen3-VL (arXiv 2511.21631): pictures are placed as in Qwen2-VL, and seen again in deeper layers.

With DeepStack (arXiv 2406.04334) outputs of several layers of the vision tower are projected as
well, and added to a picture's states after the language model's first layers, one by one.
"""

from lethe.model.seeing import qwen2_vl


class Family(qwen2_vl.Family):
    """What is added after layers stands beside each input, as ``lethe.model.sight`` reads it."""

    def features(self, model, pictures):
        return [_beside(self.outputs(model, made)) for made in pictures]


def _beside(out):
    """A picture's inputs, and what is added after each layer, [inputs, (1 + D) H]."""
    import torch

    added = [pictures[0] for pictures in out.deepstack_features]
    return torch.cat([out.pooler_output[0], *added], -1)
