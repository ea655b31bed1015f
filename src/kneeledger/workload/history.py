"""One athlete's past, and every outing held against it.

`History` is the one thing that findings, headroom, symptoms and charts are given. It is immutable; what is derived
from it is kept, so that a year can be replayed in seconds, and `until` leaves nothing later in it. A session is
compared within one way of moving with the largest of the 30 days before; a ratio is made only where the
reference is not next to nothing, and its interval comes from draws shared by all activities.
Instead of: a query for every statement and day.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import DownhillModel, FloatArray, Way
from kneeledger.schema import empty
from kneeledger.severity import DESCENT, FLOORS, KNEE_LOAD, MEASURES, Measure
from kneeledger.workload.days import (
    ALTITUDE_MEASURES,
    LOAD_MEASURES,
    MOTION_MEASURES,
    NUMBER,
    PAIN,
    Coverage,
    KnownDays,
    believed,
    by_day_of,
    outings,
)
from kneeledger.workload.measures import WINDOW_DAYS, longest_before, ratio_interval

__all__ = [
    "BACK_DAYS",
    "BACK_SHARE",
    "COMPARED",
    "CadenceChange",
    "Comparison",
    "Comparisons",
    "History",
    "Series",
]


@dataclass(frozen=True, slots=True)
class CadenceChange:
    """A change of cadence at matched pace and grade, as `matched_cadence` found it."""

    day: date
    """Day on which it could be told (the alarm), not the day on which it began."""
    since: date
    """First run of the new level."""
    before_spm: float
    after_spm: float
    runs: int
    """Runs at the new level when it was told."""
    low: float | None = None
    high: float | None = None
    """90 % interval of after/before."""
    explained_by: str = ""
    """What else would explain it, in words (slower, steeper); empty where nothing does."""


class Series(NamedTuple):
    """Daily arrays of one athlete as known on a day; index 0 is the first file's day."""

    first: date
    known: npt.NDArray[np.bool_]
    values: Mapping[str, FloatArray]


class Rows(Sequence[dict[str, object]]):
    """The rows of a frame as mappings, each made when it is first asked for: few questions ask for years."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._made: dict[int, dict[str, object]] = {}

    def __len__(self) -> int:
        return self._frame.height

    @overload
    def __getitem__(self, index: int) -> dict[str, object]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, object]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, object] | list[dict[str, object]]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if place not in self._made:
            self._made[place] = self._frame.row(place, named=True)
        return self._made[place]

    def __iter__(self) -> Iterator[dict[str, object]]:
        if len(self._made) < len(self):
            self._made = dict(enumerate(self._frame.to_dicts())) | self._made
        return (self._made[k] for k in range(len(self)))


@dataclass(frozen=True, eq=False)
class History:
    """Everything findings may look at, of one athlete. Immutable; what is derived from it is kept."""

    activities: pl.DataFrame
    coverage: Coverage = field(default_factory=Coverage)
    draws: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)
    """By activity id: draws of the linear and of the peak-weighted load, parameters shared by all."""
    pain: pl.DataFrame = field(default_factory=lambda: empty(PAIN))
    cadence_changes: tuple[CadenceChange, ...] = ()
    downhill_model: DownhillModel = DownhillModel.ARTICLE
    floors: Mapping[str, float] = field(default_factory=lambda: FLOORS)
    """Least excess that is told, by measure, in stored units."""
    cadence_note: tuple[date, str] | None = None
    """What explains an apparent change of average cadence, and the day as of which that was found."""

    def until(self, as_of: date) -> "History":
        """What was known on that day: nothing later is left in it."""
        return replace(
            self,
            activities=self.activities.filter(pl.col("day") <= as_of),
            coverage=self.coverage.until(as_of),
            pain=self.pain.filter(pl.col("date") <= as_of),
            cadence_changes=tuple(change for change in self.cadence_changes if change.day <= as_of),
        )

    @cached_property
    def kept(self) -> dict[object, object]:
        """Where later stages keep what they derived from this history and nothing else."""
        return {}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The activities in their shape and order, descent null where it is not believed."""
        return believed(self.activities)

    @cached_property
    def outings(self) -> pl.DataFrame:
        """The outings (see `outings`)."""
        return outings(self.activities)

    @cached_property
    def rows(self) -> "Rows":
        """The outings as plain rows."""
        return Rows(self.outings)

    @cached_property
    def newest(self) -> date | None:
        """Day of the newest activity or file."""
        days = [day for day in (self.frame["day"].max(), self.coverage.last_day) if isinstance(day, date)]
        return max(days, default=None)

    @cached_property
    def _file_days(self) -> list[date]:
        return self.frame["day"].unique().sort().to_list()

    @cached_property
    def _sums(self) -> tuple[date, dict[str, FloatArray]] | None:
        """Daily sums over the whole past, rest as 0; what is unknown is decided by day of asking."""
        by_day = by_day_of(self.activities)
        begins = [day for day in (self.coverage.first_day, *self._file_days[:1]) if day]
        begins += sorted(self.coverage.unreadable_days)[:1]
        if not begins:
            return None
        first = min(begins)
        last = max([*self._file_days[-1:], first])
        spot = (by_day["day"] - first).dt.total_days().to_numpy() if by_day.height else np.zeros(0, np.int64)
        lost = [(day - first).days for day in self.coverage.no_altitude_days if first <= day <= last]
        arrays: dict[str, FloatArray] = {}
        for name in SUMS:
            array = np.zeros((last - first).days + 1)
            array[spot] = by_day[name].cast(NUMBER).fill_null(np.nan).to_numpy()
            if name in ALTITUDE_MEASURES:
                array[lost] = np.nan
            arrays[name] = array
        return first, arrays

    def series(self, as_of: date, names: Sequence[str]) -> Series | None:
        """Daily arrays up to the as-of day, as known then; None before the first file.

        The same numbers as `daily`, without building a frame, so that a year can be replayed.
        """
        if self._sums is None:
            return None
        first, arrays = self._sums
        known = self.known(as_of)
        if not known.size:
            return None
        values: dict[str, FloatArray] = {}
        for name in names:
            array = np.zeros(known.size)
            source = arrays[name][: known.size]
            array[: source.size] = source
            array[~known] = np.nan
            values[name] = array
        return Series(first, known, values)

    def known(self, as_of: date) -> npt.NDArray[np.bool_]:
        """Which days from the first file to the as-of day are known (see `known_days`)."""
        cache = self._known_cache
        if as_of not in cache:
            known = self._known_days.until(as_of)
            known.setflags(write=False)
            cache[as_of] = known
        return cache[as_of]

    @cached_property
    def _known_days(self) -> KnownDays:
        return KnownDays(self._file_days, self.coverage)

    @cached_property
    def _known_cache(self) -> dict[date, npt.NDArray[np.bool_]]:
        return {}

    @cached_property
    def compared(self) -> "Comparisons":
        """Every outing against its own past, by row of `outings` and measure."""
        return Comparisons(self)


SUMS: Final = (
    "sessions",
    "sessions_run",
    "sessions_walk",
    "sessions_ride",
    "sessions_strength",
    "sessions_without_load",
    *MOTION_MEASURES,
    *ALTITUDE_MEASURES,
    *LOAD_MEASURES,
)


BACK_DAYS: Final = 90
BACK_SHARE: Final = 0.5
"""After an empty window a session is held against half the largest of the 90 days before (project rule)."""
COMPARED: Final[Mapping[Way, tuple[Measure, ...]]] = {
    Way.RUN: MEASURES,
    Way.WALK: (DESCENT, KNEE_LOAD),
    Way.RIDE: (KNEE_LOAD,),
}
"""What each way of moving is compared by. The bands of distance are those of runs: a walk of 3 km after one of
1.4 km is nothing to tell. Descent and distance on a bicycle ask little of the knee."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One outing and one measure against the outings of the same way in the 30 days before."""

    outing: int
    """Row of `History.outings`."""
    measure: str
    value: float
    reference: float | None
    """What it is held against, in the measure's stored unit; None where there is nothing."""
    against: int | None
    """Row of the outing that set the reference."""
    ratio: float | None
    """Null where the reference is below the measure's floor: no division by nearly nothing."""
    low: float | None
    high: float | None
    """90 % interval of the ratio from shared draws."""
    window_empty: bool
    """The reference is half the 90-day largest, because the 30 days before hold none."""
    known_days: int
    """Known days among the 30 before."""
    history_days: int
    """Known days among all days before."""
    unknown_sessions: int
    """Sessions of this way in the window without this measure."""


def _draws_of(history: History, row: Mapping[str, object]) -> FloatArray | None:
    parts = [history.draws.get(str(part)) for part in row["ids"]]  # type: ignore[attr-defined]
    if not parts or any(part is None for part in parts):
        return None
    total: FloatArray = np.sum([part[0] for part in parts if part is not None], axis=0)
    return total


class _Largest(NamedTuple):
    """For each outing of one way, the largest of a measure before it."""

    values: FloatArray
    near: FloatArray
    near_index: npt.NDArray[np.intp]
    far: FloatArray
    far_index: npt.NDArray[np.intp]
    """Of the 30 and of the 90 days before; the index is -1 where they hold none."""
    unknown: npt.NDArray[np.intp]
    """Outings of the 30 days without this measure."""


class _OfWay(NamedTuple):
    """The outings of one way of moving, oldest first."""

    rows: list[int]
    """Rows of `History.outings`."""
    days: list[date]


class Comparisons(Mapping[tuple[int, str], Comparison]):
    """Every outing of every way against its own past; nothing later than the outing is used.

    What the largest before it was is found for all outings of a way at once, the comparison with its
    interval when it is first asked for: most questions ask about the last weeks of years.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._made: dict[tuple[int, str], Comparison] = {}

    def __getitem__(self, key: tuple[int, str]) -> Comparison:
        if key not in self._made:
            if key not in self:
                raise KeyError(key)
            self._made[key] = self._comparison(*key)
        return self._made[key]

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, tuple):
            return False
        outing, name = key
        if not 0 <= outing < len(self._place):
            return False
        largest = self._largest.get((self._way[outing], name))
        return largest is not None and not np.isnan(largest.values[self._place[outing]])

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(
            sorted(
                (self._of_way[way].rows[k], name)
                for (way, name), largest in self._largest.items()
                for k in np.flatnonzero(~np.isnan(largest.values)).tolist()
            )
        )

    def __len__(self) -> int:
        return sum(int((~np.isnan(largest.values)).sum()) for largest in self._largest.values())

    @cached_property
    def _way(self) -> list[str]:
        """Way of moving of each row of `outings`."""
        return self._history.outings["way"].to_list()

    @cached_property
    def _place(self) -> npt.NDArray[np.intp]:
        """Place of each row of `outings` among those of its way."""
        places = np.zeros(len(self._way), dtype=np.intp)
        for of in self._of_way.values():
            places[of.rows] = np.arange(len(of.rows))
        return places

    @cached_property
    def _of_way(self) -> dict[str, _OfWay]:
        if self._history._sums is None or self._history.newest is None or not self._way:
            return {}
        found = {}
        all_days = self._history.outings["day"].to_list()
        for one in COMPARED:
            way = one.value
            of_way = [index for index, name in enumerate(self._way) if name == way]
            # Flying east over the date line, a later run can have an earlier local day: it counts as of the day before it.
            days: list[date] = list(accumulate((all_days[index] for index in of_way), max))
            found[way] = _OfWay(of_way, days)
        return found

    @cached_property
    def _largest(self) -> dict[tuple[str, str], _Largest]:
        column = self._history.outings.get_column
        return {
            (way, measure.name): _largest(of.days, column(measure.name).to_numpy()[of.rows])
            for way, of in self._of_way.items()
            for measure in COMPARED[Way(way)]
        }

    @cached_property
    def _known(self) -> npt.NDArray[np.int64]:
        """How many days before each day since the first are known."""
        newest = self._history.newest
        assert newest is not None  # there is an outing
        counted = np.cumsum(self._history.known(newest), dtype=np.int64)
        return np.concatenate((np.zeros(1, np.int64), counted))

    def _comparison(self, outing: int, name: str) -> Comparison:
        way, k = self._way[outing], int(self._place[outing])
        of, largest = self._of_way[way], self._largest[way, name]
        measure = next(one for one in COMPARED[Way(way)] if one.name == name)
        assert self._history._sums is not None  # there is an outing
        spot = of.days[k].toordinal() - self._history._sums[0].toordinal()
        window_empty = bool(largest.near_index[k] < 0)
        other = int(largest.far_index[k] if window_empty else largest.near_index[k])
        share = BACK_SHARE if window_empty else 1.0
        reference = None if other < 0 else share * float(largest.far[k] if window_empty else largest.near[k])
        value = float(largest.values[k])
        ratio = low = high = None
        if reference is not None and reference >= measure.floor:
            ratio = value / reference
            if measure.modelled:
                low, high = _interval(self._history, outing, of.rows[other], share)
        return Comparison(
            outing=outing,
            measure=name,
            value=value,
            reference=reference,
            against=None if other < 0 else of.rows[other],
            ratio=ratio,
            low=low,
            high=high,
            window_empty=window_empty,
            known_days=int(self._known[spot] - self._known[max(spot - WINDOW_DAYS, 0)]),
            history_days=int(self._known[spot]),
            unknown_sessions=int(largest.unknown[k]),
        )


def _largest(days: list[date], values: FloatArray) -> _Largest:
    near, near_index = longest_before(days, values, WINDOW_DAYS)
    far, far_index = longest_before(days, values, BACK_DAYS)
    ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
    lacking = np.concatenate(([0], np.cumsum(np.isnan(values))))
    since = np.searchsorted(ordinals, ordinals - WINDOW_DAYS, side="left")
    unknown = lacking[np.arange(len(days))] - lacking[since]
    return _Largest(values, near, near_index, far, far_index, unknown)


def _interval(history: History, this: int, other: int, share: float) -> tuple[float | None, float | None]:
    above = _draws_of(history, history.rows[this])
    below = _draws_of(history, history.rows[other])
    interval = None if above is None or below is None else ratio_interval(above, below, share)
    return (None, None) if interval is None else interval
