"""How asking can fail: in passing, for good, or in a dry run that sends nothing."""

from lethe.common.errors import LetheError


class Missing(Exception):
    """A dry run came to a question that the journal cannot answer."""


class Refused(LetheError):
    """The service does not take this request as it is (400, 422)."""


class Unanswered(LetheError):
    """Every try failed in a way that might have passed; ``kind`` tells of the last."""

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


class Transient(Exception):
    """A failure that may pass: ``kind`` for the count, ``wait`` in seconds if the service says so.

    ``billed``: the service may have worked on it, and want to be paid. ``said``: its own words.
    """

    def __init__(self, kind: str, wait: float | None = None, billed: bool = False, said: str = ""):
        super().__init__(f"{kind}: {said}" if said else kind)
        self.kind, self.wait, self.billed = kind, wait, billed
