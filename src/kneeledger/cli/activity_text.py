"""An activity for a terminal: its profile in block characters, and key numbers.

Apart from the command, since this needs the frames and ``--help`` does not.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kneeledger.cli.options import wrapped
from kneeledger.reporting import words

__all__ = ["text"]

BLOCKS = " ▁▂▃▄▅▆▇█"
INDENT = " " * 11


def text(one: Mapping[str, Any], profile: Any, *, units: str = "metric") -> str:
    """An activity as a compact picture: profile by block characters, key numbers."""
    speed = one["distance_m"] / one["moving_s"] if one["distance_m"] and one["moving_s"] else None
    way = "ride" if one["cadence"]["unit"] == "rpm" else "run"
    sport = " / ".join(filter(None, (one["sport"], one["sub_sport"]))).replace("_", " ")
    if one["distance_m"]:
        clock = f"{words.clock(one['moving_s'])} moving, {words.speed_word(speed, way, units)}"
        what = f"{words.distance(one['distance_m'], units)} in {clock}"
    else:
        what = words.clock(one["timer_s"])
    lines = [wrapped(f"{_local(one)} {sport}: {what}", hanging=INDENT), ""]
    lines += _picture(profile, units, one["distance_m"])
    lines += _load_lines(one)
    lines += _downhill_lines(one, units)
    cadence = one["cadence"]
    unit = "steps/min" if cadence["unit"] == "spm" else "rpm"
    if cadence["median"] is not None:
        lines.append(
            _labelled(
                "Cadence", f"{cadence['median']:.0f} {unit} ({cadence['reason'].removeprefix('cadence: ')})"
            )
        )
    if one.get("what_if"):
        lines.append("What if (modelled; linear load, peak-weighted load)")
        longest = max(len(lever["lever"]) for lever in one["what_if"])
        lines += [
            f"  {lever['lever']:<{longest}}  {words.signed(lever['linear_change_pct']):>6}"
            f"  {words.signed(lever['peak_change_pct']):>6}"
            for lever in one["what_if"]
        ]
    if one["issues"]:
        lines.append("Noted")
        lines += [wrapped(issue["text"], indent="  - ", hanging="    ") for issue in one["issues"]]
    return "\n".join(lines)


def _labelled(label: str, text: str) -> str:
    return wrapped(text, indent=f"{label:<{len(INDENT)}}", hanging=INDENT)


def _local(one: Mapping[str, Any]) -> str:
    """The start by the clock of the place, or in UTC where that is not known."""
    start, offset = datetime.fromisoformat(one["start"]), one["utc_offset_s"]
    if offset is None:
        return f"{start:%Y-%m-%d %H:%M} UTC"
    return f"{start + timedelta(seconds=offset):%Y-%m-%d %H:%M}"


def _picture(profile: Any, units: str, metres: float | None, width: int = 72) -> list[str]:
    """Elevation along the route of so many metres, a character a stretch; empty where altitude is not known."""
    if profile is None or profile.is_empty():
        return []
    rows = profile.drop_nulls(["altitude_smooth_m", "distance_m"])
    if rows.height < 10:
        return []
    along = rows["distance_m"].to_list()
    heights = rows["altitude_smooth_m"].to_list()
    low, high = min(heights), max(heights)
    span = max(high - low, 20.0)
    length = max(metres or along[-1], along[-1], 1.0)
    cells: list[list[float]] = [[] for _ in range(width)]
    for at, height in zip(along, heights, strict=True):
        cells[min(width - 1, int(at / length * width))].append(height)
    row = ""
    for cell in cells:
        level = (sum(cell) / len(cell) - low) / span if cell else 0
        row += BLOCKS[1 + min(7, int(level * 7.999))] if cell else " "
    return [
        row,
        f"{'0':<{width // 2}}{words.distance(length, units):>{width - width // 2}}",
        f"from {words.height(low, units)} to {words.height(high, units)}",
        "",
    ]


def _load_lines(one: Mapping[str, Any]) -> list[str]:
    load = one["knee_load"]
    easy = load["easy_minutes"]
    if easy["value"] is None:
        why = "only totals are known" if one["by_hand"] else "there is no knee model for this, or no track"
        return [_labelled("Knee load", f"not known: {why}.")]
    lines = [
        _labelled(
            "Knee load",
            f"{easy['value']:.0f} easy-running minutes ({easy['low']:.0f} to {easy['high']:.0f}, 90 %, modelled)",
        )
    ]
    others = ", ".join(
        f"{name} {words.number(words.minutes(value), 0)}"
        for name, value in load["by_downhill_model"].items()
        if name != load["downhill_model"]
    )
    if one["cadence"]["unit"] != "rpm":
        lines.append(
            wrapped(
                f"by the downhill model {load['downhill_model']!r} (contested); by the others: {others}",
                indent=INDENT,
            )
        )
    if one["cadence"]["unit"] != "rpm" and (told := _downhill_share(one)):
        lines.append(wrapped(told, indent=INDENT))
    return lines


def _downhill_share(one: Mapping[str, Any]) -> str:
    """What going downhill made of the load; a zero is said only where it is known to be one."""
    load = one["knee_load"]
    whole, down = load["linear_bw_s"]["value"], one["decomposition"].get("downhill")
    if not whole or down is None:
        return ""
    if any(issue["code"] == "grade_unknown" for issue in one["issues"]):
        return "how much of it came from going downhill is unknown: the grade is not known"
    if not load["by_way"].get("run"):
        return "how much of it came from going downhill is not modelled apart for walking"
    how = "running downhill" if load["by_way"].get("walk") else "going downhill"
    return f"{round(100 * down / whole)} % of it came from {how}"


def _downhill_lines(one: Mapping[str, Any], units: str) -> list[str]:
    downhill = one["downhill"]
    if one["descent_m"] is None:
        return [_labelled("Downhill", f"not known. {downhill['reason'] or ''}")]
    low, high = one["descent_low_m"], one["descent_high_m"]
    ends = [words.height(edge, units) for edge in (low, high) if edge is not None]
    span = f" ({ends[0]} to {ends[1]})" if len(set(ends)) == 2 else ""
    metres, source = words.height(one["descent_m"], units), one["altitude_source"]
    told = f"{metres}{span}, altitude: {source}"
    if source in ("gps", "unknown"):
        told = f"unknown. Altitude ({source}) gives {metres}{span}, too rough to count or to compare."
    lines = [_labelled("Downhill", told)]
    if downhill["bands"] is None:
        return [*lines, wrapped(downhill["reason"], indent=INDENT)]
    lines += [
        f"{INDENT}{band['way']:<5}{words.band(band['from'], band['to']):<18}"
        f"{words.clock(band['time_s']):>8}{words.distance(band['distance_m'], units):>10}"
        f"{words.height(band['descent_m'], units):>8} down"
        for band in downhill["bands"]
        if band["to"] is not None and band["to"] <= -0.02 and band["distance_m"]
    ]
    return lines
