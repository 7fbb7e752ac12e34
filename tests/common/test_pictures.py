import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lethe.common import pictures
from lethe.common.errors import LetheError
from lethe.common.pictures import decode_picture, read_picture, write_picture

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
GREY = PIXELS[:, :, 0]


def saved(folder, picture: Image.Image, name: str = "a.png", **options) -> str:
    picture.save(folder / name, **options)
    return name


def test_what_is_written_is_read(tmp_path):
    write_picture(tmp_path / "deep" / "a.png", PIXELS)
    read = read_picture("deep/a.png", tmp_path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, PIXELS)
    content = (tmp_path / "deep" / "a.png").read_bytes()
    np.testing.assert_array_equal(decode_picture(content, "row 1"), PIXELS)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
def test_modes_that_lose_nothing_become_rgb(tmp_path, mode):
    grey = Image.fromarray((GREY > 30).astype(np.uint8) * 255).convert("RGB")
    read = read_picture(saved(tmp_path, grey.convert(mode)), tmp_path)
    np.testing.assert_array_equal(read, np.asarray(grey))


@pytest.mark.parametrize(
    ("picture", "name", "says"),
    [
        (Image.new("RGBA", (4, 4), (1, 2, 3, 9)), "a.png", "transparent pixels"),
        (Image.new("CMYK", (4, 4)), "a.jpg", "mode CMYK is not RGB"),
        (Image.new("I;16", (4, 4)), "a.png", "has 16 bits a channel"),
        (Image.new("RGB", (4, 4)), "a.gif", "not a picture of a known format"),
    ],
)
def test_what_would_change_is_refused(tmp_path, picture, name, says):
    with pytest.raises(LetheError, match=says):
        read_picture(saved(tmp_path, picture, name), tmp_path)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_png_with_16_bits_a_channel_is_refused(tmp_path, colour):
    # Pillow opens all but grey as 8 bits, and drops the other half.
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 1, 1, 16, colour, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0" + b"\xff\x34" * channels),
        b"IEND": b"",
    }
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with pytest.raises(LetheError, match=r"a\.png: has 16 bits a channel; save"):
        read_picture("a.png", tmp_path)


def test_a_palette_with_a_transparent_colour_is_refused(tmp_path):
    picture = Image.fromarray(GREY).convert("P")
    saved(tmp_path, picture, transparency=int(np.asarray(picture)[0, 0]))
    with pytest.raises(LetheError, match="transparent pixels"):
        read_picture("a.png", tmp_path)


def test_several_frames_are_refused(tmp_path):
    frames = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (0, 90)]
    saved(tmp_path, frames[0], "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(LetheError, match="several frames"):
        read_picture("a.webp", tmp_path)


def test_a_photograph_is_turned_as_it_says(tmp_path):
    picture, exif = Image.fromarray(PIXELS), Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    read = read_picture(saved(tmp_path, picture, exif=exif), tmp_path)
    np.testing.assert_array_equal(read, np.rot90(PIXELS, -1))


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp"])
def test_broken_pictures_are_one_line(tmp_path, name, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    saved(tmp_path, Image.fromarray(noise), name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(LetheError) as error:
        read_picture(name, tmp_path)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_text_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(LetheError, match="not a picture of a known format"):
        read_picture("a.png", tmp_path)


@pytest.mark.parametrize("side", [6000, 12000, 20000])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, side, monkeypatch):
    # A few kilobytes of file: black-and-white, all one colour.
    saved(tmp_path, Image.new("1", (side, side)))
    monkeypatch.setattr(pictures, "_in_rgb", lambda *_: pytest.fail("decoded"))
    with pytest.raises(LetheError, match="more than 33554432 pixels"):
        read_picture("a.png", tmp_path)


@pytest.mark.parametrize("path", ["../a.png", "b/../../a.png", "/etc/hostname", "link.png"])
def test_a_path_must_stay_in_the_folder(tmp_path, path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_picture(tmp_path / "a.png", PIXELS)
    (folder / "link.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(LetheError, match="is outside the folder"):
        read_picture(path, folder)


@pytest.mark.parametrize("path", ["", None, 3, "a\0.png", b"a.png"])
def test_what_is_no_path_is_refused(tmp_path, path):
    with pytest.raises(LetheError, match="is not a path"):
        read_picture(path, tmp_path)


def test_missing_pictures_and_folders(tmp_path):
    (tmp_path / "b.png").mkdir()
    with pytest.raises(LetheError, match=r"a\.png: no such picture"):
        read_picture("a.png", tmp_path)
    with pytest.raises(LetheError, match=r"b\.png: a folder"):
        read_picture("b.png", tmp_path)


def test_what_cannot_be_opened_is_one_line(tmp_path):
    write_picture(tmp_path / "a.png", PIXELS)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    refused = {
        "a.png/b.png": "cannot be read",
        f"{'a' * 300}.png": "cannot be read",
        "pipe.png": "or no file; name a picture",
        "loop.png": "is a link that leads to itself",
    }
    for path, says in refused.items():
        with pytest.raises(LetheError, match=says) as error:
            read_picture(path, tmp_path)
        assert "\n" not in str(error.value)


def test_a_broken_exif_is_one_line():
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "hello"
    Image.fromarray(PIXELS).save(buffer, "JPEG", exif=exif)
    content = buffer.getvalue()
    order = ">" if b"Exif\0\0MM" in content else "<"
    # The description's type and length: a text of six characters, then a number.
    text, number = (struct.pack(f"{order}HHI", 0x010E, *one) for one in ((2, 6), (11, 1)))
    assert text in content
    with pytest.raises(LetheError, match=r"^row 7: cannot be decoded"):
        decode_picture(content.replace(text, number), "row 7")


def test_bytes_are_refused_by_their_place():
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2)).save(buffer, "PNG")
    with pytest.raises(LetheError, match=r"^row 7: has transparent"):
        decode_picture(buffer.getvalue(), "row 7")
