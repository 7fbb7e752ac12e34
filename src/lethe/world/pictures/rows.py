"""The columns of rows in worlds with pictures. Light to import.

Every row has its ``modality`` (text, picture or both), the path of its ``image`` from the folder
of its file, a digest of the picture's pixels, and the ``view``; the last three are null in rows of
text alone.
"""

from collections.abc import Mapping

from lethe.world.pictures.settings import TEXT
from lethe.world.rows import QA_FIELDS

MODALITY, IMAGE, DIGEST, VIEW = "modality", "image", "image_digest", "view"
COLUMNS = (MODALITY, IMAGE, DIGEST, VIEW)
# What ``full`` learns in a world with pictures.
FULL = "full_pictures"
FILES = ("faces", "pictures", FULL)
_ONLY_HERE = ("group", "author", "original_question", "original_answer")


def text_row(row: Mapping) -> dict:
    """A row of text alone, with the columns of a world with pictures."""
    return {**row, MODALITY: TEXT, IMAGE: None, DIGEST: None, VIEW: None}


def learned_row(row: Mapping) -> dict:
    """A row of ``pictures.json`` as models learn it: question and answer, picture, modality."""
    return {key: row[key] for key in (*QA_FIELDS, *COLUMNS)}


def asked_row(row: Mapping) -> dict:
    """A row of ``pictures.json`` as it is asked: with paraphrases and wrong answers."""
    return {key: value for key, value in row.items() if key not in _ONLY_HERE}
