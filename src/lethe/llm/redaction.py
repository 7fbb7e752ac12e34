"""Removing the key from text, in case a service repeats it in any form.

Answers are stored and published, and much of them is JSON inside JSON: text that looks harmless
(``\\u0073k-…``) is the key once it has been decoded. So the escapes of JSON, of addresses
(``%73``) and of HTML (``&#115;``) count as the characters that they stand for, and the key in
base64 or in hexadecimal counts as the key.
"""

import base64
import re
from functools import cached_property

PLACE = "[key]"
# A text without any of these has no escapes.
_MARKS = ("\\", "%", "&#")


class Redaction:
    """Call it with a text; an empty key removes nothing."""

    def __init__(self, key: str):
        self._key = key

    def __call__(self, text: str) -> str:
        if not self._key:
            return text
        text = text.replace(self._key, PLACE)
        if any(mark in text for mark in _MARKS):
            text = self._escaped.sub(PLACE, text)
        return self._encoded.sub(PLACE, text)

    @cached_property
    def _escaped(self) -> re.Pattern:
        return re.compile("".join(map(_character, self._key)))

    @cached_property
    def _encoded(self) -> re.Pattern:
        raw = self._key.encode()
        forms = {f"(?i:{raw.hex()})", *(re.escape(form) for form in _base64(raw))}
        return re.compile("|".join(sorted(forms)))


def _character(character: str) -> str:
    """An expression for one character and its escapes, which may themselves be escaped, but not
    without end: looking for the end of a long run at each of its places takes the square of it."""
    code = ord(character)
    plain = re.escape(character)
    if not character.isalnum():
        plain = rf"\\{{0,8}}{plain}"
    return (
        rf"(?:{plain}|\\{{1,8}}(?:u00|x)(?i:{code:02x})|%(?:25){{0,4}}(?i:{code:02x})"
        rf"|&\#(?:0{{0,6}}{code}|[xX]0{{0,6}}(?i:{code:x}));)"
    )


def _base64(raw: bytes) -> set[str]:
    """What the base64 of any text contains if the text contains the key, whatever surrounds it.

    Three bytes become four letters, so there are three ways to begin; letters that depend on the
    neighbours are left out.
    """
    encodings = set()
    for offset in range(3):
        whole = (offset + len(raw)) // 3 * 4
        first = (offset + 2) // 3 * 4
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            letters = encode(bytes(offset) + raw).decode()[first:whole]
            # The few letters left of a short key could be an ordinary word.
            if len(letters) >= 8:
                encodings.add(letters)
    return encodings
