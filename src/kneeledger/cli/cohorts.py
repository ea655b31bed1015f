"""cohort: many athletes to a data set and a coach's page."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from kneeledger.cli.options import (
    as_of_option,
    echo_json,
    format_option,
    jobs_option,
    printable,
    settings_from,
    worker_count,
)


@click.command("cohort")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--athletes-by",
    type=click.Choice(["folder"]),
    default="folder",
    show_default=True,
    help="What an athlete is: one folder, or one unopened zip.",
)
@click.option(
    "-o",
    "--out",
    "dataset",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Data set.",
)
@jobs_option
@click.option(
    "--cluster",
    help="Address of a dask scheduler, tls:// outside this machine. Whoever reaches a scheduler can run code on its"
    " workers; they need the folders under the same paths.",
)
@click.option(
    "--salt",
    "salt_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Key of the pseudonyms; made if missing.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The coach's page. Default: beside DATASET.",
)
@click.option("--names", is_flag=True, help="Folder names on the page and in reports; never in the data set.")
@click.option(
    "--reports", type=click.Path(file_okay=False, path_type=Path), help="Write each athlete's report here."
)
@click.option(
    "--ledgers",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep each athlete's ledger here: a new file then costs only itself.",
)
@click.option("--decoder", type=click.Choice(["kneeledger", "fitparse"]), default="kneeledger")
@click.option("--downhill-model", type=click.Choice(["article", "mechanics", "none"]))
@click.option("--tz", help="Time zone for files that do not tell, such as Europe/Berlin.")
@as_of_option
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
@format_option("table", "json")
def cohort_command(folder: Path, dataset: Path, as_of: date | None, form: str, **flags: Any) -> None:
    r"""Many athletes: a data set for studies and a page for the coach.

    FOLDER holds one folder or zip an athlete, and optionally athletes.csv (athlete, mass_kg, anything else) and
    injuries.csv (athlete, date, anything else). Started again, it goes on where it was.

    \b
    Example:
      kneeledger cohort season-2026 --athletes-by folder -o season-data --jobs 8
    """
    from kneeledger.cli.main_job import _bar
    from kneeledger.pipeline import cohort

    config = settings_from(flags, exports=[folder])
    with _bar(flags) as tell:
        result = cohort.cohort(
            folder,
            dataset,
            config=config,
            salt_file=flags["salt_file"],
            decoder=flags["decoder"],
            jobs=worker_count(flags["jobs"], config),
            cluster=flags["cluster"],
            ledgers=flags["ledgers"],
            reports=flags["reports"],
            page=flags["page"],
            names=flags["names"],
            as_of=as_of,
            progress=tell,
        )
    if not flags["quiet"]:
        for line in cohort.told(result):
            click.echo(printable(line), err=True)
    if form == "json":
        echo_json(cohort.tally(result))
    else:
        click.echo(f"{dataset}\n{result.page}")
    if result.undone:
        click.get_current_context().exit(2)
