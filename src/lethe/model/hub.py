"""The Hugging Face hub: whether a model is available there or in its cache, and its errors.

Light to import: huggingface_hub is imported only when the hub or its cache is asked.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# How long to wait for an answer about a model; the hub's own library waits as long.
SECONDS = 10


def cached(repository: str, file: str) -> Path | None:
    """The folder of a hub model in the cache, if ``file`` is in it. Uses no network."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, file)
    return Path(path).parent if isinstance(path, str) else None


def listed(repository: str, file: str) -> set[str]:
    """Names of a model's files on the hub, except those in folders.

    If ``file`` is among them, checks that this user may read it. Raises errors of huggingface_hub,
    and ConnectionError if the hub cannot be reached; ``refusal`` explains both.
    """
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import httpx

    try:
        about = HfApi().model_info(repository, timeout=SECONDS)
        names = {e.rfilename for e in about.siblings or () if "/" not in e.rfilename}
        # Everyone may see the names of a gated model's files.
        if file in names:
            get_hf_file_metadata(hf_hub_url(repository, file), timeout=SECONDS)
    except httpx.TransportError as error:
        raise ConnectionError(str(error)) from error
    return names


def downloaded(repository: str, file: str, others: Iterable[str]) -> Path | None:
    """Download a model's ``file``, and those of ``others`` that it has; returns the cached folder.

    None if the model has no such ``file``. Raises errors of huggingface_hub.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        folder = Path(hf_hub_download(repository, file)).parent
    except EntryNotFoundError:
        return None
    for name in others:
        with suppress(EntryNotFoundError):
            hf_hub_download(repository, name)
    return folder


def refusal(error: Exception) -> str | None:
    """Why the hub gave no model, and the remedy; None if the error did not come from the hub."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    causes = [error, error.__cause__, error.__context__]

    def caused_by(*kinds: type[Exception]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # GatedRepoError is a subclass of RepositoryNotFoundError.
    if caused_by(GatedRepoError):
        return "it is gated; accept its licence on the hub, then log in: hf auth login"
    if caused_by(RepositoryNotFoundError):
        return "the hub has no such model, or it is private: hf auth login"
    answers = [
        cause.response.status_code
        for cause in causes
        if isinstance(cause, HfHubHTTPError) and not isinstance(cause, EntryNotFoundError)
    ]
    if answers:
        return _answered(answers[0])
    if caused_by(LocalEntryNotFoundError, ConnectionError):
        return (
            "the hub cannot be reached and its cache lacks the model; get it first where there is "
            "a network (hf download), or name a local folder"
        )
    return None


def _answered(status: int) -> str:
    """What an HTTP status without a reason means, and the remedy."""
    if status in (401, 403):
        return f"the hub refuses it ({status}); log in with a token that may read it: hf auth login"
    if status == 404:
        return "the hub has no such model"
    return f"the hub answers {status}; try again later, or name a local folder"
