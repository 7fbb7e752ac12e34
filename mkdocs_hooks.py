"""What the site has beyond the files of docs/: the README as its front page, links, and the API.

Pages name each other as files of the repository (``docs/metrics.md``), which a reader of the
repository can open; on the site these names are links.
"""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent
# Names of pages, in code or not, that are not part of a link already.
_NAMED = re.compile(r"(?<![\w(\[/])(`?)docs/([\w-]+\.(?:md|ipynb))\1(?![\w)\]])")
_IN_BRACKETS = re.compile(r"\((`?)docs/([\w-]+\.(?:md|ipynb))\1\)")
_ELSEWHERE = re.compile(r"<script[^>]*\ssrc=\"https?://[^>]*>\s*</script>")
# A function of the library in the table of docs/python.md.
_FUNCTION = re.compile(r"`(lethe(?:\.\w+){2,})`")


def on_files(files, config):
    """Add the front page and the reference of the API."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    for name, text in (("index.md", readme), ("reference.md", reference())):
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Make names of pages links; code blocks stay as they are."""
    parts = markdown.split("```")
    parts[::2] = [_linked(part, files) for part in parts[::2]]
    return "```".join(parts)


def on_post_page(output, page, config):
    """Leave out scripts from elsewhere: the notebook's MathJax, for which it has no use."""
    return _ELSEWHERE.sub("", output)


def reference() -> str:
    """The page with the docstrings of every function that docs/python.md lists as a job."""
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    names = dict.fromkeys(name for row in rows for name in _FUNCTION.findall(row))
    entries = "\n\n".join(f"::: {name}" for name in names)
    return (
        f"# API\n\nThe functions behind jobs and commands ([python.md](python.md)).\n\n{entries}\n"
    )


def _linked(text: str, files) -> str:
    def link(match: re.Match) -> str:
        name = match[2]
        return f"[{name}]({name})" if files.get_file_from_path(name) else match[0]

    return _NAMED.sub(link, _IN_BRACKETS.sub(lambda m: f"({link(m)})", text))
