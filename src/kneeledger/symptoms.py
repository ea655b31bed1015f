"""The pain log in the article's words, what changed before it began, and the way back.

The article that started this project uses words on purpose, not numbers: fine is "tolerable during and
after, back to baseline the next morning, and week by week less noticeable". So the words decide and a 0-10
rating beside them is for the trend only. A visibly swollen kneecap or a limp is not what this program is
about: from then on the referral text stands in place of every advice on load, however good the numbers look.
`before` ranks what was unusual in the weeks before an onset, in the athlete's own history; it is an
association in time, not a cause, and may well answer "nothing unusual". `ease` recomputes the last weeks
under each of the article's levers and gives stepwise ceilings back, which advance only while the rules hold.
Instead of: a pain score that is multiplied into a load, or advice that knows better than the knee.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import plurals
from kneeledger.errors import ConfigError
from kneeledger.model import FloatArray, Value, Way
from kneeledger.schema import conform
from kneeledger.severity import EASY_LOAD_BW
from kneeledger.workload import PAIN, History, ratio_interval

__all__ = [
    "AFTERWARDS",
    "EXERCISE",
    "Changed",
    "Ease",
    "Entry",
    "Felt",
    "Lever",
    "Morning",
    "Referral",
    "RuleState",
    "Step",
    "baseline",
    "before",
    "bounded",
    "ease",
    "entries",
    "from_row",
    "plain_note",
    "read_csv",
    "referral",
    "rules",
    "to_frame",
    "trend",
    "write_csv",
]

REFERRAL: Final = (
    "You noted {what} on {day}. A visibly swollen or puffy kneecap, or pain that makes you limp, is not the "
    "condition this program is about and no load advice is given here. Please have the knee looked at by a "
    "physiotherapist or a sports physician. Locking, giving way and pain at night also belong there."
)
EXERCISE: Final = (
    "The article's advice beside load: exercises for the hip and the knee, inner and outer hip, made harder "
    "over time; limit deep knee bends at first and bring them back later. It gets better with active "
    "treatment and does not simply pass."
)
AFTERWARDS: Final = (
    "Temporary relief, not for ever and not for everyone. Running usually need not stop. This is guidance "
    "from an article, not a diagnosis."
)


class Felt(StrEnum):
    """How it felt during or after an activity."""

    NONE = "none"
    TOLERABLE = "tolerable"
    BEYOND = "beyond"


class Morning(StrEnum):
    """How it was the next morning, against the usual morning."""

    BASELINE = "baseline"
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the pain log."""

    date: date
    during: Felt | None = None
    after: Felt | None = None
    next_morning: Morning | None = None
    limp: bool = False
    swelling: bool = False
    sitting: bool = False
    stairs: bool = False
    side: Literal["left", "right"] | None = None
    rating: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.rating is not None and not 0 <= self.rating <= 10:
            raise ConfigError(f"a rating of {self.rating:g} is outside 0 to 10")

    @property
    def red_flag(self) -> str:
        """What calls for a professional, in words; empty where nothing does."""
        return " and ".join(word for word, on in (("swelling", self.swelling), ("a limp", self.limp)) if on)

    @property
    def too_much(self) -> str:
        """Which of the rules of the day was broken, in words; empty where none was."""
        broken = [
            words
            for words, on in (
                ("pain beyond tolerable during it", self.during is Felt.BEYOND),
                ("pain beyond tolerable after it", self.after is Felt.BEYOND),
                ("worse than baseline the next morning", self.next_morning is Morning.WORSE),
            )
            if on
        ]
        return " and ".join(broken)


FIRST_DAY: Final = date(1980, 1, 1)
LAST_DAY: Final = date(2100, 12, 31)
"""No watch recorded before, and nobody plans beyond: a day outside is a slip of the pen."""


def bounded(day: date) -> date:
    """The day, where an entry can be about it.

    Raises
    ------
    ConfigError
        It is before 1980 or after 2100.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ConfigError(f"{day.isoformat()} is no day from {FIRST_DAY} to {LAST_DAY}")
    return day


CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain_note(note: str) -> str:
    """A note as it is kept: what a CSV gives back, so without spaces around it and with plain line ends.

    A control character, which could command a terminal, becomes a space; tabs and lines stay.
    """
    return CONTROL.sub(" ", note.replace("\r\n", "\n").replace("\r", "\n")).strip()


TRUE: Final = frozenset({"1", "true", "yes", "y", "x"})
FALSE: Final = frozenset({"", "0", "false", "no", "n"})


def to_frame(log: Iterable[Entry]) -> pl.DataFrame:
    """The log as a frame of `workload.PAIN`, in order of date."""
    rows = [{name: getattr(entry, name) for name in PAIN} | {"note": entry.note or None} for entry in log]
    plain = [
        {name: value.value if isinstance(value, StrEnum) else value for name, value in row.items()}
        for row in rows
    ]
    frame = pl.DataFrame(plain, schema={name: column.dtype for name, column in PAIN.items()}, orient="row")
    return frame.sort("date", maintain_order=True)


Log = pl.DataFrame | Sequence[Entry]
"""A pain log as the ledger keeps it, or already as entries in order of date."""


def entries(frame: Log) -> list[Entry]:
    """The entries of a frame of `workload.PAIN`, in order of date; entries are given back as they are."""
    if not isinstance(frame, pl.DataFrame):
        return list(frame)
    return [from_row(row) for row in conform(frame, PAIN)[0].sort("date", maintain_order=True).to_dicts()]


def from_row(row: Mapping[str, object]) -> Entry:
    """The entry of a row of `workload.PAIN`."""
    side, rating = row.get("side"), row.get("rating")
    during, after, morning = (row.get(name) for name in ("during", "after", "next_morning"))
    return Entry(
        date=row["date"],  # type: ignore[arg-type]
        during=Felt(str(during)) if during else None,
        after=Felt(str(after)) if after else None,
        next_morning=Morning(str(morning)) if morning else None,
        limp=bool(row.get("limp")),
        swelling=bool(row.get("swelling")),
        sitting=bool(row.get("sitting")),
        stairs=bool(row.get("stairs")),
        side=side or None,  # type: ignore[arg-type]
        rating=float(rating) if isinstance(rating, float | int) else None,
        note=str(row.get("note") or ""),
    )


def read_csv(text: str) -> list[Entry]:
    """The entries of a CSV with the columns of `workload.PAIN`; columns may be missing, `date` may not.

    Raises
    ------
    ConfigError
        A cell that cannot be read; names its line and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        return sorted(_rows(reader), key=lambda entry: entry.date)
    except csv.Error as error:
        # the module refuses more than it was told to hold in one cell, and says so in its own words
        why = "a cell is too long" if "limit" in str(error) else str(error)
        limit = f"A cell holds at most {csv.field_size_limit():,} characters; is a quotation mark not closed?"
        raise ConfigError(f"line {reader.line_num + 1}: {why}", hint=limit) from error


def _rows(reader: "csv.DictReader[str]") -> list[Entry]:
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if "date" not in names:
        raise ConfigError("a pain log needs a column 'date'", hint=f"Columns: {', '.join(PAIN)}.")
    unknown = [name for name in names if name and name not in PAIN]
    if unknown:
        raise ConfigError(
            f"a pain log has no column {', '.join(unknown)}", hint=f"Columns: {', '.join(PAIN)}."
        )
    found = []
    for cells in reader:
        row = {
            (name or "").strip().lower(): (cell or "").strip()
            for name, cell in cells.items()
            if isinstance(cell, str) or cell is None
        }
        if any(row.values()):
            found.append(_row(row, reader.line_num))
    return found


def _row(row: Mapping[str, str], line: int) -> Entry:
    def word(name: str, allowed: Iterable[str]) -> str | None:
        cell = row.get(name, "").lower()
        if cell and cell not in allowed:
            raise ConfigError(f"line {line}, {name}: {cell!r} is none of {', '.join(allowed)}")
        return cell or None

    def flag(name: str) -> bool:
        cell = row.get(name, "").lower()
        if cell not in TRUE | FALSE:
            raise ConfigError(f"line {line}, {name}: {cell!r} is neither yes nor no")
        return cell in TRUE

    try:
        day = date.fromisoformat(row["date"])
        rating = float(row["rating"]) if row.get("rating") else None
        if rating is not None and not math.isfinite(rating):
            raise ValueError("not a number")
    except ValueError as error:
        raise ConfigError(f"line {line}: {error}", hint="Dates as 2026-01-31, ratings 0 to 10.") from error
    try:
        bounded(day)
    except ConfigError as error:
        raise ConfigError(f"line {line}, date: {error.message}") from error
    during, after = word("during", tuple(Felt)), word("after", tuple(Felt))
    morning, side = word("next_morning", tuple(Morning)), word("side", ("left", "right"))
    return Entry(
        date=day,
        during=Felt(during) if during else None,
        after=Felt(after) if after else None,
        next_morning=Morning(morning) if morning else None,
        limp=flag("limp"),
        swelling=flag("swelling"),
        sitting=flag("sitting"),
        stairs=flag("stairs"),
        side=side,  # type: ignore[arg-type]
        rating=rating,
        note=row.get("note", ""),
    )


def write_csv(log: Iterable[Entry]) -> str:
    """The log as CSV; `read_csv` gives the same entries back. Cells a spreadsheet would run are quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(PAIN)
    for entry in sorted(log, key=lambda each: each.date):
        cells = (getattr(entry, name) for name in PAIN)
        writer.writerow(["" if cell is None else _cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return value.isoformat() if isinstance(value, date) else str(value)


# --- the three rules --------------------------------------------------------------------------------------

RECENT_DAYS: Final = 14
"""Entries older than this say nothing about now (project rule)."""
REFERRAL_DAYS: Final = 28
"""A red flag stands this long, unless a later entry without it is at least a week younger (project rule)."""
CLEARED_DAYS: Final = 7
TREND_WEEKS: Final = 6
LEAST_WEEKS: Final = 3
"""The week-by-week rule is judged from so many weeks with entries."""


@dataclass(frozen=True, slots=True)
class Referral:
    """A red flag: replaces every advice on load."""

    day: date
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class RuleState:
    """One of the three rules as of a day."""

    rule: Literal["during_and_after", "next_morning", "week_by_week"]
    holds: bool | None
    """None where the log does not say."""
    since: date | None
    """Entry it was judged by."""
    text: str


def referral(pain: Log, as_of: date) -> Referral | None:
    """The red flag in force on that day, if any."""
    past = [entry for entry in entries(pain) if entry.date <= as_of]
    flagged = [entry for entry in past if entry.red_flag]
    if not flagged or (as_of - flagged[-1].date).days > REFERRAL_DAYS:
        return None
    last = flagged[-1]
    if any((entry.date - last.date).days >= CLEARED_DAYS for entry in past):
        return None
    return Referral(last.date, last.red_flag, REFERRAL.format(what=last.red_flag, day=_day(last.date)))


def baseline(pain: Log, as_of: date) -> float | None:
    """Median rating of the 7 days before the as-of day [0-10]; None without a rating (project rule)."""
    ratings = [
        entry.rating
        for entry in entries(pain)
        if entry.rating is not None and 1 <= (as_of - entry.date).days <= 7
    ]
    return float(np.median(ratings)) if ratings else None


def trend(pain: Log, as_of: date, weeks: int = TREND_WEEKS) -> float | None:
    """Slope of the weekly median rating over the last `weeks` weeks [points a week]; None under 3 weeks.

    Weeks are the blocks of 7 days that end on the as-of day.
    """
    pain = entries(pain)
    medians = [
        (-back, float(np.median(ratings)))
        for back in range(weeks)
        if (ratings := [e.rating for e in _week(pain, as_of, back) if e.rating is not None])
    ]
    if len(medians) < LEAST_WEEKS:
        return None
    slope = np.polyfit([week for week, _ in medians], [median for _, median in medians], 1)[0]
    return float(slope)


def _week(log: Sequence[Entry], as_of: date, back: int) -> list[Entry]:
    return [entry for entry in log if 0 <= (as_of - entry.date).days - 7 * back < 7]


def _hurts(entry: Entry) -> bool:
    return (
        entry.during in (Felt.TOLERABLE, Felt.BEYOND)
        or entry.after in (Felt.TOLERABLE, Felt.BEYOND)
        or entry.next_morning is Morning.WORSE
        or entry.sitting
        or entry.stairs
    )


def rules(pain: Log, as_of: date) -> tuple[RuleState, RuleState, RuleState]:
    """The article's three rules as of a day, judged by the last 14 days of the log.

    Tolerable during and after; back to baseline the next morning; week by week less noticeable, less frequent
    or less constant. The words decide; the rating is used for the trend only.
    """
    pain = entries(pain)
    past = [entry for entry in pain if entry.date <= as_of]
    recent = [entry for entry in past if (as_of - entry.date).days < RECENT_DAYS]
    felt = [entry for entry in recent if entry.during is not None or entry.after is not None]
    mornings = [entry for entry in recent if entry.next_morning is not None]
    return (_tolerable(felt), _morning(mornings), _week_by_week(past, as_of))


def _tolerable(felt: list[Entry]) -> RuleState:
    if not felt:
        return RuleState("during_and_after", None, None, "No entry of the last 14 days says how it felt.")
    last = felt[-1]
    beyond = Felt.BEYOND in (last.during, last.after)
    words = "beyond tolerable" if beyond else "none or tolerable"
    text = f"During and after on {_day(last.date)}: {words}."
    if beyond:
        text += " Adjust or stop."
    return RuleState("during_and_after", not beyond, last.date, text)


def _morning(mornings: list[Entry]) -> RuleState:
    if not mornings:
        return RuleState("next_morning", None, None, "No entry of the last 14 days tells of a morning after.")
    last = mornings[-1]
    if last.next_morning is Morning.WORSE:
        text = f"The morning after {_day(last.date)} was worse than baseline: make the next load smaller."
        return RuleState("next_morning", False, last.date, text)
    word = "better than baseline" if last.next_morning is Morning.BETTER else "back at baseline"
    return RuleState("next_morning", True, last.date, f"The morning after {_day(last.date)} was {word}.")


def _week_by_week(past: list[Entry], as_of: date) -> RuleState:
    sore_days = [
        entry.date for entry in past if _hurts(entry) and (as_of - entry.date).days < 7 * TREND_WEEKS
    ]
    log = [entry for entry in past if sore_days and entry.date >= sore_days[0]]
    counts = [
        (back, sum(_hurts(entry) for entry in week), len(week))
        for back in range(TREND_WEEKS)
        if (week := _week(log, as_of, back))
    ]
    if not sore_days:
        quiet = bool(past) and (as_of - past[-1].date).days < RECENT_DAYS
        return RuleState(
            "week_by_week",
            True if quiet else None,
            past[-1].date if quiet else None,
            f"Week by week: no pain noted in {TREND_WEEKS} weeks."
            if quiet
            else "The log says nothing of the last weeks.",
        )
    if (as_of - past[-1].date).days >= RECENT_DAYS:
        text = f"No entry of the last {RECENT_DAYS} days: whether it gets better week by week is unknown."
        return RuleState("week_by_week", None, past[-1].date, text)
    if len(counts) < LEAST_WEEKS:
        text = (
            f"The week-by-week rule is judged from {LEAST_WEEKS} weeks with entries since it began; there "
            f"{_are(len(counts))} {len(counts)}."
        )
        return RuleState("week_by_week", None, None, text)
    slope = trend(log, as_of)
    sore = np.array([hurt for _, hurt, _ in counts], dtype=np.float64)
    share = sore / np.array([total for _, _, total in counts])
    weeks = np.array([-back for back, _, _ in counts], dtype=np.float64)
    fewer = float(np.polyfit(weeks, sore, 1)[0])
    lighter = float(np.polyfit(weeks, share, 1)[0])
    signs = [("less noticeable", slope is not None and slope < -0.05), ("less frequent", fewer < -0.05)]
    signs.append(("less constant", lighter < -0.02))
    better = [word for word, on in signs if on]
    if sore[0] == 0 and not better:
        better = ["no pain noted this week"]
    rating = "" if slope is None else f" (rating {slope:+.1f} points a week)"
    if better:
        return RuleState("week_by_week", True, past[-1].date, f"Week by week: {', '.join(better)}{rating}.")
    text = f"Week by week: no improvement over {len(counts)} weeks{rating}. A plan that shows none should be changed."
    return RuleState("week_by_week", False, past[-1].date, text)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


# --- what changed before it began -------------------------------------------------------------------------

BEFORE_WEEKS: Final = (2, 6)
COMPARE_WEEKS: Final = 26
UNUSUAL: Final = 90.0
"""Percentile of the athlete's own earlier windows from which (or below 100 minus it) it is unusual."""

LEAST_DIFFERENCE: Final = 0.10
"""Least difference from the usual that may be unusual, as a share of it; unknown days of the window add theirs,
because what is missing could be rest or the longest run."""

COMPARED: Final[Mapping[str, tuple[str, str, float]]] = {
    "run_distance_m": ("running distance", "km a week", 1e-3 * 7),
    "longest_run_m": ("longest run", "km", 1e-3),
    "descent_run_m": ("descent while running", "m a week", 7.0),
    "steep_descent_run_m": ("steep descent while running", "m a week", 7.0),
    "knee_load_run_bw_s": ("knee load from running", "easy minutes a week", 7.0 / 60.0 / EASY_LOAD_BW),
    "knee_load_bw_s": ("knee load, all ways", "easy minutes a week", 7.0 / 60.0 / EASY_LOAD_BW),
    "matched_cadence_spm": ("cadence at matched pace and grade", "steps/min", 1.0),
    "ride_time_s": ("cycling", "minutes a week", 7.0 / 60.0),
    "sessions_strength": ("strength sessions", "a week", 7.0),
    "sessions": ("sessions", "a week", 7.0),
}
"""Measure: label, unit shown, and what a daily mean (or a maximum or median) is multiplied by."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One measure in the weeks before an onset, against the athlete's own weeks before those."""

    measure: str
    label: str
    unit: str
    weeks: int
    """Length of the window before the onset: 2 or 6."""
    value: float | None
    usual: float | None
    """Median of the earlier windows of the same length."""
    difference: float | None
    percentile: float | None
    """Share of earlier windows below it, ties half [0-100]; null where fewer than 4 of them are known."""
    unusual: bool
    known_days: int
    days: int
    compared_windows: int
    text: str


def before(history: History, onset_day: date) -> list[Changed]:
    """What was unusual in the 2 and 6 weeks before an onset, most unusual first.

    Each measure's window ends on the day before the onset; it is compared with every window of the same
    length, moved by one week each, within the 26 weeks before it. Nothing of the onset day or later is used.

    Returns
    -------
    list of Changed
        Every measure and window; those that are not `unusual` come last. An association in time, not a cause.
    """
    last = onset_day - timedelta(days=1)
    past = history.until(last)
    names = [name for name in COMPARED if name not in ("longest_run_m", "matched_cadence_spm")]
    series = past.series(last, names)
    if series is None:
        return []
    values = dict(series.values)
    size = series.known.size
    values["longest_run_m"] = _per_day(past, "distance_m", series.first, size, largest=True)
    values["matched_cadence_spm"] = _per_day(past, "matched_cadence_spm", series.first, size, largest=False)
    found = [_changed(name, values[name], series.known, weeks) for name in COMPARED for weeks in BEFORE_WEEKS]
    return sorted(found, key=lambda item: (not item.unusual, -_oddness(item), item.weeks))


def _per_day(history: History, name: str, first: date, size: int, *, largest: bool) -> FloatArray:
    """Largest or mean of the day's runs; NaN where there is none."""
    out = np.full(size, np.nan)
    runs = history.outings.filter(pl.col("way") == Way.RUN.value)
    value = pl.col(name).max() if largest else pl.col(name).mean()
    by_day = runs.group_by("day").agg(value.alias("value")).drop_nulls()
    spot = (by_day["day"] - first).dt.total_days().to_numpy()
    inside = (spot >= 0) & (spot < size)
    out[spot[inside]] = by_day["value"].to_numpy()[inside]
    return out


def _oddness(item: Changed) -> float:
    return 0.0 if item.percentile is None else abs(item.percentile - 50.0)


def _window(name: str, part: FloatArray, known: FloatArray) -> float:
    """The window's number, from its known days; NaN where under half of them are known."""
    if known.mean() < 0.5:
        return math.nan
    there = part[np.isfinite(part)]
    if name == "longest_run_m":
        return float(there.max()) if there.size else 0.0
    if name == "matched_cadence_spm":
        return float(np.median(there)) if there.size >= 3 else math.nan
    return float(there.mean()) if there.size >= part.size / 2 else math.nan


def _changed(name: str, values: FloatArray, known: npt.NDArray[np.bool_], weeks: int) -> Changed:
    label, unit, scale = COMPARED[name]
    days = 7 * weeks
    size = values.size
    spans = [
        (size - days - back, size - back)
        for back in (0, *range(days, days + 7 * COMPARE_WEEKS, 7))
        if size - days - back >= 0 and back + days <= days + 7 * COMPARE_WEEKS
    ]
    numbers = [_window(name, values[a:b], known[a:b].astype(np.float64)) for a, b in spans]
    now = numbers[0] if numbers and spans[0][1] == size else math.nan
    own = np.array([number for number in numbers[1:] if math.isfinite(number)])
    known_now = int(known[max(size - days, 0) :].sum())
    percentile = usual = None
    if math.isfinite(now) and own.size >= 4:
        slack = 1e-9 * max(abs(now), 1.0)
        ties = np.abs(own - now) <= slack
        percentile = float(100.0 * ((own < now - slack).sum() + ties.sum() / 2.0) / own.size)
        usual = float(np.median(own)) * scale
    value = now * scale if math.isfinite(now) else None
    difference = None if value is None or usual is None else value - usual
    odd = percentile is not None and not 100.0 - UNUSUAL < percentile < UNUSUAL
    least = LEAST_DIFFERENCE + (days - known_now) / days
    unusual = bool(odd and difference is not None and abs(difference) > least * max(abs(usual or 0.0), 1e-9))
    if name == "matched_cadence_spm":
        unusual = bool(odd and difference is not None and usual and abs(difference) > 0.02 * usual)
    text = _changed_text(label, unit, weeks, value, usual, percentile, own.size, days - known_now)
    return Changed(
        name,
        label,
        unit,
        weeks,
        value,
        usual,
        difference,
        percentile,
        unusual,
        known_now,
        days,
        own.size,
        text,
    )


def _changed_text(
    label: str,
    unit: str,
    weeks: int,
    value: float | None,
    usual: float | None,
    percentile: float | None,
    windows: int,
    unknown: int,
) -> str:
    name = label[0].upper() + label[1:]
    missing = f" {unknown} of these {7 * weeks} days {_are(unknown)} unknown." if unknown else ""
    if value is None:
        return f"{name}: not known for the {plurals.count(weeks, 'week')} before.{missing}"
    head = f"{name} in the {plurals.count(weeks, 'week')} before: {value:,.1f} {unit}"
    if usual is None or percentile is None:
        return f"{head}; too little before that to compare with.{missing}"
    share = "each" if percentile >= 100 else "none" if percentile <= 0 else f"{percentile:.0f} %"
    return f"{head}, usually {usual:,.1f} {unit}; above {share} of {windows} own windows of that length.{missing}"


# --- the way back -----------------------------------------------------------------------------------------

ADVANCE: Final = 0.10
"""Each step back adds at most this much to the one before (the edge of the study's reference group)."""
SWAP_LEAST_RUNS: Final = 2
WEEK_DAYS: Final = 28
LEAST_KNOWN: Final = 21
"""A usual week is made of so many days since the first file, and so many known of the last 28 (project rule, as in
`headroom`)."""


@dataclass(frozen=True, slots=True)
class Lever:
    """What one of the article's levers would have taken off the last weeks."""

    name: str
    label: str
    linear_bw_s: Value
    """Linear knee load taken off a week, with its 90 % interval where draws are at hand [BW s]."""
    linear_share: float | None
    """Of the week's linear knee load, as a fraction."""
    peak_share: float | None
    """Of the week's peak-weighted load, as a fraction."""
    activities: int
    """Activities it could be told for."""
    of_activities: int
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One week on the way back: ceilings, not targets."""

    week: int
    share: float
    """Of the usual week."""
    knee_load_bw_s: float
    run_distance_m: float
    longest_run_m: float
    allowed: bool
    """True while the three rules hold; a later week is never allowed before an earlier one."""


@dataclass(frozen=True, slots=True)
class Ease:
    """The last weeks under each lever, and the steps back."""

    as_of: date
    weeks: int
    known_days: int
    usual_week_bw_s: float | None
    """Linear knee load of the mean week of these [BW s]; None where too few days are known to make a week of."""
    usual_week_peak_steps: float | None
    levers: tuple[Lever, ...]
    steps: tuple[Step, ...]
    rules: tuple[RuleState, ...]
    referral: Referral | None
    """Where set, levers and steps are empty."""
    text: str
    exercise: str
    """Empty where a referral stands: that text stands in place of every advice."""


LEVERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "swap_one_run": ("one run a week swapped for something else", ()),
    "fewer_km": ("a tenth less running distance", ()),
    "no_steep": ("no steep descents (below -10 %)", ("no_steep",)),
    "no_prolonged": ("no prolonged descents", ("no_prolonged",)),
    "cadence_5": ("step rate +5 % at the same speed", ("cadence5",)),
    "cadence_10": ("step rate +10 % at the same speed", ("cadence10",)),
}
FEWER_SHARE: Final = 0.10


def ease(history: History, as_of: date, weeks: int = 4) -> Ease:
    """The last weeks recomputed under the article's levers, and stepwise ceilings back to the usual load.

    "Together" takes the levers one after the other on what the ones before left over (a swapped run saves
    nothing twice). The steps start at the eased week and add at most 10 % a week until the usual week is
    reached; they advance only while the three pain rules hold. As in `headroom`, a usual week is made of 28 days
    at least, of which 21 are known: one run is no week.

    Parameters
    ----------
    history : History
    as_of : date
    weeks : int
        How many weeks back are recomputed.
    """
    past = history.until(as_of)
    days = 7 * weeks
    runs = past.outings.filter(
        (pl.col("way") == Way.RUN.value) & (pl.col("day") > as_of - timedelta(days=days))
    ).drop_nulls("knee_load_bw_s")
    every = past.known(as_of)
    known = every[-days:]
    states = rules(past.pain, as_of)
    flag = referral(past.pain, as_of)
    span = max(int(known.sum()), 1) / 7.0
    linear = _column(runs, "knee_load_bw_s")
    peak = _column(runs, "peak_weighted_steps")
    usual, usual_peak = float(linear.sum()) / span, float(np.nansum(peak)) / span
    week = _week_known(every)
    levers: tuple[Lever, ...] = ()
    steps: tuple[Step, ...] = ()
    text = AFTERWARDS
    if flag is not None:
        text = flag.text
    elif not every.size:
        text = f"Nothing is recorded up to this day: nothing to ease. {AFTERWARDS}"
    elif week:
        text = f"{week} {AFTERWARDS}"
    elif usual <= 0:
        text = f"No run with a known knee load in the last {weeks} weeks: nothing to ease. {AFTERWARDS}"
    else:
        cuts = _cuts(runs, as_of, weeks)
        levers = tuple(
            _lever(past, runs, name, label, cut, span, (usual, usual_peak))
            for name, (label, cut) in cuts.items()
        )
        steps = _steps(runs, levers[-1].linear_share or 0.0, usual, span, states)
    told = bool(every.size) and not week
    return Ease(
        as_of,
        weeks,
        int(known.sum()),
        usual if told else None,
        usual_peak if told else None,
        levers,
        steps,
        states,
        flag,
        text,
        "" if flag is not None else EXERCISE,
    )


def _week_known(known: npt.NDArray[np.bool_]) -> str:
    """Why no usual week can be told of these days; empty where it can."""
    month = known[-WEEK_DAYS:]
    why = "A usual week, and so what to take off it and the ceilings of the way back, is told"
    if known.size < WEEK_DAYS:
        return (
            f"{why} from {WEEK_DAYS} days since the first file on; there {_are(known.size)} "
            f"{known.size}, and a week made of fewer would look larger than it was."
        )
    count = int(month.sum())
    if count < LEAST_KNOWN:
        return f"{why} from {LEAST_KNOWN} known days of the last {WEEK_DAYS} on; there {_are(count)} {count}."
    return ""


def _column(frame: pl.DataFrame, name: str) -> FloatArray:
    values: FloatArray = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return values


Cut = tuple[FloatArray, FloatArray]
"""Share of each run's linear and peak-weighted load that is left; NaN where it cannot be told."""


def _cuts(runs: pl.DataFrame, as_of: date, weeks: int) -> dict[str, tuple[str, Cut]]:
    linear, peak = _column(runs, "knee_load_bw_s"), _column(runs, "peak_weighted_steps")
    whole = np.ones(runs.height)
    cuts: dict[str, tuple[str, Cut]] = {}
    for name, (label, column) in LEVERS.items():
        if name == "swap_one_run":
            swapped = _swapped(runs, as_of, weeks)
            left: Cut = (swapped, swapped)
        elif name == "fewer_km":
            left = (whole * (1 - FEWER_SHARE), whole * (1 - FEWER_SHARE))
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                left = (
                    _column(runs, f"whatif_{column[0]}_bw_s") / linear,
                    _column(runs, f"whatif_{column[0]}_steps") / peak,
                )
        cuts[name] = (label, left)
    chosen = ("swap_one_run", "fewer_km", "no_steep", "no_prolonged", "cadence_5")
    together = tuple(
        np.prod([np.nan_to_num(np.minimum(cuts[name][1][view], 1.0), nan=1.0) for name in chosen], axis=0)
        for view in (0, 1)
    )
    unknown = [name for name in chosen if not np.isfinite(cuts[name][1][0]).any()]
    label = "these together (+5 % step rate)" if not unknown else "those of these that are known together"
    cuts["together"] = (label, (together[0], together[1]))
    return cuts


def _swapped(runs: pl.DataFrame, as_of: date, weeks: int) -> FloatArray:
    """0 for the middle run of each week of at least two runs (the long one and the short one stay)."""
    left = np.ones(runs.height)
    back = np.array([(as_of - day).days // 7 for day in runs["day"]], dtype=np.int64)
    load = _column(runs, "knee_load_bw_s")
    for week in range(weeks):
        inside = np.flatnonzero(back == week)
        if inside.size >= SWAP_LEAST_RUNS:
            left[inside[np.argsort(load[inside], kind="stable")[(inside.size - 1) // 2]]] = 0.0
    return left


def _lever(
    history: History,
    runs: pl.DataFrame,
    name: str,
    label: str,
    left: Cut,
    span: float,
    usual: tuple[float, float],
) -> Lever:
    linear, peak = _column(runs, "knee_load_bw_s"), _column(runs, "peak_weighted_steps")
    told = np.isfinite(left[0])
    if not told.any():
        text = f"With {label}: not known, because these runs carry no such estimate."
        return Lever(name, label, Value(None), None, None, 0, runs.height, text)
    off = np.where(told, linear * (1.0 - np.where(told, left[0], 1.0)), 0.0)
    both = np.isfinite(left[1]) & np.isfinite(peak)
    peak_off = np.where(both, peak * (1.0 - np.where(both, left[1], 1.0)), 0.0)
    share = float(off.sum()) / span / usual[0]
    peak_share = float(np.sum(peak_off)) / span / usual[1] if usual[1] > 0 and both.any() else None
    saved = float(off.sum()) / span
    value = Value(saved, *_saved_interval(history, runs, off / linear, saved, span))
    minutes = saved / 60.0 / EASY_LOAD_BW
    unit = "easy minute" if round(minutes) == 1 else "easy minutes"
    twin = "" if peak_share is None else f", {peak_share:.0%} of the peak-weighted one".replace("%", " %")
    partly = "" if told.all() else f" (told for {int(told.sum())} of {plurals.count(runs.height, 'run')})"
    share_text = f"{share:.0%}".replace("%", " %")
    text = (
        f"With {label}: {minutes:,.0f} {unit} a week less, {share_text} of the running knee load"
        f"{twin}{partly}."
    )
    return Lever(name, label, value, share, peak_share, int(told.sum()), runs.height, text)


def _saved_interval(
    history: History, runs: pl.DataFrame, off: FloatArray, saved: float, span: float
) -> tuple[float | None, float | None]:
    """90 % interval of the load taken off: the shares are held, the loads drawn."""
    total: FloatArray | None = None
    for ids, share in zip(runs["ids"].to_list(), off.tolist(), strict=True):
        for part in ids:
            draw = history.draws.get(part)
            if draw is None:
                return None, None
            total = draw[0] * share if total is None else total + draw[0] * share
    if total is None or saved <= 0:
        return None, None
    interval = ratio_interval(total, np.full(total.shape, saved * span))
    return (None, None) if interval is None else (interval[0] * saved, interval[1] * saved)


def _steps(
    runs: pl.DataFrame, eased: float, usual: float, span: float, states: Sequence[RuleState]
) -> tuple[Step, ...]:
    """Ceilings from the eased week back to the usual one."""
    distance = float(np.nansum(_column(runs, "distance_m"))) / span
    lengths = _column(runs, "distance_m")
    longest = float(np.nanmax(lengths)) if np.isfinite(lengths).any() else 0.0
    fine = all(state.holds is not False for state in states) and any(state.holds for state in states)
    share = max(1.0 - eased, 0.3)
    steps: list[Step] = []
    while True:
        steps.append(
            Step(
                week=len(steps) + 1,
                share=share,
                knee_load_bw_s=share * usual,
                run_distance_m=share * distance,
                longest_run_m=share * longest,
                allowed=not steps or fine,
            )
        )
        if share >= 1.0:
            return tuple(steps)
        share = min(share * (1.0 + ADVANCE), 1.0)
