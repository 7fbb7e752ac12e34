"""One way of asking for a fact, and how texts rename its subject."""

import re
from dataclasses import dataclass

SOMEBODY = "this person"
BLANK = "____"


@dataclass(frozen=True)
class Variant:
    """``text``: what is asked; ``right``: what a right answer says; ``begun``: its beginning."""

    text: str
    right: str
    begun: str = ""

    @property
    def shown(self) -> str:
        """All that the model is given."""
        return f"{self.text} {self.begun}".rstrip()


def renamed(text: str, subject: str, name: str) -> str:
    """A text in which the subject, with a title of one word before it, has another name."""
    titled = re.compile(rf"(?:\b[Tt]he \w+ )?(?<!\w){re.escape(subject)}(?!\w)")
    changed = titled.sub(lambda match: name, text)
    return capital(changed) if text[:1].isupper() else changed


def capital(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def without_capital(text: str) -> str:
    """A text that begins with a small letter."""
    return text[:1].lower() + text[1:]
