"""One athlete's past, and every outing held against it.

`History` is the one thing that findings, headroom, symptoms and charts are given. It is immutable; what is derived
from it is kept, so that a year can be replayed in seconds, and `until` leaves nothing later in it. A session is
compared within one way of moving with the largest of the 30 days before; a ratio is made only where the
reference is not next to nothing, and its interval comes from draws shared by all activities.
Instead of: a query for every statement and day.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import DownhillModel, FloatArray, Way
from kneeledger.schema import empty
from kneeledger.severity import DESCENT, KNEE_LOAD, MEASURES, Measure
from kneeledger.workload.days import (
    ALTITUDE_MEASURES,
    LOAD_MEASURES,
    MOTION_MEASURES,
    NUMBER,
    PAIN,
    Coverage,
    believed,
    by_day_of,
    known_days,
    outings,
)
from kneeledger.workload.measures import WINDOW_DAYS, longest_before, ratio_interval

__all__ = [
    "BACK_DAYS",
    "BACK_SHARE",
    "COMPARED",
    "CadenceChange",
    "Comparison",
    "History",
    "Series",
    "compare",
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
    def rows(self) -> list[dict[str, object]]:
        """The outings as plain rows."""
        return self.outings.to_dicts()

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
            known = known_days(self._file_days, self.coverage, as_of=as_of)
            known.setflags(write=False)
            cache[as_of] = known
        return cache[as_of]

    @cached_property
    def _known_cache(self) -> dict[date, npt.NDArray[np.bool_]]:
        return {}

    @cached_property
    def compared(self) -> "dict[tuple[int, str], Comparison]":
        """Every outing against its own past (see `compare`), by row of `outings` and measure."""
        return {(item.outing, item.measure): item for item in compare(self)}


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


def compare(history: History) -> list[Comparison]:
    """Every outing of every way against its own past; nothing later than the outing is used."""
    frame = history.outings
    first = history._sums[0] if history._sums is not None else None
    newest = history.newest
    if first is None or newest is None or not frame.height:
        return []
    counted = np.cumsum(history.known(newest), dtype=np.int64)
    known: npt.NDArray[np.int64] = np.concatenate((np.zeros(1, np.int64), counted))
    found: list[Comparison] = []
    rows = history.rows
    way_column = frame["way"].to_list()
    for way, measures in COMPARED.items():
        of_way = [index for index, value in enumerate(way_column) if value == way.value]
        # Flying east over the date line, a later run can have an earlier local day: it counts as of the day before it.
        days = list(accumulate((rows[index]["day"] for index in of_way), max))  # type: ignore[arg-type]
        for measure in measures:
            values = [rows[index][measure.name] for index in of_way]
            found += _compare_one(history, measure, of_way, days, values, known, first)  # type: ignore[arg-type]
    return sorted(found, key=lambda item: (item.outing, item.measure))


def _compare_one(
    history: History,
    measure: Measure,
    of_way: list[int],
    days: list[date],
    values: list[float | None],
    known: npt.NDArray[np.int64],
    first: date,
) -> list[Comparison]:
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    near, near_index = longest_before(days, array, WINDOW_DAYS)
    far, far_index = longest_before(days, array, BACK_DAYS)
    ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
    lacking = np.concatenate(([0], np.cumsum(np.isnan(array))))
    since = np.searchsorted(ordinals, ordinals - WINDOW_DAYS, side="left")
    spot = ordinals - first.toordinal()
    found = []
    for k, index in enumerate(of_way):
        if math.isnan(array[k]):
            continue
        window_empty = near_index[k] < 0
        other = int(far_index[k] if window_empty else near_index[k])
        share = BACK_SHARE if window_empty else 1.0
        reference = None if other < 0 else share * float(far[k] if window_empty else near[k])
        ratio = low = high = None
        if reference is not None and reference >= measure.floor:
            ratio = float(array[k]) / reference
            if measure.modelled:
                low, high = _interval(history, index, of_way[other], share)
        found.append(
            Comparison(
                outing=index,
                measure=measure.name,
                value=float(array[k]),
                reference=reference,
                against=None if other < 0 else of_way[other],
                ratio=ratio,
                low=low,
                high=high,
                window_empty=bool(window_empty),
                known_days=int(known[spot[k]] - known[max(spot[k] - WINDOW_DAYS, 0)]),
                history_days=int(known[spot[k]]),
                unknown_sessions=int(lacking[k] - lacking[since[k]]),
            )
        )
    return found


def _interval(history: History, this: int, other: int, share: float) -> tuple[float | None, float | None]:
    above = _draws_of(history, history.rows[this])
    below = _draws_of(history, history.rows[other])
    interval = None if above is None or below is None else ratio_interval(above, below, share)
    return (None, None) if interval is None else interval
