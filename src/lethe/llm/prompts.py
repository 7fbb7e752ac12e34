"""Prompts as text files, each with a version and parts for each kind of answer.

A file begins with ``version: N``; then follow parts, each under a line ``--- NAME``: ``system``,
``user``, how to answer in ``json`` or in ``text``, and any further ones that the stage fills in
itself. ``$name`` marks what is filled in (``string.Template``).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lethe.common.errors import LetheError

_PART = re.compile(r"^--- (\w+)\n", re.MULTILINE)
_REQUIRED = ("system", "user", "json", "text")


@dataclass(frozen=True)
class Prompt:
    """A template file: ``version`` for readers, ``digest`` to detect any change."""

    name: str
    version: int
    digest: str
    parts: dict[str, str]

    def part(self, name: str, values: Mapping[str, object]) -> str:
        """One part, filled in; a missing value is a LetheError rather than a bad question."""
        try:
            return Template(self.parts[name]).substitute(values).strip()
        except (KeyError, ValueError) as error:
            raise LetheError(
                f"prompt {self.name}, part {name}: cannot be filled in ({error})"
            ) from None

    def messages(self, mode: str, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The messages that ask for an answer in the given mode."""
        form = self.part("text" if mode == "text" else "json", values)
        user = self.part("user", values)
        return [
            {"role": "system", "content": self.part("system", values)},
            {"role": "user", "content": f"{user}\n\n{form}"},
        ]


def load(path: str | Path) -> Prompt:
    """Read a template file; LetheError names what is wrong with it."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LetheError(f"{path}: no such prompt") from None
    head, *rest = _PART.split(text)
    version = re.match(r"version: (\d+)\n", head)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    missing = [name for name in _REQUIRED if name not in parts]
    if version is None or missing:
        lacks = "no line 'version: N' at its head" if version is None else f"no part {missing[0]}"
        raise LetheError(f"{path}: {lacks}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Prompt(path.stem, int(version[1]), digest, parts)
