"""Captions, which the page shares with Snakemake's report: templates of reStructuredText."""

from pathlib import Path
from types import SimpleNamespace

from docutils.core import publish_parts
from docutils.utils import SystemMessage
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from lethe.common.errors import LetheError
from lethe.common.files import read_text

# A caption can neither include other files nor contain raw HTML.
_SAFE = {
    "raw_enabled": False,
    "file_insertion_enabled": False,
    "halt_level": 2,
    "report_level": 5,
    "initial_header_level": 3,
}


def caption(file: str | Path | None, world: str, model: str = "", split: str = "") -> Markup:
    """The caption in a file as HTML; ``model`` and ``split``: wildcards, for figures.

    Without a file it is empty. LetheError for a file that cannot be read as a caption.
    """
    if file is None:
        return Markup("")
    known = SimpleNamespace(
        config={"world": {"name": world}}, wildcards=SimpleNamespace(model=model, split=split)
    )
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    try:
        text = environment.from_string(read_text(file)).render(snakemake=known)
        parts = publish_parts(text, writer="html5", settings_overrides=_SAFE)
    except (TemplateError, SystemMessage) as error:
        raise LetheError(f"{file}: not a caption ({error}); correct it") from None
    return Markup(parts["fragment"])
