"""The data card as a part of the page."""

from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from lethe.common.characters import shown
from lethe.common.files import read_text

_FENCE = "---\n"


def card(file: str | Path) -> Markup:
    """The text of a data card as HTML, without its header for machines.

    HTML within it is shown as text, and pictures are left out: an address could ask the network.
    """
    text = shown(read_text(file), allowed="\n\t")
    if text.startswith(_FENCE):
        text = text.split(_FENCE, 2)[-1]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return Markup(reader.render(text))
