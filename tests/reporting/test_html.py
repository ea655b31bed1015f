"""Pages say the numbers they were given, whatever the names in them, and the same every time."""

import json
import os
import re
import stat
import sys
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kneeledger.model import Evidence, Finding, Severity, Value
from kneeledger.reporting import html, html_findings, html_page, words

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %} </script><!--",
    "\u202eright to left \u2067isolate",
    "x" * 10_000,
    "nul\x00 bell\x07 new\nline",
]


class Outline(HTMLParser):
    """Tags, ids, headings and text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.deep: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.deep.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.deep and tag == self.deep[-1]:
            self.deep.pop()

    def handle_data(self, data: str) -> None:
        if not self.deep:
            self.said.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.said))

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


def outline(path: Path) -> Outline:
    made = Outline()
    made.feed(path.read_text(encoding="utf-8"))
    made.close()
    return made


def test_first_words_are_the_day_the_age_of_the_files_and_whose(written: dict[str, Path]) -> None:
    text = outline(written["overview"]).text
    main = text[text.index("As of") :]
    assert main.startswith("As of 3 May 2026 (the newest activity); newest file 0 days old. Athlete: me .")


def test_what_stands_out_leads_with_at_most_three(written: dict[str, Path], content: Any) -> None:
    report, _ = content
    told = outline(written["overview"])
    cards = [a for tag, a in told.tags if tag == "article"]
    assert 1 <= len(cards) <= 3
    leading = html_findings.lead(report.findings)
    assert [one.severity for one in leading] == sorted(
        (one.severity for one in leading), key=lambda s: ["high", "raised", "note"].index(s.value)
    )
    for one in leading:
        assert words.in_units(html_findings.first_sentence(one.text)[0], "metric") in told.text


def test_a_referral_leads_whatever_its_severity(content: Any) -> None:
    report, _ = content
    referral = Finding(
        "PN001", Severity.NOTE, date(2026, 5, 1), None, "pain", None, None, None, None, None,
        "See somebody.", "", Evidence.RULE, ("Article",),
    )  # fmt: skip
    assert html_findings.lead([*report.findings, referral])[0] is referral


def test_findings_of_one_cause_are_told_once(content: Any) -> None:
    report, _ = content
    shown = html_findings.lead(report.findings) + html_findings.rest(report.findings)
    causes = [one.cause for one in shown if one.cause]
    assert len(causes) == len(set(causes))


def test_activity_opens_with_the_question_and_one_number(written: dict[str, Path], content: Any) -> None:
    _, pages = content
    page = pages["spike"]
    told = outline(written["spike"])
    easy = page.metrics["knee_load_easy_minutes"]
    assert told.text.index("More than you are used to?") < told.text.index(
        "easy-running minutes for the knee"
    )
    assert f"{easy.value:.0f} easy-running minutes" in told.text
    assert f"{easy.low:.0f} to {easy.high:.0f}" in told.text
    share = page.metrics["downhill_share"].value
    assert f"{100 * share:.0f} % of this run's knee load came from going downhill." in told.text
    for name, load in page.by_model.items():
        assert f"{words.easy(load)} {name}" in told.text
    assert "contested" in told.text


def test_at_most_four_figures_an_activity(written: dict[str, Path]) -> None:
    for kind in ("spike", "ride", "hike", "last"):
        figures = [a for tag, a in outline(written[kind]).tags if tag == "figure"]
        assert 1 <= len(figures) <= 4, kind


def test_ids_are_unique_and_links_within_lead_somewhere(written: dict[str, Path]) -> None:
    for name, path in written.items():
        told = outline(path)
        assert len(told.ids) == len(set(told.ids)), name
        for tag, attributes in told.tags:
            target = attributes.get("href") or ""
            if tag == "a" and target.startswith("#"):
                assert target[1:] in told.ids, (name, target)
            elif tag == "a" and "://" not in target and not target.startswith("#"):
                file = path.parent / target.split("#")[0]
                assert file.exists() or file.parent.name == "activities", (name, target)


def test_nothing_is_asked_of_a_network(written: dict[str, Path]) -> None:
    for path in written.values():
        text = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        for tag, attributes in outline(path).tags:
            for name in ("src", "href", "xlink:href", "action", "srcset"):
                value = attributes.get(name) or ""
                assert not re.match(r"(?i)(https?:)?//", value), (tag, value)
        assert "url(http" not in text
        assert "@import" not in text


def test_pages_are_small(written: dict[str, Path]) -> None:
    for kind in ("spike", "ride", "hike", "last"):
        assert written[kind].stat().st_size < 600_000
    assert written["overview"].stat().st_size < 2_000_000


def test_the_overview_of_two_thousand_activities_is_below_two_megabytes(content: Any, tmp_path: Path) -> None:
    report, _ = content
    frame = report.activities
    many = pl.concat([frame] * (2000 // frame.height + 1)).head(2000)
    assert html.write_overview(replace(report, activities=many), tmp_path).stat().st_size < 2_000_000


def test_the_same_content_gives_the_same_bytes(content: Any, tmp_path: Path) -> None:
    report, pages = content
    made = []
    for name in ("a", "b"):
        out = tmp_path / name
        files = [html.write_activity(pages["hike"], out), html.write_overview(report, out)]
        files += [out / "method.html", html.write_manifest(out, report, {"x": "1"})]
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]


def test_an_unchanged_overview_is_not_drawn_again(content: Any, tmp_path: Path) -> None:
    report, _ = content
    path = html.write_overview(report, tmp_path)
    before = path.stat().st_mtime_ns
    html.write_overview(report, tmp_path)
    assert path.stat().st_mtime_ns == before
    html.write_overview(replace(report, file_age_days=19), tmp_path)
    assert "19 days old" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "quote", "template", "rtl", "long", "control"])
def test_hostile_names_show_as_text(content: Any, tmp_path: Path, name: str) -> None:
    report, pages = content
    page = pages["ride"]
    about = replace(page.about, device=name, path=f"{name}.fit", sport="cycling")
    bad = replace(
        page,
        title=name,
        about=about,
        redacted=False,
        duplicate_paths=(name,),
        issues=(replace(pages["ride"].issues[0], text=name),) if page.issues else (),
        profile=page.profile.head(0),
        comparisons=(),
    )
    path = html.write_activity(bad, tmp_path)
    named = report.activities.with_columns(pl.lit(name).alias("name"), pl.lit(name).alias("sport"))
    failed = replace(report.files, failures=((name, name),), skipped_by_reason=((name, 1),))
    quality = pl.DataFrame({"code": ["x"], "text": [name], "activities": [1]})
    empty = {
        "weeks": report.weeks.head(0),
        "sessions": report.sessions.head(0),
        "daily": report.daily.head(0),
    }
    whole = replace(
        report,
        athlete=name,
        activities=named.head(20),
        files=failed,
        quality=quality,
        redacted=False,
        cadence={},
        descent_weeks=report.descent_weeks.head(0),
        **empty,
    )
    first = html.write_overview(whole, tmp_path)
    shown = name.replace("\x00", "").replace("\x07", "")
    for file in (path, first):
        told = outline(file)
        assert {tag for tag, _ in told.tags}.isdisjoint({"img", "iframe", "object", "base", "form2"})
        assert sum(tag == "script" for tag, _ in told.tags) <= 2
        assert not any(key.startswith("on") for _, attributes in told.tags for key in attributes)
        assert re.sub(r"\s+", " ", shown)[:60] in told.text
        assert file.stat().st_size < 400_000
    assert "<bdi>" in path.read_text(encoding="utf-8") or len(name) > 120


def test_data_for_the_script_cannot_end_its_element() -> None:
    block = html_page.data_block({"a": "</script><!-- & \u2028"})
    assert "<" not in block
    assert "\u2028" not in block
    assert json.loads(block) == {"a": "</script><!-- & \u2028"}


def test_redaction_shows_no_place_and_no_title(content: Any, written: dict[str, Path]) -> None:
    _, pages = content
    for kind in ("spike", "last"):
        text = written[kind].read_text(encoding="utf-8")
        assert "latitude" not in text.lower()
        assert str(Path(pages[kind].about.path).parent) not in text
        assert str(pages[kind].about.device_serial) not in text


def test_imperial_changes_what_is_shown(content: Any, tmp_path: Path) -> None:
    report, pages = content
    page = replace(pages["spike"], units="imperial")
    text = outline(html.write_activity(page, tmp_path)).text
    miles = page.metrics["distance_m"].value / 1609.344
    assert f"{miles:.2f} mi" in text
    assert not re.search(r"\d (km|m)\b(?!/)", text.split("Where this comes from")[0])
    first = outline(html.write_overview(replace(report, units="imperial"), tmp_path)).text
    assert " mi " in first
    assert not re.search(r"\d km\b", first)


def test_numbers_that_are_not_known_are_not_zero(content: Any, tmp_path: Path) -> None:
    _, pages = content
    page = pages["last"]
    blind = replace(page, metrics=dict.fromkeys(page.metrics, Value(None)), by_model={"article": None})
    blind = replace(blind, profile=page.profile.head(0), bands=page.bands.head(0), comparisons=())
    blind = replace(blind, decomposition=(), what_if=(), what_if_change=())
    text = outline(html.write_activity(blind, tmp_path)).text
    assert "Distance unknown" in text
    assert "Descent estimated unknown" in text
    assert "There is no history here to compare it with." in text


def test_a_page_on_its_own_leads_nowhere(content: Any, tmp_path: Path) -> None:
    _, pages = content
    path = html.write_activity(pages["hike"], tmp_path, alone=True)
    assert path.parent == tmp_path
    assert not [
        a["href"] for tag, a in outline(path).tags if tag == "a" and not str(a["href"]).startswith("#")
    ]


def test_one_file_holds_the_overview_and_the_chosen(written: dict[str, Path], content: Any) -> None:
    _, pages = content
    told = outline(written["single"])
    assert "What stands out" in told.text
    assert pages["spike"].title in told.text
    assert not [a for tag, a in told.tags if tag == "a" and str(a.get("href", "")).endswith(".html")]


def test_page_names_are_stable_and_plain() -> None:
    made = html.page_name("c6e81caa8531", date(2026, 4, 26), "Trail Running/../x")
    assert made == "2026-04-26_trail-running-x_c6e81caa.html"
    assert html.page_name("ab/c", date(2026, 1, 2), "") == "2026-01-02_activity_ab-c.html"


def test_manifest_is_read_back_and_damage_is_no_error(content: Any, tmp_path: Path) -> None:
    report, _ = content
    keys = {"activities/a.html": "1", "activities/b.html": "2"}
    path = html.write_manifest(tmp_path, report, keys)
    assert html.read_manifest(tmp_path) == keys
    held = json.loads(path.read_text(encoding="utf-8"))
    assert held["as_of"] == "2026-05-03"
    assert held["files"]["read"] == report.files.read
    for damaged in ("", "[]", '{"pages": 3}', "{", "\x00"):
        path.write_text(damaged, encoding="utf-8")
        assert html.read_manifest(tmp_path) == {}
    assert html.read_manifest(tmp_path / "nowhere") == {}


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "getuid"), reason="no such rights here")
def test_only_the_owner_reads_a_report(content: Any, tmp_path: Path) -> None:
    _, pages = content
    out = tmp_path / "new"
    path = html.write_activity(pages["hike"], out, png=True)
    pictures = list((out / "pictures").glob("*.png"))
    assert pictures
    for file in (path, *pictures):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (out, out / "activities", out / "pictures"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_figure_has_its_text(written: dict[str, Path]) -> None:
    for path in written.values():
        text = path.read_text(encoding="utf-8")
        for drawing in re.findall(r"<svg .*?</svg>", text, re.DOTALL):
            assert re.search(r"<title id=[^>]+>[^<]{8,}</title>", drawing)
            assert re.search(r"<desc id=[^>]+>[^<]{8,}</desc>", drawing)
            assert 'role="img"' in drawing


def test_method_names_every_number_and_source(written: dict[str, Path], content: Any) -> None:
    report, _ = content
    text = outline(written["method"]).text
    for card in report.method.cards:
        assert card["label"] in text
    for key, _, _ in report.method.references:
        assert key in text
    for key, *_ in report.method.parameters:
        assert key in text
    assert "No finding here has been tested against injuries" in text


def test_physio_page_shows_initials_only(content: Any, tmp_path: Path) -> None:
    report, _ = content
    named = replace(report, athlete="Anna Beispiel")
    sheet = {"weeks": report.weeks.tail(6), "spikes": report.findings, "changed": [], "onset": None}
    told = outline(html.write_physio(named, sheet, tmp_path))
    assert "Runner: A. B." in told.text
    assert "Beispiel" not in told.text
    assert "More than usual" in told.text
    assert "Not a medical device" in told.text
    assert sum(tag == "tr" for tag, _ in told.tags) > 7
