"""activity: one activity as text, JSON, PNG or a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kneeledger.cli.options import (
    as_of_option,
    echo_csv,
    echo_json,
    format_option,
    ledger_options,
    model_options,
    printable,
    settings_from,
)
from kneeledger.reporting import words

BLOCKS = " ▁▂▃▄▅▆▇█"


@click.command("activity")
@click.argument("which", nargs=-1, required=True)
@ledger_options
@model_options
@as_of_option
@click.option("--decoder", type=click.Choice(["kneeledger", "fitparse"]), default="kneeledger")
@click.option("--what-if", is_flag=True, help="The same run with the article's levers.")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="Write a page each here.")
@click.option("--png", is_flag=True, help="With -o: the charts as PNG as well.")
@format_option("table", "json", "csv")
def activity_command(which: tuple[str, ...], form: str, out: Path | None, **flags: Any) -> None:
    r"""One activity (a file, a ledger id, `last` or a date): downhill, cadence and knee load.

    \b
    Example:
      kneeledger activity run.fit
      kneeledger activity last 2026-05-03 -o pages
    """
    from kneeledger.pipeline import activity, settings

    config = settings_from(flags)
    found = activity.select(
        which,
        flags["ledger_dir"] or settings.default_ledger(),
        athlete=flags["athlete"],
        config=config,
        decoder=flags["decoder"],
        as_of=flags["as_of"],
    )
    for failure in found.failures:
        click.echo(f"kneeledger: {printable(failure)}", err=True)
    objects = [activity.as_json(one, what_if=flags["what_if"]) for one in found.examined]
    if out is not None:
        for page in activity.write_pages(found.examined, out, config=config, png=flags["png"]):
            click.echo(str(page))
    elif form == "json":
        echo_json({"activities": objects})
    elif form == "csv":
        echo_csv([_flat(one) for one in objects])
    else:
        units = config["units"]
        texts = [
            text(one, examined.profile, units=units)
            for one, examined in zip(objects, found.examined, strict=True)
        ]
        click.echo(printable("\n\n".join(texts)))
    if found.failures:
        raise click.exceptions.Exit(2)


def text(one: Mapping[str, Any], profile: Any, *, units: str = "metric") -> str:
    """An activity as a compact picture: profile by block characters, key numbers."""
    speed = one["distance_m"] / one["moving_s"] if one["distance_m"] and one["moving_s"] else None
    way = "ride" if one["cadence"]["unit"] == "rpm" else "run"
    sport = " / ".join(filter(None, (one["sport"], one["sub_sport"])))
    head = f"{one['start'][:10]} {sport}: {words.distance(one['distance_m'], units)}, {words.clock(one['moving_s'])}"
    lines = [f"{head}, {words.speed_word(speed, way, units)}", ""]
    lines += _picture(profile, units)
    lines += _load_lines(one)
    lines += _downhill_lines(one, units)
    cadence = one["cadence"]
    unit = "steps/min" if cadence["unit"] == "spm" else "rpm"
    lines.append(f"Cadence    {words.number(cadence['median'], 0, unit)} ({cadence['reason']})")
    lines += _decomposition_lines(one)
    for lever in one.get("what_if") or []:
        lines.append(
            f"  {lever['lever']:<34} {_signed(lever['linear_change_pct'])} linear,"
            f" {_signed(lever['peak_change_pct'])} peak-weighted"
        )
    if one["issues"]:
        lines.append("Noted:")
        lines += [f"  - {issue['text']}" for issue in one["issues"]]
    return "\n".join(lines)


def _picture(profile: Any, units: str, width: int = 72) -> list[str]:
    """Elevation along the route, one character a stretch; empty where altitude is not known."""
    if profile is None or profile.is_empty():
        return []
    rows = profile.drop_nulls("altitude_smooth_m")
    if rows.height < 10:
        return []
    along = rows["distance_m"].to_list()
    heights = rows["altitude_smooth_m"].to_list()
    low, high = min(heights), max(heights)
    span = max(high - low, 20.0)
    first, length = along[0], max(along[-1] - along[0], 1.0)
    cells: list[list[float]] = [[] for _ in range(width)]
    for at, metres in zip(along, heights, strict=True):
        cells[min(width - 1, int((at - first) / length * width))].append(metres)
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
        return ["Knee load  unknown: " + ("totals only" if one["by_hand"] else "no model or no track for it")]
    lines = [
        f"Knee load  {easy['value']:.0f} easy-running min ({easy['low']:.0f} to {easy['high']:.0f}, 90 %, modelled)"
    ]
    others = ", ".join(
        f"{name} {words.number(words.minutes(value), 0)}"
        for name, value in load["by_downhill_model"].items()
        if name != load["downhill_model"]
    )
    if one["cadence"]["unit"] != "rpm":
        lines.append(
            f"           downhill model {load['downhill_model']} (contested); the others: {others} minutes"
        )
    return lines


def _downhill_lines(one: Mapping[str, Any], units: str) -> list[str]:
    downhill = one["downhill"]
    low, high = one["descent_low_m"], one["descent_high_m"]
    span = f" ({words.height(low, units)} to {words.height(high, units)})" if low is not None else ""
    lines = [f"Downhill   {words.height(one['descent_m'], units)}{span}, altitude: {one['altitude_source']}"]
    if downhill["bands"] is None:
        return [*lines, f"           {downhill['reason']}"]
    for band in downhill["bands"]:
        if band["to"] is not None and band["to"] <= -0.02 and band["distance_m"]:
            edge = "steeper than" if band["from"] is None else f"{100 * band['from']:.0f} to"
            lines.append(
                f"           {band['way']:<5} {edge:>12} {100 * band['to']:.0f} %: {words.clock(band['time_s'])},"
                f" {words.distance(band['distance_m'], units)}, {words.height(band['descent_m'], units)} down"
            )
    return lines


def _decomposition_lines(one: Mapping[str, Any]) -> list[str]:
    parts = one["decomposition"]
    total = one["knee_load"]["linear_bw_s"]["value"]
    down = parts.get("downhill")
    if not total or down is None:
        return []
    return [f"           {100 * down / total:.0f} % of its knee load came from going downhill"]


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.0f} %"


def _flat(one: Mapping[str, Any]) -> dict[str, Any]:
    """One row of plain cells."""
    row = {k: v for k, v in one.items() if not isinstance(v, dict | list)}
    row["cadence_median"] = one["cadence"]["median"]
    row["cadence_unit"] = one["cadence"]["unit"]
    for key in ("linear_bw_s", "easy_minutes", "peak_weighted_steps"):
        for part in ("value", "low", "high"):
            row[f"knee_load_{key}_{part}"] = one["knee_load"][key][part]
    return row
