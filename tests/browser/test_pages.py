"""The pages in a real browser: quiet, alone, accessible, and usable at every width."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kneeledger.reporting import coach, html
from kneeledger.reporting.coach import Ahead, CoachPage, CoachRow, Week

pytestmark = pytest.mark.browser

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
KINDS = ("overview", "spike", "ride", "hike", "method", "physio", "single")
HOSTILE = '"><img src=x onerror=alert(1)>\u202e' + "w" * 10_000


@pytest.fixture(scope="session")
def site(content: Any, written: dict[str, Path]) -> dict[str, Path]:
    """The pages of the made-up season, by kind, and the one for a physiotherapist."""
    report, _ = content
    sheet = {"weeks": report.weeks.tail(6), "spikes": report.findings, "changed": [], "onset": None}
    return written | {"physio": html.write_physio(report, sheet, written["overview"].parent)}


@pytest.fixture(scope="session")
def hostile(content: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overview whose every name is an attack."""
    report, _ = content
    frame = report.activities.head(5).with_columns(
        pl.lit(HOSTILE).alias("name"), pl.lit(HOSTILE).alias("sport")
    )
    files = replace(report.files, failures=((HOSTILE, HOSTILE),))
    bad = replace(report, athlete=HOSTILE, activities=frame, files=files, redacted=False)
    return html.write_overview(bad, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def coach_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The coach's page with the longest of everything, and an athlete of whom nothing is known."""
    day = date(2026, 9, 30)
    weeks = tuple(Week(day - timedelta(days=7 * back), 1000.0 * back) for back in range(12))
    row = CoachRow(
        who="a0123456789ab", named=False, href=None, status="read", code="", group="stands_out", last_day=day,
        days_since=0, covered_days=28, files_failed=12, severity="raised", finding="Far more. " * 9, finding_day=day,
        measure="distance_m", evidence="contested", ratio=13.35, low=12.21, high=14.52, weeks=weeks,
    )  # fmt: skip
    nobody = replace(
        row, who=HOSTILE, named=True, group="no_data", last_day=None, code="link", weeks=(), ratio=None
    )
    page = CoachPage(
        as_of=day, as_of_how="newest", ahead=Ahead("a0123456789ab", day, day - timedelta(days=80)), rows=(row, nobody),
        weeks=12, named=True, versions={"kneeledger": "0"},
    )  # fmt: skip
    return coach.write(page, tmp_path_factory.mktemp("coach") / "page.html")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


class Visit:
    """A page that was opened, and what it said and asked for meanwhile."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """Open a page: ``visit(path, width=360, color_scheme="dark")``."""
    made: list[Visit] = []

    def open_page(path: Path, *, width: int = 1280, **context: Any) -> Visit:
        made.append(Visit(chromium, path, viewport={"width": width, "height": 900}, **context))
        return made[-1]

    yield open_page
    for one in made:
        one.context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_quiet_alone_and_well_formed(visit: Any, site: dict[str, Path], kind: str) -> None:
    seen = visit(site[kind])
    assert seen.said == []
    assert seen.asked
    assert all(url.startswith(("file:", "data:")) for url in seen.asked)
    ids = seen.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    blind = seen.page.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].filter(s => !s.querySelector('title')?.textContent.trim()"
        " || !s.getAttribute('aria-labelledby').split(' ').every(i => document.getElementById(i))).length"
    )
    assert blind == 0
    assert seen.page.evaluate("document.querySelectorAll('figure').length") >= (0 if kind == "method" else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_no_sideways_scroll(visit: Any, site: dict[str, Path], kind: str, width: int) -> None:
    page = visit(site[kind], width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 390, 768, 1040, 1280])
def test_all_of_the_coach_page_is_in_view_and_in_one_piece(visit: Any, coach_page: Path, width: int) -> None:
    seen = visit(coach_page, width=width)
    assert seen.said == []
    outside = seen.page.evaluate(
        "w => [...document.querySelectorAll('tbody th, tbody td, tbody svg')].filter(e => e.scrollWidth > e.clientWidth + 1"
        " || e.getBoundingClientRect().right > w).map(e => e.outerHTML.slice(0, 80))",
        width,
    )
    assert outside == []
    lines = seen.page.evaluate(
        "() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('tbody th').firstChild);"
        " return r.getClientRects().length }"
    )
    assert lines == 1, "a pseudonym stays in one line"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_coach_page_has_no_violation_of_wcag_21_aa(visit: Any, coach_page: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for width in (390, 1280):
        page = visit(coach_page, width=width, color_scheme=scheme, bypass_csp=True).page
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.violations_count == 0, found.generate_report()


def test_narrow_charts_on_phones_wide_ones_elsewhere(visit: Any, site: dict[str, Path]) -> None:
    for width, shown in ((360, ".narrow"), (1280, ".wide")):
        page = visit(site["spike"], width=width).page
        seen = page.evaluate(
            "s => [...document.querySelectorAll('.fig ' + s + ' svg')].filter(e => e.getClientRects().length).length",
            shown,
        )
        every = page.evaluate(
            "[...document.querySelectorAll('.fig svg')].filter(e => e.getClientRects().length).length"
        )
        assert seen == every > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["overview", "spike", "ride", "method", "physio"])
def test_no_violation_of_wcag_21_aa(visit: Any, site: dict[str, Path], kind: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(site[kind], color_scheme=scheme, bypass_csp=True).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = Axe().run(page, options=options).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []


def test_dark_is_dark_and_print_is_light(visit: Any, site: dict[str, Path]) -> None:
    light = (
        "(e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
        ".reduce((sum, part) => sum + part))(document.body)"
    )
    page = visit(site["spike"], color_scheme="dark").page
    assert page.evaluate(light) < 150
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(light) > 700
    assert not page.locator(".look").is_visible()
    assert not page.locator("nav").is_visible()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_physio_prints_on_two_sides_at_most(visit: Any, site: dict[str, Path], paper: str) -> None:
    import re

    data = visit(site["physio"]).page.pdf(format=paper, prefer_css_page_size=False)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 2


def test_the_table_sorts_by_any_column_and_by_keyboard(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["overview"]).page
    table = page.locator("#activities")
    head = table.locator("thead th", has_text="Distance")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"

    def column() -> list[float]:
        cells = table.evaluate("t => [...t.tBodies[0].rows].map(r => r.cells[2].dataset.v)")
        return [float(cell) for cell in cells if cell]

    assert column() == sorted(column(), reverse=True)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())
    last = table.evaluate("t => [...t.tBodies[0].rows].map(r => r.cells[2].dataset.v)")
    unknown = [index for index, cell in enumerate(last) if not cell]
    assert unknown == list(range(len(last) - len(unknown), len(last)))
    table.locator("thead th", has_text="Day").locator("button").click()
    days = table.evaluate("t => [...t.tBodies[0].rows].map(r => r.cells[0].dataset.v)")
    assert days == sorted(days, reverse=True)


def test_the_filter_hides_what_does_not_fit_and_says_how_many(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["overview"]).page
    rows = "[...document.querySelectorAll('#activities tbody tr')].filter(r => !r.hidden)"
    every = page.evaluate(f"{rows}.length")
    page.select_option("#f-sport", "cycling")
    rides = page.evaluate(f"{rows}.length")
    assert 0 < rides < every
    assert page.locator(".count").inner_text() == f"{rides} of {every} activities"
    assert set(page.evaluate(f"{rows}.map(r => r.cells[1].textContent.trim())")) == {"cycling"}
    page.fill("#f-from", "2026-04-20")
    page.fill("#f-to", "2026-04-26")
    days = page.evaluate(f"{rows}.map(r => r.cells[0].dataset.v.slice(0, 10))")
    assert days
    assert all("2026-04-20" <= day <= "2026-04-26" for day in days)
    page.fill("#f-text", "no such word")
    assert page.evaluate(f"{rows}.length") == 0


def test_hovering_one_chart_reads_all_and_keys_move_along(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["spike"]).page
    output = page.locator(".look output")
    before = output.inner_text()
    drawing = page.locator("figure[data-chart=profile] .wide svg")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6)
    after = output.inner_text()
    assert after != before
    for word in ("grade", "pace", "cadence", "knee load"):
        assert word in after
    hairs = page.evaluate(
        "[...document.querySelectorAll('.wide .hair')].map(h => [h.style.display, h.getAttribute('d')])"
    )
    assert len(hairs) >= 3
    assert all(display == "" and float(d[1:].split()[0]) > 0 for display, d in hairs)
    slider = page.locator(".look input")
    slider.focus()
    place = int(slider.input_value())
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == place + 1
    assert output.inner_text() != after
    assert "grade" in slider.get_attribute("aria-valuetext")


def test_touch_reads_a_place(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["spike"], width=360, has_touch=True, is_mobile=True).page
    before = page.locator(".look output").inner_text()
    drawing = page.locator("figure[data-chart=load] .narrow svg")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4)
    assert page.locator(".look output").inner_text() != before


def test_everything_is_there_without_javascript(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["overview"], java_script_enabled=False).page
    assert page.locator("#activities tbody tr").count() > 100
    assert not page.locator("form.filters").is_visible()
    alone = visit(site["spike"], java_script_enabled=False).page
    assert not alone.locator(".look").is_visible()
    assert alone.locator("figure").count() >= 3


def test_the_first_tab_leads_to_the_content(visit: Any, site: dict[str, Path]) -> None:
    page = visit(site["overview"]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_hostile_names_stay_text(visit: Any, hostile: Path) -> None:
    seen = visit(hostile, width=360)
    assert seen.said == []
    assert seen.page.locator("img").count() == 0
    assert "onerror=alert(1)" in seen.page.locator("#activities").inner_text()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [1280, 1024, 760])
def test_no_ceiling_stands_alone_in_its_row(visit, site, width):
    page = visit(site["overview"], width=width).page
    for many in range(2, 11):
        rows = page.evaluate(
            """many => {
              const tiles = document.querySelector('.rooms'), first = tiles.children[0];
              while (tiles.children.length < many) tiles.append(first.cloneNode(true));
              while (tiles.children.length > many) tiles.lastElementChild.remove();
              const rows = {};
              for (const one of tiles.children) {
                const top = Math.round(one.getBoundingClientRect().top);
                rows[top] = (rows[top] || 0) + 1;
              }
              return Object.values(rows);
            }""",
            many,
        )
        assert sum(rows) == many
        assert min(rows) >= 2, (many, rows)
