"""What a certificate's folder holds, and reading it; nothing is verified here.

Every start of the workflow reads the certificates that a configuration names, so numpy is not
imported here. ``lethe.pipeline.certificate`` makes and verifies them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256

FORMAT = 1
FILE, AUDIT, PAGE = "certificate.json", "audit.json", "certificate.html"
UNSIGNED = "unsigned: integrity only"
# Part of the format, as the verdicts' names are: other words need another number.
SCOPE = (
    "This says what was tested, on these files, and how small a leak each probe would have found. "
    "It does not say that nothing is left."
)
# A certificate's entries that are mappings.
PARTS = ("checkpoint", "parents", "data", "code", "audit", "page")


def check(settings) -> None:
    """Refuse a lineage's certificate that cannot be read, or whose audit changed, in one line."""
    for folder in settings.certificates if settings.enabled else ():
        try:
            made = read_certificate(folder)
        except LetheError as error:
            raise LetheError(f"config: lineage.certificates: {error}") from None
        file = Path(folder, AUDIT)
        if not file.is_file() or sha256(file) != made["audit"]["sha256"]:
            raise LetheError(
                f"config: lineage.certificates: {folder}: {AUDIT} is not the one that was "
                "certified; certify again, or leave it out"
            )


def in_folder(place: str | Path) -> str | Path:
    """``place`` itself; LetheError if what should be its folder is a file."""
    folder = Path(place).parent
    if folder.is_file():
        raise LetheError(f"{folder}: a file; name the folder that it is in")
    return place


def read_certificate(folder: str | Path) -> dict[str, Any]:
    """The certificate in a folder; LetheError for anything else."""
    file = Path(folder, FILE)
    made = read_json(in_folder(file), "name the folder that `lethe certify` wrote")
    if not isinstance(made, dict) or made.get("format") != FORMAT or not _whole(made):
        raise LetheError(f"{file}: not a certificate of format {FORMAT}; make it again")
    return made


def _whole(made: Mapping[str, Any]) -> bool:
    """Whether a certificate has all entries that are checked."""
    if not all(isinstance(made.get(part), dict) for part in PARTS):
        return False
    listed = [made["checkpoint"].get("files"), *made["parents"].values()]
    signer = made.get("signer", 0)
    texts = (made["audit"].get("sha256"), made["page"].get("sha256"), signer or "")
    return (
        all(isinstance(files, dict) for files in listed)
        and all(isinstance(text, str) for text in texts)
        and (made.get("scope"), made.get("signature")) == (SCOPE, signature(signer))
        and {"origin", "name"} <= made["checkpoint"].keys()
        and "verdict" in made["audit"]
    )


def signature(signer: str | None) -> str:
    """Who signed a certificate, by its own claim."""
    return UNSIGNED if signer is None else f"signed by {signer}"
