"""The ledger as data files, and single tracks as GPX with grade and knee load.

Tables are those that stand beside a report, and the long ones a notebook wants: every metric with its
interval, grade bands and single descents. All are SI, empty where unknown, and the same ledger gives the
same bytes. A track goes out as a cleaned GPX whose points carry grade and knee load in the namespace of
`kneeledger.readers.course`; that needs positions, which the ledger keeps only where the user said so.
Instead of: a dump of the catalogue, whose shape is nobody's contract.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from kneeledger.config import Config
from kneeledger.errors import ConfigError, ReportError, StoreError
from kneeledger.knee import decomposition
from kneeledger.ledger.store import Ledger
from kneeledger.model import Track
from kneeledger.pipeline import activity, comparing, gathering, history
from kneeledger.pipeline.history import Known
from kneeledger.readers.course import write_gpx
from kneeledger.reporting import datafiles, writing

__all__ = ["TABLES", "frame", "save", "table", "track_gpx", "tracks"]

TABLES = ("activities", "daily", "weeks", "downhill", "quality", "metrics", "bands", "descents")
OF_REPORT = ("activities", "daily", "weeks", "downhill", "quality")


def table(
    folder: Path,
    athlete: str,
    what: str,
    form: str,
    config: Config,
    as_of: date | None,
    *,
    tell: Callable[[str], None] | None = None,
) -> bytes:
    """One table of an athlete's ledger as a file.

    Parameters
    ----------
    folder, athlete
        The ledger and whose rows.
    what
        One of `TABLES`.
    form
        ``csv``, ``json``, ``ndjson`` or ``parquet``.
    config
        The settings in force: numbers follow them.
    as_of
        The last day; else that of the newest activity.

    Raises
    ------
    StoreError
        There is no ledger or no activity.
    ConfigError
        There is no such table or form.
    """
    if what not in TABLES:
        raise ConfigError(f"There is no table {what!r}.", hint=f"One of: {', '.join(TABLES)}.")
    ledger, known = comparing.known(folder, athlete, config, as_of, tell=tell)
    with ledger:
        made = frame(ledger, known, what, config)
    if form == "csv":
        return datafiles.csv_text(made).encode("utf-8")
    if form == "json":
        told = json.dumps(json.loads(made.write_json()), ensure_ascii=False, indent=1) + "\n"
        return writing.inert_json(told).encode("utf-8")
    if form == "ndjson":
        return writing.inert_json(made.write_ndjson()).encode("utf-8")
    if form == "parquet":
        return datafiles.parquet(made)
    raise ConfigError(f"There is no form {form!r}.", hint="One of: csv, json, ndjson, parquet.")


def frame(ledger: Ledger, known: Known, what: str, config: Config) -> pl.DataFrame:
    """One table as a frame, oldest first."""
    if what in OF_REPORT:
        content = gathering.overview(
            ledger, known, config, {}, redacted=config["redact_location"], anonymous=False
        )
        return datafiles.frames(content)[what]
    days = known.activities.select("id", "day", "sport", "way")
    if what == "metrics":
        rows = ledger.query(
            "select m.activity, m.name, m.value, m.low, m.high from metrics m join activities a"
            " on a.id = m.activity where a.athlete = ? and a.duplicate_of is null"
            " order by a.start_us, a.id, m.name",
            (known.athlete,),
        )
        schema = {
            "id": pl.String,
            "metric": pl.String,
            "value": pl.Float64,
            "low": pl.Float64,
            "high": pl.Float64,
        }
        with ledger.parsing():
            long = _with_own_parts(pl.DataFrame(rows, schema=schema, orient="row"), known)
    else:
        long = ledger.tables(known.athlete, what)
    if "way" in long.columns:
        days = days.drop("way")
    if long.is_empty():
        return days.clear().join(long, on="id", how="inner") if "id" in long.columns else days.clear()
    return days.join(long, on="id", how="inner", maintain_order="left_right")


def _with_own_parts(long: pl.DataFrame, known: Known) -> pl.DataFrame:
    """The metrics with the parts of the load against the athlete's own usual, as the report tells them.

    The ledger keeps them against the population's: the athlete's own moves with every run.
    """
    own = history.usual(known.matched)
    parts: dict[str, list[object]] = {"id": [], "metric": [], "own": []}
    for name in known.sums:
        for part in decomposition.from_sums(known.sums[name], own, downhill=known.history.downhill_model):
            parts["id"] += [name, name]
            parts["metric"] += [f"load_{part.name}_bw_s", f"peak_{part.name}_steps"]
            parts["own"] += [part.linear_bw_s, part.peak_weighted_steps]
    of = pl.DataFrame(parts, schema={"id": pl.String, "metric": pl.String, "own": pl.Float64})
    return (
        long.join(of, on=["id", "metric"], how="left", maintain_order="left")
        .with_columns(pl.coalesce("own", "value").alias("value"))
        .drop("own")
    )


def save(path: Path, data: bytes) -> None:
    """Write a file for its owner only, its folder made where it is missing.

    Raises
    ------
    ReportError
        It cannot be written; an old file stands as it was.
    """
    try:
        # what a link leads to is written, not put in the place of the link
        writing.data(path.resolve() if path.is_file() else path, data)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}.") from error


def tracks(folder: Path, athlete: str, which: Sequence[str], out: Path, config: Config) -> list[Path]:
    """Activities as GPX files with grade and knee load a point; their paths.

    Parameters
    ----------
    folder, athlete
        The ledger and whose activities.
    which
        Ledger ids (or their beginnings), ``last`` or local dates; or files.
    out
        Folder for the files.

    Raises
    ------
    StoreError
        A word names no activity.
    ConfigError
        The positions of an activity are not kept.
    """
    selection = activity.select(which, folder, athlete=athlete, config=config)
    if selection.failures:
        raise StoreError("; ".join(selection.failures))
    made = []
    for one in selection.examined:
        text = track_gpx(one.track)
        about = one.track.about
        name = one.id or about.sha256[:12]
        if text is None:
            raise ConfigError(
                f"Activity {name} has no positions in the ledger, so no track can be written.",
                hint="Set keep_positions = true and run `kneeledger scan --rebuild`, or give the file itself"
                " with --activity.",
            )
        path = out / f"{about.start:%Y-%m-%d}_{about.sport}_{name}.gpx"
        save(path, text.encode("utf-8"))
        made.append(path)
    return made


def track_gpx(track: Track) -> str | None:
    """A track as GPX: cleaned altitude, grade and knee load a point; None without positions.

    Altitude is that of the local line where it is believed, else as recorded.
    """
    latitude, longitude = track.array("latitude_deg"), track.array("longitude_deg")
    if not (np.isfinite(latitude) & np.isfinite(longitude)).any():
        return None
    smooth = track.array("altitude_smooth_m")
    altitude = np.where(np.isfinite(smooth), smooth, track.array("altitude_m"))
    return write_gpx(
        latitude,
        longitude,
        altitude_m=np.asarray(np.round(altitude, 2), dtype=np.float64),
        time=track.frame["time"].to_list(),
        segment=track.frame["segment"].fill_null(0).to_list(),
        grade=track.array("grade"),
        knee_load_bw_s=track.array("knee_load_bw_s"),
        sport=track.about.sport,
    )
