"""Which code made a result, and on what day: the commit of the workflow's own files."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lethe
from lethe.common.files import sha256
from lethe.pipeline import workflow_files

# What results depend on; a change elsewhere does not change the code.
SOURCES = ("src", "workflow", "config", "Snakefile")


def revision(folder: Path | None = None) -> dict[str, Any]:
    """Today's date (UTC), Lethe's version, and the commit of a checkout.

    ``commit`` and ``changed`` are None if the code is not a checkout or git is not installed.
    ``changed``: whether the code differs from that commit.
    """
    folder = workflow_files.root() if folder is None else folder
    commit = _git(folder, "rev-parse", "HEAD") if _is_checkout(folder) else None
    status = commit and _git(folder, "status", "--porcelain", "--", *SOURCES)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": lethe.__version__,
        "commit": commit,
        "changed": None if status is None else bool(status),
    }


def _is_checkout(folder: Path) -> bool:
    """Whether the folder is a checkout itself, not some other project's subfolder."""
    return (folder / ".git").exists()


def _git(folder: Path, *words: str) -> str | None:
    """What a git command prints; None without git, or if it fails."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, "-C", str(folder), *words], capture_output=True, check=False, encoding="utf-8"
    )
    return done.stdout.strip() if done.returncode == 0 else None


def library_digest(package: Path | None = None) -> str:
    """The SHA-256 of the library's sources: names and digests of all files but compiled ones."""
    package = Path(lethe.__file__).parent if package is None else package
    there = (file for file in package.rglob("*") if file.is_file())
    sources = {file.relative_to(package).as_posix(): file for file in there}
    lines = [
        f"{name}\0{sha256(sources[name])}\n"
        for name in sorted(sources)
        if "__pycache__" not in name
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
