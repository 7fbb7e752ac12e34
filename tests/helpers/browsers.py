"""A real browser for tests of pages: Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Another one can be named here.
VARIABLE = "LETHE_CHROMIUM"
# Tenths of a second that a table may take, on a busy machine.
PATIENCE = 300
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str:
    """The browser's program; the test is skipped, with the reason, where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    named = os.environ.get(VARIABLE)
    program = named or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no Chromium here; install it, or name one in {VARIABLE}")
    return program


@contextmanager
def browser() -> Iterator:
    """A running browser without a window."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Tests may run as root, in containers; and there /dev/shm may be small.
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        started = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield started
        finally:
            started.close()


class Visit:
    """A page of a file, and everything that went wrong: errors, warnings, requests elsewhere."""

    def __init__(self, browser, file: Path, width: int = 1280):
        self.wrong: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._request)
        self.page.goto(file.as_uri())
        self.table("data-summary")

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _request(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.wrong.append(request.url)

    def table(self, name: str):
        """A table that sorts and filters: it does once it is near the window."""
        table = self.page.locator(f"#{name}")
        table.scroll_into_view_if_needed()
        self.page.locator(f"#{name}.dataTable").wait_for(timeout=120_000)
        return table

    def figure(self, name: str):
        """A figure, drawn: it is once it is near the window."""
        figure = self.page.locator(f"#figure-{name}")
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for(timeout=120_000)
        return figure

    def until(self, table: str, number: int, texts: list[str]) -> list[str]:
        """A column once it has these texts; as it is where it does not get them.

        DataTables sorts and filters a moment after it was asked to.
        """
        for _ in range(PATIENCE):
            if self.column(table, number) == texts:
                break
            self.page.wait_for_timeout(100)
        return self.column(table, number)

    def column(self, table: str, number: int) -> list[str]:
        """The texts of a column that are on the screen, without intervals."""
        cells = self.page.locator(f"#{table} tbody tr td:nth-child({number})")
        return [text.split()[0] if text else "" for text in cells.all_inner_texts()]
