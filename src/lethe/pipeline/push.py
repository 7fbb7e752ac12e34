"""Checkpoints, worlds and records on the Hugging Face hub, private unless asked otherwise.

Called by a person alone; no rule pushes anything. What is sent is first compared with its recorded
digests, so that a repository holds what a job wrote.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.model import checkpoint_record
from lethe.pipeline import ledger_files
from lethe.world.pictures import hub as pictures_hub

CARD = "README.md"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# What is sent of a run: what its scores are computed from, and the scores.
OF_RUN = ("records", "metrics")
RUN_CARD = """---
tags:
- machine-unlearning
- lethe
viewer: false
---

# Records of {name}

Answers and likelihoods, item by item (`records`), of a run of Lethe, a laboratory for machine
unlearning, and the metrics that were computed from them (`metrics`). `lethe leaderboard` computes
the scores again from the records.
"""


def push(folder: str | Path, repository: str, public: bool = False, root: str | Path = ".") -> str:
    """Send a checkpoint, a world's data or a run's records; returns the repository's address.

    A world with pictures is sent as a data set with the pictures in its rows.
    ``root``: the working folder whose ledgers know a world's and a run's files. The repository is
    made, private unless ``public``; one that is there keeps who may read it.

    LetheError, before anything is sent, for a folder of another kind, for files that are not what
    their jobs wrote, without a token, or if the repository is public and ``public`` is not set.
    """
    folder = Path(folder)
    if not _REPOSITORY.fullmatch(repository):
        raise LetheError(f"{repository}: not a repository; write USER/NAME")
    kind, names = _content(folder, Path(root))
    from huggingface_hub import HfApi, get_token

    if os.environ.get("HF_HUB_OFFLINE") in ("1", "true", "True"):
        raise LetheError("HF_HUB_OFFLINE is set, so nothing can be sent; unset it")
    if get_token() is None:
        raise LetheError("no token of the hub; set HF_TOKEN, or log in: hf auth login")
    try:
        where = {"repo_id": repository, "repo_type": kind}
        with _as_sent(folder, names) as (content, files):
            _send(HfApi(), content, where, files, public)
    except LetheError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise LetheError(f"{repository}: the hub did not take it ({reason})") from error
    prefix = "" if kind == "model" else "datasets/"
    return f"https://huggingface.co/{prefix}{repository}"


@contextmanager
def _as_sent(folder: Path, names: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """The folder and the files to send: rows of a world with pictures have their pictures there."""
    if pictures_hub.PICTURED not in names:
        yield folder, names
        return
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / folder.name
        pictures_hub.write_hub(folder, out)
        files = (file for file in out.rglob("*") if file.is_file())
        yield out, sorted(file.relative_to(out).as_posix() for file in files)


def _send(hub, folder: Path, where: dict[str, str], names: list[str], public: bool) -> None:
    """Send files to a repository, once who may read it is known."""
    if not _is_private(hub, where, public) and not public:
        raise LetheError(
            f"{where['repo_id']}: it is public; add --public to send there all the same"
        )
    if CARD not in names:
        text = RUN_CARD.format(name="/".join(folder.absolute().parts[-4:]))
        message = "Card of a run of Lethe"
        hub.upload_file(
            path_or_fileobj=text.encode(), path_in_repo=CARD, commit_message=message, **where
        )
    message = f"{folder.name} of Lethe"
    hub.upload_folder(folder_path=folder, allow_patterns=names, commit_message=message, **where)


def _is_private(hub, where: dict[str, str], public: bool) -> bool:
    """Whether only its owner can read a repository, which is made if it is not there."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return bool(hub.repo_info(**where).private)
    except RepositoryNotFoundError:
        hub.create_repo(private=not public, **where)
        return not public


def _content(folder: Path, root: Path) -> tuple[str, list[str]]:
    """The hub's kind of repository for a folder, and the verified files to send."""
    if checkpoint_record.is_ours(folder):
        with checkpoint_record.verifying(folder):
            pass
        listed = checkpoint_record.read(folder)["files"]
        beside = [name for name in (CARD, paths.DIGEST) if (folder / name).is_file()]
        return "model", sorted({*listed, *beside})
    if (folder / CARD).is_file() and any(folder.glob("*.json")):
        files = [file for file in folder.rglob("*") if file.is_file()]
    elif all((folder / part).is_dir() for part in OF_RUN):
        files = [file for part in OF_RUN for file in (folder / part).rglob("*") if file.is_file()]
    else:
        raise LetheError(
            f"{folder}: no checkpoint of Lethe's, no data of a world with its card, and no run "
            "with records and metrics; name one of these"
        )
    _verify(files, root)
    return "dataset", sorted(file.relative_to(folder).as_posix() for file in files)


def _verify(files: Iterable[Path], root: Path) -> None:
    """LetheError for a file that is not what a job of the working folder wrote."""
    find = ledger_files.Finder()
    for file in files:
        place = file.absolute()
        if not place.is_relative_to(root.absolute()):
            raise LetheError(f"{file}: not a result of this working folder; push it from its own")
        entry = find(place.relative_to(root.absolute()).as_posix())
        if entry is None or entry["sha256"] != sha256(file):
            raise LetheError(f"{file}: not what its job wrote; make it again, then push")
