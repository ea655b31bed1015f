"""GPX: tracks as drafts of recordings, routes and tracks without time as planned courses.

Several tracks in one file are one activity when the file says nothing against it: the same type, in order
of time, and not more than three hours apart, because apps write a new track after a long stop and a runner
who stopped for lunch ran once. A track that begins before the one before it ended is another device or
another person, and a track on another day is another day; those become drafts of their own. Segments are
numbered through, and nothing is measured across them. A track whose points have no time, or all the same
time, was drawn and not recorded: it comes as a draft with the fact `planned`, one a track, one a route.
Points without position are dropped, and points with a horizontal accuracy worse than 30 m, unless that is
most of them, because a poor track tells more than none.
Instead of: one draft a file, or one a track whatever they are.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import numpy as np
import polars as pl

from kneeledger import plurals
from kneeledger.errors import CorruptFileError, EmptyActivityError, LimitError, ReadError
from kneeledger.model import Draft, FloatArray, Issue, Source
from kneeledger.readers.xml import Bools, Document, Ints, cells, document
from kneeledger.readers.xml_points import (
    NO_EVENTS,
    NO_LAPS,
    NO_SESSIONS,
    Columns,
    columns,
    points_frame,
    sport_word,
    totals,
    written_issues,
)
from kneeledger.readers.xml_values import attribute_numbers, number

__all__ = ["claims", "drafts"]

MAX_GAP_S = 3 * 3600
"""Tracks further apart than this are activities of their own [s]; project rule."""
MAX_ACCURACY_M = 30.0
"""Points with a worse horizontal accuracy are dropped [m]; formats.md G11, unverified."""

MAX_LINES = 2_000
"""More tracks or routes with points in one file are refused [count]."""

_ROOT = re.compile(rb"<(?:[\w.-]{1,30}:)?gpx[\s>/]", re.IGNORECASE)
_TOTALS = {
    "distance": "distance_m",
    "timertime": "timer_s",
    "elapsed_time": "elapsed_s",
    "ascent": "ascent_m",
    "descent": "descent_m",
    "elevation_gain": "ascent_m",
    "elevation_loss": "descent_m",
}


def claims(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a GPX file."""
    return bool(_ROOT.search(head[:4096].replace(b"\x00", b"")))


def drafts(source: Source) -> list[Draft]:
    """All tracks and routes of a GPX file, in file order.

    Raises
    ------
    EmptyActivityError
        It has neither a track nor a route with a point (waypoints, metadata, an empty segment).
    CorruptFileError
        Nothing of it can be read.
    LimitError
        It is beyond the bounds of `kneeledger.readers.xml`.
    """
    try:
        return _drafts(source)
    except ReadError:
        raise
    except (ValueError, ArithmeticError, LookupError, TypeError, pl.exceptions.PolarsError) as error:
        raise CorruptFileError(source.path, f"the GPX could not be read ({error})") from error


@dataclass(frozen=True, slots=True)
class _Points:
    """The kept points of all tracks or all routes of a file."""

    element: Ints
    """Element numbers; shape (n,)."""
    columns: Columns
    latitude: FloatArray
    longitude: FloatArray
    kept: Bools
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """One track or route."""

    element: int
    where: Ints
    """Its kept points."""
    planned: bool
    sport: str
    sub_sport: str | None
    start_us: int
    end_us: int


def _drafts(source: Source) -> list[Draft]:
    doc = document(source)
    found: list[tuple[int, Draft]] = []
    for point, line, planned in (("trkpt", "trk", False), ("rtept", "rte", True)):
        elements = doc.named(point)
        if len(elements):
            points = _points(doc, elements)
            lines = _lines(doc, points, line, source.path, planned=planned)
            pieces = np.searchsorted(doc.named("trkseg"), elements, side="right")
            title = cache(partial(_file_name, doc))  # looked for once, and only where a track has none
            found += [
                (group[0].element, _draft(doc, points, pieces, group, title)) for group in _groups(lines)
            ]
    if not found:
        raise EmptyActivityError(source.path, _why_empty(doc), hint=_hint(doc))
    return [draft for _, draft in sorted(found, key=lambda one: one[0])]


def _why_empty(doc: Document) -> str:
    if len(doc.named("trkpt", "rtept")):
        return "no point of its tracks or routes has a position"
    if len(doc.named("trkseg")):
        return "its track is empty, as services write it for a treadmill"
    return "it holds no track and no route, only waypoints or metadata"


def _hint(doc: Document) -> str:
    return "Use the FIT file of this activity." if len(doc.named("trkseg")) else ""


def _points(doc: Document, elements: Ints) -> _Points:
    """Columns and positions of all points of a kind, and which of them are kept."""
    latitude, longitude, wrong = attribute_numbers(doc, elements, "lat", "lon")
    found = columns(doc, cells(doc, elements), len(elements))
    issues: list[Issue] = []
    kept = ~(np.isnan(latitude) | np.isnan(longitude))
    lost = int((~kept).sum())
    if lost:
        text = f"{plurals.count(lost, 'point has', 'points have')} no position ({wrong} an unreadable one); dropped."
        issues.append(Issue("no_position", lost, text))
    poor = kept & (np.nan_to_num(found.accuracy_m, nan=0.0) > MAX_ACCURACY_M)
    count = int(poor.sum())
    if count and count <= kept.sum() / 2:
        kept &= ~poor
        poorly = plurals.count(count, "point has", "points have")
        text = f"{poorly} a horizontal accuracy worse than {MAX_ACCURACY_M:.0f} m; dropped."
        issues.append(Issue("poor_accuracy", count, text))
    elif count:
        text = f"{count:,} of {kept.sum():,} points have a horizontal accuracy worse than {MAX_ACCURACY_M:.0f} m; kept."
        issues.append(Issue("poor_accuracy_kept", count, text))
    return _Points(elements, found, latitude, longitude, kept, tuple(issues))


def _lines(doc: Document, points: _Points, kind: str, path: str, *, planned: bool) -> list[_Line]:
    """The tracks or routes that have points, in file order."""
    owner = np.searchsorted(doc.named(kind), points.element) - 1
    heads = doc.named(kind)
    lines: list[_Line] = []
    us = points.columns.times.us
    known = points.columns.times.known
    if len(np.unique(owner)) > MAX_LINES:
        raise LimitError(path, f"it has more than {MAX_LINES} tracks or routes")
    # points and heads are in file order, so those of a track lie together: one cut each, no search
    kept = np.flatnonzero(points.kept)
    owners, begins = np.unique(owner[kept], return_index=True)
    for k, where in zip(owners, np.split(kept, begins[1:]), strict=False):
        element = int(heads[k]) if k >= 0 else 0
        times = us[where][known[where]]
        drawn = planned or not len(times) or (len(times) > 1 and bool((times == times[0]).all()))
        sport, sub_sport = _sport(doc, element)
        first, last = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
        lines.append(_Line(element, where, drawn, sport, sub_sport, first, last))
    return lines


def _sport(doc: Document, element: int) -> tuple[str, str | None]:
    """Sport by the type of a track, else by an `activity` among its extensions."""
    text = doc.text_of(element, "type")
    if text is None:
        for extension in doc.children(element, "extensions"):
            text = text or doc.text_of(extension, "activity", "sport")
    return sport_word(text or "")


def _groups(lines: Iterable[_Line]) -> list[list[_Line]]:
    """Tracks that are one activity together."""
    groups: list[list[_Line]] = []
    for line in lines:
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and not (before.planned or line.planned)
            and before.sport == line.sport
            and 0 <= line.start_us - before.end_us <= MAX_GAP_S * 1_000_000
        ):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _draft(
    doc: Document, points: _Points, pieces: Ints, group: list[_Line], title: Callable[[], str | None]
) -> Draft:
    """The draft of tracks that are one activity.

    Parameters
    ----------
    doc
    points
    pieces
        How many segments of tracks have begun before each point; shape (n,).
    group
    title
        Name of the file's content, for tracks that have none.
    """
    where = np.concatenate([line.where for line in group])
    first = group[0]
    begun = np.repeat(np.arange(len(group)), [len(line.where) for line in group])
    segment = np.unique(pieces[where] + begun, return_inverse=True)[1]
    records = points_frame(points.columns, where, segment, points.latitude, points.longitude)
    facts, issues = written_issues(points.columns, where)
    creator = doc.attributes(0).get("creator", "").strip() or None
    name = doc.text_of(first.element, "name") or title()
    facts |= {
        "planned": first.planned,
        "kind": "route" if doc.local[doc.name[first.element]].lower() == "rte" else "track",
    }
    if creator:
        facts["creator"] = creator
        if "barometer" in creator.casefold():
            facts["barometer"] = True
    if name:
        facts["name"] = name
    kind = doc.text_of(first.element, "type")
    if kind:
        facts["type"] = kind
    if len(group) > 1:
        facts["tracks"] = len(group)
        text = f"{len(group)} tracks follow each other within three hours; they are read as one activity."
        issues.append(Issue("tracks_joined", len(group), text))
    if first.planned and points.columns.times.known[where].any() and len(where) > 1:
        text = "All points have one and the same time, or belong to a route; it is a plan, not a recording."
        issues.append(Issue("planned_with_time", len(where), text))
    return Draft(
        format="gpx",
        decoder="kneeledger",
        records=records,
        sessions=_sessions(doc, points, group),
        laps=NO_LAPS,
        events=NO_EVENTS,
        sport=first.sport,
        sub_sport=first.sub_sport,
        device=creator,
        device_serial=None,
        facts=facts,
        issues=doc.issues + points.issues + tuple(issues),
    )


def _file_name(doc: Document) -> str | None:
    """Name of the file's content: in `metadata` (GPX 1.1) or right below the root (1.0)."""
    for element in doc.children(0, "metadata"):
        name = doc.text_of(element, "name")
        if name:
            return name
    return doc.text_of(0, "name")


def _sessions(doc: Document, points: _Points, group: list[_Line]) -> pl.DataFrame:
    """Totals that the extensions of a lone track give; no row where there are none."""
    line = group[0]
    first_point = int(points.element[line.where[0]])
    found: dict[str, float] = {}
    if len(group) == 1 and not line.planned:
        for element in range(line.element + 1, first_point):
            target = _TOTALS.get(doc.local[doc.name[element]].lower())
            value = number(doc.text(element)) if target else float("nan")
            if target and not np.isnan(value):
                found.setdefault(target, value)
    if not found:
        return NO_SESSIONS
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=line.start_us)
    return totals(start=start, sport=line.sport, sub_sport=line.sub_sport, **found)
