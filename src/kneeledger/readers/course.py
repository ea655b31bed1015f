"""Planned courses in, tracks with knee load out: both through gpxpy.

A course is small, is read once, and its waypoints and names matter as much as its line, so the library
that knows all of GPX is used here, and not the columnar reader. A route wins over a track of the same file
only where there is no track with points, because route points are often a dozen corners while the track
beside them has the terrain. TCX courses come through `kneeledger.readers.tcx`; FIT courses are drafts with
the fact `planned`, which `course_of_draft` turns into a `Course`. What goes out carries grade and knee load
a point in the documented namespace `NAMESPACE`, so that a map can colour a descent by what it asks.
Instead of: writing GPX by string, or keeping the load in a comment.
"""

import errno
import xml.etree.ElementTree as ET  # builds elements for gpxpy to write; nothing is parsed with it
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gpxpy
import gpxpy.gpx
import numpy as np
import polars as pl

from kneeledger import plain_files, schema
from kneeledger.errors import (
    CorruptFileError,
    EmptyActivityError,
    LimitError,
    ReadError,
    UnsupportedFormatError,
)
from kneeledger.model import WORD_CHARS, Draft, FloatArray, Source
from kneeledger.readers import gpx, tcx
from kneeledger.readers.xml import document
from kneeledger.readers.xml_values import number

__all__ = ["NAMESPACE", "Course", "Waypoint", "course_of_draft", "read_course", "write_gpx"]

NAMESPACE = "https://kneeledger.example/gpx/1"
"""Namespace of the point extension ``<knee:point>`` with the children below, prefix ``knee``.

``knee:grade`` rise over run, a fraction, downhill negative; ``knee:load_bw_s`` linear patellofemoral load of
the time up to this point, one leg [BW·s]. An absent child means the value is not known.
"""

_PREFIX = "knee"
_LINE = {name: schema.RECORDS[name] for name in ("latitude_deg", "longitude_deg", "altitude_m")}
MAX_BYTES = 64_000_000
"""The largest file of a course. [byte]"""
MAX_POINTS = 200_000
"""Of a course, waypoints among them: 2,000 km of a point each ten metres."""


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A named place beside a course: an aid station, a summit, a turn."""

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None
    kind: str | None
    """What the file calls it (`type`, else `sym`)."""


@dataclass(frozen=True, slots=True)
class Course:
    """A planned line over the ground; arrays of shape (n,), NaN where missing."""

    name: str | None
    latitude_deg: FloatArray
    longitude_deg: FloatArray
    altitude_m: FloatArray
    waypoints: tuple[Waypoint, ...]


def read_course(source: str | Path | bytes | Source) -> Course:
    """The planned course in a GPX or TCX file.

    Parameters
    ----------
    source
        Path of the file, its content, or a source that was opened already.

    Raises
    ------
    UnsupportedFormatError
        It is neither GPX nor TCX.
    EmptyActivityError
        It has no line: only waypoints, or nothing.
    CorruptFileError
        It is claimed to be GPX or TCX and cannot be read.
    LimitError
        It is larger than 64 MB, has more than `MAX_POINTS`, or is beyond the bounds of XML.
    ReadError
        The file cannot be opened, or is a folder, a pipe or a device.
    """
    opened = _opened(source)
    if len(opened.data) > MAX_BYTES:
        raise LimitError(opened.path, "a course of more than 64 MB is not read")
    if tcx.claims(opened.data[:4096]):
        return _tcx_course(opened)
    if gpx.claims(opened.data[:4096]):
        return _gpx_course(opened)
    raise UnsupportedFormatError(opened.path, "it is neither GPX nor TCX", hint="Export the course as GPX.")


def _opened(source: str | Path | bytes | Source) -> Source:
    if isinstance(source, Source):
        return source
    if isinstance(source, bytes):
        return Source("course", source, "", Path("course"))
    try:
        return Source(str(source), plain_files.read(Path(source), MAX_BYTES), "", Path(source))
    except OSError as error:
        kind = LimitError if error.errno == errno.EFBIG else ReadError
        raise kind(str(source), error.strerror or str(error)) from error


def course_of_draft(draft: Draft, waypoints: Sequence[Waypoint] = ()) -> Course:
    """The line of a planned draft of any format, points without position left out.

    Raises
    ------
    EmptyActivityError
        No record has a position.
    LimitError
        It has more than `MAX_POINTS`.
    """
    path = str(draft.facts.get("name") or "course")
    _bounded(draft.records.height, path)
    records = draft.records
    for name in ("latitude_deg", "longitude_deg", "altitude_m"):
        if name not in records.columns:
            records = records.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
    title = draft.facts.get("name")
    return _believed(
        Course(
            name=str(title) if title else None,
            latitude_deg=_array(records["latitude_deg"]),
            longitude_deg=_array(records["longitude_deg"]),
            altitude_m=_array(records["altitude_m"]),
            waypoints=tuple(waypoints),
        ),
        path,
    )


def _bounded(count: int, path: str) -> None:
    if count > MAX_POINTS:
        raise LimitError(path, f"a course of more than {MAX_POINTS:,} points is not read")


def _believed(course: Course, path: str) -> Course:
    """Without places that are not on Earth, as readers of recordings drop them; an impossible altitude is unknown."""
    line, _ = schema.conform(pl.DataFrame({name: getattr(course, name) for name in _LINE}), _LINE)
    line = line.drop_nulls(["latitude_deg", "longitude_deg"])
    if not line.height:
        raise EmptyActivityError(path, "its line has no position")
    columns = {name: [getattr(place, name) for place in course.waypoints] for name in _LINE}
    places, _ = schema.conform(pl.DataFrame(columns, schema=dict.fromkeys(_LINE, pl.Float64)), _LINE)
    return Course(
        name=course.name,
        latitude_deg=_array(line["latitude_deg"]),
        longitude_deg=_array(line["longitude_deg"]),
        altitude_m=_array(line["altitude_m"]),
        waypoints=tuple(
            replace(place, altitude_m=altitude)
            for place, (latitude, longitude, altitude) in zip(
                course.waypoints, places.iter_rows(), strict=True
            )
            if latitude is not None and longitude is not None
        ),
    )


def _array(column: pl.Series) -> FloatArray:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()


def _gpx_course(source: Source) -> Course:
    """By gpxpy over the cleaned text, so that marks, prefixes and document types cannot stop it."""
    doc = document(source)
    _bounded(len(doc.named("trkpt", "rtept", "wpt")), source.path)
    undeclared = sorted({name.partition(":")[0] for name in doc.names if ":" in name} - doc.namespaces.keys())
    data = doc.data
    if undeclared:
        declared = "".join(f' xmlns:{prefix}="urn:undeclared:{prefix}"' for prefix in undeclared)
        start = int(doc.tag_start[0]) + 1 + len(doc.names[int(doc.name[0])].encode())
        data = data[:start] + declared.encode() + data[start:]
    try:
        parsed = gpxpy.parse(data.decode("utf-8", "replace"))
    except (gpxpy.gpx.GPXException, ValueError, TypeError, AttributeError, KeyError) as error:
        return _drafted(source, error)
    tracks = [track for track in parsed.tracks if any(segment.points for segment in track.segments)]
    routes = [route for route in parsed.routes if route.points]
    points: list[gpxpy.gpx.GPXTrackPoint | gpxpy.gpx.GPXRoutePoint]
    if tracks:
        points = [point for track in tracks for segment in track.segments for point in segment.points]
        name = tracks[0].name
    elif routes:
        points = [point for route in routes for point in route.points]
        name = routes[0].name
    else:
        raise EmptyActivityError(source.path, "it holds no track and no route, only waypoints or metadata")
    found = Course(
        name=(name or parsed.name or "")[:WORD_CHARS] or None,
        latitude_deg=np.array([point.latitude for point in points], dtype=np.float64),
        longitude_deg=np.array([point.longitude for point in points], dtype=np.float64),
        altitude_m=np.array([_or_nan(point.elevation) for point in points], dtype=np.float64),
        waypoints=tuple(
            Waypoint(
                name=(place.name or place.description or "")[:WORD_CHARS],
                latitude_deg=float(place.latitude),
                longitude_deg=float(place.longitude),
                altitude_m=None if place.elevation is None else float(place.elevation),
                kind=(place.type or place.symbol or "")[:WORD_CHARS] or None,
            )
            for place in parsed.waypoints
        ),
    )
    return _believed(found, source.path)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _drafted(source: Source, error: Exception) -> Course:
    """By our own forgiving reader where gpxpy refuses the file; tracks before routes, waypoints kept."""
    drafts = gpx.drafts(source)
    tracks = [draft for draft in drafts if draft.facts.get("kind") == "track"]
    chosen = tracks or drafts
    if not chosen:
        raise CorruptFileError(source.path, f"the course could not be read ({error})") from error
    records = pl.concat([draft.records for draft in chosen], how="diagonal")
    doc = document(source)
    places = []
    for element in doc.named("wpt").tolist():
        attributes = doc.attributes(element)
        latitude, longitude = (number(attributes.get(word, "").strip()) for word in ("lat", "lon"))
        if np.isnan(latitude) or np.isnan(longitude):
            continue
        altitude = number(doc.text_of(element, "ele") or "")
        kind = doc.text_of(element, "type", "sym")
        name = doc.text_of(element, "name") or ""
        places.append(Waypoint(name, latitude, longitude, None if np.isnan(altitude) else altitude, kind))
    first = chosen[0]
    whole = Draft(**{name: getattr(first, name) for name in first.__slots__} | {"records": records})
    return course_of_draft(whole, places)


def _tcx_course(source: Source) -> Course:
    """The first course of a TCX file, else its first activity with positions."""
    doc = document(source)
    _bounded(len(doc.named("Trackpoint", "CoursePoint")), source.path)
    drafts = tcx.drafts(source)
    planned = [draft for draft in drafts if draft.facts.get("planned")]
    places: list[Waypoint] = []
    for element in doc.named("CoursePoint").tolist():
        position = doc.children(element, "Position")
        if not position:
            continue
        latitude = number(doc.text_of(position[0], "LatitudeDegrees") or "")
        longitude = number(doc.text_of(position[0], "LongitudeDegrees") or "")
        if np.isnan(latitude) or np.isnan(longitude):
            continue
        altitude = number(doc.text_of(element, "AltitudeMeters") or "")
        name, kind = doc.text_of(element, "Name") or "", doc.text_of(element, "PointType")
        places.append(Waypoint(name, latitude, longitude, None if np.isnan(altitude) else altitude, kind))
    return course_of_draft((planned or drafts)[0], places)


def write_gpx(
    latitude_deg: FloatArray,
    longitude_deg: FloatArray,
    *,
    altitude_m: FloatArray | None = None,
    time: Sequence[datetime | None] | None = None,
    segment: Sequence[int] | None = None,
    grade: FloatArray | None = None,
    knee_load_bw_s: FloatArray | None = None,
    waypoints: Sequence[Waypoint] = (),
    name: str | None = None,
    sport: str | None = None,
) -> str:
    """A GPX 1.1 text of one track with waypoints, and grade and knee load a point in `NAMESPACE`.

    Parameters
    ----------
    latitude_deg, longitude_deg
        Positions [deg], shape (n,); points where either is NaN are left out.
    altitude_m, grade, knee_load_bw_s
        Values a point [m], [fraction], [BW·s], shape (n,); NaN writes nothing.
    time
        Zone-aware times, or None where not known.
    segment
        Number of the segment of each point; a change begins a new one.
    waypoints, name, sport
        Written as they are.

    Raises
    ------
    ValueError
        The columns differ in length, or a time names no zone.
    """
    count = len(latitude_deg)
    for column in (longitude_deg, altitude_m, time, segment, grade, knee_load_bw_s):
        if column is not None and len(column) != count:
            raise ValueError(f"columns of a track differ in length: {count} and {len(column)}")
    out: Any = gpxpy.gpx.GPX()
    out.creator = "kneeledger"
    out.nsmap[_PREFIX] = NAMESPACE
    track: Any = gpxpy.gpx.GPXTrack(name=name)
    if sport:
        track.type = sport
    out.tracks.append(track)
    for place in waypoints:
        point = gpxpy.gpx.GPXWaypoint(
            place.latitude_deg, place.longitude_deg, place.altitude_m, name=place.name, type=place.kind
        )
        out.waypoints.append(point)
    current: int = 0
    for k in range(count):
        if np.isnan(latitude_deg[k]) or np.isnan(longitude_deg[k]):
            continue
        here = segment[k] if segment is not None else 0
        if not track.segments or here != current:
            track.segments.append(gpxpy.gpx.GPXTrackSegment())
            current = here
        track.segments[-1].points.append(
            _point(
                float(latitude_deg[k]),
                float(longitude_deg[k]),
                _at(altitude_m, k),
                time[k] if time is not None else None,
                (("grade", _at(grade, k)), ("load_bw_s", _at(knee_load_bw_s, k))),
            )
        )
    return str(out.to_xml(version="1.1"))


def _at(column: FloatArray | None, k: int) -> float | None:
    return None if column is None or not np.isfinite(column[k]) else float(column[k])


def _point(
    latitude: float,
    longitude: float,
    altitude: float | None,
    moment: datetime | None,
    values: tuple[tuple[str, float | None], ...],
) -> gpxpy.gpx.GPXTrackPoint:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time of a track names no zone")
    when = moment.astimezone(UTC) if moment is not None else None
    point = gpxpy.gpx.GPXTrackPoint(latitude, longitude, altitude, when)
    known = [(word, value) for word, value in values if value is not None]
    if known:
        holder = ET.Element(f"{{{NAMESPACE}}}point")
        for word, value in known:
            ET.SubElement(holder, f"{{{NAMESPACE}}}{word}").text = f"{value:.6g}"
        point.extensions.append(holder)
    return point
