"""Messages in parts, as the chat templates of models that see read them.

Such a template gets each message as a list of texts and pictures, and writes a picture where the
model learned to see it. What it writes for one is then replaced by the picture's mark, so that all
else works on marks. Templates that know no parts get plain texts, marks included.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.picture_marks import MARK, pieces
from lethe.model import attached

Turn = Mapping[str, Any]


@dataclass(frozen=True)
class PlainMessages:
    """Messages are texts; marks of pictures stay in them."""

    def given(self, turns: Sequence[Turn]) -> list[Turn]:
        """Messages as the template reads them."""
        return list(turns)

    def taken(self, text: str, turns: Sequence[Turn]) -> str:
        """A conversation as the template writes it, with the marks of its pictures."""
        return text

    def has_tokens_added(self, tokenizer: Any, prompt: str) -> bool:
        """Whether the tokenizer adds its special tokens to what the template writes."""
        return False


@dataclass(frozen=True)
class MessagesInParts(PlainMessages):
    """Messages are lists of texts and pictures; ``written`` is what is written for a picture."""

    written: str

    def given(self, turns: Sequence[Turn]) -> list[Turn]:
        return [{**turn, "content": in_parts(turn["content"])} for turn in turns]

    def taken(self, text: str, turns: Sequence[Turn]) -> str:
        """LetheError if the template did not write a picture once for each mark."""
        marks = [match[0] for turn in turns for match in MARK.finditer(turn["content"])]
        if not marks:
            return text
        around = text.split(self.written)
        if len(around) != len(marks) + 1:
            raise LetheError(
                f"template: a conversation with {len(marks)} pictures has {self.written!r} "
                f"{len(around) - 1} times, so their places are not known; take it out of the text, "
                "or choose another template"
            )
        return "".join(part + mark for part, mark in zip(around, [*marks, ""], strict=True))

    def has_tokens_added(self, tokenizer: Any, prompt: str) -> bool:
        """As transformers' processors do: unless the template itself begins with the first one."""
        return not (tokenizer.bos_token and prompt.startswith(tokenizer.bos_token))


def form(tokenizer: Any, render: Callable[[list[Turn]], str], probe: str) -> PlainMessages:
    """How a chat template reads messages. ``render``: a conversation -> its text."""
    known = attached.tokenizer_state(tokenizer).pictures
    in_lists = known is not None and reads_parts(render, probe, known.text)
    return MessagesInParts(known.text) if in_lists else PlainMessages()


def in_parts(text: str) -> list[dict[str, str]]:
    """A text with marks of pictures as a list of texts and pictures.

    The space that follows a mark belongs to the mark.
    """
    parts: list[dict[str, str]] = []
    for words, mark in pieces(text):
        words = words.removeprefix(" ") if parts else words
        parts += [{"type": "text", "text": words}] * bool(words)
        parts += [{"type": "image"}] * (mark is not None)
    return parts or [{"type": "text", "text": text}]


def reads_parts(render, probe: str, written: str) -> bool:
    """Whether a template writes the text and the picture of a message in parts."""
    picture = [{"type": "image"}, {"type": "text", "text": probe}]
    try:
        with_it, without = (
            render([{"role": "user", "content": parts}]) for parts in (picture, picture[1:])
        )
    except Exception:
        return False
    one_more = with_it.count(written) == without.count(written) + 1
    # A template for plain texts may write the list itself.
    return one_more and probe in with_it and "'type'" not in with_it


def check_kept(text: str, probe: str) -> None:
    """LetheError if a template wrote a text without the question that it was given."""
    if probe not in text:
        raise LetheError(
            "template: the chat template leaves out the question; choose another template"
        )
