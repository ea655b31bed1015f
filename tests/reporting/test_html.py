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


def entry(day: date, **told: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("during", "after", "next_morning", "rating", "side", "note"))
    return {"date": day, "limp": False, "swelling": False, **empty, **told}


def log_of(*rows: dict[str, Any]) -> pl.DataFrame:
    from kneeledger.schema import conform
    from kneeledger.workload import PAIN

    return conform(pl.DataFrame(list(rows), infer_schema_length=None), PAIN)[0]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            [{"during": "beyond", "after": "tolerable"}, {"during": "none", "next_morning": "worse"}],
            "2 entries: during beyond tolerable on 1 day, after tolerable, next morning worse on 1 day",
        ),
        ([{"during": "none", "swelling": True}], "1 entry: during none, swelling on 1 day"),
        ([{"after": "beyond", "limp": True}], "1 entry: after beyond tolerable on 1 day, limp on 1 day"),
        (
            [{"during": "tolerable", "next_morning": "baseline"}],
            "1 entry: during tolerable, next morning unchanged",
        ),
        ([{"rating": 4.0}], "1 entry: up to 4/10"),
        ([{"stairs": True}], "1 entry: nothing noted in words"),
    ],
)
def test_physio_weeks_say_the_worst_of_the_pain_log(
    content: Any, tmp_path: Path, told: list[dict[str, Any]], expected: str
) -> None:
    report, _ = content
    days = [date(2026, 4, 28), date(2026, 4, 30)]
    log = log_of(*(entry(day, **one) for day, one in zip(days, told, strict=False)))
    sheet = {"weeks": report.weeks.tail(2), "spikes": [], "changed": [], "onset": None}
    text = outline(html.write_physio(replace(report, pain=log), sheet, tmp_path)).text
    assert expected in text
    assert text.count("tolerable") >= expected.count("tolerable")
    table = text[text.index("Days known") : text.index("More than usual")]
    assert "no entry" in table


def test_physio_tells_every_unused_file_and_an_onset_that_nothing_is_known_of(
    content: Any, tmp_path: Path
) -> None:
    report, _ = content
    reasons = (("a planned course: give it to `forecast`", 3), *((f"reason {n}", 1) for n in range(8)))
    files = replace(report.files, skipped=11, skipped_by_reason=reasons)
    sheet = {"weeks": report.weeks.tail(2), "spikes": [], "changed": [], "onset": date(2020, 1, 1)}
    text = outline(html.write_physio(replace(report, files=files), sheet, tmp_path)).text
    assert "11 not used" in text
    assert "3 × for other reasons" in text
    assert "give it to “forecast”" in text
    assert "`" not in text
    assert "Before the onset on 1 January 2020 What changed before that day is unknown" in text


def unbelieved(page: Any, source: str = "gps") -> Any:
    from kneeledger.model import AltitudeSource, Issue

    about = replace(page.about, altitude_source=AltitudeSource(source))
    issue = Issue("grade_unknown", 1, "Grade is not known: knee load is computed as on level ground.")
    down = {"downhill_share": Value(0.0), "descent_m": Value(64.0, -0.2, 136.0)}
    return replace(page, about=about, issues=(issue,), metrics={**page.metrics, **down})


def test_slopes_that_nobody_knows_are_unknown_and_no_zero(content: Any, tmp_path: Path) -> None:
    _, pages = content
    text = outline(html.write_activity(unbelieved(pages["last"]), tmp_path, alone=True)).text
    assert "knee load came from going downhill is unknown" in text
    assert "0 % of this" not in text
    assert "Nowhere: no slope changed" not in text
    assert "Not known along this route" in text
    assert "Share of knee load from going downhill" not in text
    tile = text[text.index("Descent estimated") :][:200]
    assert tile.startswith(
        "Descent estimated unknown Altitude: gps. It gives 64 m (between 0 m and 136 m), too rough"
    )


def test_walks_do_not_say_that_nothing_came_from_downhill(written: dict[str, Path]) -> None:
    text = outline(written["hike"]).text
    assert "Going downhill is not modelled apart for walking" in text
    assert "0 % of this walk" not in text
    assert "Share of knee load from going downhill" not in text


def test_a_treadmill_goes_down_nowhere_in_the_tile_as_in_the_list(content: Any, tmp_path: Path) -> None:
    _, pages = content
    page = unbelieved(pages["last"], "none")
    page = replace(page, about=replace(page.about, sub_sport="treadmill", indoor=True))
    text = outline(html.write_activity(page, tmp_path, alone=True)).text
    assert "Descent estimated 0 m Indoors nothing goes down" in text


def kilometres(page: Any, tmp_path: Path) -> tuple[str, str]:
    """Head and first row of the table of kilometres."""
    text = outline(html.write_activity(page, tmp_path, alone=True)).text
    table = text[text.index("Kilometre by kilometre km") :][:600]
    head, _, rows = table.partition("Mean force")
    return head, rows


def test_kilometres_of_a_ride_are_told_in_turns_of_the_pedals(content: Any, tmp_path: Path) -> None:
    _, pages = content
    head, _ = kilometres(pages["ride"], tmp_path)
    assert "Cadence rpm" in head
    assert "steps/min" not in head
    without = pages["ride"].per_km.with_columns(cadence_rpm=pl.lit(None, dtype=pl.Float64))
    head, _ = kilometres(replace(pages["ride"], per_km=without), tmp_path)
    assert "Cadence" not in head
    head, _ = kilometres(pages["last"], tmp_path)
    assert "Cadence steps/min" in head


def test_what_nobody_ran_is_not_held_against_a_running_pace(written: dict[str, Path]) -> None:
    for kind in ("ride", "hike"):
        text = outline(written[kind]).text
        assert "Where the load came from" in text
        assert "with the step rate" not in text
    assert "Cadence against pace" not in outline(written["hike"]).text


def test_no_grade_is_shown_anywhere_that_is_not_known(content: Any, tmp_path: Path) -> None:
    _, pages = content
    page = unbelieved(pages["spike"])
    path = html.write_activity(page, tmp_path, alone=True)
    text = outline(path).text
    assert "Elevation along the route, too rough to tell its grade from" in text
    assert "filled by grade" not in text
    assert '"g":' in html.write_activity(pages["spike"], tmp_path, alone=True).read_text(encoding="utf-8")
    assert '"g":' not in html.write_activity(page, tmp_path, alone=True).read_text(encoding="utf-8")
    assert "%" not in kilometres(page, tmp_path)[1].partition("Peak")[0]


def test_what_is_no_moving_has_neither_descent_nor_cadence(content: Any, tmp_path: Path) -> None:
    _, pages = content
    about = replace(pages["last"].about, sport="training", sub_sport="strength_training")
    none = {name: Value(None) for name in pages["last"].metrics}
    metrics = {**none, "timer_s": Value(2400.0), "moving_s": Value(0.0)}
    empty = pl.DataFrame()
    page = replace(
        pages["last"], about=about, way="other", metrics=metrics, profile=empty, comparisons=(), findings=(),
        per_km=empty, bands=empty, descents=empty, cadence_by_pace=empty, cadence_histogram=empty,
    )  # fmt: skip
    text = outline(html.write_activity(page, tmp_path, alone=True)).text
    assert "Time 40:00" in text
    assert "Moving time" not in text
    assert "Median while running" not in text
    assert "Descent estimated" not in text


def test_both_tables_of_parts_are_against_the_same_usual(content: Any, written: dict[str, Path]) -> None:
    _, pages = content
    page = pages["spike"]
    speed, _ = page.usual
    text = outline(written["spike"]).text
    assert text.count(f"against your usual: {words.pace(speed)} with a step rate") == 2
    for name, linear, steps in page.decomposition:
        assert page.metrics[f"load_{name}_bw_s"].value == linear
        assert page.metrics[f"peak_{name}_steps"].value == steps


def test_where_no_usual_is_known_the_parts_say_against_what_they_are(content: Any, tmp_path: Path) -> None:
    _, pages = content
    text = outline(html.write_activity(replace(pages["spike"], usual=None), tmp_path, alone=True)).text
    assert "against easy running at 5:33/km" in text
    assert "time, at an easy pace" in text
    assert "your usual pace" not in text


def test_where_cadence_comes_from_is_told_once_and_whole(content: Any, tmp_path: Path) -> None:
    _, pages = content
    reason = (
        "cadence: 82 at 2.79 m/s ×2 fits a run; usually one leg; agrees with the device's strides (-0.1 %)"
    )
    about = replace(pages["last"].about, cadence=replace(pages["last"].about.cadence, reason=reason))
    text = outline(html.write_activity(replace(pages["last"], about=about), tmp_path, alone=True)).text
    assert (
        "Cadence 82 at 2.79 m/s ×2 fits a run; usually one leg; agrees with the device's strides (−0.1 %)"
        in text
    )


def test_a_card_does_not_say_thirty_days_of_what_is_held_against_half_of_ninety() -> None:
    from datetime import timedelta

    from kneeledger import findings
    from kneeledger.workload import History

    first = date(2026, 1, 1)
    days = [*range(0, 60, 2), 110]
    rows = pl.DataFrame(
        [
            {
                "id": f"r{k}", "day": first + timedelta(days=k), "start": f"{first + timedelta(days=k)}T07:00:00Z",
                "end": f"{first + timedelta(days=k)}T08:00:00Z", "way": "run", "sport": "running",
                "distance_m": 20_000.0 if k == 110 else 8_000.0, "run_distance_m": 20_000.0 if k == 110 else 8_000.0,
            }
            for k in days
        ]
    ).with_columns(pl.col("start", "end").str.to_datetime(time_unit="us", time_zone="UTC"))  # fmt: skip
    as_of = first + timedelta(days=110)
    found = [one for one in findings.find(History(rows), as_of) if one.code == "SP001"]
    (shown,) = (html_findings.card(one, "metric", {}) for one in found)
    assert shown["big"] == "5.0 ×"
    assert shown["of"] == "half of the longest of the 90 days before"


def overview_of(season: Path, as_of: date) -> Any:
    from kneeledger.ledger.store import Ledger
    from kneeledger.pipeline import gathering, history, settings

    config = settings.find({"tz": "", "jobs": 1})
    with Ledger(season, create=False) as ledger:
        known = history.gather(ledger, "me", config, as_of=as_of)
        return gathering.overview(ledger, known, config, {})


def test_before_the_first_file_the_page_says_that_nothing_is_known(season: Path, tmp_path: Path) -> None:
    report = overview_of(season, date(2019, 1, 1))
    text = outline(html.write_overview(report, tmp_path)).text
    assert "As of 1 January 2019 (the day you named); no file up to this day." in text
    assert "Nothing is known yet: no activity is recorded up to this day." in text
    for wrong in ("Nothing of the last days was more", "0 of the last 0", "unknown to unknown", "0 days old"):
        assert wrong not in text
    sheet = {"weeks": report.weeks, "spikes": [], "changed": [], "onset": None}
    physio = outline(html.write_physio(report, sheet, tmp_path)).text
    assert "was more than this runner" not in physio
    assert "No day is known yet" in physio
    assert "31 December – 6 January unknown unknown unknown unknown" in physio


def test_long_after_the_newest_file_both_readings_stand_there(season: Path, tmp_path: Path) -> None:
    report = overview_of(season, date(2026, 6, 10))
    assert {room.reading for room in report.rooms} == {"rested", "as usual"}
    text = outline(html.write_overview(report, tmp_path)).text
    assert "Both readings" in text
    assert "Rested since the newest file." in text
    assert "As usual since the newest file." in text
    table = text[text.index("The last weeks, newest first") :][:900]
    assert "unknown unknown unknown unknown" in table
    assert "no day of it is known" in table


def test_room_of_those_who_only_ride_is_that_of_rides(content: Any, tmp_path: Path) -> None:
    from kneeledger.headroom import Ceiling
    from kneeledger.model import Way
    from kneeledger.pipeline import gathering

    ceiling = Ceiling(Way.RIDE, "knee_load_bw_s", 1.0, 1.1, "a", None, window_empty=False, text="")
    assert gathering._room_name(ceiling) == "ride_knee_load_bw_s"
    report, _ = content
    ride = replace(report.rooms[0], measure="ride_knee_load_bw_s", room=2_000.0)
    unknown = replace(report.rooms[-1], room=None, text="Only 3 of the last 28 days are known.")
    text = outline(html.write_overview(replace(report, rooms=(ride, unknown)), tmp_path)).text
    tiles = text[text.index("How much more before it is a spike") :][:400]
    assert "Knee load of a ride project rule up to" in tiles
    assert "up to unknown" not in tiles
    assert "Knee load of the next 7 days project rule unknown Only 3" in tiles


def test_ratios_and_amounts_have_their_unit(written: dict[str, Path]) -> None:
    text = outline(written["overview"]).text
    table = text[text.index("Workload measures as of") :][:3000]
    assert re.search(r"running distance ratio, rolling, coupled 7:28 \d\.\d\d ×", table)
    assert re.search(r"running distance fitness \(42 days\) [\d.]+ km a day", table)
    assert re.search(r"running distance strain [\d.]+ km", table)
    assert not re.search(r" -\d", table)
