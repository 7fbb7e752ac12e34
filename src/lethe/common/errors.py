"""The one error that users see: a single line that names what is wrong and the remedy."""

from lethe.common.characters import shown


class LetheError(Exception):
    """Bad input or a broken file. The message is one line: what (file or key), why, what to do.

    It may quote text from outside, so control characters are shown as escapes.
    """

    def __str__(self) -> str:
        return shown(super().__str__())


class AskedToEnd(LetheError):
    """A signal asked the process to end, and it stopped cleanly."""
