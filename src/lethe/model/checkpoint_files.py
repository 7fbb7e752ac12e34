"""The digests of a checkpoint's files, by which a certificate names exactly these weights."""

from pathlib import Path

from lethe.common.characters import has_lone_surrogate, shown
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.model import checkpoint_record, lora

# Files of the model that adapters change, which has no folder here.
BASE = "base/"


def digests(source: str | Path) -> dict[str, str]:
    """SHA-256 by name of the files of a folder, or of a GGUF file; empty for a hub id.

    All files of the folder count except the model card and hidden ones; folders in it do not. With
    adapters, those of their base count as well, as ``base/NAME``, if it is a local folder.
    LetheError for a file whose name is not UTF-8.
    """
    place = Path(source)
    if place.is_file():
        return {place.name: sha256(place)}
    if not place.is_dir():
        return {}
    files = sorted(file for file in place.iterdir() if file.is_file() and file.name[0] != ".")
    for file in files:
        if has_lone_surrogate(file.name):
            raise LetheError(f"{place}: a file's name is not UTF-8 ({shown(file.name)}); rename it")
    own = {file.name: sha256(file) for file in files if file.name != checkpoint_record.CARD}
    if not lora.is_adapter_folder(place):
        return own
    lora.check_chain(place)
    return own | {f"{BASE}{name}": digest for name, digest in digests(lora.base_of(place)).items()}


def base_elsewhere(source: str | Path) -> str | None:
    """The hub id of the model that a folder's adapters change; None if all files are here."""
    place = Path(source)
    while lora.is_adapter_folder(place):
        place = Path(lora.base_of(place))
    return None if place.exists() else str(place)
