"""Reading and writing pictures: red, green and blue, eight bits each.

What comes from outside is not trusted: formats are few, the number of pixels is limited before
anything is decoded, and a path must stay in its folder.
"""

import base64
import io
import os
import shutil
import struct
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from lethe.common.errors import LetheError
from lethe.common.files import open_to_others, whole_file

# Formats that Pillow decodes itself; some of the others start programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# 100 MB when decoded. Photographs of the published benchmarks have a few million at most.
MOST_PIXELS = 2**25
# What Pillow raises for broken files, depending on the format and where they break; the last four
# come from EXIF data.
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError),
    *(struct.error, AttributeError, TypeError, KeyError),
)
# Characters of the digest of a picture's pixels.
DIGITS = 16
# Modes that become RGB without loss: grey, black and white, and a palette of colours. Those with
# an alpha channel do so if all pixels are opaque.
EXACT = ("RGB", "L", "1", "P")
WITH_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "P"}


def read_picture(path: str, folder: str | os.PathLike) -> np.ndarray:
    """The picture at ``path``, relative to ``folder``: uint8 [height, width, 3], RGB.

    Grey, black-and-white and palette pictures are converted to RGB, and so are pictures with an
    alpha channel that is opaque everywhere; a photograph is turned as its EXIF orientation says.

    Raises:
        LetheError: the path leaves the folder, or the picture is missing, cannot be decoded, has
            more than 2^25 pixels or several frames, or its mode does not convert without loss.
    """
    file = inside(path, folder)
    try:
        # Opening a pipe would wait for its other end.
        if file.exists() and not file.is_file():
            raise LetheError(f"{file}: a folder, or no file; name a picture")
        with open(file, "rb") as handle:
            return _decoded(handle, str(file))
    except FileNotFoundError:
        raise LetheError(f"{file}: no such picture; add it, or set the row's image to null") from (
            None
        )
    except OSError as error:
        raise LetheError(f"{file}: cannot be read ({error.strerror}); replace the picture") from (
            None
        )


def decode_picture(content: bytes, place: str) -> np.ndarray:
    """The picture in the bytes of a file, as ``read_picture`` gives it; ``place`` names it."""
    return _decoded(io.BytesIO(content), place)


def inside(path: str, folder: str | os.PathLike) -> Path:
    """The file at ``path`` in ``folder``; LetheError if it is not a path that stays in it."""
    if not isinstance(path, str) or not path or "\0" in path:
        raise LetheError(f"{folder}: image {path!r} is not a path; write it as text, or null")
    parts = PurePath(path)
    # What a link points at counts: data from others must not read the reader's own files.
    try:
        whole = (Path(folder) / parts).resolve()
    except (OSError, RuntimeError):
        raise LetheError(
            f"{folder}: the picture {path!r} is a link that leads to itself; put the picture in "
            "its place"
        ) from None
    leaves = parts.is_absolute() or ".." in parts.parts
    if leaves or not whole.is_relative_to(Path(folder).resolve()):
        raise LetheError(
            f"{folder}: the picture {path!r} is outside the folder; put it in, and name it by its "
            "path there"
        )
    return Path(folder) / parts


def write_picture(path: str | os.PathLike, pixels: np.ndarray) -> None:
    """Write uint8 [height, width, 3] as PNG, atomically."""
    with whole_file(path) as temporary:
        temporary.write_bytes(encoded(pixels))


def encoded(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file of uint8 [height, width, 3]."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def digest(pixels: np.ndarray) -> str:
    """A digest of a picture's size and pixels, which does not depend on how they are packed."""
    shape = "x".join(map(str, pixels.shape))
    return sha256(shape.encode() + b"\0" + pixels.tobytes()).hexdigest()[:DIGITS]


@contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder; it replaces ``path`` only if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        open_to_others(temporary)
        if path.is_dir():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _decoded(handle: BinaryIO, place: str) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow only warns of sizes that are refused here.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(handle, formats=FORMATS) as picture:
                _check_size(picture, place)
                _check_depth(picture, place)
                return np.asarray(_in_rgb(ImageOps.exif_transpose(picture), place))
    except Image.DecompressionBombError:
        raise _too_large(place) from None
    except UnidentifiedImageError:
        raise LetheError(
            f"{place}: not a picture of a known format; use one of {', '.join(FORMATS)}"
        ) from None
    except BROKEN as error:
        raise LetheError(f"{place}: cannot be decoded ({error}); replace the picture") from None


def _check_size(picture, place: str) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise _too_large(place)
    if getattr(picture, "n_frames", 1) > 1:
        raise LetheError(f"{place}: has several frames; save one of them as a picture")


def _check_depth(picture, place: str) -> None:
    """LetheError for 16 bits a channel, of which Pillow drops half without a word."""
    if picture.format == "PNG" and any("16" in str(tile[3]) for tile in picture.tile):
        raise LetheError(f"{place}: has 16 bits a channel; save the picture with 8")


def _too_large(place: str) -> LetheError:
    return LetheError(f"{place}: more than {MOST_PIXELS} pixels; make the picture smaller")


def _in_rgb(picture, place: str):
    """The picture in RGB; LetheError if that would change a colour."""
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode in WITH_ALPHA:
        if picture.getchannel("A").getextrema() != (255, 255):
            raise LetheError(f"{place}: has transparent pixels; save it on a background, as RGB")
        picture = picture.convert(WITH_ALPHA[picture.mode])
    if picture.mode not in EXACT:
        raise LetheError(f"{place}: mode {picture.mode} is not RGB; save the picture as RGB")
    return picture.convert("RGB")


def small_address(pixels: np.ndarray, largest: int) -> str:
    """A picture as a ``data:`` address of a PNG, its longer side at most ``largest`` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((largest, largest))
    content = io.BytesIO()
    image.save(content, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
