"""Reads pictures as the image processor of a checkpoint does, once for its tokenizer and its model.

What is made of a picture is kept while there is room, since training reads the same ones again.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.common.picture_marks import pixels_of
from lethe.model import seeing
from lethe.model.picture_tokens import PATCH_BITS
from lethe.model.seeing.base import Shown

# The most inputs of the language model that a picture may take.
MOST = 1 << PATCH_BITS
# Bytes of the tensors that are kept.
ROOM = 2**28
# Files beside a checkpoint's weights that say how it reads pictures, and films, which are not read.
FILES = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
LEGACY_TEMPLATE = "chat_template.json"


class PictureReader:
    """``config``: the model's; ``processor``: transformers' image processor.

    ``files``: the processor's files as the checkpoint has them; empty: written by the processor.
    ``written``: what chat templates write for a picture. LetheError if the tokenizer lacks it.
    """

    def __init__(self, config, tokenizer, processor, files: Mapping[str, bytes] | None = None):
        self.config, self.processor, self.files = config, processor, dict(files or {})
        self.family = seeing.family(config.model_type)
        self.written = self.family.written(config, tokenizer)
        self._made: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._size = 0
        self._shown: dict[str, Shown] = {}

    def __deepcopy__(self, memo) -> "PictureReader":
        return self

    def made(self, digest: str) -> dict[str, Any]:
        """What the vision tower gets for a picture, tensors by name."""
        if digest not in self._made:
            made = self._read(digest)
            self._made[digest] = made
            self._size += _bytes(made)
            while self._size > ROOM and len(self._made) > 1:
                self._size -= _bytes(self._made.popitem(last=False)[1])
        self._made.move_to_end(digest)
        return self._made[digest]

    def shown(self, digest: str) -> Shown:
        """What a picture becomes in a text."""
        if digest not in self._shown:
            shown = self.family.shown(self.config, self.written, self.made(digest))
            if shown.inputs > MOST:
                raise LetheError(
                    f"pictures: one takes {shown.inputs} inputs of the model, more than {MOST}; "
                    "scale the picture"
                )
            self._shown[digest] = shown
        return self._shown[digest]

    def _read(self, digest: str) -> dict[str, Any]:
        pixels = pixels_of(digest)
        try:
            return self.family.read(self.processor, pixels)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            height, width = pixels.shape[:2]
            raise LetheError(
                f"pictures: the model's image processor cannot read one of {height} by {width} "
                f"pixels ({str(error).partition(chr(10))[0]}); scale the picture"
            ) from None

    def save(self, folder: Path) -> None:
        """Write the image processor beside a model's weights."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        if not self.files:
            self.processor.save_pretrained(folder)


def of_checkpoint(source: str | Path, config, tokenizer) -> PictureReader:
    """The reader of a checkpoint; its results do not depend on installed libraries."""
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)
    files = [Path(source) / name for name in FILES]
    given = {file.name: file.read_bytes() for file in files if file.is_file()}
    return PictureReader(config, tokenizer, processor, given)


def legacy_template(source: str | Path) -> str | None:
    """The chat template that older processors keep in a file of their own; None without one."""
    file = Path(source) / LEGACY_TEMPLATE
    if not file.is_file():
        return None
    values = read_json(file, GIVEN)
    template = values.get("chat_template") if isinstance(values, dict) else None
    if not isinstance(template, str):
        raise LetheError(f"{file}: holds no chat_template; get the file again, or remove it")
    return template


def _bytes(made: Mapping[str, Any]) -> int:
    return sum(value.nbytes for value in made.values() if hasattr(value, "nbytes"))
