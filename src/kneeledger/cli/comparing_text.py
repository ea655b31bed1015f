"""Rows and lines of downhill and cadence for a terminal.

Apart from the commands, since this needs the frames and ``--help`` does not.
"""

from collections.abc import Mapping
from typing import Any

from kneeledger import plurals
from kneeledger.cli.options import text_width
from kneeledger.reporting import words

__all__ = ["band_row", "cadence_lines", "cue_row", "descent_row", "walking_row", "week_row"]

WIDE = 96
"""Columns from which tables show everything."""


def week_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    """A week of descent."""
    return {
        "week of": str(row["week"]),
        "down": words.height(row["descent_run_m"], units),
        "below −10 %": words.height(row["steep_descent_run_m"], units),
        "steps downhill": words.number(row["steps_downhill"]),
        "largest": words.height(row["largest_activity_m"], units),
        "activities": str(row["activities"]),
        "without altitude": str(row["without_altitude"]),
    }


def walking_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    """A week of descent on walks and hikes."""
    return {
        "week of": str(row["week"]),
        "down": words.height(row["descent_m"], units),
        "largest": words.height(row["largest_activity_m"], units),
        "activities": str(row["activities"]),
        "without altitude": str(row["without_altitude"]),
    }


def band_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    """A grade band."""
    return {
        "way": row["way"],
        "grade": words.band(row["from"], row["to"]),
        "time": words.clock(row["time_s"]),
        "distance": words.distance(row["distance_m"], units),
        "down": words.height(row["descent_m"], units),
        "steps": words.number(row["steps"]),
        "knee load": words.number(words.minutes(row["knee_load_bw_s"]), 0, "easy min"),
    }


def descent_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    """A single descent; without its mean grade and cadence where the terminal is narrow."""
    since = row["days_since_comparable"]
    found = {
        "day": str(row["day"]),
        "drop": words.height(row["drop_m"], units),
        "length": words.distance(row["length_m"], units),
        "mean": words.percent(row["grade_mean"]),
        "steepest": words.percent(row["grade_steepest"]),
        "time": words.clock(row["duration_s"]),
        "cadence": words.number(row["cadence_spm"]),
        "above level": words.number(words.minutes(row["excess_knee_load_bw_s"]), 0, "min"),
        "like it": "first" if since is None else f"{since} d before",
        "activity": row["id"][:8],
    }
    if text_width() < WIDE:
        del found["cadence"], found["mean"]
    return found


def cadence_lines(told: Mapping[str, Any], model: Any, units: str) -> list[str]:
    """The line, its changes and what more steps would do, a sentence each."""
    away = "a mile" if units == "imperial" else "a km"
    lines = [told["note"]] if told["note"] else []
    if model.runs:
        kind = "your own line" if model.personal else "your level on the population's slope"
        lines.append(
            f"At {words.pace(3.0, units)} on the level: {model.cadence_spm(3.0):.0f} steps/min"
            f" ({kind}, {plurals.count(model.runs, 'run')})."
        )
    for change in told["changes"]:
        lines.append(
            f"{change['date']}: {words.signed(change['size_pct'], 1)} at the same pace"
            f" ({words.signed(change['low_pct'], 1)} to {words.signed(change['high_pct'], 1)}), {change['class']};"
            f" peak force {words.signed(change['meaning']['peak_pct'])},"
            f" knee load {away} {words.signed(change['meaning']['per_km_pct'])} (modelled)."
        )
        if change["explanations"]:
            lines.append(f"  Changed at the same time: {', '.join(change['explanations'])}.")
    if not told["changes"] and model.runs and not told["note"]:
        lines.append("No change of step rate at the same pace.")
    if told["explained"]:
        lines.append(told["explained"]["text"])
    for step, effect in (told.get("what_if") or {}).items():
        lines.append(
            f"Step rate {step}: peak force {words.signed(effect['peak_pct'])}"
            f" ({words.signed_interval(effect['peak_pct'], effect['peak_low_pct'], effect['peak_high_pct'])}),"
            f" knee load {away} {words.signed(effect['per_km_pct'])}"
            f" ({words.signed_interval(effect['per_km_pct'], effect['per_km_low_pct'], effect['per_km_high_pct'])});"
            " modelled."
        )
    return lines


def cue_row(row: Mapping[str, Any], units: str) -> dict[str, str]:
    """Step rates at a pace."""
    return {
        "pace": words.pace(row["speed_mps"], units),
        "yours": f"{row['own_spm']:.0f}",
        "+5 %": f"{row['plus_5_spm']:.0f}",
        "+10 %": f"{row['plus_10_spm']:.0f}",
    }
