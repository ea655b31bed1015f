"""A history that grows day by day: scanned, asked and reported each day, and no day costs more than another.

Short: 60 days of two athletes, in this process (slow marker). The long one, by hand, ten years of five::

    python tests/robustness/test_soak.py --days 3650 --athletes 5 --ask-every 7 --report-every 730

It prints a line for each tenth of the time: days, activities, seconds of processor and resident memory.
"""

import argparse
import gc
import os
import random
import statistics
import struct
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import comparing, front, settings

FIRST = date(2025, 1, 1)
FIT_EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
FIELDS = ((253, 4, 0x86), (5, 4, 0x86), (2, 2, 0x84), (6, 2, 0x84), (3, 1, 0x02), (4, 1, 0x02))
"""time, distance [cm], altitude [m, 5 x, + 500], speed [mm/s], heart rate, cadence [cycles/min]."""


def activity(athlete, day, chance):
    """A FIT file of 20 to 40 minutes, up and down a hill."""
    start = int((datetime(day.year, day.month, day.day, 17, tzinfo=UTC) - FIT_EPOCH).total_seconds())
    count = chance.randrange(1200, 2400)
    file_id = bytes([0x40, 0, 0, 0, 0, 3, 0, 1, 0, 3, 4, 0x8C, 4, 4, 0x86])
    out = file_id + struct.pack("<BBII", 0, 4, 1000 + athlete, start)
    out += bytes([0x41, 0, 0, 20, 0, len(FIELDS)]) + bytes(n for one in FIELDS for n in one)
    speed, along = chance.uniform(2.4, 3.4), 0.0
    for k in range(count):
        along += speed
        height = 120 + 40 * abs((along / 1500) % 2 - 1)
        cadence = round(73 + 3.5 * speed + chance.gauss(0, 0.5))
        out += struct.pack(
            "<BIIHHBB",
            1,
            start + k,
            int(100 * along),
            int(5 * (height + 500)),
            int(1000 * speed),
            140,
            cadence,
        )
    return struct.pack("<BBHI4sH", 14, 32, 2195, len(out), b".FIT", 0) + out + b"\0\0"


def memory_mib():
    """Resident memory of this process [MiB]; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def soak(folder, days, athletes, *, ask_every=1, report_every=30, tell=None, seed=3):
    """Live through the days; for each day (activities so far, seconds of scan, of questions, memory [MiB]).

    Seconds are those of all athletes together; of questions None on a day without any.
    """
    chance = random.Random(seed)
    ledger = folder / "ledger"
    config = settings.find({})
    told, written = [], 0
    for number in range(days):
        day = FIRST + timedelta(days=number)
        scanning, asking = 0.0, None
        for athlete in range(athletes):
            name = f"runner-{athlete}"
            export = folder / name
            export.mkdir(exist_ok=True)
            if chance.random() < 0.75:
                (export / f"{day}.fit").write_bytes(activity(athlete, day, chance))
                written += 1
            began = time.process_time()
            if any(export.iterdir()):
                front.scan([export], ledger, athlete=name, config=config)
            scanning += time.process_time() - began
            began = time.process_time()
            with Ledger(ledger) as opened:
                [(some,)] = opened.query("select count(*) from activities where athlete = ?", (name,))
            if some > 3 and number % ask_every == ask_every - 1:
                opened, of = comparing.known(ledger, name, config, day)
                with opened:
                    comparing.spikes(of)
                asking = (asking or 0.0) + time.process_time() - began
            if some > 3 and report_every and number % report_every == report_every - 1:
                front.report(ledger, folder / f"report-{athlete}", athlete=name, config=config, as_of=day)
        gc.collect()
        told.append((written, scanning, asking, memory_mib()))
        if tell is not None:
            tell(number, told)
    return told


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixty_days_of_two_athletes_stay_flat(tmp_path):
    told = soak(tmp_path, 60, 2, report_every=20)
    with Ledger(tmp_path / "ledger") as ledger:
        held = sum(ledger.activities(name).height for name in ("runner-0", "runner-1"))
        assert held == told[-1][0]
        assert len(list(ledger.tracks.iterdir())) <= 40
    first, last = told[10:25], told[45:]
    for column, what in ((1, "scan"), (2, "questions")):
        early = statistics.median(one[column] for one in first if one[column] is not None)
        late = statistics.median(one[column] for one in last if one[column] is not None)
        assert late < 2.5 * early + 0.2, (what, early, late)
    if told[-1][3]:
        assert told[-1][3] < told[24][3] + 120


def _tell(days):
    def tell(number, told):
        step = max(1, days // 10)
        if number % step == step - 1:
            part = told[-step:]
            scan, ask = (
                statistics.median([one[k] for one in part if one[k] is not None] or [0.0]) for k in (1, 2)
            )
            line = f"day {number + 1}: {told[-1][0]} activities, scan {scan:.2f} s, questions {ask:.2f} s"
            sys.stdout.write(f"{line}, memory {told[-1][3]:.0f} MiB\n")
            sys.stdout.flush()

    return tell


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=3650)
    parser.add_argument("--athletes", type=int, default=5)
    parser.add_argument("--ask-every", type=int, default=1)
    parser.add_argument("--report-every", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        soak(
            Path(place),
            asked.days,
            asked.athletes,
            ask_every=asked.ask_every,
            report_every=asked.report_every,
            tell=_tell(asked.days),
        )
