"""Models that see: how pictures among the tokens become inputs of the language model.

A model that sees is one of transformers' image-text models: a vision tower turns a picture into
patches, a projector maps each patch to an input of the language model, and the language model
reads patches and text as one sequence from left to right. All else is as for any causal model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.common.picture_marks import pixels_of
from lethe.model import attached
from lethe.model.families import SEEING_TYPES
from lethe.model.picture_tokens import FIRST, PATCH_BITS, PictureTokens, digest_of


@dataclass
class Sight:
    """What makes the inputs of a model of pictures; copies of the model share it.

    ``processor``: transformers' image processor, which scales pictures as the model was trained.
    """

    processor: Any
    _read: dict[str, torch.Tensor] = field(default_factory=dict, repr=False)

    def __deepcopy__(self, memo) -> "Sight":
        return self

    def inputs(self, model, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """The arguments for a model's decoder that stand for tokens ``ids`` [B, L].

        Text alone stays token ids; with pictures they are embeddings [B, L, H].
        """
        seen = ids >= FIRST
        if not bool(seen.any()):
            return {"input_ids": ids}
        states = model.get_input_embeddings()(ids.masked_fill(seen, 0))
        numbers = ids[seen] - FIRST
        pictures, which = (numbers >> PATCH_BITS).unique(return_inverse=True)
        patches = self.patches(model, [digest_of(number) for number in pictures.tolist()])
        shown = patches[which, numbers & ((1 << PATCH_BITS) - 1)]
        return {"inputs_embeds": states.masked_scatter(seen[..., None], shown.to(states.dtype))}

    def patches(self, model, digests: Sequence[str]) -> torch.Tensor:
        """What the language model gets for some pictures, [pictures, patches, H]."""
        pixels = torch.stack([self._pixels(digest) for digest in digests])
        out = model.get_image_features(pixel_values=pixels.to(model.device, model.dtype))
        patches = out.pooler_output
        return torch.stack(list(patches)) if isinstance(patches, list | tuple) else patches

    def _pixels(self, digest: str) -> torch.Tensor:
        """A picture as the vision tower wants it, without the dimension of the batch."""
        if digest not in self._read:
            made = self.processor(images=[pixels_of(digest)], return_tensors="pt")
            self._read[digest] = made["pixel_values"][0]
        return self._read[digest]


def sees(model_type: str | None) -> bool:
    """Whether models of a ``model_type`` see pictures here."""
    return model_type in SEEING_TYPES


def give(model, tokenizer, processor) -> None:
    """Let a model and its tokenizer work with pictures, which ``processor`` scales; in place."""
    attached.update_tokenizer(tokenizer, pictures=picture_tokens(model.config, tokenizer))
    attached.update_model(model, sight=Sight(processor))


def picture_tokens(config, tokenizer) -> PictureTokens:
    """How a tokenizer writes a picture for the model of a configuration.

    LetheError if it lacks the token.
    """
    token = config.image_token_id
    text = tokenizer.convert_ids_to_tokens(token)
    if text is None:
        raise LetheError(
            f"tokenizer: it has no token {token}, which stands for a picture; get the model again"
        )
    return PictureTokens(text, token, patch_count(config))


def patch_count(config) -> int:
    """How many inputs of the language model a picture takes: its patches, and a class token."""
    vision = config.vision_config
    whole = config.vision_feature_select_strategy == "full"
    return (vision.image_size // vision.patch_size) ** 2 + whole


def processor_of(source: str | Path):
    """The image processor of a checkpoint; its results do not depend on installed libraries."""
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)


def save(folder: Path, model) -> None:
    """Write the image processor of a model that sees beside its weights."""
    sight = attached.model_state(model).sight
    if sight is not None:
        sight.processor.save_pretrained(folder)


def inputs(model, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """The arguments for a model's decoder that stand for tokens ``ids``."""
    sight = attached.model_state(model).sight
    return {"input_ids": ids} if sight is None else sight.inputs(model, ids)
