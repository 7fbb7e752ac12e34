"""How fast a page opens in Chromium: until it is painted, and until its summary can be sorted.

    python benchmarks/page.py results/report.html [TIMES]

Times count from the start of the navigation; each opening is in a new context, with nothing cached.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PAINTED = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime'
# The browser itself notes the time: asking from outside would add its own delay.
SORTABLE = """
new MutationObserver((_, watcher) => {
  if (!document.querySelector("#data-summary.dataTable")) return;
  window.sortable ??= performance.now();
  watcher.disconnect();
}).observe(document, {subtree: true, childList: true, attributeFilter: ["class"]});
"""
DRAWN = "() => document.querySelector('.plot .main-svg') && performance.now()"


def openings(file: Path, times: int) -> list[tuple[float, float, float]]:
    """Seconds until painted, sortable, and the first figure drawn, for each opening."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        return [_opening(browser, file) for _ in range(times)]


def _opening(browser, file: Path) -> tuple[float, float, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(SORTABLE)
    page.goto(file.as_uri())
    page.wait_for_function("() => window.sortable")
    # It is drawn once it comes near the window.
    page.locator(".plot").first.scroll_into_view_if_needed()
    drawn = page.wait_for_function(DRAWN).json_value()
    seconds = [page.evaluate(PAINTED), page.evaluate("() => window.sortable"), drawn]
    page.close()
    return tuple(one / 1000 for one in seconds)


if __name__ == "__main__":
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for painted, sortable, drawn in openings(Path(sys.argv[1]).resolve(), times):
        print(f"painted {painted:.1f} s, sortable {sortable:.1f} s, first figure {drawn:.1f} s")
