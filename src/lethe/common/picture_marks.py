"""Pictures within questions: a mark stands where a picture is, and names it by its content.

Questions are texts everywhere, and a mark keeps a picture in its place through whatever is done
to a text. It is readable in records and logs, and the same in every process. The pixels behind the
marks of this process are known here; they are added when rows are read, and never change.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common import paths
from lethe.common.errors import LetheError

BEGIN = "⟦picture "
MARK = re.compile(BEGIN + r"([0-9a-f]{12})⟧")
# The column of a row that names its picture, and the columns that ask about it.
COLUMN, ASKING = "image", ("question", "paraphrased_question")
# The column with the digest of its pixels (``lethe.common.pictures.digest``).
DIGEST = "image_digest"

# Bytes of the pixels that are kept although a file has them.
ROOM = 2**28


class _Known:
    """Pixels by digest; those that a file can give again are let go of when they are too many."""

    def __init__(self):
        self._alone: dict[str, Any] = {}
        self._recent: OrderedDict[str, Any] = OrderedDict()
        self._files: dict[str, tuple[str, Path]] = {}
        self._size = 0

    def add(self, digest: str, pixels: Any, file: tuple[str, Path] | None) -> None:
        """``file``: path and folder from which they were read; None: from none."""
        if file is None:
            self._alone[digest] = pixels
            return
        self._files[digest] = file
        if digest not in self._recent:
            self._recent[digest] = pixels
            self._size += pixels.nbytes
        while self._size > ROOM and len(self._recent) > 1:
            self._size -= self._recent.popitem(last=False)[1].nbytes

    def get(self, digest: str) -> Any:
        """The pixels; None if unknown. LetheError if their file has changed since."""
        if digest in self._alone:
            return self._alone[digest]
        if digest not in self._files:
            return None
        if digest not in self._recent:
            self.add(digest, self._again(digest), self._files[digest])
        self._recent.move_to_end(digest)
        return self._recent[digest]

    def _again(self, digest: str) -> Any:
        from lethe.common.pictures import read_picture

        path, folder = self._files[digest]
        pixels = read_picture(path, folder)
        if _digest(pixels) != digest:
            raise LetheError(f"{folder / path}: was changed while it was in use; start again")
        return pixels


_KNOWN = _Known()


def _digest(pixels: Any) -> str:
    import numpy as np

    content = str(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()
    return hashlib.sha256(content).hexdigest()[:12]


def mark_of(pixels: Any, file: tuple[str, Path] | None = None) -> str:
    """The mark of a picture, uint8 [height, width, 3], whose pixels this process now knows.

    ``file``: path and folder from which they can be read again, so that they need not be kept.
    """
    digest = _digest(pixels)
    known = _KNOWN.get(digest)
    if known is not None and (known.shape != pixels.shape or not (known == pixels).all()):
        raise LetheError(f"pictures: two of them have the digest {digest}; change one of them")
    if known is None:
        _KNOWN.add(digest, pixels, file)
    return f"{BEGIN}{digest}⟧"


def pixels_of(digest: str) -> Any:
    """The pixels behind a mark's digest; LetheError if no row with this picture was read."""
    pixels = _KNOWN.get(digest)
    if pixels is None:
        raise LetheError(
            f"pictures: {BEGIN}{digest}⟧ is in a text, but no row with this picture was read; "
            "read the rows whose image it is"
        )
    return pixels


def digests_in(text: str) -> list[str]:
    """The digests of the pictures in a text, in their order."""
    return MARK.findall(text) if BEGIN in text else []


def pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """The texts between a text's marks, each with the mark that follows it; the last with None."""
    begin = 0
    for mark in MARK.finditer(text):
        yield text[begin : mark.start()], mark[0]
        begin = mark.end()
    yield text[begin:], None


def without_marks(text: str) -> str:
    """A text as a person wrote it, without the marks of its pictures."""
    return MARK.sub("", text).lstrip() if BEGIN in text else text


def with_picture(text: str, digest: str) -> str:
    """A text with the mark of this picture in place of each of its own."""
    return MARK.sub(f"{BEGIN}{digest}⟧", text)


def asked(rows: Sequence[dict], file: str | Path) -> Sequence[dict]:
    """Rows as a model is asked them: the mark of a row's picture comes before its questions.

    ``file``: what the rows were read from; paths of pictures are relative to its folder, or to the
    one above if it is that of a sequence's requests. Rows without pictures stay as they are.
    LetheError for a picture that cannot be read, or that is not the one whose digest its row has.
    """
    shown = [row for row in rows if row.get(COLUMN)]
    if not shown:
        return rows
    from lethe.common.pictures import digest, read_picture

    folder, marks, digests = _folder(Path(file)), {}, {}
    for path in dict.fromkeys(row[COLUMN] for row in shown):
        pixels = read_picture(path, folder)
        marks[path], digests[path] = mark_of(pixels, (path, folder)), digest(pixels)
    for row in shown:
        if row.get(DIGEST) not in (None, digests[row[COLUMN]]):
            raise LetheError(
                f"{folder / row[COLUMN]}: another picture than the one that {file} names; make the "
                "world again"
            )
    return [_shown(row, marks[row[COLUMN]]) if row.get(COLUMN) else row for row in rows]


def _folder(file: Path) -> Path:
    own = file.parent
    return own.parent if own.name == paths.REQUESTS else own


def _shown(row: Mapping[str, Any], mark: str) -> dict[str, Any]:
    return {**row, **{key: f"{mark} {row[key]}" for key in ASKING if row.get(key)}}
