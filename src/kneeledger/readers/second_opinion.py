"""What another decoder says of the same bytes: fitparse for FIT, gpxpy for GPX, field by field.

Compared are the drafts, before any mending, row by row in file order.
"""

from typing import Any

import numpy as np
import polars as pl

from kneeledger.errors import ReadError, UnsupportedFormatError
from kneeledger.model import Source
from kneeledger.readers import fit, gpx

__all__ = ["compare"]

TOLERANCE = 1e-6


def compare(source: Source) -> dict[str, Any]:
    """Agreement of two decoders on one file.

    Returns
    -------
    dict
        ``decoder``, ``our_rows``, ``rows`` (of the other), and ``fields``: one row a field with ``field``,
        ``compared`` (cells that either knows), ``equal``, ``largest`` (difference, in the field's unit).

    Raises
    ------
    ReadError
        Neither FIT nor GPX, or the other decoder cannot read it.
    """
    head = source.data[:512]
    if fit.claims(head):
        ours = _stacked([draft.records for draft in fit.drafts(source)])
        other = _stacked([draft.records for draft in fit.drafts(source, decoder="fitparse")])
        return _agreement("fitparse", ours, other)
    if gpx.claims(head):
        ours = _stacked([draft.records for draft in gpx.drafts(source)])
        return _agreement("gpxpy", ours, _by_gpxpy(source))
    raise UnsupportedFormatError(source.path, "there is a second decoder for FIT and GPX only")


def _stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _by_gpxpy(source: Source) -> pl.DataFrame:
    import gpxpy

    try:
        parsed = gpxpy.parse(source.data.decode("utf-8-sig", errors="replace"))
    except Exception as error:
        raise ReadError(source.path, f"gpxpy: {error}") from error
    rows = [
        (point.time, point.latitude, point.longitude, point.elevation)
        for track in parsed.tracks
        for segment in track.segments
        for point in segment.points
    ]
    frame = pl.DataFrame(
        {
            "time": [None if row[0] is None else row[0].timestamp() for row in rows],
            "latitude_deg": [row[1] for row in rows],
            "longitude_deg": [row[2] for row in rows],
            "altitude_m": [row[3] for row in rows],
        },
        schema_overrides={"time": pl.Float64, "altitude_m": pl.Float64},
        strict=False,
    )
    return frame.with_columns((pl.col("time") * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us", "UTC")))


def _agreement(decoder: str, ours: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    rows = min(ours.height, other.height)
    fields = []
    for name in ours.columns:
        if name not in other.columns or name == "segment":
            continue
        one, two = ours[name][:rows], other[name][:rows]
        if isinstance(one.dtype, pl.Datetime):
            one, two = one.dt.epoch("us") / 1e6, two.dt.epoch("us") / 1e6
        elif not one.dtype.is_numeric() or not two.dtype.is_numeric():
            continue
        a = one.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        b = two.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        either = ~(np.isnan(a) & np.isnan(b))
        if not either.any():
            continue
        gap = np.abs(a[either] - b[either])
        equal = int((gap <= TOLERANCE * np.maximum(1.0, np.abs(a[either]))).sum())
        known = gap[~np.isnan(gap)]
        fields.append(
            {
                "field": name,
                "compared": int(either.sum()),
                "equal": equal,
                "largest": float(known.max()) if len(known) else None,
            }
        )
    return {"decoder": decoder, "our_rows": ours.height, "rows": other.height, "fields": fields}
