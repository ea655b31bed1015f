"""Forecasts of real runs from what came before them; descent of real courses, on foot and on wheels.

Measured on 2026-11-22 over one history of 19 months: printed in `kneeledger explain forecast`.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kneeledger import matched_cadence, preparation
from kneeledger.forecast import backtest, wilson
from kneeledger.forecast.backtest import GOOD, own_course
from kneeledger.ledger import rows
from kneeledger.ledger.store import Ledger
from kneeledger.model import Way
from kneeledger.pipeline import forecasting, front, history, settings

HISTORY = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpus" / "history-mixed19m"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,
    pytest.mark.skipif(not HISTORY.is_dir(), reason="the corpus of real recordings is not here"),
]


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "ledger"
    config = settings.find({"jobs": 1})
    front.scan([HISTORY], folder, config=config, jobs=1)
    with Ledger(folder, create=False) as ledger:
        yield ledger, history.gather(ledger, "me", config), config


def test_real_runs_lie_in_their_intervals(known):
    ledger, of, config = known
    runs = forecasting.pasts(ledger, of, config, Way.RUN, 1000)
    walks = [one.hundreds for one in forecasting.pasts(ledger, of, config, Way.WALK, 1000)]
    steady = history.stretches(ledger, "me", of.activities)

    def before(day):
        return forecasting.cadence_line(matched_cadence.analyse(steady, until=day - timedelta(days=1)))

    record = backtest(runs, before, downhill=of.history.downhill_model, walks=walks)
    print(
        f"load {record.inside} of {record.n}, time {record.time_inside}; median errors: time "
        f"{record.median_error('time'):.3f}, load {record.median_error('load'):.3f}, descent "
        f"{record.median_error('descent'):.2f} m; {wilson(record.inside, record.n)}"
    )
    assert record.n >= 20
    low, high = wilson(record.inside, record.n)
    assert low <= 0.90 <= high
    assert record.median_error("time") < 0.08
    assert record.median_error("load") < 0.08
    assert record.median_error("descent") < 2.0


# On walks with many halts the device counts drift while standing as descent; the recording differs as much.
@pytest.mark.parametrize(
    ("way", "least", "device_within"), [("run", 25, 0.10), ("walk", 15, 0.15), ("ride", 100, 0.05)]
)
def test_descent_of_a_thinned_course_is_that_of_the_recording(known, way, least, device_within):
    ledger, of, config = known
    off, device_off = [], []
    of_way = of.activities.filter(pl.col("way") == way)
    told = of_way.join(ledger.metrics("me", ["descent_m"]), on="id", how="left", maintain_order="left")
    for row in told.iter_rows(named=True):
        records = ledger.records(row["id"])
        kept = ledger.written(row["id"])
        about = rows.about_from_json(kept.about)
        if (
            records is None
            or about.altitude_source not in GOOD
            or about.indoor
            or (row["descent_m"] or 0) < 5
        ):
            continue
        recording = rows.recording(kept, records)
        course = own_course(preparation.prepare(recording, settings.preparation(config, row["day"])))
        if course is None or course.descent_m is None:
            continue
        off.append(course.descent_m / row["descent_m"] - 1)
        device = about.device_descent_m
        if device and device >= 20:
            device_off.append(course.descent_m / device - 1)
    print(
        f"{way}: n {len(off)}, median abs {np.median(np.abs(off)):.4f}, bias {np.median(off):+.4f}; against the "
        f"device n {len(device_off)}, {np.median(np.abs(device_off)):.4f}, {np.median(device_off):+.4f}"
    )
    assert len(off) >= least
    assert np.median(np.abs(off)) < 0.05
    assert abs(np.median(off)) < 0.04
    assert np.median(np.abs(device_off)) < device_within
