"""The digests of a checkpoint's files, by which a certificate names exactly these weights."""

from pathlib import Path

from lethe.common.files import sha256
from lethe.model import checkpoint_record


def digests(source: str | Path) -> dict[str, str]:
    """SHA-256 by name of the files of a folder, or of a GGUF file; empty for a hub id.

    All files of the folder count but the model card and hidden ones; folders in it do not.
    """
    place = Path(source)
    if place.is_file():
        return {place.name: sha256(place)}
    if not place.is_dir():
        return {}
    files = sorted(file for file in place.iterdir() if file.is_file() and file.name[0] != ".")
    return {file.name: sha256(file) for file in files if file.name != checkpoint_record.CARD}
