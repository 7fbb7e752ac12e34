"""How a request can fail: temporarily, permanently, or in a dry run that sends nothing."""

from lethe.common.errors import LetheError


class Missing(Exception):
    """A dry run reached a request that the journal cannot answer."""


class Refused(LetheError):
    """The service rejects this request as it is (400, 422)."""


class Unanswered(LetheError):
    """Every attempt failed with a transient error; ``kind`` is that of the last."""

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


class Transient(Exception):
    """A failure that may pass: ``kind`` for the count, ``wait`` in seconds if the service says so.

    ``billed``: the service may have worked on it and charge for it. ``said``: its own message.
    """

    def __init__(self, kind: str, wait: float | None = None, billed: bool = False, said: str = ""):
        super().__init__(f"{kind}: {said}" if said else kind)
        self.kind, self.wait, self.billed = kind, wait, billed
