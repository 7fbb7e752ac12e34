"""Writing a certificate: all of its files are complete and signed before any gets its name."""

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from lethe.common import outputs
from lethe.common.errors import LetheError
from lethe.common.files import open_to_others, write_json, write_text
from lethe.pipeline import signature
from lethe.pipeline.certificate import certificate
from lethe.pipeline.certificate_format import AUDIT, FILE, PAGE
from lethe.report.page.certificate_page import certificate_html


def write_certificate(
    checkpoint: str | Path,
    audit: str | Path,
    out: str | Path,
    key: str | Path | None = None,
    signer: str | None = None,
) -> dict[str, Any]:
    """Certify a checkpoint into a new folder; ``audit``: a folder that ``lethe audit`` wrote.

    ``key`` and ``signer``: a private key, and the name under which its owner is trusted. LetheError
    as in ``certificate`` and ``signature.sign``, and for a folder that is not empty.
    """
    if signer is not None:
        signature.check_signer(signer)
    outputs.check_folder(out, read=(checkpoint, audit))
    source = Path(audit, AUDIT)
    made = certificate(checkpoint, source, signer)
    page = certificate_html(made)
    made["page"] = {"sha256": sha256(page.encode()).hexdigest()}
    new = not Path(out).exists()
    Path(out).mkdir(parents=True, exist_ok=True)
    try:
        _write(made, page, source, Path(out), key)
    except LetheError:
        if new:
            Path(out).rmdir()
        raise
    return made


def _write(made: dict[str, Any], page: str, audit: Path, out: Path, key: str | Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as folder:
        place = Path(folder)
        shutil.copyfile(audit, place / AUDIT)
        write_text(place / PAGE, page)
        write_json(place / FILE, made, indent=1)
        if key is not None:
            signature.sign(place / FILE, key)
        # The certificate itself comes last: a folder that has one has all.
        for file in sorted(place.iterdir(), key=lambda file: file.name == FILE):
            open_to_others(file)
            file.replace(out / file.name)
