"""export: the ledger as data files."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from kneeledger.cli.options import Words, as_of_option, ledger_options, model_options, say, settings_from

WHAT = ("activities", "daily", "weeks", "downhill", "quality", "metrics", "bands", "descents")


@click.command("export")
@click.option(
    "--format", "form", type=click.Choice(["csv", "json", "ndjson", "parquet", "gpx"]), default="csv"
)
@click.option("--what", type=click.Choice(WHAT), default="activities", show_default=True)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File (a folder for gpx). Default: stdout."
)
@click.option(
    "--activity", "which", type=Words(), multiple=True, help="For gpx: ledger ids, `last` or dates."
)
@ledger_options
@model_options
@as_of_option
def export_command(
    form: str, what: str, out: Path | None, which: tuple[str, ...], as_of: date | None, **flags: Any
) -> None:
    r"""The ledger as data: SI units, the unit in each column's name, empty where unknown.

    \b
    Example:
      kneeledger export --what activities --format csv -o activities.csv
      kneeledger export --format gpx --activity last -o tracks
    """
    from kneeledger.pipeline import exporting, settings

    config = settings_from(flags)
    folder = flags["ledger_dir"] or settings.default_ledger()
    if form == "gpx":
        for path in exporting.tracks(folder, flags["athlete"], which or ("last",), out or Path(), config):
            click.echo(str(path))
        return
    data = exporting.table(folder, flags["athlete"], what, form, config, as_of, tell=say)
    if out is None:
        click.echo(data, nl=False)
    else:
        exporting.save(out, data)
        click.echo(str(out))
