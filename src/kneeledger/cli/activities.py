"""activity: one activity as text, JSON, PNG or a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kneeledger.cli.options import (
    Words,
    as_of_option,
    echo_csv,
    echo_json,
    format_option,
    ledger_options,
    model_options,
    printable,
    settings_from,
)


@click.command("activity")
@click.argument("which", type=Words(), nargs=-1, required=True)
@ledger_options
@model_options
@as_of_option
@click.option(
    "--decoder",
    type=click.Choice(["kneeledger", "fitparse"]),
    default="kneeledger",
    show_default=True,
    help="For FIT files given by path.",
)
@click.option("--what-if", is_flag=True, help="The same run with the article's levers.")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="Write a page each here.")
@click.option("--png", is_flag=True, help="With -o: the charts as PNG as well.")
@format_option("table", "json", "csv")
def activity_command(which: tuple[str, ...], form: str, out: Path | None, **flags: Any) -> None:
    r"""One activity: downhill, cadence and knee load.

    WHICH is a file, a ledger id (its beginning is enough), `last`, or a local day.

    \b
    Example:
      kneeledger activity run.fit
      kneeledger activity last 2026-05-03 -o pages
    """
    from kneeledger.cli.activity_text import text
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
        for page in activity.write_pages(found, out, config=config, png=flags["png"]):
            click.echo(str(page))
    elif form == "json":
        echo_json({"activities": objects})
    elif form == "csv":
        echo_csv([_flat(one) for one in objects])
    elif objects:
        units = config["units"]
        texts = [
            text(one, examined.profile, units=units)
            for one, examined in zip(objects, found.examined, strict=True)
        ]
        click.echo(printable("\n\n".join(texts)))
    if found.failures:
        raise click.exceptions.Exit(2)


def _flat(one: Mapping[str, Any]) -> dict[str, Any]:
    """One row of plain cells."""
    row = {k: v for k, v in one.items() if not isinstance(v, dict | list)}
    row["cadence_median"] = one["cadence"]["median"]
    row["cadence_unit"] = one["cadence"]["unit"]
    for key in ("linear_bw_s", "easy_minutes", "peak_weighted_steps"):
        for part in ("value", "low", "high"):
            row[f"knee_load_{key}_{part}"] = one["knee_load"][key][part]
    return row
