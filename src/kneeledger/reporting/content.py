"""Everything a page shows, as plain records and frames, so that rendering computes nothing.

The pipeline gathers these; html, pdf and data files are made from them and from nothing else. Numbers are
SI here; what a person reads (units, easy minutes, rounding) is decided where the text is made.
Instead of: templates that reach into the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from kneeledger.model import About, Finding, Issue, Value

__all__ = ["ActivityPage", "Comparison", "Coverage", "FilesTally", "MethodPage", "Report", "Room"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of an activity against the largest of the 30 days before it."""

    measure: str
    """``distance_m``, ``descent_m`` or ``knee_load_bw_s``."""
    value: float | None
    reference: float | None
    """Largest single one of the 30 days before; null where there is none."""
    reference_day: date | None
    reference_id: str | None
    ratio: float | None
    low: float | None
    high: float | None
    """90 % interval of the ratio; for knee load only."""
    severity: str | None
    """None, ``note``, ``raised`` or ``high``."""
    known_days: int
    """How many of the 30 days are known."""
    text: str
    """One sentence, a statement about habit."""
    tested: bool
    """True for running distance, whose bands were published; else an untested extension."""
    halved: bool = False
    """True where the 30 days before hold none, and `reference` is half of the largest of 90 days."""


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """One activity's page."""

    id: str
    title: str
    """Sport word and local day; the athlete's own title only where redaction is off."""
    about: About
    day: date
    local_start: datetime
    way: str
    metrics: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...]
    profile: pl.DataFrame
    """Decimated track, at most 400 rows: ``distance_m``, ``elapsed_s``, ``altitude_smooth_m``, ``grade``,
    ``ground_speed_mps``, ``cadence_spm``, ``load_rate_bw``, ``load_rate_low_bw``, ``load_rate_high_bw``,
    ``load_rate_level_bw``, ``heart_rate_bpm``, ``way``; positions only with a map."""
    bands: pl.DataFrame
    descents: pl.DataFrame
    laps: pl.DataFrame
    per_km: pl.DataFrame
    cadence_by_pace: pl.DataFrame
    cadence_by_grade: pl.DataFrame
    personal_line: tuple[float, float, float, float] | None
    """Intercept and slope of ln(steps/min) on ln(v/3), and the range of speeds it was learnt from [m/s]."""
    by_model: Mapping[str, float | None]
    """Linear knee load under each downhill model [BW·s]."""
    excess_by_model: Mapping[str, float | None]
    decomposition: tuple[tuple[str, float, float], ...]
    """(part, linear [BW·s], peak-weighted [steps]); each column sums to the whole."""
    what_if: tuple[tuple[str, Value, Value], ...]
    """(lever, linear load, peak-weighted load) under it."""
    issues: tuple[Issue, ...]
    easy_sentence: str
    """One sentence on the leading number."""
    downhill_model: str
    parameters: Mapping[str, Any]
    units: str = "metric"
    redacted: bool = True
    duplicate_paths: tuple[str, ...] = ()
    """Other copies of this activity that are not counted."""
    cadence_histogram: pl.DataFrame = field(default_factory=pl.DataFrame)
    """``cadence_from`` (bins of 2 a minute), ``time_s``."""
    pedalling_by_power: pl.DataFrame = field(default_factory=pl.DataFrame)
    pedalling_by_grade: pl.DataFrame = field(default_factory=pl.DataFrame)
    """``from``, ``to``, ``time_s``, ``cadence_rpm``, ``low_share`` (of it below 70 rpm)."""
    usual: tuple[float, float] | None = None
    """The athlete's own usual pace [m/s] and step rate over the population's, which `decomposition` is against; None
    where that is the population's."""
    what_if_change: tuple[tuple[str, Value, Value], ...] = ()
    """(lever, change of the linear load, of the peak-weighted load) as shares, with their intervals."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much there is until +10 % of the 30-day longest."""

    measure: str
    """``distance_m``, ``descent_m``, ``knee_load_bw_s`` of a run, the same of a ride after ``ride_``, or ``week``."""
    usual: float | None
    """Longest single one of the 30 days before."""
    room: float | None
    """The largest that stays at or below +10 %."""
    text: str
    reading: str = ""
    """How the days since the newest file are read, where there are two readings: ``rested`` or ``as usual``."""


@dataclass(frozen=True, slots=True)
class FilesTally:
    """What came of the files."""

    read: int
    skipped: int
    failed: int
    duplicates: int
    skipped_by_reason: tuple[tuple[str, int], ...]
    failures: tuple[tuple[str, str], ...]
    """(path, reason), sorted by path."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which days are known."""

    first_day: date | None
    last_day: date | None
    known_days_of_28: int
    unknown_days_of_28: int
    without_altitude_of_28: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodPage:
    """Every number's card, the parameters in force, the references used."""

    cards: tuple[Mapping[str, Any], ...]
    parameters: tuple[tuple[str, Any, str, str], ...]
    """(key, value, where it came from, meaning)."""
    topics: tuple[Mapping[str, Any], ...]
    references: tuple[tuple[str, str, str | None], ...]
    """(key, text, doi)."""
    validation: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Report:
    """The overview page, and what belongs to the whole report."""

    athlete: str
    as_of: date
    as_of_how: str
    """``date`` where the user named it, ``newest`` where it is the newest activity's local day."""
    newest: date | None
    file_age_days: int
    """Days from the newest file to the as-of day."""
    findings: tuple[Finding, ...]
    """Ranked; at most three lead the page, the rest stand in a table."""
    rooms: tuple[Room, ...]
    rooms_note: str
    weeks: pl.DataFrame
    """One row a week (Monday ``week``), oldest first: ``run_distance_m``, ``descent_run_m``, ``sessions``, ``known_days``,
    and for way in run, walk, ride: ``knee_<way>_bw_s``, ``knee_<way>_low_bw_s``, ``knee_<way>_high_bw_s``,
    ``peak_<way>_steps``; ``level_28d_bw_s`` is the mean week of the 28 days before the week began; ``noted_run_bw_s`` is
    what runs noted by hand add to ``knee_run_bw_s``. All null where no day of the week is known."""
    daily: pl.DataFrame
    sessions: pl.DataFrame
    """One row a session of the last weeks: ``id``, ``day``, ``way``, ``distance_m``, ``distance_ref_m``, ``descent_m``,
    ``descent_ref_m``, ``knee_bw_s``, ``knee_ref_bw_s``, ``severity``; ``distance_halved`` and so on tell where the 30
    days before hold none and the reference is half of the largest of 90."""
    descent_weeks: pl.DataFrame
    """``week``, ``band`` (label), ``descent_m``, ``time_s``, ``knee_load_bw_s``; running only."""
    descent_events: pl.DataFrame
    """The longest single descents of the last weeks, with ``id`` and ``day``."""
    workload: pl.DataFrame
    """One row a measure of the as-of day: ``measure``, ``name``, ``value``, ``unit``, ``note``."""
    cadence: Mapping[str, Any]
    """As `cadence --format json`: ``model``, ``series``, ``changes``; empty where too little is known."""
    activities: pl.DataFrame
    """Every activity, newest first: what the table shows; ``page`` is the file name of its page or null."""
    pain: pl.DataFrame
    files: FilesTally
    coverage: Coverage
    quality: pl.DataFrame
    """``code``, ``text``, ``activities``: issues over the shown activities, most frequent first."""
    method: MethodPage
    units: str = "metric"
    redacted: bool = True
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    ratios: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`workload.workload` of knee load, one row a day of the last 26 weeks."""
    stretches: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Steady minutes of running of the last 26 weeks: ``day``, ``speed_mps``, ``cadence_spm``, ``level``."""
    personal_line: tuple[float, float, float, float] | None = None
    """As on the activity page."""
    levers: tuple[str, ...] = ()
    """What each of the article's levers would have taken off the last four weeks, a sentence each."""
    pedalling: Mapping[str, Any] = field(default_factory=dict)
    """Cycling cadence at matched power, as ``cadence --format json`` has it under ``rides``."""
