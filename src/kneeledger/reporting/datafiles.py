"""Data beside the pages: ``activities``, ``daily``, ``bands``, ``quality``; always SI, whatever is shown.

CSV is UTF-8 with ``.`` decimals and ISO dates; text that a spreadsheet would run as a formula is quoted.
The same content gives the same bytes.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger.reporting import writing
from kneeledger.reporting.content import Report

__all__ = ["csv_text", "frames", "parquet", "write"]

PRIVATE = ("name", "path", "page")


def frames(report: Report, *, anonymous: bool = False) -> dict[str, pl.DataFrame]:
    """The data files of a report by name."""
    activities = report.activities.drop([c for c in report.activities.columns if c == "page"])
    if anonymous:
        activities = activities.drop([c for c in PRIVATE if c in activities.columns])
    return {
        "activities": activities.sort("start", "id"),
        "daily": report.daily,
        "weeks": report.weeks,
        "downhill": report.descent_weeks,
        "quality": report.quality,
    }


def csv_text(frame: pl.DataFrame) -> str:
    """A frame as CSV; empty cells where unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(writing.cell, frame.columns))
    for row in frame.iter_rows():
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    """A frame as Parquet: written here, since polars tells of a full disk in a way of its own."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(round(value, 6) + 0.0)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, list):
        return writing.cell(";".join(map(str, value)))
    if isinstance(value, str):
        return writing.cell(value)
    return value


def write(report: Report, out: Path, *, formats: Sequence[str], anonymous: bool = False) -> list[Path]:
    """Write the data files: CSV always, JSON and Parquet where asked for; their paths.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    made = []
    for name, frame in frames(report, anonymous=anonymous).items():
        target = out / f"{name}.csv"
        made.append(writing.text(target, csv_text(frame)))
        if "parquet" in formats:
            made.append(writing.data(out / f"{name}.parquet", parquet(frame)))
    if "json" in formats:
        target = out / "report.json"
        told = json.dumps(as_json(report, anonymous=anonymous), ensure_ascii=False, indent=1, default=str)
        made.append(writing.text(target, writing.inert_json(told)))
    return made


def as_json(report: Report, *, anonymous: bool = False) -> Mapping[str, Any]:
    """The whole overview as one object."""
    return {
        "schema_version": 1,
        "as_of": report.as_of.isoformat(),
        "newest": report.newest.isoformat() if report.newest else None,
        "findings": [
            {
                "code": f.code,
                "severity": f.severity.value,
                "date": f.date.isoformat(),
                "text": f.text,
                "ratio": f.ratio,
            }
            for f in report.findings
        ],
        "cadence": report.cadence,
        **{
            name: json.loads(frame.write_json())
            for name, frame in frames(report, anonymous=anonymous).items()
        },
    }
