"""Where an altitude comes from: the file's word, the device's name, and last the noise itself.

Window, hysteresis and whether bands are told at all hang on it. Most files name their device, and whether
a device has a barometer is a fact; a list of them is dull and certain. Where neither file nor device say
it, the altitude does: a barometer bends by decimetres over 20 m and stands still with its wearer, GPS
wavers by metres. In doubt it is "unknown", which is treated like GPS.
Instead of: guessing from the resolution, which is 0.2 m in nearly every FIT file.
"""

from typing import Final
from unicodedata import normalize

import numpy as np

from kneeledger.elevation.cleaning import IntArray, clean_altitude
from kneeledger.elevation.grid import grid_of
from kneeledger.model import About, AltitudeSource, FloatArray

__all__ = ["COARSE", "NOT_TOLD", "altitude_source"]

NOT_TOLD: Final = (AltitudeSource.NONE, AltitudeSource.UNUSABLE, AltitudeSource.VIRTUAL)
COARSE: Final = (AltitudeSource.GPS, AltitudeSource.UNKNOWN)
ROUGH_M: Final = 20.0
"""Roughness is the bend of the altitude over this distance to either side [m]."""
ROUGH_GPS_M: Final = 1.4
SMOOTH_M: Final = 0.5
"""Root mean square bend above which altitude is taken for GPS, and below which it is not: 0.10 to 0.8 m
for 33 barometric devices on roads and paths (up to 1.5 m on stairs), 4 m for the noise of a GPS [m]."""
CALM_M: Final = 0.15
"""Root mean square change from record to record while standing, for a barometer: 0.05 to 0.13 m [m]."""
DENSE_S: Final = 3.0
"""Records further apart are too few to judge noise by [s]."""

_BAROMETRIC: Final = (
    "ambit", "apexpro", "barometer", "coros", "descent", "edge130", "edge500", "edge510", "edge520",
    "edge530", "edge540", "edge550", "edge705", "edge800", "edge810", "edge820", "edge830", "edge840",
    "edge850", "edge1000", "edge1030", "edge1040", "edge1050", "elemnt", "enduro", "epix", "etrex30",
    "fenix", "fr165", "fr255", "fr265", "fr570", "fr645", "fr745", "fr910", "fr920", "fr935", "fr945",
    "fr955", "fr965", "fr970", "gritx", "huaweiwatchgt", "instinct", "karoo", "marq", "oregon4", "oregon7",
    "polarv800", "polarvantagev", "quatix", "spartan", "suunto9baro", "suunto9peak", "suuntorace",
    "suuntovertical", "tactix", "venu", "vivoactive3", "vivoactive4", "vivoactivehr", "vivosmarthr",
)  # fmt: skip
_GPS_ONLY: Final = (
    "edge20", "edge25", "edge200", "edge205", "edge305", "edgeexplore", "etrex10", "etrex20", "fr10",
    "fr15", "fr25", "fr35", "fr45", "fr55", "fr70", "fr110", "fr210", "fr220", "fr225", "fr230", "fr235",
    "fr245", "fr301", "fr305", "fr310", "fr405", "fr410", "fr610", "fr620", "fr630", "fr735", "polarm400",
    "polarm430", "tomtom", "venusq", "vivoactive5",
)  # fmt: skip


def altitude_source(
    altitude_m: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, segment: IntArray, *, about: About
) -> tuple[AltitudeSource, str]:
    """Where the altitude comes from, and why it is thought so, in one sentence."""
    known = altitude_m[np.isfinite(altitude_m)]
    if about.virtual:
        return AltitudeSource.VIRTUAL, "the activity is virtual: its hills are not climbed on foot or wheel"
    if known.size < 2:
        return AltitudeSource.NONE, "the file holds no altitude"
    if float(np.ptp(known)) < 0.5 and (about.device_descent_m or 0.0) >= 20.0:
        return (
            AltitudeSource.UNUSABLE,
            f"altitude never changes, while the device counts {about.device_descent_m:.0f} m of descent",
        )
    facts = about.facts
    if facts.get("altitude_corrected"):
        return AltitudeSource.CORRECTED, "the file says that its altitude was replaced"
    barometer = facts.get("barometer")
    if barometer is True:
        return AltitudeSource.BAROMETRIC, "the file names a barometer"
    if barometer is False:
        return AltitudeSource.GPS, "the file says that there is no barometer"
    name = " ".join(str(word) for word in (about.device, facts.get("creator")) if word)
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = "".join(letter for letter in plain if letter.isalnum()).replace("forerunner", "fr")
    words = sorted((word for word in (*_BAROMETRIC, *_GPS_ONLY) if word in plain), key=len)
    if words and words[-1] in _BAROMETRIC:
        return AltitudeSource.BAROMETRIC, f"{name} has a barometer"
    if words:
        return AltitudeSource.GPS, f"{name} has no barometer"
    return _source_by_noise(altitude_m, elapsed_s, distance_m, segment, about.format)


def _source_by_noise(
    altitude_m: FloatArray, elapsed_s: FloatArray, distance_m: FloatArray, segment: IntArray, format_: str
) -> tuple[AltitudeSource, str]:
    """What the altitude's own roughness tells, where neither device nor file do."""
    unsaid = "neither device nor file tell where the altitude comes from"
    clean = clean_altitude(
        altitude_m, elapsed_s, distance_m, segment, source=AltitudeSource.UNKNOWN, sport="cycling"
    )
    grid = grid_of(clean, distance_m, ROUGH_M)
    if grid is None:
        return AltitudeSource.UNKNOWN, unsaid
    lag = grid.half(ROUGH_M)
    height, mask = grid.altitude, grid.mask
    bend = height[lag:-lag] - 0.5 * (height[: -2 * lag] + height[2 * lag :])
    bend = bend[(mask[lag:-lag] * mask[: -2 * lag] * mask[2 * lag :]) > 0]
    if bend.size < 100:
        return AltitudeSource.UNKNOWN, f"{unsaid}, and it is too short to judge by its noise"
    rough_m = float(np.sqrt(np.mean(np.minimum(bend * bend, 100.0))))
    dense = float(np.median(np.diff(elapsed_s))) <= DENSE_S
    still = np.diff(distance_m) < 0.2 * np.diff(elapsed_s)
    rise = np.diff(altitude_m)[still]
    rise = rise[np.isfinite(rise)]
    calm = rise.size >= 120 and float(np.sqrt(np.mean(rise * rise))) <= CALM_M
    if rough_m > ROUGH_GPS_M and not calm:
        return AltitudeSource.GPS, f"{unsaid}; it wavers by {rough_m:.1f} m over 20 m, as GPS altitude does"
    if not dense or not (rough_m <= SMOOTH_M or calm):
        return AltitudeSource.UNKNOWN, f"{unsaid}, and its noise does not either"
    why = f"{unsaid}; it wavers by only {rough_m:.2f} m over 20 m"
    if format_ == "fit":
        return AltitudeSource.BAROMETRIC, f"{why}, as a barometer does"
    return AltitudeSource.CORRECTED, f"{why}, as a barometer or a terrain model does"
