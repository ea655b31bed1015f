"""The frozen records that stand at the joints of the trip, and the vocabulary of kneeledger.

``Source -> Draft -> Recording -> Track -> Entry -> ledger``; an arrow is a function. `Draft` is an
addition to the design: the one shape that every reader hands to `mending`, in equal names and units and
with nothing repaired, so that each repair exists once for FIT, GPX and TCX alike.
Instead of: an Activity object that knows every stage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema
from kneeledger.tables import Tables

__all__ = [
    "WORD_CHARS",
    "About",
    "AltitudeSource",
    "Athlete",
    "CadenceChoice",
    "DownhillModel",
    "Draft",
    "Entry",
    "Evidence",
    "Finding",
    "FloatArray",
    "Issue",
    "Recording",
    "Severity",
    "Source",
    "Track",
    "Value",
    "Way",
]

FloatArray = npt.NDArray[np.float64]
"""One number a record; NaN inside numpy stands for null in a frame."""
WORD_CHARS = 1_000
"""What a file or a table calls something is cut to this: each of thousands of activities may carry it. [characters]"""


class Way(StrEnum):
    """Way of moving of a record, and of an activity by its sport."""

    RUN = "run"
    WALK = "walk"
    RIDE = "ride"
    OTHER = "other"


class AltitudeSource(StrEnum):
    """Where the altitude comes from; decides window, hysteresis and whether bands are told."""

    BAROMETRIC = "barometric"
    GPS = "gps"
    CORRECTED = "corrected"
    TERRAIN = "terrain"
    VIRTUAL = "virtual"
    UNUSABLE = "unusable"
    UNKNOWN = "unknown"
    NONE = "none"


class DownhillModel(StrEnum):
    """How much a decline adds to knee load: contested, so three names stand side by side."""

    ARTICLE = "article"
    MECHANICS = "mechanics"
    NONE = "none"


class Evidence(StrEnum):
    """The word printed beside a number."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MODELLED = "modelled"
    CONTESTED = "contested"
    RULE = "project rule"


class Severity(StrEnum):
    """How far beyond the usual a finding is; never a statement about injury."""

    NOTE = "note"
    RAISED = "raised"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about a file that a reader of its numbers should know: a repair, a doubt, a gap."""

    code: str
    """Stable word such as ``grade_unknown``; lower case, underscores."""
    count: int
    """How many records (or files, laps ...) it touches; 1 for the whole file."""
    text: str
    """One sentence for a person: what was found and what was done."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes and where they came from. `data` is decompressed; `sha256` is of these bytes."""

    path: str
    """Path inside path, for a person: ``export.zip!/Part1.zip!/123.fit``."""
    data: bytes
    sha256: str
    outer: Path
    """The file on disk that holds it."""
    member: str = ""
    """Name inside the outermost archive, or empty."""
    stamp: str = ""
    """What tells whether it changed without reading it: size and modification time, or CRC-32 and size."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What the export says beside the file (title, sport, gear); see `exports`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One recording as a reader found it: names and units equal, nothing repaired.

    `records` has the columns of ``schema.RECORDS`` where the format has them, except cadence: each
    cadence field of the file comes in its own column ``cadence:<field>`` exactly as written (FIT:
    ``cadence:cadence`` with the fraction added). Developer and vendor fields come as
    ``dev:<name> [<unit>]``. Rows are in file order; times may repeat, jump or be null.
    """

    format: str
    """``fit``, ``gpx`` or ``tcx``."""
    decoder: str
    """Which decoder read it: ``kneeledger``, ``fitparse``, ``kneeledger-stream`` ..."""
    records: pl.DataFrame
    sessions: pl.DataFrame
    laps: pl.DataFrame
    events: pl.DataFrame
    sport: str
    """As the file says, in lower case: running, cycling, walking, hiking, ... or ``unknown``."""
    sub_sport: str | None
    device: str | None
    device_serial: str | None
    facts: Mapping[str, object]
    """Loose facts a later stage may use: ``local_timestamp``, ``time_zone_offset_s``, ``creator``,
    ``mass_kg``, ``barometer`` (bool), ``altitude_corrected`` (bool), ``planned`` (bool), ``name``."""
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class CadenceChoice:
    """Which cadence field counts, its multiplier, and why."""

    field: str | None
    multiplier: int | None
    reason: str
    unit: str = "spm"
    """``spm`` on foot, ``rpm`` on a bicycle."""


@dataclass(frozen=True, slots=True)
class About:
    """The facts of one activity that are not columns."""

    start: datetime
    """First moment, zone-aware UTC."""
    end: datetime
    sport: str
    sub_sport: str | None
    format: str
    decoder: str
    device: str | None
    device_serial: str | None
    sha256: str
    path: str
    part: int
    """Which activity of its file, from 0."""
    utc_offset_s: int | None
    utc_offset_how: str
    """``file``, ``config``, ``position``, ``longitude`` or ``unknown``."""
    altitude_source: AltitudeSource
    cadence: CadenceChoice
    indoor: bool
    virtual: bool
    elapsed_s: float | None
    timer_s: float | None
    device_distance_m: float | None
    device_ascent_m: float | None
    device_descent_m: float | None
    file_mass_kg: float | None
    """Body mass as written in the file; used only by the rule of decisions 19, never printed."""
    pod_mass_kg: float | None = None
    """Body mass that a foot pod wrote; used only where the settings ask for it, never printed."""
    by_hand: bool = False
    """True where only totals exist: no stream to compute from."""
    facts: Mapping[str, object] = field(default_factory=dict)


class Views(NamedTuple):
    """Float columns of one frame as numpy, NaN for null: they hold for this frame and no other."""

    of: pl.DataFrame
    arrays: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Recording:
    """One activity as the file tells it, mended: ``schema.RECORDS``, ``LAPS``, ``PAUSES``, issues.

    `extra` holds developer and vendor fields, one row a record, columns ``<name> [<unit>]``.
    """

    about: About
    records: pl.DataFrame
    laps: pl.DataFrame
    pauses: pl.DataFrame
    extra: pl.DataFrame
    issues: tuple[Issue, ...]
    views: Views | None = field(default=None, repr=False, compare=False)

    def arrays(self) -> Mapping[str, FloatArray] | None:
        """Float columns of `records` as numpy where a reader had them at hand."""
        return self.views.arrays if self.views is not None and self.views.of is self.records else None

    @property
    def sport(self) -> str:
        """The sport, in lower case."""
        return self.about.sport

    @property
    def device(self) -> str | None:
        """The device, as far as the file names it."""
        return self.about.device


@dataclass(frozen=True)
class Track:
    """A recording with every derived column: ``schema.TRACK``, one row a record."""

    about: About
    made: pl.DataFrame | Callable[[], pl.DataFrame]
    """The frame, or what makes it when it is first asked for: a scan needs the columns only, as numpy."""
    laps: pl.DataFrame
    pauses: pl.DataFrame
    issues: tuple[Issue, ...]
    mass_kg: float
    """Body mass used (matters for cycling only) [kg]."""
    mass_assumed: bool
    downhill: DownhillModel

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All columns; shape (n, columns of ``schema.TRACK``)."""
        return self.made() if callable(self.made) else self.made

    @cached_property
    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    @cached_property
    def held(self) -> dict[str, object]:
        """What preparation made on its way to `frame` and a later stage would make again, by name."""
        return {}

    def hold(
        self,
        records: pl.DataFrame,
        columns: Mapping[str, npt.NDArray[np.generic]],
        ways: Mapping[Way, npt.NDArray[np.bool_]],
    ) -> None:
        """What `frame` will be made of: the records, and columns and ways of moving that are at hand as numpy."""
        self.held["records"] = records
        self._arrays.update(columns)
        self._arrays.update({f"way={way}": rows for way, rows in ways.items()})

    def array(self, name: str) -> FloatArray:
        """One float column as numpy, NaN where null; shape (n,). Read only."""
        if name not in self._arrays:
            records = self.held.get("records")
            frame = records if isinstance(records, pl.DataFrame) and name in schema.RECORDS else self.frame
            column = frame.get_column(name)
            if not schema.is_float(column.dtype):
                column = column.cast(pl.Float64)
            values = column.to_numpy()  # null comes as NaN; far quicker than fill_null, which plans a query
            self._arrays[name] = values
        return self._arrays[name]  # type: ignore[return-value]

    def filled(self, name: str) -> FloatArray:
        """One float column with 0 where null; shape (n,). Read only."""
        key = f"{name} or 0"
        if key not in self._arrays:
            values = self.array(name)
            missing = np.isnan(values)
            self._arrays[key] = np.where(missing, 0.0, values) if missing.any() else values
        return self._arrays[key]  # type: ignore[return-value]

    @cached_property
    def along_m(self) -> FloatArray:
        """Distance covered up to and with each record [m]; shape (n,). Read only."""
        return np.cumsum(self.filled("ds_m"))

    @cached_property
    def moving(self) -> npt.NDArray[np.bool_]:
        """Which records move; shape (n,). Read only."""
        return self.array("moving") > 0

    @cached_property
    def timed(self) -> npt.NDArray[np.bool_]:
        """Which records stand for any time; shape (n,). Read only."""
        return self.array("dt_s") > 0

    def way_is(self, way: Way) -> npt.NDArray[np.bool_]:
        """Which records are of this way of moving; shape (n,)."""
        key = f"way={way}"
        if key not in self._arrays:
            column = self.frame.get_column("way")
            mask = column == way.value
            self._arrays[key] = (mask.fill_null(value=False) if mask.null_count() else mask).to_numpy()
        return self._arrays[key]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its 90 % interval where it is modelled."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger keeps of one activity."""

    about: About
    metrics: Mapping[str, Value]
    """By metric name; every declared metric is there, null where unknown."""
    tables: Tables
    """``bands``, ``descents``, ``laps``, ``profile`` (decimated), ``cadence_*``, ``stretches``."""
    sums: Mapping[str, float]
    """Sufficient sums of the knee model: see `knee.uncertainty`."""
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Athlete:
    """Whose ledger rows these are, and the facts of one day."""

    name: str = "me"
    mass_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stands out as of a day: a sentence that keeps its numbers."""

    code: str
    severity: Severity
    date: date
    activity: str | None
    """Ledger id of the activity it speaks of, or null for a day or week."""
    measure: str
    value: float | None
    reference: float | None
    ratio: float | None
    low: float | None
    high: float | None
    """90 % interval of the ratio where knee load is in it."""
    text: str
    why: str
    """What drove it, and what would have kept it below."""
    evidence: Evidence
    sources: tuple[str, ...]
    holds_under: tuple[DownhillModel, ...] = ()
    cause: str = ""
    """Findings of one cause are shown once."""


EMPTY_EXTRA = pl.DataFrame()
EMPTY_LAPS = schema.empty(schema.LAPS)
EMPTY_PAUSES = schema.empty(schema.PAUSES)
