"""What the families of models that see have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.errors import LetheError

# A picture three pixels high could otherwise be taken for three channels.
AS_IS = {"return_tensors": "pt", "input_data_format": "channels_last"}


@dataclass(frozen=True)
class Shown:
    """What a picture becomes in a text.

    ``text`` takes the place of the picture's mark; the i-th of the picture's tokens in it stands
    for ``counts[i]`` inputs of the language model. ``grid``: rows and columns of these inputs if
    their positions are places in the picture (M-RoPE); None: positions are those of a text.
    """

    text: str
    counts: tuple[int, ...]
    grid: tuple[int, int] | None = None

    @property
    def inputs(self) -> int:
        """How many inputs of the language model the picture takes."""
        return sum(self.counts)


class Family:
    """One family; ``made`` is always what ``read`` returns, tensors by name."""

    def read(self, processor: Any, pixels: Any) -> dict[str, Any]:
        """What the vision tower gets for uint8 [height, width, 3]."""
        return dict(processor(images=[pixels], **AS_IS))

    def written(self, config: Any, tokenizer: Any) -> str:
        """What chat templates write for a picture."""
        return token(tokenizer, config.image_token_id)

    def shown(self, config: Any, written: str, made: Mapping[str, Any]) -> Shown:
        """What a picture becomes in a text; LetheError if its tower cannot take the picture."""
        raise NotImplementedError

    def features(self, model: Any, pictures: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What the language model gets for some pictures, [inputs, H] each.

        [inputs, (1 + D) H] if its first D layers get more after they have run: an input, and what
        is added to its state after each of these layers.
        """
        raise NotImplementedError


def token(tokenizer: Any, number: int) -> str:
    """A token's text; LetheError if the tokenizer lacks it."""
    text = None if number is None else tokenizer.convert_ids_to_tokens(number)
    if text is None:
        raise LetheError(
            f"tokenizer: it has no token {number}, which stands for a picture; get the model again"
        )
    return text


def check_size(made: Mapping[str, Any], size: int) -> None:
    """LetheError unless pictures have the one size, in pixels, that the tower has positions for."""
    height, width = made["pixel_values"].shape[-2:]
    if (height, width) != (size, size):
        raise LetheError(
            f"image processor: it makes pictures of {height} by {width} pixels, but the vision "
            f"tower reads {size} by {size}; get the model's preprocessor_config.json again"
        )
