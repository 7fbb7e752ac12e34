"""The data card as a part of the page."""

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from lethe.common.characters import shown
from lethe.common.files import read_text

_FENCE = "---\n"
# The name in the card of the picture beside it.
WORDS = "words.png"
# Headings are this many levels below those of the card, since the page has its own title.
DEEPER, DEEPEST = 2, 6


def card(file: str | Path, words: str) -> Markup:
    """The text of a data card as HTML, without its header for machines.

    ``words``: the address of its picture. HTML within the card is shown as text, and other pictures
    as their descriptions, since their addresses could use the network.
    """
    text = shown(read_text(file), allowed="\n\t")
    if text.startswith(_FENCE):
        text = text.split(_FENCE, 2)[-1]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("image", _image)
    environment = {"words": words}
    tokens = reader.parse(text, environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + DEEPER, DEEPEST)}"
    return Markup(reader.renderer.render(tokens, reader.options, environment))


def _image(renderer, tokens, number, options, environment) -> str:
    """The picture of the words; for any other picture, its description."""
    token = tokens[number]
    text = escape(token.content)
    if token.attrGet("src") != WORDS:
        return text
    return f'<img src="{environment["words"]}" alt="{text}">'
