"""Descent against the device's own, over every recording of the corpus that tells it.

Single-sport FIT runs, rides, hikes and walks with a device total of at least 100 m, neither indoor nor
virtual. What is left out is listed by reason and stays under a tenth. Where the two differ the device is not
always right: it counts steps at the first fix, and cars.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.errors import KneeledgerError
from kneeledger.model import AltitudeSource
from kneeledger.preparation import prepare
from kneeledger.readers import read

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
SPORTS = {"running", "cycling", "hiking", "walking"}
NO_DESCENT = {
    AltitudeSource.UNUSABLE: "altitude flat while the device descends",
    AltitudeSource.NONE: "no altitude in the records",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus of recordings is not here"),
]


def our_descent_m(track):
    source = track.about.altitude_source
    along, elapsed = np.cumsum(np.nan_to_num(track.array("ds_m"))), track.array("elapsed_s")
    segment = track.frame.get_column("segment").to_numpy()
    clean = elevation.clean_altitude(
        track.array("altitude_m"),
        elapsed,
        along,
        segment,
        source=source,
        sport=track.about.sport,
        cadence=track.array("cadence_spm"),
    )
    return elevation.descent(clean, along, elapsed, source=source).descent_m


@pytest.fixture(scope="module")
def compared():
    """(device, sport, source, device descent, ours) of each, and the reasons of those left out."""
    rows, left_out = [], {}
    with (CORPUS / "INDEX.csv").open() as index:
        paths = [row["path"] for row in csv.DictReader(index) if row["format"] == "fit"]
    for path in paths:
        try:
            activities = read(CORPUS / path)
        except KneeledgerError:
            continue
        if len(activities) != 1:
            continue
        about = activities[0].about
        if about.sport not in SPORTS or about.indoor or about.virtual:
            continue
        if (about.device_descent_m or 0.0) < 100.0:
            continue
        track = prepare(activities[0])
        ours = our_descent_m(track)
        if ours.value is None:
            reason = NO_DESCENT.get(track.about.altitude_source, "other")
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        rows.append(
            (about.device or "", about.sport, track.about.altitude_source, about.device_descent_m, ours)
        )
    return rows, left_out


def told(rows):
    gaps = np.array([ours.value / device - 1 for *_, device, ours in rows])
    within = float(np.mean(np.abs(gaps) <= 0.15))
    return float(np.median(np.abs(gaps))), within, float(np.mean(gaps)), len(gaps)


def test_descent_against_the_device(compared):
    rows, left_out = compared
    for name, some in (
        ("all", rows),
        ("FR255", [row for row in rows if "fr255" in row[0].lower()]),
        ("rest", [row for row in rows if "fr255" not in row[0].lower()]),
        ("barometric", [row for row in rows if row[2] is AltitudeSource.BAROMETRIC]),
        (
            "rest, barometric",
            [r for r in rows if r[2] is AltitudeSource.BAROMETRIC and "fr255" not in r[0].lower()],
        ),
    ):
        median, within, mean, count = told(some)
        print(f"{name}: n {count}, median {median:.2%}, within 15 % {within:.1%}, mean {mean:+.2%}")
    print("left out:", left_out)
    median, within, _, count = told(rows)
    assert count >= 120
    assert median <= 0.04
    assert within >= 0.92
    assert sum(left_out.values()) < 0.1 * (count + sum(left_out.values()))


def test_the_interval_holds_its_value(compared):
    for *_, ours in compared[0]:
        assert ours.low <= ours.value <= ours.high
