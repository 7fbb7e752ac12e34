"""The page in a real browser: it opens without an error, and what is interactive answers."""

import pandas as pd
import pytest
from helpers import browsers
from helpers.page_files import page_files, probability, with_text_of

from lethe.report.page.page import write_page

pytestmark = pytest.mark.browser
TRAJECTORIES = "trajectories-tiny-forget10"
ANSWERS = "own-answers-tiny-forget10"


@pytest.fixture(scope="module")
def started():
    with browsers.browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(parts, tmp_path_factory):
    file = tmp_path_factory.mktemp("browser") / "report.html"
    write_page(file, *parts)
    return file


@pytest.fixture
def visit(started, file):
    visit = browsers.Visit(started, file)
    yield visit
    assert visit.wrong == []
    visit.page.close()


@pytest.mark.parametrize("width", [1280, 420])
def test_it_opens_without_errors_or_requests_and_fits(started, file, width):
    visit = browsers.Visit(started, file, width)
    for name in ("trajectories", "curves", "truth_ratios", "utility_bars", "pareto"):
        figure = visit.figure(f"{name}-tiny-forget10")
        assert figure.locator(".legendtext").count() >= 7
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.wrong == []
    visit.page.close()


# Whether any text in the first list lies on one in the second; of nested elements none does.
OVERLAP = """([figure, first, second]) => {
  const boxes = (some) => [...document.querySelectorAll(`#figure-${figure} ${some}`)]
    .filter(one => one.textContent).map(one => one.getBoundingClientRect());
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 1
    && b.top < a.bottom - 1;
  const others = boxes(second);
  return [boxes(first).length, others.length,
    boxes(first).some(a => others.some(b => meet(a, b)))];
}"""


def test_names_do_not_lie_on_each_other_on_a_narrow_screen(started, file):
    visit = browsers.Visit(started, file, 420)
    for name, first, second in (
        ("pareto", ".xtitle", ".x2title"),
        ("pareto", ".xtitle", ".legendtext"),
        ("utility_bars", ".xaxislayer-above text", ".legendtext"),
    ):
        figure = f"{name}-tiny-forget10"
        visit.figure(figure)
        many, others, meet = visit.page.evaluate(OVERLAP, [figure, first, second])
        assert many > 0, first
        assert others > 0, second
        assert not meet, (name, first, second)
    assert visit.wrong == []
    visit.page.close()


def test_the_summary_sorts_by_exact_numbers(visit, parts):
    summary = pd.read_csv(parts[1].tables["summary"])
    head = visit.page.locator("#data-summary thead th", has_text="Forget quality").locator(
        ".dt-column-order"
    )
    head.click()
    wanted = [f"{p:.3f}" if p >= 0.001 else f"{p:.2e}" for p in sorted(summary["forget_quality"])]
    assert visit.until("data-summary", 3, wanted) == wanted
    head.click()
    assert visit.until("data-summary", 3, wanted[::-1]) == wanted[::-1]


def test_the_keyboard_sorts_too(visit):
    before = visit.column("data-summary", 1)
    visit.page.locator("#data-summary thead th [role=button]").first.focus()
    visit.page.keyboard.press("Enter")
    assert sorted(before) != before
    assert visit.until("data-summary", 1, sorted(before)) == sorted(before)


def test_the_summary_filters(visit):
    visit.page.locator("#table-summary .dt-search input").fill("NPO")
    assert visit.until("data-summary", 1, ["NPO", "NPO"]) == ["NPO", "NPO"]


def test_the_slider_shows_the_first_epochs_alone(visit):
    visit.figure(TRAJECTORIES)
    points = "gd => gd.data.slice(0, 6).map(trace => trace.x.length)"
    plot = visit.page.locator(f"#figure-{TRAJECTORIES} .plot")
    assert plot.evaluate(points) == [6] * 6
    visit.page.locator(f"#figure-{TRAJECTORIES} .slider-rail-touch-rect").click(
        position={"x": 5, "y": 5}
    )
    visit.page.wait_for_function(
        "id => document.querySelector(id).data[0].x.length === 2",
        arg=f"#figure-{TRAJECTORIES} .plot",
    )
    assert plot.evaluate(points) == [2] * 6


def test_a_click_in_the_legend_hides_a_method(visit):
    figure = visit.figure(TRAJECTORIES)
    shown = figure.locator(".scatterlayer .trace")
    before = shown.count()
    figure.locator(".legendtoggle").first.click()
    visit.page.wait_for_function(
        "id => document.querySelector(id).data[0].visible === 'legendonly'",
        arg=f"#figure-{TRAJECTORIES} .plot",
    )
    assert shown.count() == before - 1


def test_the_keyboard_reaches_slider_legend_and_menu(visit):
    figure = visit.figure(TRAJECTORIES)
    figure.locator(".plot").focus()
    visit.page.keyboard.press("ArrowLeft")
    plot = f"#figure-{TRAJECTORIES} .plot"
    visit.page.wait_for_function(
        "id => document.querySelector(id).data[0].x.length === 5", arg=plot
    )
    legend = figure.locator(".legendtoggle").first
    assert legend.get_attribute("aria-label") == "Grad. Ascent"
    legend.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(
        "id => document.querySelector(id).data[0].visible === 'legendonly'", arg=plot
    )
    figure = visit.figure("curves-tiny-forget10")
    figure.locator(".updatemenu-header").focus()
    visit.page.keyboard.press("Enter")
    figure.locator(".updatemenu-dropdown-button").nth(5).focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(
        "id => document.querySelector(id).layout.yaxis.title.text === 'Truth Ratio, World Facts'",
        arg="#figure-curves-tiny-forget10 .plot",
    )


def test_a_mark_says_its_epoch_interval_and_settings(visit):
    figure = visit.figure(TRAJECTORIES)
    figure.locator(".scatterlayer .trace .point").nth(3).hover(force=True)
    hovered = figure.locator(".hoverlayer .hovertext")
    hovered.wait_for(timeout=30_000)
    text = hovered.first.text_content()
    assert "epoch" in text
    assert "[" in text
    assert "lr 0.001" in text


def test_the_menu_of_curves_chooses_the_set(visit):
    figure = visit.figure("curves-tiny-forget10")
    plot = figure.locator(".plot")
    before = plot.evaluate("gd => gd.data[0].y")
    figure.locator(".updatemenu-header").click()
    figure.locator(".updatemenu-dropdown-button").nth(5).click()
    visit.page.wait_for_function(
        "id => document.querySelector(id).layout.yaxis.title.text === 'Truth Ratio, World Facts'",
        arg="#figure-curves-tiny-forget10 .plot",
    )
    assert plot.evaluate("gd => gd.data[0].y") != before


def test_answers_of_any_two_runs_stand_side_by_side(visit):
    """Shown first are those of full, oracle and one method; buttons leave NPO and IDK."""
    rows = visit.table(ANSWERS).locator("tbody tr")
    assert "full says 0" in rows.first.inner_text()
    buttons = visit.page.locator("#answers .dt-buttons")
    for name in ("Finetune", "Retain", "Grad. Ascent", "NPO", "Pref. Opt. (IDK)"):
        buttons.get_by_text(name, exact=True).click()
    texts = rows.first.locator("td").all_inner_texts()
    assert texts[:3] == ["Who wrote book 0?", "Author 0 wrote it.", "idk says 0"]
    # The runs' numbers are their places among full, oracle and methods.
    assert texts[3:] == [f"{probability(5, 0):.3f}", "npo says 0", f"{probability(6, 0):.3f}"]
    visit.page.locator("#answers .dt-search input").fill("book 11?")
    assert visit.until(ANSWERS, 1, ["Who"]) == ["Who"]


def test_hostile_texts_run_nothing(started, tmp_path):
    run, files, shown = page_files(tmp_path, ("npo",))
    texts = ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "</td></table><b>x"]
    for column in ("question", "answer", "generation"):
        with_text_of(files, "npo", column, texts)
        with_text_of(files, "full", column, texts)
    write_page(tmp_path / "report.html", run, files, shown)
    visit = browsers.Visit(started, tmp_path / "report.html")
    assert visit.wrong == []
    cells = visit.table(ANSWERS).locator("tbody tr").first.locator("td")
    assert cells.all_inner_texts()[:3] == [texts[0]] * 3
    visit.page.locator("#answers .dt-search input").fill("onerror")
    assert visit.wrong == []
    visit.page.close()


def test_the_policy_stops_a_script_that_got_in_nevertheless(started, file, tmp_path):
    text = file.read_text(encoding="utf-8")
    forged = tmp_path / "forged.html"
    forged.write_text(
        text.replace("<main>", "<main><script>document.title = 'in'</script>"), encoding="utf-8"
    )
    visit = browsers.Visit(started, forged)
    assert visit.page.title() == "Lethe: made-up"
    assert any("Content Security Policy" in line for line in visit.wrong)
    visit.page.close()
