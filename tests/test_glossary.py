"""docs/glossary.md: terms in order, each in use, and links that lead somewhere."""

import re

import pytest
from helpers.workflow_folder import ROOT

GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^- \*\*(.+?)\*\*: ", GLOSSARY, re.MULTILINE)
LINKS = re.findall(r"\]\((.+?)\)", GLOSSARY)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def in_use() -> str:
    """All code and pages but the glossary, in lower case, each run of blanks as one."""
    files = [*(ROOT / "docs").glob("*.md"), *(ROOT / "src/lethe").rglob("*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.name != "glossary.md"]
    return " ".join("\n".join(texts).lower().split())


def test_terms_are_in_order_each_once_and_on_one_line():
    assert len(TERMS) > 20
    assert sorted(set(TERMS)) == TERMS
    entries = GLOSSARY.partition("\n\n- ")[2].strip().splitlines()
    assert len(entries) == len(TERMS)


def test_every_term_is_in_use():
    text = in_use()
    patterns = {term: rf"\b{re.escape(term.lower())}".replace(r"\ ", "[ _]") for term in TERMS}
    assert not [term for term, pattern in patterns.items() if not re.search(pattern, text)]


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_every_link_leads_somewhere(link):
    page, _, anchor = link.partition("#")
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert not anchor or anchor in anchors(text)


def test_readers_find_it():
    assert "docs/glossary.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "glossary.md" in (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
