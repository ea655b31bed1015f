"""TCX: each activity of a file a draft, transitions between the sports of a multisport session too.

The format's own order of things is not trusted: activities are found at any depth, in any order, each with
its own start. A lap is not a pause: most devices open a new track in each lap although the clock ran on, so
the segment number rises where a lap holds a second track, and where a lap begins with a stamp of its own
later than a pause would last; other gaps are for `mending` to judge. Cadence stays as written, under the
name it has, because `Cadence` and `RunCadence` mean steps of one leg or of both depending on the writer.
Distances that some points leave out stay null: where a later stage needs them, it knows positions and
times as well. Courses are planned, workouts hold nothing to analyse.
Instead of: a segment a track, which would cut every descent at every kilometre of auto-lap.
"""

import re

import numpy as np
import polars as pl

from kneeledger import plurals, schema
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
from kneeledger.readers.xml_values import moment, number, numbers

__all__ = ["claims", "drafts"]

PAUSE_S = 30.0
"""A step in time of more than this at a lap boundary begins a new segment [s]; decisions.md 10."""

MAX_ACTIVITIES = 2_000
"""More in one file are refused; a file of a whole history is split by its writers [count]."""

MAX_LAPS = 20_000
"""More laps in one file are refused; the richest real file has about 100 [count]."""

_ROOT = re.compile(
    rb"<(?:[\w.-]{1,30}:)?(?:TrainingCenterDatabase|Activities|MultiSportSession|Courses)[\s>/]",
    re.IGNORECASE,
)


def claims(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a TCX file."""
    return bool(_ROOT.search(head[:4096].replace(b"\x00", b"")))


def drafts(source: Source) -> list[Draft]:
    """All activities, transitions and courses of a TCX file, in file order.

    Raises
    ------
    EmptyActivityError
        It has no activity and no course (workout plans, an empty history).
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
        raise CorruptFileError(source.path, f"the TCX could not be read ({error})") from error


def _drafts(source: Source) -> list[Draft]:
    doc = document(source)
    points = doc.named("Trackpoint")
    found = columns(doc, cells(doc, points), len(points))
    latitude = _position(doc, points, "LatitudeDegrees")
    longitude = _position(doc, points, "LongitudeDegrees")
    made: list[Draft] = []
    heads = doc.named("Activity", "Transition", "Course").tolist()
    if len(heads) > MAX_ACTIVITIES:
        raise LimitError(source.path, f"it has more than {MAX_ACTIVITIES} activities")
    if len(doc.named("Lap")) > MAX_LAPS:
        raise LimitError(source.path, f"it has more than {MAX_LAPS} laps")
    for element in heads:
        kind = doc.local[doc.name[element]].lower()
        laps = doc.inside(element, "Lap")
        where = np.arange(*np.searchsorted(points, (element + 1, doc.end[element])))
        if kind == "transition" and not len(laps):
            laps = np.array([element], dtype=np.int64)
        if not len(where) and (kind == "course" or not len(laps)):
            continue
        made.append(_draft(doc, found, element, kind, laps, where, points, latitude, longitude))
    if not made:
        raise EmptyActivityError(source.path, _why_empty(doc))
    return made


def _why_empty(doc: Document) -> str:
    if len(doc.named("Workout", "Workouts")):
        return "it holds a workout plan, no activity"
    return "it holds no activity and no course"


def _position(doc: Document, points: Ints, name: str) -> FloatArray:
    """Latitude or longitude of each point [deg], NaN where it has none."""
    out = np.full(len(points), np.nan)
    elements = doc.named(name)
    row = np.searchsorted(points, elements) - 1
    inside = row >= 0
    elements, row = elements[inside], row[inside]
    inside = (elements < doc.end[points[row]]) & (doc.text_end[elements] >= 0)
    values, _ = numbers(doc, [elements[inside]])[0]
    out[row[inside][::-1]] = values[::-1]
    return out


def _draft(
    doc: Document,
    found: Columns,
    element: int,
    kind: str,
    laps: Ints,
    where: Ints,
    points: Ints,
    latitude: FloatArray,
    longitude: FloatArray,
) -> Draft:
    sport, sub_sport = _sport(doc, element, kind)
    times = found.times.taken(where)
    same = bool(len(where) > 1 and times.known.all() and (times.us == times.us[0]).all())
    planned = kind == "course" or (len(where) > 0 and (not times.known.any() or same))
    segment = _segments(doc, laps, points[where], times.us, times.known)
    facts, issues = written_issues(found, where)
    facts["planned"] = planned
    device, serial = _device(doc, element)
    if device:
        facts["creator"] = device
    name = doc.text_of(element, "Name") if kind == "course" else doc.text_of(element, "Notes")
    if name:
        facts["name"] = name
    lost = int(np.isnan(latitude[where]).sum())
    if where.size and 0 < lost < len(where):
        facts["points_without_position"] = lost
    if "distance_m" in found.floats:
        missing = int(np.isnan(found.floats["distance_m"][where]).sum())
        if 0 < missing < len(where):
            text = f"{plurals.count(missing, 'point leaves', 'points leave')} out the distance."
            issues.append(Issue("distance_missing", missing, text))
    lap_frame = _laps(doc, laps) if kind != "course" else NO_LAPS
    start = times.series().drop_nulls().min() if times.known.any() else None
    return Draft(
        format="tcx",
        decoder="kneeledger",
        records=points_frame(found, where, segment, latitude, longitude),
        sessions=_sessions(doc, laps, lap_frame, sport, sub_sport, start),
        laps=lap_frame,
        events=NO_EVENTS,
        sport=sport,
        sub_sport=sub_sport,
        device=device,
        device_serial=serial,
        facts=facts,
        issues=doc.issues + tuple(issues),
    )


def _sport(doc: Document, element: int, kind: str) -> tuple[str, str | None]:
    if kind == "transition":
        return "transition", None
    attributes = {key.lower(): text for key, text in doc.attributes(element).items()}
    return sport_word(attributes.get("sport", ""))


def _segments(doc: Document, laps: Ints, points: Ints, us: Ints, known: Bools) -> Ints:
    """Segment of each point: a new one for a further track in a lap, or a gap at the boundary of two laps."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    track = np.searchsorted(doc.named("Track"), points)
    lap = np.searchsorted(laps, points)
    new_track = np.diff(track, prepend=track[0]) != 0
    new_lap = np.diff(lap, prepend=lap[0]) != 0
    step = np.diff(us, prepend=us[0])
    both = known & np.roll(known, 1)
    gap = both & (step > PAUSE_S * 1_000_000)
    return np.cumsum(new_track & (~new_lap | gap)).astype(np.int64)


def _device(doc: Document, element: int) -> tuple[str | None, str | None]:
    """Name and serial number of the device that recorded it."""
    for creator in doc.children(element, "Creator"):
        serial = doc.text_of(creator, "UnitId")
        return doc.text_of(creator, "Name"), serial if serial and serial.strip("0") else None
    return None, None


def _laps(doc: Document, laps: Ints) -> pl.DataFrame:
    """The laps as the file totals them."""
    rows = []
    for lap in laps.tolist():
        attributes = {key.lower(): text for key, text in doc.attributes(lap).items()}
        began = moment((attributes.get("starttime") or doc.text_of(lap, "StartTime") or "").strip())
        rows.append(
            {
                "start": began[0] if began else None,
                "timer_s": _total(doc, lap, "TotalTimeSeconds"),
                "distance_m": _total(doc, lap, "DistanceMeters"),
                "trigger": _word(doc.text_of(lap, "TriggerMethod")),
            }
        )
    if not rows:
        return NO_LAPS
    frame = pl.DataFrame(
        rows,
        schema={"start": pl.Int64, "timer_s": pl.Float64, "distance_m": pl.Float64, "trigger": pl.String},
    )
    frame = frame.with_columns(pl.col("start").cast(pl.Datetime("us", "UTC")))
    return schema.conform(frame, schema.LAPS)[0]


def _word(text: str | None) -> str | None:
    return text.lower() if text else None


def _total(doc: Document, element: int, name: str) -> float | None:
    """A number among the direct children, None where absent."""
    value = number(doc.text_of(element, name) or "")
    return None if np.isnan(value) else value


def _sessions(
    doc: Document, laps: Ints, frame: pl.DataFrame, sport: str, sub_sport: str | None, first: object
) -> pl.DataFrame:
    """The sums over the laps as one row; none where the laps total nothing."""
    if not frame.height or frame["timer_s"].null_count() == frame.height:
        return NO_SESSIONS
    complete = frame["distance_m"].null_count() == 0
    first_lap, last_lap = int(laps[0]), int(doc.end[laps[-1]])
    counts = doc.named("Steps")
    counts = counts[np.searchsorted(counts, first_lap) : np.searchsorted(counts, last_lap)]
    steps = [number(doc.text(k)) for k in counts.tolist()] if len(counts) == len(laps) else []
    return totals(
        start=frame["start"].drop_nulls().min() or first,
        timer_s=frame["timer_s"].sum(),
        distance_m=frame["distance_m"].sum() if complete else None,
        sport=sport,
        sub_sport=sub_sport,
        total_cycles=_cycles(steps, sport) if steps else None,
    )


def _cycles(steps: list[float], sport: str) -> float:
    """Strides of a foot sport, pedal turns or strokes of others, from the `Steps` of the laps.

    On foot `Steps` counts both feet (1,710 in 588 s of a real run), a stride is two of them.
    """
    return float(np.sum(steps)) / (2 if sport in {"running", "walking", "hiking"} else 1)
