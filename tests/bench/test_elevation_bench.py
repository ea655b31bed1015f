"""What cleaning, drift, grade and descent cost, and that the cost grows with the number of records only."""

import time

import numpy as np
import pytest

from kneeledger import elevation
from kneeledger.model import AltitudeSource


def hilly(count):
    rng = np.random.default_rng(1)
    clock = np.arange(count, dtype=float)
    x = 3.0 * clock
    altitude = 400 + 30 * np.sin(2 * np.pi * x / 1700) + 4 * np.sin(2 * np.pi * x / 400)
    return clock, x, np.round((altitude + rng.normal(size=count) * 0.25) / 0.2) * 0.2


def prepared(clock, x, altitude):
    segment = np.zeros(len(clock), dtype=np.int64)
    source = AltitudeSource.BAROMETRIC
    clean = elevation.clean_altitude(altitude, clock, x, segment, source=source, sport="running")
    around = 2 * np.pi * x / 2400
    north, east = -30 + 0.003 * np.sin(around), -20 + 0.003 * np.cos(around)
    elevation.drift(clean, clock, north, east, source=source)
    slope = elevation.grade(clean, x, segment, np.full(len(clock), 3.0), clock, source=source)
    return slope, elevation.descent(clean, x, clock, source=source)


def best_s(count, rounds=5):
    data = hilly(count)
    prepared(*data)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        prepared(*data)
        times.append(time.process_time() - start)
    return min(times)


def test_cost_is_linear():
    # four times the records: with other work on the machine up to twice four, by the square it would be sixteen
    assert best_s(100_000, 4) < 8 * best_s(25_000, 4)


@pytest.mark.parametrize("count", [3_600, 10_800, 100_000])
def test_bench_elevation(benchmark, count):
    data = hilly(count)
    benchmark(prepared, *data)
