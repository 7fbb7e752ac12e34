"""Models that see: how pictures among the tokens become inputs of the language model.

A model that sees is one of transformers' image-text models: a vision tower turns a picture into
patches, a projector maps each patch to an input of the language model, and the language model
reads patches and text as one sequence from left to right. All else is as for any causal model.
What differs between such models is in ``lethe.model.seeing``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.model import attached, seeing
from lethe.model.batch import Batch
from lethe.model.picture_reader import PictureReader, of_checkpoint
from lethe.model.picture_tokens import FIRST, PATCH_BITS, PictureTokens, digest_of

# Named one by one so that whatever depends on this module depends on every family.
from lethe.model.seeing import (  # noqa: F401
    idefics3,
    llava,
    llava_next,
    qwen2_5_vl,
    qwen2_vl,
    qwen3_vl,
    smolvlm,
)

PATCH = (1 << PATCH_BITS) - 1
# Where a cache's notes keep how far each row's positions are from its number of tokens, and the
# tokens of the last pass with pictures, whose embeddings do not tell whose they are.
SHIFT, TOKENS = -1, -2


@dataclass
class Sight:
    """What makes the inputs of a model of pictures; copies of the model share it."""

    reader: PictureReader

    def __deepcopy__(self, memo) -> "Sight":
        return self

    def inputs(self, model, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """The arguments for a model's decoder that stand for tokens ``ids`` [B, L].

        Text alone stays token ids; with pictures they are embeddings [B, L, H], and what layers add
        to the pictures' states (DeepStack) as transformers' decoders take it.
        """
        seen = ids >= FIRST
        if not bool(seen.any()):
            return {"input_ids": ids}
        states = model.get_input_embeddings()(ids.masked_fill(seen, 0))
        numbers = ids[seen] - FIRST
        pictures, which = (numbers >> PATCH_BITS).unique(return_inverse=True)
        patches = self.patches(model, [digest_of(number) for number in pictures.tolist()])
        begins = torch.tensor([0, *map(len, patches[:-1])], device=ids.device).cumsum(0)
        shown = torch.cat(patches)[begins[which] + (numbers & PATCH)].to(states.dtype)
        first, *added = shown.split(states.shape[-1], -1)
        given = {"inputs_embeds": states.masked_scatter(seen[..., None], first)}
        if added:
            given |= {"visual_pos_masks": seen, "deepstack_visual_embeds": added}
        return given

    def patches(self, model, digests: Sequence[str]) -> list[torch.Tensor]:
        """What the language model gets for some pictures (``seeing.base.Family.features``).

        LetheError if the vision tower makes other numbers of them than the texts have places for.
        """
        features = self.reader.family.features(model, [self.reader.made(one) for one in digests])
        for digest, made in zip(digests, features, strict=True):
            if len(made) != self.reader.shown(digest).inputs:
                raise LetheError(
                    f"model: its vision tower makes {len(made)} inputs of a picture, but its "
                    f"configuration says {self.reader.shown(digest).inputs}; get the model again"
                )
        return features

    def positions(self, ids: torch.Tensor, places: torch.Tensor):
        """Positions [3, B, L] of rows ``ids`` [B, L] if a picture's are places in it, and a shift.

        ``places`` [B, L]: of tokens in their own sequence. The shift [B] is what a row's next token
        is further than its place. None if positions are those of texts.
        """
        seen = ids >= FIRST
        if not bool(seen.any()):
            return None
        numbers = torch.where(seen, ids - FIRST, 0)
        pictures, which = (numbers[seen] >> PATCH_BITS).unique(return_inverse=True)
        grids = [self.reader.shown(digest_of(number)).grid for number in pictures.tolist()]
        if None in grids:
            return None
        rows, columns = torch.tensor(grids, device=ids.device)[which].T
        patch = numbers[seen] & PATCH
        # After its last patch a picture has taken as many positions as its longer side is long.
        taken = torch.where(
            patch == rows * columns - 1, torch.maximum(rows, columns) - rows * columns, 0
        )
        shift = torch.zeros_like(ids).masked_scatter(seen, taken)
        total = shift.cumsum(-1)
        base = places + total - shift
        placed = base.expand(3, *base.shape).clone()
        begin = base[seen] - patch
        for axis, offset in enumerate((0 * patch, patch // columns, patch % columns)):
            placed[axis][seen] = begin + offset
        return placed, total[:, -1]


def sees(model_type: str | None) -> bool:
    """Whether models of a ``model_type`` see pictures here."""
    return model_type in seeing.TYPES


def give(model, tokenizer, reader: PictureReader) -> None:
    """Let a model and its tokenizer work with pictures, which ``reader`` reads; in place."""
    tell(tokenizer, reader)
    attached.update_model(model, sight=Sight(reader))


def tell(tokenizer, reader: PictureReader) -> None:
    """Let a tokenizer write pictures as ``reader`` reads them; in place."""
    attached.update_tokenizer(
        tokenizer, pictures=PictureTokens(reader.config.image_token_id, reader)
    )


def reader_of(source: str | Path, config: Any, tokenizer) -> PictureReader:
    """How a checkpoint reads pictures."""
    return of_checkpoint(source, config, tokenizer)


def save(folder: Path, model) -> None:
    """Write the image processor of a model that sees beside its weights."""
    sight = attached.model_state(model).sight
    if sight is not None:
        sight.reader.save(folder)


def of_packed(model, batch: Batch) -> dict[str, torch.Tensor]:
    """The arguments for a model's decoder that stand for a packed row and its positions."""
    sight = attached.model_state(model).sight
    if sight is None:
        return {"input_ids": batch.ids, "position_ids": batch.positions}
    packing = batch.packing
    rows = batch.ids[0][packing.gather]
    placed = sight.positions(rows, packing.place)
    given = sight.inputs(model, batch.ids)
    if placed is None:
        return given | {"position_ids": batch.positions}
    # Every token has a place in some row; where several share it, all agree.
    flat = placed[0].flatten(1)
    return given | {"position_ids": flat[:, packing.scatter][:, None]}


def of_rows(model, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same for plain rows ``ids`` [B, L]; without positions where transformers' are right."""
    sight = attached.model_state(model).sight
    if sight is None:
        return {"input_ids": ids}
    places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    placed = sight.positions(ids, places)
    return sight.inputs(model, ids) | ({} if placed is None else {"position_ids": placed[0]})


def of_step(model, ids: torch.Tensor, positions: torch.Tensor, cache) -> dict[str, torch.Tensor]:
    """The same for tokens ``ids`` [B, L] that follow those in a cache, whose notes remember them.

    ``positions`` [B, L]: their places.
    """
    sight = attached.model_state(model).sight
    if sight is None:
        return {"input_ids": ids, "position_ids": positions}
    given = sight.inputs(model, ids)
    if "inputs_embeds" in given:
        cache.notes[TOKENS] = ids
    placed = sight.positions(ids, positions)
    if placed is not None:
        cache.notes[SHIFT] = placed[1]
        return given | {"position_ids": placed[0]}
    if SHIFT in cache.notes:
        positions = positions + cache.notes[SHIFT][:, None]
    return given | {"position_ids": positions}
