"""A new watch must not look like a new load: runs by GPS altitude, then the same by barometer."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kneeledger import findings, schema
from kneeledger.ledger import rows, store
from kneeledger.ledger.store import Ledger
from kneeledger.model import About, AltitudeSource, CadenceChoice, Recording
from kneeledger.pipeline import history, settings
from kneeledger.pipeline.entries import entry, freshness

FIRST = datetime(2026, 1, 1, 7, tzinfo=UTC)


def usual_run(day: int, rng: np.random.Generator, *, barometer: bool, hill_m: float) -> Recording:
    """Half an hour at 3 m/s over hills of 1,200 m, with the altitude noise of a phone or of a barometer."""
    n = 1800
    ground = 50 + hill_m * np.sin(np.arange(n) * 3 * 2 * np.pi / 1200)
    if barometer:
        altitude = 0.2 * np.round((ground + rng.normal(0, 0.25, n) + 0.6 * np.sin(np.arange(n) / 400)) / 0.2)
    else:
        walk = np.zeros(n)
        for i in range(1, n):
            walk[i] = 0.975 * walk[i - 1] + rng.normal(0, 0.9)
        altitude = ground + walk + rng.normal(0, 0.5, n)
    start = FIRST + timedelta(days=day)
    speed = 3.0 * np.exp(rng.normal(0, 0.02)) + rng.normal(0, 0.05, n)
    frame = pl.DataFrame(
        {
            "time": [start + timedelta(seconds=s) for s in range(n)],
            "segment": np.zeros(n, dtype=np.int32),
            "distance_m": np.cumsum(speed),
            "speed_mps": speed,
            "cadence_spm": 168 + rng.normal(0, 1.5, n),
            "altitude_m": altitude,
        }
    )
    about = About(
        start=start,
        end=start + timedelta(seconds=n - 1),
        sport="running",
        sub_sport=None,
        format="fit",
        decoder="made up",
        device="garmin fenix6" if barometer else "a phone",
        device_serial="2" if barometer else "1",
        sha256=f"{day:064d}",
        path=f"{day}.fit",
        part=0,
        utc_offset_s=0,
        utc_offset_how="file",
        altitude_source=AltitudeSource.UNKNOWN,
        cadence=CadenceChoice("cadence", 2, "made up"),
        indoor=False,
        virtual=False,
        elapsed_s=float(n),
        timer_s=float(n),
        device_distance_m=None,
        device_ascent_m=None,
        device_descent_m=None,
        file_mass_kg=None,
        facts={"barometer": barometer},
    )
    records, _ = schema.conform(frame, schema.RECORDS)
    return Recording(
        about, records, schema.empty(schema.LAPS), schema.empty(schema.PAUSES), pl.DataFrame(), ()
    )


@pytest.mark.parametrize(("seed", "hill_m"), [(1, 0.0), (2, 0.0), (1, 10.0), (1, 15.0), (2, 25.0)])
def test_changing_from_gps_altitude_to_a_barometer_causes_no_finding(tmp_path, seed, hill_m):
    rng = np.random.default_rng(seed)
    config = settings.find({})
    with Ledger(tmp_path / "l") as ledger:
        made = []
        for day in range(0, 80, 2):
            recording = usual_run(day, rng, barometer=day >= 50, hill_m=hill_m)
            _, one = entry(recording, config)
            row = rows.activity_row(
                "me",
                one,
                freshness=freshness(rows.day_of(recording.about), config),
                segment="s.parquet",
                context={},
                pauses=recording.pauses,
            )
            made.append(row | {"read_issues": "[]"})
        store.write_segment(pl.DataFrame({"activity": ["x"]}), ledger.tracks, "s.parquet")
        with ledger.transaction() as db:
            ledger.put_segment(db, "s.parquet", 1)
            for row in made:
                ledger.put_activity(db, row)
        known = history.gather(ledger, "me", config)
    sources = set(known.history.frame["altitude_source"])
    assert "barometric" in sources
    assert sources & {"gps", "unknown"}
    told = findings.spikes(known.history, known.as_of, last_days=45)
    assert [one.text for one in told if not one.code.startswith("CV")] == []
