"""What the pages stand on agrees with the ledger day by day, and what is unknown stays unknown."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kneeledger import workload
from kneeledger.knee.running import EASY_LOAD_RATE_BW
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import diary, gathering, history, settings


@pytest.fixture
def own(season: Path, tmp_path: Path) -> Path:
    """A ledger of the made-up season that may be changed."""
    return Path(shutil.copytree(season, tmp_path / "ledger"))


def weeks_and_days(folder: Path, as_of: date | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    with Ledger(folder, create=False) as ledger:
        known = history.gather(ledger, "me", settings.find({"tz": "", "jobs": 1}), as_of=as_of)
        days = workload.daily(known.history.activities, as_of=known.as_of, coverage=known.history.coverage)
        return gathering.weeks(known), days


def sums_of(days: pl.DataFrame, week: date, name: str) -> Any:
    return days.filter(pl.col("day").is_between(week, week + timedelta(days=6)))[name].sum()


def test_runs_noted_by_hand_count_in_the_weeks_as_in_the_days(own: Path) -> None:
    plain, _ = weeks_and_days(own)
    with Ledger(own) as ledger:
        diary.add_note(ledger, "me", "run", 45.0, date(2026, 4, 22))
        diary.add_note(ledger, "me", "strength", 30.0, date(2026, 4, 22))
    weeks, days = weeks_and_days(own)
    more = 45 * 60 * EASY_LOAD_RATE_BW
    before, after = (
        frame.filter(pl.col("week") == date(2026, 4, 20)).row(0, named=True) for frame in (plain, weeks)
    )
    assert after["sessions"] == before["sessions"] + 2
    assert after["noted_run_bw_s"] == pytest.approx(more)
    for name in ("knee_run_bw_s", "knee_run_low_bw_s", "knee_high_bw_s", "load_duration_bw_s"):
        assert after[name] == pytest.approx(before[name] + more), name
    assert after["run_time_s"] == pytest.approx(before["run_time_s"] + 45 * 60)
    for row in weeks.to_dicts():
        assert row["knee_run_bw_s"] == pytest.approx(sums_of(days, row["week"], "knee_load_run_bw_s"))
        parts = [row[f"load_{name}_bw_s"] for name in ("duration", "pace", "cadence", "downhill", "uphill")]
        assert sum(parts) == pytest.approx(row["knee_run_bw_s"])


def test_a_week_of_which_nothing_is_known_is_null_in_every_number(season: Path) -> None:
    weeks, _ = weeks_and_days(season, date(2026, 7, 5))
    unknown = weeks.filter(pl.col("known_days") == 0)
    assert 0 < unknown.height < weeks.height
    for name in weeks.columns:
        if name not in ("week", "complete", "known_days", "level_28d_bw_s"):
            assert unknown[name].null_count() == unknown.height, name
    known, _ = weeks_and_days(season)
    assert weeks.schema == known.schema


def test_before_the_first_file_every_week_is_unknown(season: Path) -> None:
    weeks, _ = weeks_and_days(season, date(2019, 1, 1))
    assert weeks.height == gathering.WEEKS
    assert weeks["sessions"].null_count() == weeks.height
    assert weeks["knee_run_bw_s"].dtype == pl.Float64


def test_a_comparison_with_half_of_ninety_days_says_so_and_is_no_most_of_thirty() -> None:
    from dataclasses import dataclass
    from types import SimpleNamespace

    from kneeledger.pipeline import activity
    from kneeledger.severity import DISTANCE, FLOORS, Profile

    @dataclass
    class Item:
        against: int = 0
        ratio: float = 2.0
        value: float = 12_000.0
        reference: float = 6_000.0
        low: None = None
        high: None = None
        known_days: int = 30
        window_empty: bool = True

    some = SimpleNamespace(profile=Profile(), history=SimpleNamespace(floors=FLOORS))
    outings = [{"day": date(2026, 3, 1), "id": "a"}]
    half = activity._comparison(Item(), DISTANCE, outings, some)  # type: ignore[arg-type]
    assert "half of the most of the 90 days before, that of 1 March: 6.0 km, +100 %" in half.text
    assert "most of the 30 days before" not in half.text
    assert half.halved
    assert not half.tested
    whole = activity._comparison(Item(window_empty=False), DISTANCE, outings, some)  # type: ignore[arg-type]
    assert "the most of the 30 days before: 6.0 km on 1 March, +100 %" in whole.text
    assert whole.tested


def test_an_answer_mixes_no_two_states_of_a_ledger(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = Ledger.sums

    def meanwhile(ledger: Ledger, athlete: str) -> pl.DataFrame:
        with Ledger(own) as other, other.transaction() as db:  # as a scan does with files that have changed
            for (path,) in db.execute(
                "select path from activities order by start_us desc limit 20"
            ).fetchall():
                other.drop_activities(db, "me", path)
        return sums(ledger, athlete)

    with Ledger(own) as ledger:
        before = history.gather(ledger, "me", settings.find({}))
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "sums", meanwhile)
            among = history.gather(ledger, "me", settings.find({}))
        after = history.gather(ledger, "me", settings.find({}))
    assert_frame_equal(among.history.activities, before.history.activities)
    assert after.history.activities.height < before.history.activities.height


def test_a_run_whose_record_moved_to_another_file_keeps_its_altitude(own: Path) -> None:
    with Ledger(own) as ledger:
        before = history.gather(ledger, "me", settings.find({})).history.coverage
        with ledger.transaction() as db:  # the database writes JSON without blanks
            db.execute("update activities set about = json(about), crc = null")
        assert history.gather(ledger, "me", settings.find({})).history.coverage == before
