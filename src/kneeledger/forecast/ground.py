"""The ground of a course: cells of 5 m with grade, and where it goes down.

A plan has no clock, so everything here works on distance, through the same rooms as a recording: its
altitude is cleaned, its grade is a local line, its descent counts by hysteresis. Points of a plan lie metres
or half a kilometre apart; between them the ground is taken as straight, and where they are more than 50 m
apart the grade is called unsure. Whether the altitude is a terrain model's or a watch's without barometer
is judged by how it wavers, which only dense points can show; sparse ones come from planners, which use
terrain. Only cells go on from here, so a recorded run can be forecast from its own ground by the same code.
Instead of: differences between neighbouring points, or one smoothing window in points.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kneeledger import elevation
from kneeledger.elevation.grid import grid_of
from kneeledger.elevation.origin import COARSE, NOT_TOLD, ROUGH_GPS_M, ROUGH_M
from kneeledger.model import AltitudeSource, FloatArray

__all__ = ["CELL_M", "Downhill", "Ground", "along_m", "from_cells", "from_line", "from_profile"]

CELL_M: Final = 5.0
"""Length of a cell [m]."""
MOST_CELLS: Final = 100_000
"""A longer course has longer cells; 500 km at 5 m."""
SPARSE_M: Final = 50.0
"""Where points lie further apart than this, the grade between them is unsure [m]."""
DENSE_M: Final = 12.0
"""Points closer than this show whether the altitude wavers as that of a GPS does [m]."""
EQUATOR_M: Final = 6_378_137.0
FLATTENING: Final = 1.0 / 298.257223563
"""The ellipsoid of WGS 84."""


@dataclass(frozen=True, slots=True)
class Downhill:
    """A numbered descent of a course."""

    number: int
    start_m: float
    length_m: float
    drop_m: float

    @property
    def grade(self) -> float:
        """Mean grade, negative."""
        return -self.drop_m / self.length_m if self.length_m > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Cells along a course, arrays of shape (n,)."""

    length_m: FloatArray
    grade: FloatArray
    """Rise over run; 0 where unknown."""
    grade_load: FloatArray
    """The grade that knee load may use (see `elevation.slope`)."""
    altitude_m: FloatArray
    """Of the local line; NaN where unknown."""
    fall_m: FloatArray
    """Descent by hysteresis in each cell; NaN where the course has no elevation."""
    source: AltitudeSource
    descent_m: float | None
    ascent_m: float | None
    downhills: tuple[Downhill, ...]
    unsure_m: float
    """Distance on which the grade is unsure or unknown."""

    @property
    def distance_m(self) -> float:
        """Length of the course."""
        return float(self.length_m.sum())

    @property
    def start_m(self) -> FloatArray:
        """Distance along the course at which each cell begins."""
        return np.cumsum(self.length_m) - self.length_m

    @property
    def known(self) -> bool:
        """Whether the course has an elevation."""
        return self.descent_m is not None

    @property
    def coarse(self) -> bool:
        """Whether the altitude is a GPS's: the load is that of level ground, its interval takes in some decline."""
        return self.source in COARSE


def along_m(latitude_deg: FloatArray, longitude_deg: FloatArray) -> FloatArray:
    """Distance along a line of positions [m], on the ellipsoid, exact for neighbours; shape (n,)."""
    if latitude_deg.size == 0:
        return np.zeros(0)
    squared = FLATTENING * (2.0 - FLATTENING)
    middle = np.radians(0.5 * (latitude_deg[1:] + latitude_deg[:-1]))
    north = np.radians(np.diff(latitude_deg))
    east = np.radians((np.diff(longitude_deg) + 180.0) % 360.0 - 180.0)
    bent = 1.0 - squared * np.sin(middle) ** 2
    meridian = EQUATOR_M * (1.0 - squared) / bent**1.5
    parallel = EQUATOR_M / np.sqrt(bent) * np.cos(middle)
    step = np.hypot(meridian * north, parallel * east)
    return np.concatenate([[0.0], np.cumsum(step)])


def from_line(
    latitude_deg: FloatArray,
    longitude_deg: FloatArray,
    altitude_m: FloatArray,
    *,
    terrain: Callable[[FloatArray, FloatArray], FloatArray] | None = None,
) -> Ground:
    """The ground of a planned line.

    Parameters
    ----------
    latitude_deg, longitude_deg, altitude_m
        Points [deg, deg, m], shape (n,); altitude NaN where missing.
    terrain
        Altitude [m] at positions from the user's own terrain tiles, NaN beyond them. Where it covers the
        course it is used instead of the altitudes of the file.
    """
    distance = along_m(latitude_deg, longitude_deg)
    if terrain is not None and distance.size > 1:
        places = _denser(distance, 2.0 * CELL_M)
        told = terrain(
            np.interp(places, distance, latitude_deg), _between_degrees(places, distance, longitude_deg)
        )
        if np.isfinite(told).mean() > 0.95:
            return from_profile(places, told, source=AltitudeSource.TERRAIN)
    return from_profile(distance, altitude_m)


def _between_degrees(places: FloatArray, distance: FloatArray, degrees: FloatArray) -> FloatArray:
    """Longitudes between points, also across the date line."""
    unwrapped = np.degrees(np.unwrap(np.radians(degrees)))
    between: FloatArray = (np.interp(places, distance, unwrapped) + 180.0) % 360.0 - 180.0
    return between


def _denser(distance: FloatArray, step_m: float) -> FloatArray:
    """The points, and more of them wherever they lie further apart than a step [m]."""
    own = np.unique(distance)
    grid = np.arange(own[0], own[-1], max(step_m, float(own[-1]) / MOST_CELLS))
    after = np.clip(np.searchsorted(own, grid), 1, own.size - 1)
    inside = own[after] - own[after - 1] > step_m
    return np.union1d(own, grid[inside])


def from_profile(
    distance_m: FloatArray, altitude_m: FloatArray, *, source: AltitudeSource | None = None
) -> Ground:
    """The ground of a profile of altitude over distance.

    Parameters
    ----------
    distance_m, altitude_m
        Distance along the course, not falling, and altitude at it [m], shape (n,); NaN where missing.
    source
        Where the altitude comes from; judged by its roughness where it is not told.
    """
    known = np.isfinite(distance_m)
    distance, altitude = distance_m[known], altitude_m[known]
    total = float(distance[-1] - distance[0]) if distance.size else 0.0
    if not total > 0.0:
        return from_cells(np.zeros(0), np.zeros(0))
    distance = np.maximum.accumulate(distance - distance[0])
    cells = max(1, int(np.ceil(total / max(CELL_M, total / MOST_CELLS))))
    length = np.full(cells, total / cells)
    usable = np.isfinite(altitude)
    share = (
        float(np.diff(distance[usable], prepend=0.0).clip(0.0, 1000.0).sum() / total) if usable.any() else 0.0
    )
    if source in NOT_TOLD or share < 0.5 or np.count_nonzero(usable) < 2:
        level = from_cells(length, np.zeros(cells))
        nothing = np.full(cells, np.nan)
        return replace(
            level,
            altitude_m=nothing,
            fall_m=nothing.copy(),
            source=AltitudeSource.NONE,
            descent_m=None,
            ascent_m=None,
            downhills=(),
            unsure_m=total,
        )
    return _sloped(distance, altitude, distance[usable], altitude[usable], length, source)


def _sloped(
    distance: FloatArray,
    altitude: FloatArray,
    at: FloatArray,
    heights: FloatArray,
    length: FloatArray,
    source: AltitudeSource | None,
) -> Ground:
    """Cells of a profile with altitude; `at` and `heights` are the points that have one."""
    places = _denser(distance, CELL_M)
    filled = np.interp(places, at, heights)
    own = np.flatnonzero(np.isfinite(altitude))
    first = own[np.unique(distance[own], return_index=True)[1]]
    filled[np.searchsorted(places, distance[first])] = altitude[first]
    clock, segment = (
        places.copy(),
        np.zeros(places.size, dtype=np.int64),
    )  # a metre a second: no step too quick
    chosen = source or _judged(at, heights)
    clean = elevation.clean_altitude(filled, clock, places, segment, source=chosen, sport="course")
    slope = elevation.grade(clean, places, segment, np.ones(places.size), clock, source=chosen)
    climb, found = elevation.descent_with_parts(
        clean, places, clock, source=chosen, least_drop_m=10.0, least_grade=0.02
    )
    edges = np.concatenate([[0.0], np.cumsum(length)])
    middle = 0.5 * (edges[1:] + edges[:-1])
    fallen = np.cumsum(np.nan_to_num(climb.fall_m))
    after = np.clip(np.searchsorted(at, middle), 1, at.size - 1)
    unsure = (at[after] - at[after - 1] > SPARSE_M) | (middle > at[-1]) | (middle < at[0])
    grade = _by_cell(slope.grade, places, middle)
    unsure |= ~np.isfinite(grade) | (chosen in COARSE)
    return Ground(
        length_m=length,
        grade=np.nan_to_num(grade),
        grade_load=np.nan_to_num(_by_cell(slope.grade_load, places, middle)),
        altitude_m=_by_cell(slope.altitude_smooth_m, places, middle),
        fall_m=np.diff(np.interp(edges, places, fallen)),
        source=chosen,
        descent_m=climb.descent_m.value,
        ascent_m=climb.ascent_m.value,
        downhills=tuple(
            Downhill(one.number, float(places[one.start]), one.length_m, one.drop_m) for one in found
        ),
        unsure_m=float(length[unsure].sum()),
    )


def _by_cell(values: FloatArray, places: FloatArray, middle: FloatArray) -> FloatArray:
    good = np.isfinite(values)
    if not good.any():
        return np.full(middle.size, np.nan)
    return np.interp(middle, places[good], values[good])


def _judged(distance: FloatArray, altitude: FloatArray) -> AltitudeSource:
    """GPS where dense points waver as a GPS's altitude does; else the planner's terrain model."""
    clean = elevation.CleanAltitude(
        altitude, np.zeros(altitude.size, dtype=np.int64), np.zeros(altitude.size, dtype=np.bool_), ()
    )
    step = np.diff(distance)
    step = step[step > 0.2]
    grid = grid_of(clean, distance, ROUGH_M)
    if grid is None or not step.size or float(np.median(step)) > DENSE_M:
        return AltitudeSource.CORRECTED
    lag = grid.half(ROUGH_M)
    height, mask = grid.altitude, grid.mask
    bend = height[lag:-lag] - 0.5 * (height[: -2 * lag] + height[2 * lag :])
    bend = bend[(mask[lag:-lag] * mask[: -2 * lag] * mask[2 * lag :]) > 0]
    if bend.size < 50:
        return AltitudeSource.CORRECTED
    rough_m = float(np.sqrt(np.median(bend * bend) / 0.4549))
    return AltitudeSource.GPS if rough_m > ROUGH_GPS_M else AltitudeSource.CORRECTED


def from_cells(
    length_m: FloatArray, grade: FloatArray, *, source: AltitudeSource = AltitudeSource.TERRAIN
) -> Ground:
    """Ground of known grade, as it is: nothing is smoothed, descent is the sum of what goes down.

    Parameters
    ----------
    length_m, grade
        Length [m] and grade of each cell, shape (n,).
    """
    rise = length_m * grade
    return Ground(
        length_m=length_m,
        grade=grade,
        grade_load=grade,
        altitude_m=np.cumsum(rise) - 0.5 * rise,
        fall_m=np.maximum(-rise, 0.0),
        source=source,
        descent_m=float(-rise[rise < 0].sum()),
        ascent_m=float(rise[rise > 0].sum()),
        downhills=(),
        unsure_m=0.0,
    )
