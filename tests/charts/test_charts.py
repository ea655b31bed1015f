"""Every chart: drawn, said in words, and safe to put into a page."""

import os
import re
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from kneeledger import charts
from kneeledger.charts import Bar, Chart
from kneeledger.charts.palette import LIGHT
from kneeledger.charts.units import labels, steps
from kneeledger.errors import ReportError

HOSTILE = '<script>alert("x")</script> $\\frac{1}{2}$ & \u202egnihton\u202c \x00 \'"'


def checked(chart: Chart, prefix: str = "p1") -> ET.Element:
    """The parsed SVG of a chart that keeps every promise of `to_svg`."""
    text = charts.to_svg(chart, prefix=prefix)
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("viewBox")
    assert root.get("width") is None
    assert root.get("height") is None
    assert "<script" not in text
    assert "<style" not in text
    assert "<metadata" not in text
    assert "font-family" not in text
    assert text.replace("http://www.w3.org/2000/svg", "").count("://") == 0
    assert not re.search(r"#[0-9a-fA-F]{6}\b|rgb\(", text), "a colour that is no variable"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(one is not None and one.startswith(f"{prefix}-") for one in ids)
    for reference in re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", text):
        assert (reference[0] or reference[1]) in ids
    labelled = (root.get("aria-labelledby") or "").split()
    assert len(labelled) == 2
    assert set(labelled) <= set(ids)
    assert "nan" not in re.sub(r"<text.*?</text>|<desc.*?</desc>", "", text).lower()
    return root


def words(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter() if element.tag.endswith("}text")]


@pytest.mark.parametrize("narrow", [False, True])
def test_real_shaped_frames_are_drawn_and_told(case, narrow):
    chart = case.chart(narrow=narrow and case.narrow)
    assert isinstance(chart.figure, Figure)
    assert re.search(r"\d", chart.alt), "a text alternative has numbers"
    assert len(chart.alt) > 30
    assert "nan" not in chart.alt.lower()
    root = checked(chart)
    title, description = (root.find(f"{{http://www.w3.org/2000/svg}}{tag}") for tag in ("title", "desc"))
    assert title is not None
    assert title.text
    assert description is not None
    assert description.text
    assert description.text in chart.alt


@pytest.mark.parametrize("how", ["empty", "columnless", "null", "one_row", "one_null_row"])
def test_little_is_said_in_words(case, how):
    made = {
        "empty": lambda frame: frame.clear(),
        "columnless": lambda _: pl.DataFrame(),
        "null": lambda frame: frame.clear(frame.height),
        "one_row": lambda frame: frame.head(1),
        "one_null_row": lambda frame: frame.clear(1),
    }[how]
    chart = case.chart(**{name: made(frame) for name, frame in case.frames.items()})
    assert len(chart.alt) > 15
    root = checked(chart)
    assert "".join(words(root)).strip() or case.name == "sparkline", "a figure says something"


@pytest.mark.parametrize("units", ["metric", "imperial"])
def test_units_stand_on_the_axes(units, made):
    chart = charts.profile(made.profile(), made.DESCENTS, units=units)
    told = " ".join(words(checked(chart)))
    assert f"elevation [{'m' if units == 'metric' else 'ft'}]" in told
    assert f"distance [{'km' if units == 'metric' else 'mi'}]" in told
    assert ("60 m" if units == "metric" else "197 ft") in chart.alt
    risk = charts.risk(made.BARS, made.profile(), units=units)
    assert ("14.5 km" if units == "metric" else "9.0 mi") in risk.alt


@pytest.mark.parametrize("narrow", [False, True])
def test_a_grade_that_is_not_known_fills_nothing(made, narrow):
    chart = charts.profile(made.profile(), made.DESCENTS.clear(), narrow=narrow, sloped=False)
    root = checked(chart)
    told = " ".join(words(root))
    assert "too rough to tell its grade from" in told
    assert "grade unknown" in told
    assert "filled by grade" not in told + chart.alt
    known = ET.tostring(checked(charts.profile(made.profile(), made.DESCENTS)), encoding="unicode")
    assert "--kl-down" in known
    assert "--kl-down" not in ET.tostring(root, encoding="unicode")


def test_level_ground_is_named_only_where_it_would_differ(made):
    hilly = made.profile()
    assert "the same on level ground" in " ".join(words(checked(charts.load(hilly, made.PER_KM))))
    flat = hilly.with_columns(load_rate_bw="load_rate_level_bw")
    chart = charts.load(flat, made.PER_KM)
    assert "level ground" not in " ".join(words(checked(chart))) + chart.alt


def test_every_null_pattern_is_drawn(made):
    whole = made.profile(24)
    numbers = [name for name in whole.columns if name != "way"]

    @settings(max_examples=8, deadline=None)
    @given(
        st.lists(st.tuples(st.sampled_from(numbers), st.integers(0, 23)), max_size=60),
        st.sets(st.sampled_from(numbers)),
    )
    def drawn(cells, columns):
        holes = Counter(cells)
        frame = whole.with_columns(
            pl.Series(
                name,
                [
                    None if name in columns or (name, row) in holes else value
                    for row, value in enumerate(whole[name])
                ],
                dtype=pl.Float64,
            )
            for name in numbers
        )
        for chart in (
            charts.risk((), frame),
            charts.profile(frame, made.DESCENTS),
            charts.load(frame, made.PER_KM),
            charts.course(frame),
            charts.track(frame),
        ):
            assert "nan" not in chart.alt.lower()
            assert charts.to_svg(chart, prefix="a")

    drawn()


def test_same_data_same_bytes(case):
    first = charts.to_svg(case.chart(), prefix="a")
    chart = case.chart()
    other = charts.to_svg(chart, prefix="b")
    assert charts.to_svg(chart, prefix="a") == first
    found = [{e.get("id") for e in ET.fromstring(text).iter() if e.get("id")} for text in (first, other)]
    assert not found[0] & found[1]


@pytest.mark.parametrize("prefix", ["", "1a", "a b", 'a"', "<a"])
def test_a_prefix_must_begin_an_id(prefix):
    with pytest.raises(ReportError):
        charts.to_svg(charts.sparkline([1, 2]), prefix=prefix)


def test_callers_settings_change_nothing():
    import matplotlib as mpl

    plain = charts.to_svg(charts.sparkline([1, 2, 3]), prefix="a")
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path", "text.usetex": False}):
        assert charts.to_svg(charts.sparkline([1, 2, 3]), prefix="a") == plain


def test_hostile_names_are_text():
    chart = charts.decomposition([(HOSTILE, 100.0, 50.0), ("x" * 10_000, -10.0, -5.0)])
    told = words(checked(chart))
    assert any(line.startswith('<script>alert("x")</script> $\\frac{1}{2}$ &') for line in told)
    assert max(map(len, told)) <= 160
    assert (
        checked(charts.calendar(pl.DataFrame({"day": [date(2026, 5, 3)], HOSTILE: [2.0]}), measure=HOSTILE))
        is not None
    )


def test_risk_says_what_is_unknown_and_how_much_more(made):
    chart = charts.risk(made.BARS[:1], made.profile())
    assert chart.alt.startswith("More than you are used to?")
    assert "distance 14.5 km against 10.0 km, +45 %" in chart.alt
    assert "descent not known" in chart.alt
    told = words(checked(chart))
    assert "+45 %" in told
    assert told.count("unknown") == 2
    assert {"100 %", "+10 %", "+30 %", "+100 %"} <= set(told)
    full = charts.risk(made.BARS, made.profile())
    assert "knee load 90 easy min against 100 easy min, −10 % (90 % interval −18 % to −3 %)" in full.alt
    assert "acwr" not in full.alt.lower()
    assert "nothing to compare it with" in charts.risk((), made.profile()).alt
    first = Bar("distance_m", 5000.0, None, None, None, None, None, tested=True)
    assert "nothing comparable" in charts.risk([first], made.profile()).alt


@pytest.mark.parametrize("ratio", [0.0, 0.2, 1.0, 2.0, 3.9, 80.0])
def test_any_ratio_stays_on_the_sheet(ratio, made):
    bar = Bar("descent_m", 100 * ratio, 100.0, ratio, ratio * 0.9, ratio * 1.1, None, tested=False)
    chart = charts.risk([bar], made.profile())
    assert placed(chart)
    assert ("→" in " ".join(words(checked(chart)))) == (ratio > 4)


def test_risk_adds_up_the_load_above_level(made):
    frame = made.profile()
    each = frame["knee_load_bw_s"].diff().fill_null(frame["knee_load_bw_s"][0])
    above = float((each * (1 - frame["load_rate_level_bw"] / frame["load_rate_bw"])).sum()) / made.EASY_S
    assert f"+{above:.0f} easy minutes above level ground in all" in charts.risk((), frame).alt
    level = frame.with_columns(pl.col("load_rate_level_bw").alias("load_rate_bw"))
    assert "no slope changed the knee load" in charts.risk((), level).alt


def test_a_route_tells_where_its_axes_are(made):
    root = checked(charts.profile(made.profile(), made.DESCENTS, units="imperial"))
    left, top, right, bottom = map(float, (root.get("data-plot") or "").split())
    assert 0 < left < right <= 720
    assert 0 < top < bottom
    begin, end = map(float, (root.get("data-x") or "").split())
    assert begin == 0
    assert end == pytest.approx(12_000, abs=1)
    assert root.get("data-x-unit") == "m"
    assert root.get("data-panels") is None
    load = checked(charts.load(made.profile(), pl.DataFrame()))
    first, gap, second, foot = map(float, (load.get("data-panels") or "").split())
    assert first < gap < second < foot, "the cursor leaves out the words between two panels"
    timed = made.profile().with_columns(pl.lit(None, dtype=pl.Float64).alias("distance_m"))
    assert checked(charts.load(timed, pl.DataFrame())).get("data-x-unit") == "s"


def test_track_shows_no_coordinates(made):
    chart = charts.track(made.profile())
    text = charts.to_svg(chart, prefix="a") + chart.alt
    moved = made.profile().with_columns(pl.col("longitude_deg") + 7.0)
    assert "10.0" not in text.replace("210.0", "").replace("110.0", "") or "latitude" not in text
    assert charts.to_svg(charts.track(moved), prefix="a") == charts.to_svg(chart, prefix="a")


def placed(chart: Chart) -> list[tuple[str, Any]]:
    """Every word with its box, all of them on the sheet."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(chart.figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    found = [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for text in chart.figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]
    for words, box in found:
        assert box.x0 > -1.5, words
        assert box.x1 < width + 1.5, words
        assert box.y0 > -1.5, words
        assert box.y1 < height + 1.5, words
    return found


def overlaps(chart: Chart) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other; fails where one leaves the sheet."""
    found = placed(chart)
    return [
        (one, other)
        for i, (one, a) in enumerate(found)
        for other, b in found[i + 1 :]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 3
    ]


@pytest.mark.parametrize("narrow", [False, True])
def test_nothing_is_clipped_and_no_words_lie_on_others(case, narrow):
    chart = case.chart(narrow=narrow and case.narrow)
    assert overlaps(chart) == []


def test_many_descents_are_named_without_overlap(made):
    many = pl.DataFrame(
        {
            "number": list(range(1, 41)),
            "start_distance_m": [290.0 * k for k in range(40)],
            "length_m": [150.0] * 40,
            "drop_m": [10.0 + k % 7 for k in range(40)],
            "grade_mean": [-0.07] * 40,
        }
    )
    for narrow in (False, True):
        chart = charts.profile(made.profile(), many, narrow=narrow)
        assert overlaps(chart) == []
        assert "40 single descents" in chart.alt


@pytest.mark.parametrize("name", ["decomposition", "calendar", "sparkline"])
def test_png_is_written_in_light(tmp_path: Path, made, name):
    from PIL import Image

    case = next(one for one in made.CASES if one.name == name)
    path = tmp_path / "a.png"
    charts.to_png(case.chart(), path, scale=1)
    with Image.open(path) as image:
        assert image.size[0] in (144, 744)
        assert image.convert("RGB").getpixel((image.size[0] - 1, image.size[1] - 1)) == (255, 255, 255)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600, "a chart is as private as the report"
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]
    with pytest.raises(ReportError, match="cannot be written"):
        charts.to_png(case.chart(), tmp_path / "no" / "such" / "folder.png")


def test_png_scales(tmp_path: Path):
    from PIL import Image

    charts.to_png(charts.sparkline([1, 2]), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (288, 104), "120 by 28 and a margin, twice"


def test_unknown_days_are_hatched_and_counted(made):
    chart = charts.calendar(made.daily())
    assert "6 unknown" in chart.alt
    assert "unknown" in words(checked(chart))
    assert "<pattern" in charts.to_svg(chart, prefix="a")
    known = charts.calendar(made.daily().with_columns(pl.col("knee_load_bw_s").fill_null(0.0)))
    assert "0 unknown" in known.alt
    assert "<pattern" not in charts.to_svg(known, prefix="a")


def test_ratios_stand_by_their_names_without_bands(made):
    chart = charts.ratios(made.workload_frame())
    for name in ("rolling sums, coupled 7:28", "rolling sums, uncoupled 7:21", "EWMA, coupled 7:28"):
        assert name in chart.alt
    assert "1.5" not in chart.alt.split("last known values")[0]


def test_pain_is_told_in_words(made):
    chart = charts.pain(made.PAIN, made.weeks())
    assert "4 entries" in chart.alt
    assert "2 of beyond tolerable or a worse morning" in chart.alt
    assert "limp" in words(checked(chart))


def test_changes_of_cadence_are_named(made):
    chart = charts.cadence_trend(made.SERIES, made.CHANGES)
    told = words(checked(chart))
    assert "−4.7 %" in told
    assert "+4.9 %" in told
    assert "(−5.2 to −4.2 %)" in chart.alt
    assert "No change was found" in charts.cadence_trend(made.SERIES, []).alt


def test_decomposition_adds_up_with_negative_parts(made):
    chart = charts.decomposition(made.PARTS)
    assert "Knee load, 96 easy min in all" in chart.alt
    assert "pace −2 (−2 %)" in chart.alt
    assert "Peak-weighted, 19,550 steps in all" in chart.alt


def test_a_colour_outside_the_palette_is_an_error():
    chart = charts.sparkline([1, 2])
    chart.figure.text(0.5, 0.5, "x", color="#123456")
    with pytest.raises(ReportError, match="#123456"):
        charts.to_svg(chart, prefix="a")


def test_from_a_file_of_the_fixtures():
    import kneeledger
    from kneeledger.preparation import prepare

    path = Path(__file__).resolve().parents[2] / "fixtures/export/loose/tall-slow-runner.fit"
    (recording,) = kneeledger.read(path)
    entry = kneeledger.analyze(prepare(recording))
    tables = entry.tables
    for chart in (
        charts.risk((), tables["profile"]),
        charts.profile(tables["profile"], tables["descents"]),
        charts.load(tables["profile"], tables["per_km"]),
        charts.cadence_pace(tables["cadence_by_pace"], None),
        charts.track(tables["profile"]),
        charts.course(tables["profile"]),
    ):
        checked(chart)
        assert overlaps(chart) == []


def test_names_of_the_front_door():
    assert charts.__all__ == sorted(charts.__all__)
    assert callable(charts.profile)
    assert callable(charts.calendar)
    assert set(LIGHT) >= {"ink", "paper", "run", "walk", "ride"}


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([0.0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([0.0, 2.5, 5.0], ["0.0", "2.5", "5.0"]),
        ([-20.0, 0.0, 20.0], ["−20", "0", "20"]),
        ([], []),
    ],
)
def test_an_axis_shows_the_numbers_it_stands_for(places, told):
    assert labels(places) == told


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 9))
def test_steps_are_round_and_inside(low, span, count):
    found = steps(low, low + span, count)
    assert len(found) <= 2 * count + 1
    assert all(low - 1e-6 * span <= place <= low + span * (1 + 1e-6) for place in found)


def test_risk_has_a_row_for_each_measure_its_way_is_compared_by(made):
    ride = charts.risk(made.BARS[2:], made.profile(), measures=("knee_load_bw_s",))
    assert "not known" not in ride.alt
    assert "unknown" not in words(checked(ride))


def test_risk_names_no_place_that_is_unknown(made):
    whole = made.profile()
    rises = pl.Series("distance_m", [None if 8000 <= v <= 8600 else v for v in whole["distance_m"]])
    assert "nan" not in charts.risk((), whole.with_columns(rises)).alt.lower()


def flickering(around: float, size: float, count: int) -> np.ndarray:
    """Values that alternate from row to row about one."""
    return around + size * np.where(np.arange(count) % 2, 1.0, -1.0)


@pytest.mark.parametrize(
    ("hill", "colour"),
    [
        (flickering(1.5, 0.02, 60), None),
        (np.append(flickering(1.5, 0.02, 20), np.full(40, 1.6)), 3),
        (np.append(np.full(40, 1.4), flickering(1.5, 0.02, 20)), 2),
    ],
)
def test_a_hill_at_the_edge_of_two_bands_has_one_colour_of_its_own(
    hill: np.ndarray, colour: int | None
) -> None:
    from kneeledger.charts import route

    times = np.concatenate([np.full(170, 1.0), hill, np.full(170, 1.0)])
    group = route._grouped(times, np.ones(len(times), dtype=bool), route.TIMES_EDGES)
    calm = route.settled(group, times, route.ALIKE_TIMES)
    of_hill = set(calm[170:230].tolist())
    assert len(of_hill) == 1
    assert of_hill <= ({2, 3} if colour is None else {colour})
    assert set(calm[:170].tolist()) == set(calm[230:].tolist()) == {1}


def test_slopes_that_differ_and_gaps_stay_apart() -> None:
    from kneeledger.charts import route

    grade = np.concatenate([np.full(100, 0.0), np.full(60, -0.03), np.full(60, -0.053), np.full(60, np.nan)])
    grade[30] = -0.3
    drawable = np.ones(len(grade), dtype=bool)
    drawable[200:210] = False
    group = route._grouped(grade, drawable, route.EDGES)
    group = np.where(drawable & ~np.isfinite(grade), len(route.BAND), group)
    calm = route.settled(group, grade, route.ALIKE_GRADE)
    assert calm[30] == calm[0], "what is too short to be seen goes with what is around it"
    assert len({calm[0], calm[120], calm[180], calm[240]}) == 4
    assert (calm[200:210] == -1).all()


def test_what_is_held_against_half_of_ninety_days_is_said_to_be() -> None:
    bars = [
        Bar("distance_m", 12_000.0, 6_000.0, 2.0, None, None, "note", tested=False, halved=True),
        Bar("descent_m", 120.0, 100.0, 1.2, None, None, None, tested=False),
    ]
    both = charts.risk(bars, pl.DataFrame(), measures=("distance_m", "descent_m")).alt
    assert (
        "against the most of the 30 days before it, or half of the most of 90 days where those hold none"
        in both
    )
    alone = charts.risk(bars[:1], pl.DataFrame(), measures=("distance_m",)).alt
    assert "against half of the most of 90 days, as the 30 before it hold none" in alone
    sessions = pl.DataFrame(
        {
            "day": [date(2026, 5, 1)], "way": ["run"], "severity": ["note"], "distance_m": [12_000.0],
            "distance_ref_m": [6_000.0], "distance_halved": [True],
        }
    )  # fmt: skip
    assert "(or half of the most of 90)" in charts.sessions(sessions).alt
    assert "half" not in charts.sessions(sessions.drop("distance_halved")).alt


def test_where_the_grade_is_unknown_nothing_is_said_of_slopes() -> None:
    flat = pl.DataFrame(
        {
            "distance_m": [0.0, 500.0, 1000.0], "elapsed_s": [0.0, 180.0, 360.0], "load_rate_bw": [0.7] * 3,
            "load_rate_level_bw": [0.7] * 3, "knee_load_bw_s": [0.0, 120.0, 240.0],
        }
    )  # fmt: skip
    assert "no slope changed" in charts.risk([], flat).alt
    assert "is not known" in charts.risk([], flat, sloped=False).alt


def test_an_axis_over_two_years_shows_both_once() -> None:
    months = [date(2024 + m // 12, m % 12 + 1, 20) for m in range(9, 28)]
    series = [{"date": str(day), "matched_cadence_spm": 165.0, "low": 164.0, "high": 166.0} for day in months]
    chart = charts.cadence_trend(series, [])
    (ax,) = chart.figure.axes
    labels = [label.get_text() for label in ax.get_xticklabels()]
    for year in ("2024", "2025", "2026"):
        assert sum(year in label for label in labels) == 1
    assert labels[0].endswith("2024")
