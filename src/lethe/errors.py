"""The one error that users see: a single line that names what is wrong and the remedy."""


class LetheError(Exception):
    """Bad input or a broken file. The message is one line: what (file or key), why, what to do."""
