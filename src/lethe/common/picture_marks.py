"""Pictures within questions: a mark stands where a picture is, and names it by its content.

Questions are texts everywhere, and a mark keeps a picture in its place through whatever is done
to a text. It is readable in records and logs, and the same in every process. The pixels behind the
marks of this process are kept here; they are added when rows are read, and never change.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError

BEGIN = "⟦picture "
MARK = re.compile(BEGIN + r"([0-9a-f]{12})⟧")
# The column of a row that names its picture, and the columns that ask about it.
COLUMN, ASKING = "image", ("question", "paraphrased_question")

_PIXELS: dict[str, Any] = {}


def mark_of(pixels) -> str:
    """The mark of a picture, uint8 [height, width, 3], whose pixels this process now knows."""
    import numpy as np

    content = str(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    known = _PIXELS.setdefault(digest, pixels)
    if known.shape != pixels.shape or not (known == pixels).all():
        raise LetheError(f"pictures: two of them have the digest {digest}; change one of them")
    return f"{BEGIN}{digest}⟧"


def pixels_of(digest: str):
    """The pixels behind a mark's digest; LetheError if no row with this picture was read."""
    if digest not in _PIXELS:
        raise LetheError(
            f"pictures: {BEGIN}{digest}⟧ is in a text, but no row with this picture was read; "
            "read the rows whose image it is"
        )
    return _PIXELS[digest]


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


def asked(rows: Sequence[dict], file: str | Path) -> Sequence[dict]:
    """Rows as a model is asked them: the mark of a row's picture comes before its questions.

    ``file``: what the rows were read from; paths of pictures are relative to its folder. Rows
    without pictures stay as they are. LetheError for a picture that cannot be read.
    """
    if not any(row.get(COLUMN) for row in rows):
        return rows
    from lethe.common.pictures import read_picture

    folder, marks = Path(file).parent, {}
    for path in dict.fromkeys(row[COLUMN] for row in rows if row.get(COLUMN)):
        marks[path] = mark_of(read_picture(path, folder))
    return [_shown(row, marks[row[COLUMN]]) if row.get(COLUMN) else row for row in rows]


def _shown(row: Mapping[str, Any], mark: str) -> dict[str, Any]:
    return {**row, **{key: f"{mark} {row[key]}" for key in ASKING if row.get(key)}}
