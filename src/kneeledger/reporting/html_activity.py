"""What an activity's page shows: first whether it was more than usual, then one number, then the detail.

At most four figures: the comparison with the 30 days before, the profile, the knee load along it, and a fourth:
where the load came from when downhill carried a good part of it, else cadence against pace. Whatever has
no figure is there as a table. For the readout under the pointer the page carries the profile once more as
rounded numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from kneeledger import analyzers
from kneeledger.analyzers.card import Metric
from kneeledger.model import AltitudeSource, Value, Way
from kneeledger.reporting import html_findings, words
from kneeledger.reporting.content import ActivityPage
from kneeledger.reporting.html_figures import Draws, Figure
from kneeledger.reporting.html_page import data_block
from kneeledger.reporting.html_tables import Cell, Column, Table, table
from kneeledger.severity import MEASURES
from kneeledger.workload.days import INDOOR
from kneeledger.workload.history import COMPARED

__all__ = ["shown"]

EASY_MPS = 3.0
"""Pace that the parts are told against where nobody's own is known, as `knee.decomposition.Usual` has it."""
DOWNHILL_TELLING = 0.10
"""From this share of the load on, where it came from is worth a figure."""
HISTOGRAM_BIN = 2
"""Width of the bins of the cadence histogram [1/min]."""
PART_WORDS = {
    "duration": "time on feet",
    "pace": "pace",
    "cadence": "cadence",
    "downhill": "downhill",
    "uphill": "uphill",
    "walking": "walking",
    "cycling": "cycling",
}
MODEL_WORDS = {
    "article": "the article's figure: 5 % down is 40 % more",
    "mechanics": "from joint mechanics on a slope",
    "none": "no extra for going downhill",
}
WAY_WORDS = {"run": "running", "walk": "walking", "ride": "cycling", "other": "other"}


def shown(page: ActivityPage, pen: Draws, *, alone: bool = False) -> Mapping[str, Any]:
    """Everything the template of an activity needs."""
    return {
        "title": page.title,
        "page": page,
        "alone": alone,
        "prefix": pen.prefix,
        "facts": _facts(page),
        "cards": [html_findings.card(one, page.units, {}) for one in page.findings],
        "comparisons": [_comparison(one, page.units) for one in page.comparisons],
        "easy": _easy(page),
        "models": _models(page),
        "descent": _descent(page),
        "cadence": _cadence(page),
        "downhill_sentence": _downhill_sentence(page),
        "figures": _figures(page, pen),
        "bands": _bands(page),
        "descents": _descents(page),
        "parts": _parts(page),
        "what_if": _what_if(page),
        "pace": _pace(page),
        "histogram": _histogram(page),
        "by_power": _pedalling(page.pedalling_by_power, "by-power", "Pedalling by power", _watts),
        "by_grade": _pedalling(page.pedalling_by_grade, "by-grade", "Pedalling by grade", words.band),
        "laps": _laps(page),
        "per_km": _per_km(page),
        "more": _metrics(page, MORE, "more", "Peak-weighted load, ratios and units"),
        "every": _metrics(
            page,
            None,
            "every",
            "Every number of this activity"
            + (f"; parts of the load are against {_usual(page)}" if _value(page, "run_time_s") else ""),
        ),
        "provenance": _provenance(page),
        "issues": page.issues,
        "readout": _readout(page),
    }


def _value(page: ActivityPage, name: str) -> float | None:
    return page.metrics[name].value if name in page.metrics else None


def _grade_known(page: ActivityPage) -> bool:
    """Whether slopes count in the load: where the grade is not known it was computed as on level ground."""
    return not any(issue.code == "grade_unknown" for issue in page.issues)


def _facts(page: ActivityPage) -> list[tuple[str, str]]:
    moving, distance = _value(page, "moving_s"), _value(page, "distance_m")
    speed = distance / moving if distance and moving else None
    facts = [("Start", f"{page.local_start:%H:%M}")]
    if page.way in MOVING or distance:
        facts.append(("Distance", words.distance(distance, page.units)))
    facts.append(("Moving time", words.clock(moving)) if moving else ("Time", words.clock(_time(page))))
    if speed:
        facts.append(
            ("Speed" if page.way == "ride" else "Pace", words.speed_word(speed, page.way, page.units))
        )
    return facts


MOVING = ("run", "walk", "ride")


def _time(page: ActivityPage) -> float | None:
    """By the timer where nothing tells moving from standing, as of strength or of totals entered by hand."""
    return _value(page, "timer_s") or _value(page, "elapsed_s")


def _comparison(one: Any, units: str) -> Mapping[str, Any]:
    """A comparison in words; the numbers come in the units asked for."""
    name = {"distance_m": "Distance", "descent_m": "Descent", "knee_load_bw_s": "Knee load"}[one.measure]
    ends = [None if share is None else 100 * (share - 1) for share in (one.ratio, one.low, one.high)]
    interval = words.signed_interval(*ends)
    text = words.in_units(one.text, units)
    return {
        "name": name,
        "text": f"{text.removesuffix('.')} (90 % interval {interval})." if interval else text,
        "severity": one.severity,
        "known": "" if one.known_days >= 30 else f"{one.known_days} of the 30 days are known",
        "evidence": {"distance_m": "measured", "descent_m": "estimated"}.get(one.measure, "modelled"),
        "tested": "" if one.tested else "same rule, not tested",
    }


def _easy(page: ActivityPage) -> Mapping[str, str] | None:
    value = page.metrics.get("knee_load_easy_minutes")
    if value is None or value.value is None:
        return None
    return {
        "value": words.number(value.value),
        "range": _interval(value),
        "sentence": page.easy_sentence,
    }


def _interval(value: Value, digits: int = 0) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"{words.number(value.low, digits)} to {words.number(value.high, digits)}"


def _models(page: ActivityPage) -> list[Mapping[str, Any]]:
    if page.way == "ride" or all(value is None for value in page.by_model.values()):
        return []
    return [
        {
            "name": name,
            "meaning": MODEL_WORDS.get(name, ""),
            "minutes": words.easy(value),
            "excess": words.easy(page.excess_by_model.get(name)),
            "chosen": name == page.downhill_model,
        }
        for name, value in sorted(page.by_model.items(), key=lambda item: item[0] != page.downhill_model)
    ]


def _descent(page: ActivityPage) -> Mapping[str, str] | None:
    """The same descent that comparisons and the list of activities have: what is not believed is unknown."""
    if page.way not in MOVING:
        return None
    units, value = page.units, page.metrics.get("descent_m", Value(None))
    source = f"Altitude: {page.about.altitude_source.value}."
    if page.about.sub_sport in INDOOR:
        return {"value": words.height(0.0, units), "note": f"Indoors nothing goes down. {source}"}
    span = ""
    if value.low is not None and value.high is not None and value.high - value.low >= 1:
        span = f"between {words.height(value.low, units)} and {words.height(value.high, units)}"
    if value.value is not None and not _descent_believed(page):
        told = f"It gives {words.height(value.value, units)}" + (f" ({span})" if span else "")
        return {"value": "unknown", "note": f"{source} {told}, too rough to count or to compare."}
    note = f"{span}. " if span else ""
    steep = _value(page, "steep_descent_run_m")
    if steep:
        note += f"{words.height(steep, units)} of it running on slopes steeper than 10 %. "
    return {"value": words.height(value.value, units), "note": f"{note}{source}"}


def _descent_believed(page: ActivityPage) -> bool:
    return page.about.altitude_source not in (AltitudeSource.GPS, AltitudeSource.UNKNOWN) and _grade_known(
        page
    )


CADENCES = {
    "run": ("cadence_run_median_spm", "steps/min", "Median while running, both feet."),
    "walk": ("cadence_walk_median_spm", "steps/min", "Median while walking, both feet."),
    "ride": ("cadence_ride_median_rpm", "rpm", "Median while pedalling."),
}


def _cadence(page: ActivityPage) -> Mapping[str, str] | None:
    """Median cadence, and beside that of a run what the personal line gives at its pace."""
    from math import exp, log

    if page.way not in CADENCES:
        return None
    name, unit, note = CADENCES[page.way]
    value = _value(page, name)
    if value is None:
        note = "None is recorded."
    distance, time = _value(page, "run_distance_m"), _value(page, "run_time_s")
    if page.way == "run" and page.personal_line and value and distance and time:
        intercept, slope, low, high = page.personal_line
        speed = distance / time
        usual = exp(intercept + slope * log(speed / 3.0))
        note += (
            f" Your line gives {usual:.0f} at this run's mean pace ({words.pace(speed, page.units)}) on level"
            f" ground: {words.signed(100 * (value / usual - 1))}."
        )
        if not low <= speed <= high:
            note += " That pace is outside what the line was learnt from."
    return {"value": words.number(value, 0, unit), "note": note}


def _downhill_sentence(page: ActivityPage) -> str:
    share = _value(page, "downhill_share")
    if share is None or page.way == "ride":
        return ""
    what = {"run": "run", "walk": "walk"}.get(page.way, "activity")
    if not _grade_known(page):
        return (
            f"How much of this {what}'s knee load came from going downhill is unknown: its grade is not known, and"
            " the load is computed as on level ground."
        )
    if not _value(page, "run_time_s"):
        return f"Going downhill is not modelled apart for walking, so its share of this {what}'s knee load is unknown."
    how = "running downhill" if _value(page, "walk_time_s") else "going downhill"
    return f"{words.percent(share)} of this {what}'s knee load came from {how}."


def _compared(way: str) -> tuple[str, ...]:
    """The measures that activities of one way of moving are compared by."""
    return tuple(measure.name for measure in COMPARED.get(Way(way), MEASURES))


def _figures(page: ActivityPage, pen: Draws) -> dict[str, Figure]:
    from kneeledger import charts

    units, made = page.units, {}
    bars = [
        charts.Bar(c.measure, c.value, c.reference, c.ratio, c.low, c.high, c.severity, c.tested, c.halved)
        for c in page.comparisons
    ]
    if bars or page.profile.height:
        made["risk"] = pen.draw(
            "risk",
            lambda narrow: charts.risk(
                bars,
                page.profile,
                units=units,
                narrow=narrow,
                measures=_compared(page.way),
                sloped=_grade_known(page),
            ),
            route=True,
        )
    if _has(page.profile, "altitude_smooth_m"):
        made["profile"] = pen.draw(
            "profile",
            lambda narrow: charts.profile(
                page.profile, page.descents, units=units, narrow=narrow, sloped=_grade_known(page)
            ),
            route=True,
        )
    if _has(page.profile, "load_rate_bw"):
        made["load"] = pen.draw(
            "load",
            lambda narrow: charts.load(page.profile, page.per_km, units=units, narrow=narrow),
            route=True,
        )
    share = _value(page, "downhill_share")
    if page.decomposition and share is not None and share >= DOWNHILL_TELLING:
        made["parts"] = pen.draw(
            "parts",
            lambda narrow: charts.decomposition(
                page.decomposition, narrow=narrow, own=page.usual is not None
            ),
        )
    elif page.way == "run" and _has(page.cadence_by_pace, "cadence_spm"):
        made["cadence"] = pen.draw(
            "cadence",
            lambda narrow: charts.cadence_pace(
                page.cadence_by_pace, page.personal_line, units=units, narrow=narrow
            ),
        )
    if {"latitude_deg", "longitude_deg"} <= set(page.profile.columns) and _has(page.profile, "latitude_deg"):
        made["track"] = pen.draw("track", lambda _: charts.track(page.profile, colour="load"))
    return made


def _has(frame: pl.DataFrame, name: str) -> bool:
    """Whether a column is there with at least two values."""
    return name in frame.columns and frame.height - frame[name].null_count() >= 2


def _bands(page: ActivityPage) -> Table | None:
    frame = page.bands
    if frame.is_empty():
        return None
    units = page.units
    rows = [row for row in frame.to_dicts() if row["time_s"]]
    several = len({row["way"] for row in rows}) > 1
    return table(
        "bands",
        "By grade, steepest downhill first",
        (
            Column("Grade", number=False),
            Column("Time"),
            Column("Distance"),
            Column("Descent", evidence="estimated"),
            Column("Steps"),
            Column("Knee load", evidence="modelled", unit="easy min"),
        ),
        (
            (
                words.band(row["from"], row["to"])
                + (f", {WAY_WORDS.get(row['way'], row['way'])}" if several else ""),
                words.clock(row["time_s"]),
                words.distance(row["distance_m"], units),
                _or_dash(words.height(row["descent_m"], units), row["descent_m"]),
                _or_dash(words.number(row["steps"]), row["steps"]),
                _or_dash(words.number(words.minutes(row["knee_load_bw_s"]), 1), row["knee_load_bw_s"]),
            )
            for row in rows
        ),
    )


def _or_dash(text: str, value: float | None) -> str:
    return "–" if value is None else text


def _descents(page: ActivityPage) -> Table | None:
    if page.descents.is_empty():
        return None
    units = page.units
    return table(
        "descents",
        "Single descents",
        (
            Column("No."),
            Column("Begins at"),
            Column("Drop", evidence="estimated"),
            Column("Length"),
            Column("Mean grade"),
            Column("Steepest"),
            Column("Time"),
            Column("Cadence", unit="steps/min"),
            Column("on the level"),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("more than level", evidence="contested", unit="easy min"),
        ),
        (
            (
                words.number(row["number"]),
                words.distance(row["start_distance_m"], units),
                words.height(row["drop_m"], units),
                words.distance(row["length_m"], units),
                words.grade(row["grade_mean"], 1),
                words.grade(row["grade_steepest"], 1),
                words.clock(row["duration_s"]),
                _or_dash(words.number(row["cadence_spm"]), row["cadence_spm"]),
                _or_dash(words.number(row["cadence_level_spm"]), row["cadence_level_spm"]),
                _or_dash(words.number(words.minutes(row["knee_load_bw_s"]), 1), row["knee_load_bw_s"]),
                _or_dash(
                    words.number(words.minutes(row["excess_knee_load_bw_s"]), 1), row["excess_knee_load_bw_s"]
                ),
            )
            for row in page.descents.to_dicts()
        ),
    )


def _parts(page: ActivityPage) -> Table | None:
    rows = [row for row in page.decomposition if abs(row[1]) > 1e-9 or abs(row[2]) > 1e-9]
    whole = sum(linear for _, linear, _ in page.decomposition)
    peak = sum(steps for _, _, steps in page.decomposition)
    if not rows or not whole:
        return None
    return table(
        "parts",
        "Where the load came from" + (f", against {_usual(page)}" if _value(page, "run_time_s") else ""),
        (
            Column("Part", number=False),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("of the whole"),
            Column("Peak-weighted", evidence="modelled", unit="steps"),
        ),
        [
            *(
                (
                    Cell(PART_WORDS.get(name, name), evidence="contested" if name == "downhill" else ""),
                    words.number(words.minutes(linear), 1),
                    words.signed(100 * linear / whole),
                    words.number(steps),
                )
                for name, linear, steps in rows
            ),
            ("the whole", words.number(words.minutes(whole), 1), "100 %", words.number(peak)),
        ],
    )


def _usual(page: ActivityPage) -> str:
    """What the parts of the load are told against."""
    if page.usual is None:
        easy = words.pace(EASY_MPS, page.units)
        return f"easy running at {easy} with the step rate most have at it, on level ground (your own usual is unknown)"
    speed, ratio = page.usual
    step_rate = words.signed(100 * (ratio - 1))
    rate = (
        "the step rate most have at it"
        if step_rate == "0 %"
        else f"a step rate {step_rate} of what most have at it"
    )
    return f"your usual: {words.pace(speed, page.units)} with {rate}, on level ground"


def _what_if(page: ActivityPage) -> Table | None:
    if not page.what_if:
        return None
    changes = {label: (linear, peak) for label, linear, peak in page.what_if_change}
    whole, steps = _value(page, "knee_load_linear_bw_s"), _value(page, "knee_load_peak_weighted_steps")
    rows = []
    for label, linear, peak in page.what_if:
        by_linear, by_peak = changes.get(label, (_change(linear, whole), _change(peak, steps)))
        rows.append(
            (
                Cell(label, outside=True),
                words.easy(linear.value),
                _percent(by_linear),
                _percent(by_peak),
            )
        )
    return table(
        "what-if",
        "The same activity with one thing different (90 % intervals)",
        (
            Column("What if", number=False),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("change"),
            Column("Peak-weighted load", evidence="modelled"),
        ),
        rows,
    )


def _change(value: Value, whole: float | None) -> Value:
    return Value(None) if value.value is None or not whole else Value(value.value / whole - 1)


def _percent(value: Value) -> str:
    if value.value is None:
        return "–"
    ends = [None if share is None else 100 * share for share in (value.value, value.low, value.high)]
    interval = words.signed_interval(*ends)
    return words.signed(ends[0]) + (interval and f" ({interval})")


def _pace(page: ActivityPage) -> Table | None:
    frame = page.cadence_by_pace
    if frame.is_empty() or page.way != "run":
        return None
    from math import exp, log

    rows = []
    for row in frame.to_dicts():
        middle = (row["speed_from_mps"] + row["speed_to_mps"]) / 2
        usual = None
        if page.personal_line and page.personal_line[2] <= middle <= page.personal_line[3]:
            usual = exp(page.personal_line[0] + page.personal_line[1] * log(middle / 3.0))
        slow, fast = (words.pace(row[k], page.units) for k in ("speed_from_mps", "speed_to_mps"))
        rows.append(
            (
                f"{slow.split('/')[0]} to {fast}",
                words.clock(row["time_s"]),
                words.number(row["cadence_spm"]),
                _or_dash(words.number(usual), usual),
            )
        )
    return table(
        "pace",
        "Cadence by pace, on all slopes; your line is for level ground",
        (
            Column("Pace", number=False),
            Column("Time"),
            Column("Cadence", evidence="measured", unit="steps/min"),
            Column("your line", evidence="estimated"),
        ),
        rows,
    )


def _histogram(page: ActivityPage) -> Table | None:
    frame = page.cadence_histogram
    if frame.is_empty():
        return None
    rows = frame.to_dicts()
    whole = sum(row["time_s"] for row in rows)
    unit = "rpm" if page.way == "ride" else "steps/min"
    return table(
        "histogram",
        "Time at each cadence",
        (Column("Cadence", number=False, unit=unit), Column("Time", evidence="measured"), Column("Share")),
        (
            (
                f"{row['cadence_from']:.0f} to {row['cadence_from'] + HISTOGRAM_BIN:.0f}",
                words.clock(row["time_s"]),
                words.percent(row["time_s"] / whole, 1) if whole else "–",
            )
            for row in rows
            if row["time_s"]
        ),
    )


def _watts(low: float | None, high: float | None) -> str:
    if high is None:
        return f"above {low or 0:.0f} W"
    return f"{low or 0:.0f} to {high:.0f} W"


def _pedalling(
    frame: pl.DataFrame, name: str, caption: str, band: Callable[[float | None, float | None], str]
) -> Table | None:
    if frame.is_empty():
        return None
    return table(
        name,
        caption,
        (
            Column("Power" if name == "by-power" else "Grade", number=False),
            Column("Time"),
            Column("Cadence", evidence="measured", unit="rpm"),
            Column("below 70 rpm"),
        ),
        (
            (
                band(row["from"], row["to"]),
                words.clock(row["time_s"]),
                _or_dash(words.number(row["cadence_rpm"]), row["cadence_rpm"]),
                _or_dash(words.percent(row["low_share"]), row["low_share"]),
            )
            for row in frame.to_dicts()
        ),
    )


def _laps(page: ActivityPage) -> Table | None:
    frame = page.laps
    if frame.height < 2:
        return None
    units = page.units
    rows = []
    for index, row in enumerate(frame.to_dicts(), 1):
        time, distance = row.get("timer_s") or row.get("elapsed_s"), row.get("distance_m")
        speed = distance / time if time and distance else None
        rows.append(
            (
                str(index),
                _or_dash(words.distance(distance, units), distance),
                _or_dash(words.clock(time), time),
                _or_dash(words.speed_word(speed, page.way, units), speed),
                _or_dash(words.height(row.get("ascent_m"), units), row.get("ascent_m")),
                _or_dash(words.height(row.get("descent_m"), units), row.get("descent_m")),
            )
        )
    return table(
        "laps",
        "Laps as the device wrote them",
        (
            Column("Lap"),
            Column("Distance", evidence="measured"),
            Column("Time"),
            Column("Speed" if page.way == "ride" else "Pace"),
            Column("Ascent"),
            Column("Descent"),
        ),
        rows,
    )


def _per_km(page: ActivityPage) -> Table | None:
    frame = page.per_km
    if frame.is_empty():
        return None
    cadence, unit = ("cadence_rpm", "rpm") if page.way == "ride" else ("cadence_spm", "steps/min")
    turning = cadence in frame.columns and frame[cadence].null_count() < frame.height
    sloped = _grade_known(page)
    return table(
        "per-km",
        "Kilometre by kilometre",
        (
            Column("km"),
            Column("Length"),
            Column("Time"),
            Column("Mean grade"),
            *((Column("Cadence", unit=unit),) if turning else ()),
            Column("Knee load", evidence="modelled", unit="easy min"),
            Column("Mean force", evidence="modelled", unit="body weights"),
        ),
        (
            (
                words.number(row["km"]),
                words.distance(row["distance_m"], page.units),
                words.clock(row["time_s"]),
                _or_dash(words.grade(row["grade"], 1), row["grade"] if sloped else None),
                *((_or_dash(words.number(row[cadence]), row[cadence]),) if turning else ()),
                _or_dash(words.number(words.minutes(row["knee_load_bw_s"]), 1), row["knee_load_bw_s"]),
                _or_dash(words.number(row["load_rate_bw"], 2), row["load_rate_bw"]),
            )
            for row in frame.to_dicts()
        ),
    )


DOWN = ("load_downhill_bw_s", "peak_downhill_steps", "load_uphill_bw_s", "peak_uphill_steps")
MORE = (
    "knee_load_peak_weighted_steps",
    "knee_load_linear_bw_s",
    "knee_load_per_km_bw_s",
    "knee_load_with_stance_bw_s",
    "peak_force_run_bw",
    "downhill_share",
    "downhill_share_peak_weighted",
    "excess_knee_load_bw_s",
    "extrapolated_share",
    "braking_energy_j_per_kg",
)


def _shown_as(name: str, card: Metric, units: str) -> tuple[float, str, int]:
    """Factor, unit and digits that a person sees a metric in."""
    if card.unit in ("", "1") and "share" in name:
        return 100.0, "%", 0
    if units == "imperial" and card.unit == "m":
        if any(word in name for word in ("descent", "ascent", "altitude")):
            return 1 / words.FOOT_M, "ft", 0
        return 1 / words.MILE_M, "mi", 2
    return 1.0, card.unit, card.digits


def _not_told(page: ActivityPage) -> frozenset[str]:
    """Numbers that the pages leave out: zeros that stand for slopes nobody knows, or that are not modelled."""
    shares = ("downhill_share", "downhill_share_peak_weighted")
    slopes = [name for name in page.metrics if name.startswith("excess_knee_load") or name in DOWN]
    rough = [name for name in page.metrics if "descent" in name]
    told: set[str] = set() if _value(page, "run_time_s") else set(shares)
    if not _grade_known(page):
        told |= {*shares, *slopes}
    return frozenset(told if _descent_believed(page) else told | set(rough))


def _metrics(page: ActivityPage, names: Sequence[str] | None, name: str, caption: str) -> Table | None:
    """Metrics as rows, with the label, unit and evidence of their cards."""
    cards = analyzers.cards()
    unknown = _not_told(page)
    rows = []
    for key in names if names is not None else page.metrics:
        value, card = page.metrics.get(key), cards.get(key)
        if value is None or value.value is None or card is None or key in unknown:
            continue
        scale, unit, digits = _shown_as(key, card, page.units)
        interval = ""
        if value.low is not None and value.high is not None and value.low != value.high:
            interval = (
                f"{words.number(scale * value.low, digits)} to {words.number(scale * value.high, digits)}"
            )
        rows.append(
            (
                Cell(card.label, evidence=card.evidence.value),
                words.number(scale * value.value, digits),
                unit,
                interval,
            )
        )
    if not rows:
        return None
    return table(
        name,
        caption,
        (
            Column("Number", number=False),
            Column("Value"),
            Column("Unit", number=False),
            Column("90 % interval"),
        ),
        rows,
    )


def _provenance(page: ActivityPage) -> list[tuple[str, str]]:
    about = page.about
    facts = [
        ("File", about.path if not page.redacted else about.path.rsplit("/", 1)[-1].rsplit("!", 1)[-1]),
        ("Format, decoder", f"{about.format.upper()}, {about.decoder}"),
        ("Device", about.device or "not told"),
        ("Altitude from", about.altitude_source.value),
        ("Cadence", words.in_units(about.cadence.reason.removeprefix("cadence: "), "metric") or "not told"),
        ("Time zone", _zone(about.utc_offset_s, about.utc_offset_how)),
        ("Downhill model", f"{page.downhill_model} (contested)"),
        ("SHA-256", about.sha256[:16]),
    ]
    if page.duplicate_paths:
        facts.append(("Copies not counted", "; ".join(page.duplicate_paths[:5])))
    return facts


def _zone(offset: int | None, how: str) -> str:
    if offset is None:
        return "unknown; times are UTC"
    sign, rest = ("−" if offset < 0 else "+"), abs(offset) // 60
    return f"UTC{sign}{rest // 60:02d}:{rest % 60:02d}, from {how}"


def _readout(page: ActivityPage) -> Any:
    """The profile as columns of rounded numbers, for the script; None where there is none."""
    frame = page.profile
    if frame.height < 2:
        return None
    along = "distance_m" if _has(frame, "distance_m") else "elapsed_s"
    columns = {
        "x": (along, 1.0, 0),
        "t": ("elapsed_s", 1.0, 0),
        "a": ("altitude_smooth_m", 1.0, 1),
        "g": ("grade", 100.0, 1),
        "v": ("ground_speed_mps", 1.0, 2),
        "c": ("cadence_spm", 1.0, 0),
        "k": ("load_rate_bw", 1.0, 2),
        "l": ("load_rate_low_bw", 1.0, 2),
        "h": ("load_rate_high_bw", 1.0, 2),
    }
    data: dict[str, Any] = {
        "units": page.units,
        "way": page.way,
        "along": "m" if along == "distance_m" else "s",
    }
    if not _grade_known(page):
        del columns["g"]
    for key, (name, scale, digits) in columns.items():
        if name in frame.columns:
            values = (frame[name].cast(pl.Float64) * scale).round(digits).fill_nan(None)
            data[key] = [None if v is None else int(v) if digits == 0 else v for v in values.to_list()]
    return data_block(data)
