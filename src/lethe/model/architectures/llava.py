"""A small model that sees: LLaVA's composition from scratch, without a download.

A vision tower cuts a picture into patches, a projector maps them to inputs of the language model,
a Llama, which reads patches and text as one sequence (Liu et al., arXiv 2304.08485). It is
transformers' own LLaVA, so plain transformers loads its checkpoints.
"""

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from lethe.common.errors import LetheError
from lethe.model.architectures import llama

SEES = True
PICTURE = "<image>"


class Architecture(llama.Architecture):
    """Sizes of the language model, and of the vision tower."""

    picture_size: int = Field(32, ge=4, description="pixels of a picture's side")
    patch_size: int = Field(8, ge=2, description="pixels of a patch's side; divides picture_size")
    vision_size: int = Field(64, ge=8, description="width of the vision tower; 4 heads")
    vision_layers: int = Field(2, ge=1, description="layers of the vision tower")
    language: str | None = Field(
        None,
        description="what the language model begins with: a base that Lethe ships, by name "
        "(`tiny`), of the same sizes; null: from scratch",
    )

    @field_validator("patch_size")
    @classmethod
    def _divides(cls, patch: int, info: ValidationInfo) -> int:
        size = info.data.get("picture_size")
        if size is not None and (size % patch or (size // patch) ** 2 > 4096):
            raise ValueError(
                f"patches of {patch} pixels do not cut pictures of {size} into 4,096 or fewer; "
                "change one of them"
            )
        return patch

    @field_validator("vision_size")
    @classmethod
    def _four_heads(cls, size: int) -> int:
        if size % 4:
            raise ValueError(f"vision_size {size} is not a multiple of 4")
        return size

    @property
    def parameters(self) -> int:
        """The number of weights of all parts."""
        wide, patches = self.vision_size, (self.picture_size // self.patch_size) ** 2
        layer = 4 * wide * (wide + 1) + (2 * 2 * wide + 1) * wide + 2 * wide + 4 * wide
        ends = 3 * self.patch_size**2 * wide + (patches + 1) * wide + wide + 4 * wide
        hidden = self.hidden_size
        projector = (wide + 1) * hidden + (hidden + 1) * hidden
        return super().parameters + self.vision_layers * layer + ends + projector


def train_tokenizer(texts, vocabulary: int):
    """A Llama's tokenizer with one token fewer, plus the one that stands for a picture."""
    return _with_picture(llama.train_tokenizer(texts, vocabulary - 1))


def given_tokenizer(architecture: Architecture):
    """The tokenizer of the language model that is given, plus a token; None if none is given."""
    if architecture.language is None:
        return None
    from lethe.model import checkpoint

    return _with_picture(checkpoint.load_tokenizer(architecture.language))


def _with_picture(tokenizer):
    tokenizer.add_special_tokens({"additional_special_tokens": [PICTURE]}, False)
    return tokenizer


def vision_values(architecture: Architecture) -> dict[str, Any]:
    """What the vision tower's configuration says."""
    return {
        "hidden_size": architecture.vision_size,
        "intermediate_size": 2 * architecture.vision_size,
        "num_hidden_layers": architecture.vision_layers,
        "num_attention_heads": 4,
        "image_size": architecture.picture_size,
        "patch_size": architecture.patch_size,
        "projection_dim": architecture.vision_size,
    }


def make_model(architecture: Architecture, tokenizer, seed: int):
    """A LLaVA with random weights drawn from ``seed``; the language model's may be given.

    ``architecture.language``: then the folder of its checkpoint. LetheError for other sizes.
    """
    import torch
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
    )

    from lethe.model import batch_layout, sight
    from lethe.model.cost import watch
    from lethe.model.onednn import use_onednn
    from lethe.model.picture_reader import PictureReader

    values = llama.config_values(architecture, tokenizer)
    config = LlavaConfig(
        text_config=LlamaConfig(**values),
        vision_config=CLIPVisionConfig(**vision_values(architecture)),
        image_token_index=tokenizer.convert_tokens_to_ids(PICTURE),
        image_seq_length=(architecture.picture_size // architecture.patch_size) ** 2,
        # The tower's last layer, since there are few of them, without the class token.
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        **{key: values[key] for key in values if key.endswith("_token_id")},
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(config)
    if architecture.language is not None:
        _begin_with(model, architecture.language)
    sight.give(model, tokenizer, PictureReader(config, tokenizer, _processor(architecture)))
    batch_layout.fit(model)
    use_onednn(model)
    watch(model)
    return model


def _begin_with(model, folder: str) -> None:
    """Give a LLaVA's language model the weights of a Llama.

    The embedding of the picture's token, which no text has, is the mean of the others.
    """
    import torch

    from lethe.model import checkpoint

    text, name = checkpoint.load(folder)[0], "embed_tokens.weight"
    given, own = text.model.state_dict(), model.model.language_model.state_dict()
    words = given[name]
    more = len(own[name]) - len(words)
    given[name] = torch.cat([words, words.mean(0, keepdim=True).expand(more, -1)])
    for key, value in own.items():
        if key not in given or given[key].shape != value.shape or given.keys() - own.keys():
            raise LetheError(
                f"architecture.language: {folder} has other sizes than hidden_size, layers, heads "
                f"and intermediate_size say (weights {key}); give it the same"
            )
    model.model.language_model.load_state_dict(given)


def _processor(architecture: Architecture):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    side = architecture.picture_size
    return CLIPImageProcessorPil(
        size={"height": side, "width": side},
        do_center_crop=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
