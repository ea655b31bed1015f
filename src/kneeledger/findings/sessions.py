"""One outing against the outings of the same way in the 30 days before: the lead of all findings.

Distance of a run is the only comparison that a study tested; descent and knee load borrow its bands and say
so. Beside the ratio each needs its absolute floor. Three things hold a finding down to a note: too few known
days behind it, an interval that reaches below the first edge, and a knee-load excess that stands under the
article's downhill gain alone (`Finding.holds_under` names the models under which it stands). An outing that
sticks out by several measures is one cause; the others are named in its `why`.
Instead of: an alarm per measure and file.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from kneeledger import plurals
from kneeledger.findings import downhill_models
from kneeledger.findings.view import View, day_words, noun, per_cent
from kneeledger.model import DownhillModel, Evidence, Finding, Severity, Way
from kneeledger.severity import (
    DESCENT,
    DISTANCE,
    KNEE_LOAD,
    MEASURES,
    Measure,
    Thresholds,
    at_most,
    beyond,
    limit,
    study_band,
)
from kneeledger.workload import WINDOW_DAYS, Comparison, History

__all__ = ["CODES", "sessions"]

CODES: Final = {DISTANCE.name: "SP001", DESCENT.name: "SP002", KNEE_LOAD.name: "SP003"}
BY_NAME: Final = {measure.name: measure for measure in MEASURES}
TOLERATED_UNKNOWN: Final = 3
"""Unknown days among the 30 before that do not hold a finding down (project rule)."""
LEAST_HISTORY: Final = 7
"""Known days before which nothing is said of a session at all (project rule)."""
NARROW: Final = 0.02
"""An interval narrower than this share of the ratio is not printed: two digits of it would be alike."""
FAR: Final = 5.0
"""Where the reference is too small for a ratio, the difference decides: from so many floors (5 km, 500 m down, 50
easy minutes) it is raised, under that a note (project rule)."""
CONTESTED_SHARE: Final = 0.05
"""Share of the knee load from the downhill gain above which the number is called contested."""

Row = Mapping[str, object]


def sessions(view: View) -> list[Finding]:
    """Findings on the outings of the days that are spoken of."""
    by_day = view.history.kept.get("outings by day")
    if by_day is None:
        made: dict[object, list[int]] = {}
        for index, day in enumerate(view.history.outings["day"]):
            made.setdefault(day, []).append(index)
        by_day = view.history.kept["outings by day"] = made
    key = ("session findings", view.profile)
    cache = view.history.kept.setdefault(key, {})
    found: list[Finding] = []
    for back in range(view.days):
        day = type(view.as_of).fromordinal(view.as_of.toordinal() - back)
        for index in by_day.get(day, ()):  # type: ignore[attr-defined]
            if index not in cache:  # type: ignore[operator]
                cache[index] = _of_outing(view, index)  # type: ignore[index]
            found += cache[index]  # type: ignore[index]
    return found


def _of_outing(view: View, index: int) -> list[Finding]:
    items = [view.history.compared.get((index, measure.name)) for measure in MEASURES]
    judged = [(item, severity) for item in items if item and (severity := _severity(view, item))]
    made = [_finding(view, item, severity) for item, severity in judged]
    before = (
        "half of the most of 90 days"
        if any(item.window_empty for item, _ in judged)
        else "the 30 days before"
    )
    return [_with_others(finding, made, before) for finding in made]


def _severity(view: View, item: Comparison) -> Severity | None:
    measure = BY_NAME[item.measure]
    if item.reference is None or item.history_days < LEAST_HISTORY:
        return None
    history = view.history
    severity = beyond(measure, item.value, item.reference, view.edges, history.floors[measure.name])
    if severity is None:
        return None
    if _slopes_alone(history, item, view.edges):
        return None
    if _few_days(item) or not _sure(history, item, view.edges):
        return at_most(severity, Severity.NOTE)
    if item.ratio is None:
        far = item.value - item.reference >= FAR * measure.floor
        return at_most(severity, Severity.RAISED if far else Severity.NOTE)
    return at_most(severity, Severity.RAISED) if item.window_empty else severity


def _few_days(item: Comparison) -> bool:
    return item.history_days < WINDOW_DAYS or item.known_days < WINDOW_DAYS - TOLERATED_UNKNOWN


def _sure(history: History, item: Comparison, edges: Thresholds) -> bool:
    """Whether the excess stands on more than one doubtful number."""
    if not BY_NAME[item.measure].modelled:
        return True
    if item.low is not None and item.low <= 1.0 + edges.note:
        return False
    if _estimated(history, item):
        return False
    if item.against is None:
        return True
    compared = {
        model
        for model, column in downhill_models.MODEL_COLUMN.items()
        if all(history.rows[row][column] is not None for row in (item.outing, item.against))
    }
    return not compared or _holds_under(history, item, edges) != (DownhillModel.ARTICLE,)


def _estimated(history: History, item: Comparison) -> bool:
    """Whether a ride in the comparison has assumed body mass or estimated power."""
    rows = [item.outing, *([] if item.against is None else [item.against])]
    rides = [history.rows[row] for row in rows if history.rows[row]["way"] == Way.RIDE.value]
    return any(ride["mass_assumed"] or ride["power_estimated"] for ride in rides)


def _holds_under(history: History, item: Comparison, edges: Thresholds) -> tuple[DownhillModel, ...]:
    """Downhill models under which the excess still passes the first edge and the floor."""
    if item.against is None or item.reference is None:
        return ()
    this, other = history.rows[item.outing], history.rows[item.against]
    share = item.reference / float(other[KNEE_LOAD.name] or math.nan)  # type: ignore[arg-type]

    def stands(column: str) -> bool:
        above, below = this[column], other[column]
        if above is None or below is None:
            return False
        value, reference = float(above), share * float(below)  # type: ignore[arg-type]
        return beyond(KNEE_LOAD, value, reference, edges, history.floors[KNEE_LOAD.name]) is not None

    return downhill_models.held_by(history, stands)


def _slopes_alone(history: History, item: Comparison, edges: Thresholds) -> bool:
    """Whether an excess of knee load comes of slopes that only one of the two outings knows."""
    if item.measure != KNEE_LOAD.name or item.against is None:
        return False
    both = [history.rows[row] for row in (item.outing, item.against)]
    return downhill_models.one_sided(both) and DownhillModel.NONE not in _holds_under(history, item, edges)


def _finding(view: View, item: Comparison, severity: Severity) -> Finding:
    history, measure = view.history, BY_NAME[item.measure]
    row = history.rows[item.outing]
    holds = _holds_under(history, item, view.edges) if measure is KNEE_LOAD else ()
    return Finding(
        code=CODES[measure.name],
        severity=severity,
        date=row["day"],  # type: ignore[arg-type]
        activity=str(row["id"]),
        measure=measure.name,
        value=item.value,
        reference=item.reference,
        ratio=item.ratio,
        low=item.low,
        high=item.high,
        text=" ".join(
            part for part in (_what(item, measure, row), _how_sure(view, item, measure, row)) if part
        ),
        why=" ".join(
            part for part in (_why(history, item, measure), _below(view, item, measure, row)) if part
        ),
        evidence=_evidence(history, item, measure),
        sources=_sources(measure),
        holds_under=holds,
        cause=f"outing:{row['id']}",
    )


def _sources(measure: Measure) -> tuple[str, ...]:
    return ("Frandsen2025", "Article") if measure is KNEE_LOAD else ("Frandsen2025",)


def _evidence(history: History, item: Comparison, measure: Measure) -> Evidence:
    if measure is DISTANCE:
        return Evidence.RULE if item.window_empty else Evidence.MEASURED
    if measure is DESCENT:
        return Evidence.ESTIMATED
    rows = [history.rows[item.outing]] + ([] if item.against is None else [history.rows[item.against]])
    contested = any(_downhill_share(row) > CONTESTED_SHARE for row in rows)
    return Evidence.CONTESTED if contested else Evidence.MODELLED


def _downhill_share(row: Row) -> float:
    whole, level = row["knee_load_bw_s"], row["knee_load_none_bw_s"]
    if not whole or level is None:
        return 0.0
    return 1.0 - float(level) / float(whole)  # type: ignore[arg-type]


PHRASE: Final = {
    DISTANCE.name: ("was {much} longer than", "was {times} as long as", "the longest"),
    DESCENT.name: ("went down {much} more than", "went down {times} as much as", "the most"),
    KNEE_LOAD.name: (
        "asked {much} more of the knees than",
        "asked {times} as much of the knees as",
        "the most",
    ),
}


def _compared(ratio: float, measure: Measure) -> str:
    small, large, _ = PHRASE[measure.name]
    return small.format(much=per_cent(ratio)) if ratio < 2 else large.format(times=f"{ratio:.1f} times")


def _what(item: Comparison, measure: Measure, row: Row) -> str:
    name, value = noun(row), measure.show(item.value)
    assert item.reference is not None
    head = f"This {name} ({value} on {day_words(row['day'])})"  # type: ignore[arg-type]
    most = PHRASE[measure.name][2]
    if item.window_empty:
        window = f"half of {most} of the 90 days before (half is {measure.show(item.reference)})"
        none = f"the 30 days before hold no {name} with a known {measure.label}. This comparison is a project rule."
        if item.ratio is None:
            return f"{head} stands against {window}: too little for a ratio, and {none}"
        return f"{head} {_compared(item.ratio, measure)} {window}; {none}"
    if _few_days(item):
        days = min(item.history_days, item.known_days) if item.known_days < WINDOW_DAYS else item.history_days
        first = "is still being built" if item.history_days < WINDOW_DAYS else "has gaps"
        return (
            f"{head} is {most} of {plurals.count(days, 'known day')}; before it the largest was "
            f"{measure.show(item.reference)}. The baseline of 30 days {first}."
        )
    if item.ratio is None:
        return (
            f"{head} stands against {measure.show(item.reference)} as {most} of the 30 days before: "
            "too little for a ratio."
        )
    window = f"{most} of the 30 days before ({measure.show(item.reference)})"
    return f"{head} {_compared(item.ratio, measure)} {window}."


def _how_sure(view: View, item: Comparison, measure: Measure, row: Row) -> str:
    parts = []
    if item.low is not None and item.high is not None:
        if item.high - item.low < NARROW * item.high:
            parts.append("What is uncertain of the model is common to both and cancels in the ratio.")
        else:
            parts.append(f"The ratio is between {item.low:.2f} and {item.high:.2f} (90 % interval).")
    if measure.modelled and _estimated(view.history, item):
        parts.append("Cycling power or body mass was estimated, so it is at most a note.")
    if measure.modelled and _holds_under(view.history, item, view.edges) == (DownhillModel.ARTICLE,):
        parts.append(downhill_models.ONLY_ARTICLE)
    if item.unknown_sessions:
        who = plurals.count(
            item.unknown_sessions,
            "earlier outing in the window tells",
            "earlier outings in the window tell",
        )
        parts.append(f"{who} no {measure.label}.")
    unknown = WINDOW_DAYS - item.known_days
    if unknown > 0 and item.history_days >= WINDOW_DAYS:
        parts.append(f"{unknown} of the 30 days before {'is' if unknown == 1 else 'are'} unknown.")
    parts.append(_study(item, measure, row))
    parts.append(view.profile.sentence)
    return " ".join(part for part in parts if part)


def _study(item: Comparison, measure: Measure, row: Row) -> str:
    tested = measure.tested and row["way"] == "run"
    if not tested:
        extension = "they are an untested extension"
        return f"The bands are those of running distance; for {measure.label} {_of(row)} {extension}."
    if item.ratio is None or item.window_empty or _few_days(item):
        return ""
    band = study_band(item.ratio)
    limits = "That is an average over many injuries, not a prediction for your knee."
    if band is None:
        return (
            "In a study of 5,205 runners, runs up to 10 % longer than the longest of 30 days were the group the "
            f"others were held against. {limits}"
        )
    return (
        f"In a study of 5,205 runners, runs {band.words} went with about {band.hazard_ratio:.1f} times the injury "
        f"rate (95 % {band.low:.1f} to {band.high:.1f}). {limits}"
    )


def _of(row: Row) -> str:
    return {"run": "of a run", "walk": "on foot", "ride": "of a ride"}.get(str(row["way"]), "")


PARTS: Final = {
    "load_duration_bw_s": "duration",
    "load_pace_bw_s": "pace",
    "load_cadence_bw_s": "cadence",
    "load_downhill_bw_s": "downhill",
    "load_uphill_bw_s": "uphill",
    "knee_load_walk_bw_s": "walking",
    "knee_load_ride_bw_s": "cycling",
}


def _why(history: History, item: Comparison, measure: Measure) -> str:
    row = history.rows[item.outing]
    if item.against is None:
        return ""
    other = history.rows[item.against]
    against = f"Held against the {noun(other)} of {day_words(other['day'])}."  # type: ignore[arg-type]
    if measure is KNEE_LOAD:
        return f"{_load_drivers(row, other)} {against}".strip()
    if measure is DISTANCE:
        return f"{_time_and_pace(row, other)} {against}".strip()
    steep, drop = row["steep_descent_run_m"], item.value
    if steep and drop > 0:
        share = float(steep) / drop  # type: ignore[arg-type]
        return f"{100 * share:.0f} % of the descent was run on slopes steeper than 10 %. {against}"
    return against


def _load_drivers(row: Row, other: Row) -> str:
    """Where the difference of two loads comes from, in easy minutes, largest first."""
    if row["load_duration_bw_s"] is not None and other["load_duration_bw_s"] is not None:
        gains = {word: _number(row[name]) - _number(other[name]) for name, word in PARTS.items()}
    elif row["knee_load_none_bw_s"] is not None and other["knee_load_none_bw_s"] is not None:
        level = _number(row["knee_load_none_bw_s"]) - _number(other["knee_load_none_bw_s"])
        whole = _number(row["knee_load_bw_s"]) - _number(other["knee_load_bw_s"])
        gains = {"time and pace": level, "downhill": whole - level}
    else:
        return _time_and_pace(row, other)
    total = _number(row["knee_load_bw_s"]) - _number(other["knee_load_bw_s"])
    told = sorted(gains.items(), key=lambda pair: -abs(pair[1]))
    words = [
        f"{word} {KNEE_LOAD.scale * gain:+.0f}" for word, gain in told if abs(KNEE_LOAD.scale * gain) >= 1
    ]
    if not words:
        return ""
    return f"Of the {KNEE_LOAD.scale * total:+.0f} easy minutes of difference: {', '.join(words[:3])}."


def _time_and_pace(row: Row, other: Row) -> str:
    now, then = (
        _number(row["moving_s"] or row["duration_s"]),
        _number(other["moving_s"] or other["duration_s"]),
    )
    if not now or not then:
        return ""
    text = f"{now / 60:.0f} min against {then / 60:.0f}"
    far, near = _number(row["distance_m"]), _number(other["distance_m"])
    if row["way"] == "run" and far > 0 and near > 0:
        text += f", at {_pace(now / far)} against {_pace(then / near)} a kilometre"
    return text + "."


def _pace(seconds_per_metre: float) -> str:
    minutes, seconds = divmod(round(seconds_per_metre * 1000), 60)
    return f"{minutes}:{seconds:02d}"


def _number(value: object) -> float:
    return 0.0 if value is None else float(value)  # type: ignore[arg-type]


def _below(view: View, item: Comparison, measure: Measure, row: Row) -> str:
    """What would have kept it below the first edge."""
    assert item.reference is not None
    room = limit(measure, item.reference, view.edges.note, view.history.floors[measure.name])
    text = f"Up to {measure.show(room)} it would have stayed below."
    share = _downhill_share(row)
    if measure is KNEE_LOAD and share > 2 * CONTESTED_SHARE and item.value * (1 - share) <= room:
        text += " On level ground, the rest alike, it would have stayed below as well."
    return text


def _with_others(finding: Finding, made: list[Finding], before: str) -> Finding:
    others = [
        f"{BY_NAME[other.measure].label} {other.ratio:.1f} times"
        for other in made
        if other is not finding and other.ratio is not None
    ]
    if not others:
        return finding
    return replace(finding, why=f"{finding.why} Also against {before}: {', '.join(others)}.")
