"""The documentation's site: every page has a place, and it builds without a warning or a network.

make test-site
"""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# Made when the site is built.
MADE = {"index.md", "reference.md"}


def pages() -> list[str]:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    places = [place for group in nav for place in group.values()]
    return [name for place in places for name in ([place] if isinstance(place, str) else place)]


def test_every_page_has_one_place():
    there = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".ipynb")}
    assert sorted(pages()) == sorted(there | MADE)


@pytest.mark.site
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path):
    if find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: make site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    html = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert {f"{Path(name).stem}.html" for name in pages()} <= html.keys()
    loaded = re.compile(r"<(?:script|img|iframe|link [^>]*sheet)[^>]*(?:src|href)=.?https?:")
    assert [name for name, text in html.items() if loaded.search(text)] == []
    assert "lethe.train.finetuned_model.finetune" in html["reference.html"]
    assert 'href="metrics.html"' in html["index.html"]
