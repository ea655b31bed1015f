"""What a rule may look at: the athlete's past as it was known on one day.

A rule gets a `View` and nothing else, so that "what would have been said that day" is the same call with an
earlier day. Sums over the whole past are made once per history and cut at the as-of day; whatever could have
looked different on that day (the days since the newest file, an outing still under way at midnight) is decided
here by the as-of day alone.
Instead of: filtering the frames anew for each rule and each day, which makes replaying a year slow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger.model import FloatArray
from kneeledger.severity import Profile, Thresholds, thresholds
from kneeledger.symptoms import Entry, entries
from kneeledger.workload import History, Series, is_strength
from kneeledger.workload.history import Rows

__all__ = ["Acts", "View", "day_words", "per_cent", "times", "view_of"]


class Acts(NamedTuple):
    """Activities as plain arrays, in order of start."""

    ordinal: npt.NDArray[np.int64]
    way: npt.NDArray[np.object_]
    sport: npt.NDArray[np.object_]
    load: FloatArray
    """Linear knee load [BW s], NaN where unknown."""
    steep: FloatArray
    """Descent below -10 % while running [m], NaN where unknown."""
    strength: npt.NDArray[np.bool_]
    unsure: npt.NDArray[np.bool_]
    """Rides with assumed body mass or estimated power."""
    rows: Sequence[Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class View:
    """One athlete's past as of a day."""

    history: History
    as_of: date
    profile: Profile
    days: int
    """Events of so many days up to the as-of day are spoken of."""

    @property
    def edges(self) -> Thresholds:
        """The thresholds in force."""
        return thresholds(self.profile)

    @property
    def since(self) -> date:
        """First day whose events are spoken of."""
        return self.as_of - timedelta(days=self.days - 1)

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """Known days from the first file to the as-of day."""
        return self.history.known(self.as_of)

    def series(self, *names: str) -> Series | None:
        """Daily arrays up to the as-of day."""
        return self.history.series(self.as_of, names)

    @property
    def acts(self) -> Acts:
        """All activities of the history as arrays; rules take those in a span by `span`."""
        return _acts(self.history)

    def span(self, newest: int, oldest: int) -> slice:
        """Activities from `oldest` to `newest` days before the as-of day, both included."""
        today = self.as_of.toordinal()
        ordinal = self.acts.ordinal
        return slice(
            int(np.searchsorted(ordinal, today - oldest, side="left")),
            int(np.searchsorted(ordinal, today - newest, side="right")),
        )

    @cached_property
    def newest_activity(self) -> date | None:
        """Day of the newest activity not after the as-of day."""
        ordinal = self.acts.ordinal
        spot = int(np.searchsorted(ordinal, self.as_of.toordinal(), side="right"))
        return date.fromordinal(int(ordinal[spot - 1])) if spot else None

    @property
    def log(self) -> list[Entry]:
        """The pain log up to the as-of day."""
        whole = self.history.kept.get("pain")
        if whole is None:
            whole = self.history.kept["pain"] = entries(self.history.pain)
        return [entry for entry in whole if entry.date <= self.as_of]  # type: ignore[attr-defined]

    def name(self, row: Mapping[str, object]) -> str:
        """An activity in words: its way of moving and its day."""
        return f"{noun(row)} of {day_words(row['day'])}"  # type: ignore[arg-type]


def noun(row: Mapping[str, object]) -> str:
    """What to call an activity of this sport and way."""
    sport = str(row.get("sport") or "")
    if row["way"] == "walk":
        return "hike" if "hik" in sport else "walk"
    return {"run": "run", "ride": "ride"}.get(str(row["way"]), sport.replace("_", " ") or "activity")


def _acts(history: History) -> Acts:
    found = history.kept.get("acts")
    if found is None:
        frame = history.frame.with_columns(is_strength().alias("strength"))
        flags = frame.select(
            unsure=(pl.col("way") == "ride")
            & (
                pl.col("mass_assumed").fill_null(value=False)
                | pl.col("power_estimated").fill_null(value=False)
            )
        )
        found = history.kept["acts"] = Acts(
            ordinal=np.array([day.toordinal() for day in frame["day"]], dtype=np.int64),
            way=frame["way"].to_numpy(allow_copy=True).astype(object),
            sport=np.array([sport or "unknown" for sport in frame["sport"]], dtype=object),
            load=frame["knee_load_bw_s"].fill_null(np.nan).to_numpy(),
            steep=frame["steep_descent_run_m"].fill_null(np.nan).to_numpy(),
            strength=frame["strength"].to_numpy(),
            unsure=flags["unsure"].fill_null(value=False).to_numpy(),
            rows=Rows(frame),
        )
    return found  # type: ignore[return-value]


def view_of(history: History, as_of: date, profile: Profile, days: int) -> View:
    """The view; an outing under way at midnight of the as-of day is cut there."""
    spans = history.kept.get("spans")
    if spans is None:
        over = history.outings.filter(pl.col("last_day") > pl.col("day"))
        spans = history.kept["spans"] = list(zip(over["day"], over["last_day"], strict=True))
    if any(first <= as_of < last for first, last in spans):  # type: ignore[attr-defined]
        history = history.until(as_of)
    return View(history, as_of, profile, days)


def day_words(day: date) -> str:
    """``3 May 2026``."""
    return f"{day.day} {day:%B %Y}"


def per_cent(ratio: float) -> str:
    """A ratio's excess over 1 in whole per cent."""
    return f"{100 * (ratio - 1):.0f} %"


def times(ratio: float) -> str:
    """``38 % more`` up to twice, then ``2.3 times``: how a person says it."""
    return f"{per_cent(ratio)} more than" if ratio < 2 else f"{ratio:.1f} times"
