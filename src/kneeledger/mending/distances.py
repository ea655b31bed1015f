"""Positions that can be true, and a distance that never falls.

The distance field of the device is kept where there is one: it knows of foot pods and wheels that
positions know nothing of. Where both are there and disagree, it is told and nothing is changed. A position is
refused only against the many, so that one good fix after a false start does not condemn the run.
Instead of: distance from positions always.
"""

from typing import Final

import numpy as np
import polars as pl

from kneeledger import plurals
from kneeledger.mending.rows import (
    CLOCK_S,
    FASTEST_MPS,
    NO_TIME,
    SECOND,
    Bools,
    Ints,
    Rows,
    floats,
    with_series,
)
from kneeledger.mending.stretches import DISAGREE
from kneeledger.model import FloatArray

__all__ = ["apart_m", "compare", "distance_m_of", "haversine_m", "moved_m"]

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius [m] (IUGG)."""
MAX_BLOCKS: Final = 2_000
LEAP_M: Final = 300.0
"""A larger step of the distance field from one record to the next is looked at [m]; project rule."""


def haversine_m(lat1: FloatArray, lon1: FloatArray, lat2: FloatArray, lon2: FloatArray) -> FloatArray:
    """Distance over the sphere between pairs of positions in degrees, [m], shape (n,); NaN where unknown."""
    phi1, phi2 = np.radians(lat1), np.radians(lat2)
    return _over_sphere_m(phi2 - phi1, np.radians(lon2 - lon1), np.cos(phi1) * np.cos(phi2))


def _over_sphere_m(north: FloatArray, east: FloatArray, cosines: FloatArray) -> FloatArray:
    """The same by differences of latitude and longitude [rad] and the product of the latitudes' cosines."""
    half = np.sin(north / 2) ** 2 + cosines * np.sin(east / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half, 1.0))), dtype=np.float64)


def apart_m(rows: Rows, step_s: FloatArray) -> FloatArray | None:
    """Distance of each position from the last known one before it [m], shape (n,); NaN without position.

    Cold-start zeros and jumps (P1) are left out before, and the frame is changed where one was refused.
    None where there are no positions.
    """
    latitude, longitude = floats(rows.frame, "latitude_deg"), floats(rows.frame, "longitude_deg")
    if latitude is None or longitude is None:
        return None
    bad = (np.abs(latitude) < 1e-7) & (np.abs(longitude) < 1e-7)
    bad |= (np.abs(latitude) > 89.9) | (np.abs(longitude) >= 179.999999)
    bad |= np.isnan(latitude) != np.isnan(longitude)
    count = int(bad.sum())
    if count:
        wrong = plurals.count(count, "position is a zero or a sentinel", "positions are zeros or sentinels")
        rows.tell("position_refused", count, f"{wrong}; left out.")
        latitude, longitude = np.where(bad, np.nan, latitude), np.where(bad, np.nan, longitude)
    apart = _steps_m(latitude, longitude)
    jumps = np.zeros(len(bad), dtype=np.bool_)
    if (rows.us != NO_TIME).any():
        jumps = _jumps(latitude, longitude, apart, step_s)
    lost = int(jumps.sum())
    if lost:
        far = plurals.count(lost, "position lies further from its", "positions lie further from their")
        text = f"{far} neighbours than {FASTEST_MPS:.0f} m/s allows; left out."
        rows.tell("position_jump", lost, text)
        latitude, longitude = np.where(jumps, np.nan, latitude), np.where(jumps, np.nan, longitude)
        apart = _steps_m(latitude, longitude)
    if count or lost:
        rows.frame = with_series(
            rows.frame,
            [
                pl.Series("latitude_deg", latitude, nan_to_null=True),
                pl.Series("longitude_deg", longitude, nan_to_null=True),
            ],
        )
    return apart


def _jumps(latitude: FloatArray, longitude: FloatArray, steps_m: FloatArray, step_s: FloatArray) -> Bools:
    """Which positions stand apart from those before and after them, or are a short false start."""
    found = np.zeros(len(latitude), dtype=np.bool_)
    place = np.flatnonzero(~np.isnan(latitude))
    if len(place) < 2:
        return found
    lat, lon = latitude[place], longitude[place]
    clock = np.cumsum(step_s)[place]
    apart = steps_m[place[1:]]
    seconds = np.maximum(clock[1:] - clock[:-1], 1.0)
    edges = np.flatnonzero((apart > FASTEST_MPS * seconds) & (seconds <= CLOCK_S)) + 1
    if not len(edges) or len(edges) > MAX_BLOCKS:
        return found
    bounds = [0, *edges.tolist(), len(place)]
    sizes = np.diff(bounds)
    main = int(np.argmax(sizes))
    for walk in (range(main + 1, len(sizes)), range(main - 1, -1, -1)):
        trusted = bounds[main + 1] - 1 if walk.step > 0 else bounds[main]
        for k in walk:
            near = bounds[k] if walk.step > 0 else bounds[k + 1] - 1
            gap = haversine_m(lat[[trusted]], lon[[trusted]], lat[[near]], lon[[near]])[0]
            fits = gap <= FASTEST_MPS * max(abs(float(clock[near] - clock[trusted])), 1.0)
            if fits or sizes[k] > 30:
                trusted = bounds[k + 1] - 1 if walk.step > 0 else bounds[k]
            else:
                found[place[bounds[k] : bounds[k + 1]]] = True
    return found


def _steps_m(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Distance of each position from the last known one before it, NaN without position; [m], shape (n,)."""
    place = np.flatnonzero(~np.isnan(latitude))
    apart = np.full(len(latitude), np.nan)
    if len(place):
        phi, lon = np.radians(latitude[place]), longitude[place]
        cosine = np.cos(phi)
        apart[place[0]] = 0.0
        apart[place[1:]] = _over_sphere_m(
            phi[1:] - phi[:-1], np.radians(lon[1:] - lon[:-1]), cosine[:-1] * cosine[1:]
        )
    return apart


def moved_m(apart: FloatArray | None, distance: FloatArray | None) -> FloatArray | None:
    """How far each record is from the one before, by the distance field, else by position; [m]."""
    if distance is not None:
        moved = np.zeros(len(distance))
        np.subtract(distance[1:], distance[:-1], out=moved[1:])
        return moved
    return apart


def distance_m_of(
    rows: Rows,
    distance: FloatArray | None,
    apart: FloatArray | None,
    clock: Ints,
    breaks: Bools,
    step_s: FloatArray,
    *,
    first: bool,
    timed: bool,
) -> FloatArray | None:
    """The distance column repaired, None where it is well as it is."""
    if distance is None:
        if apart is None:
            return None
        inside = np.where(breaks, 0.0, apart)
        rows.tell(
            "distance_from_positions",
            len(inside),
            "The file gives no distance; it was measured along the positions.",
        )
        total = np.cumsum(np.nan_to_num(inside))
        return np.where(np.isnan(apart), np.nan, total) if np.isnan(apart).any() else total
    changed = distance
    known = ~np.isnan(distance)
    steps = np.diff(distance[known])
    if len(steps) and (steps.min() < -1.0 or steps.max() > LEAP_M):
        changed = _running_total(rows, distance, np.cumsum(step_s), breaks, timed=timed)
        known = ~np.isnan(changed)
    holes = int((~known).sum())
    if timed and holes and holes < 0.9 * len(distance):
        changed = _filled_distance(rows, changed, apart, clock, breaks)
    if not first and len(changed):
        begin = changed[np.argmax(~np.isnan(changed))]
        changed = changed - begin if begin > 0 else changed
    return None if changed is distance else changed


def _running_total(
    rows: Rows, distance: FloatArray, elapsed_s: FloatArray, breaks: Bools, *, timed: bool
) -> FloatArray:
    """Distance that never falls: odd values left out, restarts and wild leaps taken off the rest.

    A leap after a standstill that it could have taken, as devices write it when they find their satellites
    again, stays, and the records of the standstill are left open to be filled in.
    """
    place = np.flatnonzero(~np.isnan(distance))
    values = distance[place].copy()
    fall = np.flatnonzero(np.diff(values) < -1.0) + 1
    odd = np.zeros(len(values), dtype=np.bool_)
    for i in fall.tolist():
        if i + 1 < len(values) and values[i + 1] >= values[i - 1]:
            odd[i] = True
        elif i >= 2 and values[i] >= values[i - 2] and not odd[i - 2]:
            odd[i - 1] = True
    values, place = values[~odd], place[~odd]
    steps = np.diff(values, prepend=values[:1])
    restart = steps < -1.0
    leap = np.zeros(len(values), dtype=np.bool_)
    still = np.zeros(len(values), dtype=np.bool_)
    wide = np.flatnonzero((steps > LEAP_M) & ~breaks[place]) if timed else np.zeros(0, dtype=np.int64)
    for i in wide.tolist():
        first = i - 1
        while first > 0 and steps[first] == 0.0 and not breaks[place[first]]:
            first -= 1
        seconds = max(elapsed_s[place[i]] - elapsed_s[place[first]], 1.0)
        if steps[i] > FASTEST_MPS * seconds:
            leap[i] = True
        else:
            still[first + 1 : i] = True
    result = np.full(len(distance), np.nan)
    total = values[0] + np.cumsum(np.where(restart | leap, 0.0, np.maximum(steps, 0.0)))
    result[place[~still]] = total[~still]
    count = int(odd.sum() + restart.sum() + leap.sum())
    if count:
        text = plurals.count(
            count,
            "fall or leap of the distance field was taken off it.",
            "falls or leaps of the distance field were taken off it.",
        )
        rows.tell("distance_repaired", count, text)
    return result


def _filled_distance(
    rows: Rows, distance: FloatArray, apart: FloatArray | None, clock: Ints, breaks: Bools
) -> FloatArray:
    """Distance where some records lack it: along the positions between known values, else by time (X5)."""
    known = np.flatnonzero(~np.isnan(distance))
    holes = np.isnan(distance)
    holes[: known[0]] = False
    holes[known[-1] + 1 :] = False
    count = int(holes.sum())
    if not count:
        return distance
    scale = clock.astype(np.float64) / SECOND
    if apart is not None and not np.isnan(apart[known[0] :]).any():
        scale = np.cumsum(np.nan_to_num(apart)) + np.arange(len(apart)) * 1e-9
    group = np.cumsum(breaks)
    left = known[np.searchsorted(known, np.flatnonzero(holes), side="right") - 1]
    right = known[np.searchsorted(known, np.flatnonzero(holes), side="left")]
    within = group[left] == group[right]
    result = distance.copy()
    where = np.flatnonzero(holes)[within]
    result[where] = np.interp(scale[where], scale[known], distance[known])
    filled = int(within.sum())
    if filled:
        rows.tell(
            "distance_interpolated",
            filled,
            f"{plurals.count(filled, 'record lacks', 'records lack')} a distance; it was filled in between"
            " its neighbours.",
        )
    return result


def compare(rows: Rows, distance: FloatArray | None, apart: FloatArray | None, breaks: Bools) -> None:
    """Told where the distance field and the positions disagree (P7)."""
    if distance is None or apart is None or any(i.code == "distance_from_positions" for i in rows.issues):
        return
    both = ~np.isnan(apart) & ~np.isnan(distance)
    place = np.flatnonzero(both)
    if len(place) < 2:
        return
    field_m = float(distance[place[-1]] - distance[place[0]])
    track_m = float(np.nansum(np.where(breaks, 0.0, apart)[place[0] + 1 : place[-1] + 1]))
    crossed = float(np.nansum(np.where(breaks[1:], np.diff(distance), 0.0)[place[0] : place[-1]]))
    field_m -= crossed
    if max(field_m, track_m) > 500 and abs(field_m - track_m) > DISAGREE * max(field_m, track_m):
        text = f"The distance field says {field_m / 1000:.2f} km, positions {track_m / 1000:.2f} km; the field counts."
        rows.tell("distance_disagrees", 1, text)
