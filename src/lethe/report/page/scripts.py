"""The libraries that make the page interactive, and the policy that lets nothing else run.

Plotly draws figures, itables (DataTables) makes tables sortable. Both bring their scripts in their
Python packages. The page has three scripts, the same for every run; data are in elements that no
browser runs, and so is Plotly until the page's own script loads it.
"""

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from jinja2 import Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

# itables' script, without the notice for notebooks after it.
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_START = Path(__file__).with_name("start.jinja")


@dataclass(frozen=True)
class Scripts:
    """The page's scripts, in their order, and its content security policy."""

    plotly: Markup
    itables: Markup
    start: Markup
    policy: str


def scripts() -> Scripts:
    """The scripts, and a policy that names each by its hash.

    ``blob:`` is allowed because itables' own script loads DataTables as a module that it contains;
    no text of a page can make such an address. Neither library evaluates text as code.
    """
    version, tables = _itables()
    start = Template(_START.read_text(encoding="utf-8")).render(itables=f"_itables_{version}")
    texts = [get_plotlyjs(), tables, start]
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in texts)
    policy = (
        f"default-src 'none'; script-src {hashes} blob:; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return Scripts(*map(Markup, texts), policy)


def _itables() -> tuple[str, str]:
    """itables' version, as its script names it, and its script.

    Importing it reads settings from the folders around, and fails if they are malformed.
    """
    with patch.dict(os.environ, ITABLES_CONFIG=""):
        import itables
        from itables.javascript import generate_init_offline_itables_html

    bundle = Path(itables.__file__).with_name("html") / "dt_bundle.js"
    script = _SCRIPT.search(generate_init_offline_itables_html(bundle))
    assert script is not None, "itables' page has no script"
    return itables.__version__.replace(".", "_"), script[1]


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_data(value: Any) -> Markup:
    """JSON that can be put into an element of a page: no part of it is read as HTML."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)
