"""Characters of texts that others wrote: which no row may hold, and how they are shown.

Letters of every script are welcome, and with them the marks that writing them takes: joiners
(U+200C, U+200D), the directional marks, and embeddings and isolates of right-to-left text. What has
no place in prose is refused in rows: control characters other than tab and line ends, overrides of
direction (which make a text read otherwise than it is stored), and the separators U+2028 and U+2029
(which are line ends to some programs and none to others). On a screen and in the data card all
that moves the cursor, breaks the line or turns the direction is written as an escape.
"""

import logging
import re

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# An underscore within a word is no markup; names of models have many.
_MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\.", re.I)


def unfit(text: str) -> str | None:
    """The first character that no row may hold, as ``U+001B``; None for a text without any."""
    found = _REFUSED.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


def has_lone_surrogate(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, which neither UTF-8 nor a tokenizer takes."""
    return _LONE_SURROGATE.search(text) is not None


def shown(text: str, kept: str = "") -> str:
    """``text`` for a screen: one line in which control characters are escapes (``\\x1b``).

    ``kept``: control characters that stay, such as line ends. Of what is shown already nothing
    changes.
    """
    return _UNSHOWN.sub(lambda match: _escape(match[0], kept), text)


def _escape(character: str, kept: str) -> str:
    if character in kept:
        return character
    number = ord(character)
    return _SHORT.get(character, f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def as_markdown(text: str) -> str:
    """``text`` for a page in Markdown: it reads as it is, without markup, HTML and links."""
    return _MARKUP.sub(lambda match: f"\\{match[0]}", shown(text.replace("\n", " ")))


class Shown(logging.Formatter):
    """Formats as its base does; of control characters, line ends and tabs alone get through."""

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record), kept="\n\t")


def log_to_screen(level: int) -> None:
    """Log to the standard error stream, messages alone, as they may be shown."""
    screen = logging.StreamHandler()
    screen.setFormatter(Shown("%(message)s"))
    logging.basicConfig(level=level, handlers=[screen])
