import pytest
from helpers.page_files import page_files

from lethe.report.page.page import html


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Run, files and what is shown, of six made-up methods."""
    return page_files(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def page(parts):
    """The page as text."""
    return html(*parts)
