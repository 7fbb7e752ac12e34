"""The hub of models: whether one can be had there or in its cache, and what its refusals mean.

Light to import: huggingface_hub is loaded by what asks the hub or its cache.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# For an answer about a model; the hub's own library waits as long.
SECONDS = 10


def cached(repository: str, file: str) -> Path | None:
    """The cache's folder of a model of the hub, if ``file`` is in it. Asks no network."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, file)
    return Path(path).parent if isinstance(path, str) else None


def listed(repository: str, file: str) -> set[str]:
    """Names of a model's files on the hub, outside of folders; ``file`` may be read by this user.

    Raises errors of huggingface_hub, and ConnectionError where the hub cannot be reached;
    ``refusal`` has words for both. A ``file`` that is not there is not asked for.
    """
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import httpx

    try:
        about = HfApi().model_info(repository, timeout=SECONDS)
        names = {e.rfilename for e in about.siblings or () if "/" not in e.rfilename}
        # Of a gated model everyone may see the names.
        if file in names:
            get_hf_file_metadata(hf_hub_url(repository, file), timeout=SECONDS)
    except httpx.TransportError as error:
        raise ConnectionError(str(error)) from error
    return names


def downloaded(repository: str, file: str, others: Iterable[str]) -> Path | None:
    """The cache's folder of a model with a file of it, and those others that it has.

    None where the model has no such ``file``. Raises errors of huggingface_hub.
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
    """Why the hub gave no model, and the remedy; None for what was not of the hub."""
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

    # A gated repository is a kind of one that is not found.
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
    """What an answer without a reason means."""
    if status in (401, 403):
        return f"the hub refuses it ({status}); log in with a token that may read it: hf auth login"
    if status == 404:
        return "the hub has no such model"
    return f"the hub answers {status}; try again later, or name a local folder"
