"""Characters in texts from outside: which ones no row may hold, and how they are displayed.

Letters of every script are allowed, and so are the marks needed to write them: joiners (U+200C,
U+200D), directional marks, and the embeddings and isolates of right-to-left text. Characters that
do not belong in prose are refused in rows: control characters other than tab and line ends,
direction overrides (which make a text read differently from how it is stored), and the separators
U+2028 and U+2029 (which some programs treat as line ends and others do not). On screen and in the
data card, anything that moves the cursor, breaks the line or changes direction is escaped.
"""

import logging
import re

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# An underscore inside a word is not markup; model names have many.
_MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\.", re.I)


def unfit(text: str) -> str | None:
    """The first character that no row may hold, such as ``U+001B``; None if there is none."""
    match = _REFUSED.search(text)
    return None if match is None else f"U+{ord(match[0]):04X}"


def fit(text: str) -> str:
    """``text`` without the characters that no row may hold, which a model may well write."""
    return _REFUSED.sub("", text)


def has_lone_surrogate(text: str) -> bool:
    """Whether a text contains half a surrogate pair, which UTF-8 and tokenizers do not accept."""
    return _LONE_SURROGATE.search(text) is not None


def shown(text: str, allowed: str = "") -> str:
    """``text`` for display: one line, with control characters escaped (``\\x1b``).

    ``allowed``: control characters that stay, such as line ends. Text that was already escaped does
    not change.
    """
    return _UNSHOWN.sub(lambda match: _escape(match[0], allowed), text)


def _escape(character: str, allowed: str) -> str:
    if character in allowed:
        return character
    number = ord(character)
    return _SHORT.get(character, f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def as_markdown(text: str) -> str:
    """``text`` escaped for Markdown, so that it shows as written, without markup, HTML or links."""
    return _MARKUP.sub(lambda match: f"\\{match[0]}", shown(text.replace("\n", " ")))


class Shown(logging.Formatter):
    """Formats as its base class does; escapes all control characters but line ends and tabs."""

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record), allowed="\n\t")


def log_to_screen(level: int) -> None:
    """Log to standard error: the messages only, with control characters escaped."""
    screen = logging.StreamHandler()
    screen.setFormatter(Shown("%(message)s"))
    logging.basicConfig(level=level, handlers=[screen])
