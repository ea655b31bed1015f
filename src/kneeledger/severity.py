"""How far beyond the usual is worth a word: bands, thresholds and floors, once.

Findings, headroom and forecast must never disagree about what a spike is, so the edges live below all
three. The edges of running distance are those of the one study that tested them ([Frandsen2025]_: 5,205
runners, a run against the longest of the 30 days before). The same edges are lent to descent and knee load
because nothing better is known; that loan is an untested extension and `Measure.tested` says so wherever a
sentence is made. A ratio alone cries wolf where the usual is small, so each measure also has an absolute
floor, a project rule. A personal profile (opt-in) moves the edges down and never touches a load estimate.
The study's own bands stay where the study put them, whatever the profile says.
Instead of: thresholds as literals in each rule, or a risk score.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kneeledger.knee.running import EASY_LOAD_RATE_BW
from kneeledger.model import Severity

__all__ = [
    "DESCENT",
    "DISTANCE",
    "EASY_LOAD_BW",
    "FLOORS",
    "KNEE_LOAD",
    "MEASURES",
    "STUDY",
    "UNTESTED",
    "Band",
    "Measure",
    "Profile",
    "Thresholds",
    "at_most",
    "beyond",
    "easy_minutes",
    "judge",
    "limit",
    "rank",
    "study_band",
    "thresholds",
]

EASY_LOAD_BW: Final = EASY_LOAD_RATE_BW
"""Mean patellofemoral force per leg of level running at 3 m/s and the usual cadence [body weights]."""

UNTESTED: Final = "untested extension"
"""What the bands are called for every measure but running distance."""

ROUNDING: Final = 1e-9
"""A ratio within this of an edge lies on it: 11 km over 10 km is +10 %, whatever the binary fraction."""


def easy_minutes(load_bw_s: float) -> float:
    """Minutes of easy level running that give the same linear knee load [min].

    Parameters
    ----------
    load_bw_s : float
        Linear knee load per leg [body-weight seconds].
    """
    return load_bw_s / EASY_LOAD_BW / 60.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Excess over the reference above which a word is said, as fractions (0.10 = +10 %)."""

    note: float = 0.10
    raised: float = 0.30
    high: float = 1.00


@dataclass(frozen=True, slots=True)
class Profile:
    """What the athlete chose to tell, locally; shifts thresholds, never the load estimate."""

    previous_knee_pain: bool = False
    current_knee_pain: bool = False
    female: bool = False
    poor_sleep_or_low_energy: bool = False
    """This week."""
    specialised_young: bool = False
    """Weight 0: information only ([Hall2015]_ says 50 % greater, in adolescent girls, retrospective)."""

    @property
    def score(self) -> int:
        """Flags weighed by the project rule of science.md 6; not a hazard and never multiplied."""
        return (
            2 * self.previous_knee_pain
            + 2 * self.current_knee_pain
            + self.female
            + self.poor_sleep_or_low_energy
        )

    @property
    def sentence(self) -> str:
        """What is said wherever the profile moved a threshold; empty where it did not."""
        if thresholds(self) == Thresholds():
            return ""
        return (
            "Your profile lowers the alert thresholds; it does not change the load estimate and is not a "
            "diagnosis."
        )


def thresholds(profile: Profile | None = None) -> Thresholds:
    """The edges in force: standard for a score of 0-1, lower from 2, lowest from 4 (project rule)."""
    score = 0 if profile is None else profile.score
    if score >= 4:
        return Thresholds(note=0.05, raised=0.10, high=1.00)
    if score >= 2:
        return Thresholds(note=0.05, raised=0.20, high=1.00)
    return Thresholds()


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity that sessions are compared by."""

    name: str
    """Key in JSON and in `Finding.measure`."""
    label: str
    unit: str
    """Unit a person sees."""
    scale: float
    """Shown value = stored value x scale."""
    digits: int
    floor: float
    """Least reference a ratio is made of, in stored units; and the excess that has to be passed unless it is set."""
    tested: bool
    """True only where a study tested the bands."""
    modelled: bool
    """True where the number comes from the knee model and carries an interval."""

    def show(self, value: float) -> str:
        """The value for a person, with its unit."""
        number = f"{value * self.scale:,.{self.digits}f}"
        return f"{number} {self.unit.removesuffix('s') if number == '1' else self.unit}"


DISTANCE: Final = Measure("distance_m", "distance", "km", 1e-3, 1, floor=1000.0, tested=True, modelled=False)
DESCENT: Final = Measure("descent_m", "descent", "m", 1.0, 0, floor=100.0, tested=False, modelled=False)
KNEE_LOAD: Final = Measure(
    "knee_load_bw_s",
    "knee load",
    "easy minutes",
    1.0 / EASY_LOAD_BW / 60.0,
    0,
    floor=10.0 * 60.0 * EASY_LOAD_BW,
    tested=False,
    modelled=True,
)
MEASURES: Final = (DISTANCE, DESCENT, KNEE_LOAD)
FLOORS: Final[Mapping[str, float]] = {measure.name: measure.floor for measure in MEASURES}
"""Excess that is not told yet, by measure: start values by project rule (1 km, 100 m down, 10 easy minutes)."""


def limit(measure: Measure, reference: float, edge: float, least: float) -> float:
    """The most of a measure that is not told, in stored units: the edge and the floor both have to be passed.

    Parameters
    ----------
    reference : float
        What it is held against.
    edge : float
        Excess over the reference as a fraction (see `Thresholds`).
    least : float
        Excess in stored units that is not told yet (see `FLOORS`).
    """
    return max(max(reference, measure.floor) * (1.0 + edge), reference + least)


def beyond(
    measure: Measure, value: float, reference: float, edges: Thresholds, least: float
) -> Severity | None:
    """The word for a value against its reference; None up to `limit` with it, which has to be passed.

    What lies on the edge of a band belongs below it in the study (up to +10 % is its reference group), and the
    floor is held alike, so that a session right at the ceiling that was told is none.

    Parameters
    ----------
    value, reference : float
        In stored units.
    edges : Thresholds
        Those in force.
    least : float
        As in `limit`.
    """
    if value <= (reference + least) * (1.0 + ROUNDING):
        return None
    return judge(value / max(reference, measure.floor), edges)


@dataclass(frozen=True, slots=True)
class Band:
    """A band of the study and the injury rate that went with it, against runs up to +10 %."""

    above: float
    upto: float
    hazard_ratio: float
    low: float
    high: float
    """95 % confidence interval."""

    @property
    def words(self) -> str:
        """``10 to 30 % longer`` or ``more than twice as long``."""
        if math.isinf(self.upto):
            return "more than twice as long"
        return f"{100 * self.above:.0f} to {100 * self.upto:.0f} % longer"


STUDY: Final = (
    Band(0.10, 0.30, 1.64, 1.31, 2.05),
    Band(0.30, 1.00, 1.52, 1.16, 2.00),
    Band(1.00, math.inf, 2.28, 1.50, 3.48),
)
"""[Frandsen2025]_, hazard rate ratios of overuse injury; the first two bands are not in order."""


def study_band(ratio: float) -> Band | None:
    """The study's band of a run at `ratio` times the 30-day longest; None inside its reference group."""
    excess = ratio - 1.0
    found = None
    for band in STUDY:
        if excess > band.above + ROUNDING:
            found = band
    return found


def judge(ratio: float, edges: Thresholds) -> Severity | None:
    """The word for a ratio to the reference; None at or below the first edge (<= +10 %) or for NaN."""
    excess = ratio - 1.0
    if excess > edges.high + ROUNDING:
        return Severity.HIGH
    if excess > edges.raised + ROUNDING:
        return Severity.RAISED
    if excess > edges.note + ROUNDING:
        return Severity.NOTE
    return None


ORDER: Final = (Severity.NOTE, Severity.RAISED, Severity.HIGH)


def rank(severity: Severity) -> int:
    """0 for note, 1 for raised, 2 for high."""
    return ORDER.index(severity)


def at_most(severity: Severity, ceiling: Severity) -> Severity:
    """The lower of the two."""
    return severity if rank(severity) <= rank(ceiling) else ceiling
