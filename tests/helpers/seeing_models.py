"""Small models that see, pictures for them, and what they should compute, by plain transformers."""

import copy

import numpy as np
import torch

from lethe.common.picture_marks import mark_of
from lethe.model.architectures import llava

WORDS = "Who is this? Where was Ada Lind born? Ada was born in Paris. Ben writes novels. No one."


def make(seed=0, **sizes):
    """A model with random weights, and its tokenizer."""
    given = {"hidden_size": 16, "layers": 2, "heads": 2, "intermediate_size": 24, "vision_size": 16}
    given |= {"picture_size": 8, "patch_size": 4, "vocabulary": 300}
    chosen = llava.Architecture(**{**given, **sizes})
    tokenizer = llava.train_tokenizer([WORDS] * 4, chosen.vocabulary)
    return llava.make_model(chosen, tokenizer, seed).eval(), tokenizer


def picture(number, size=8):
    """The pixels of a picture, unlike that of any other number, [size, size, 3]."""
    return np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)


def shown(number, question, size=8):
    """A question about a picture."""
    return f"{mark_of(picture(number, size))} {question}"


def pixel_values(pixels):
    """What the vision tower gets for a picture: from 0..255 to -1..1, [1, 3, H, W]."""
    return torch.tensor((pixels / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]


@torch.no_grad()
def plain_logits(model, ids, pixels=None):
    """Logits of one text alone by transformers' own LLaVA in float64, [T, V]."""
    plain = type(model)(copy.deepcopy(model.config))
    plain.load_state_dict(model.state_dict())
    plain.double().eval().set_attn_implementation("eager")
    known = [id if id < 2**60 else model.config.image_token_id for id in ids]
    given = {} if pixels is None else {"pixel_values": pixel_values(pixels)}
    return plain(input_ids=torch.tensor([known]), use_cache=False, **given).logits[0]
