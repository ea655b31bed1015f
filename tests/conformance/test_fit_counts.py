"""How many records are read: the acceptance list of nasty files, and never fewer than the best judge.

Marked slow, fitdecode and the SDK count the records of every file up to 150 kB and of every third of the larger
ones, and fitparse of half of those; all judges count those of all files with KNEELEDGER_FULL=1.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from fit_judges import FILES, counted

from kneeledger.errors import ReadError, UnsupportedFormatError
from kneeledger.model import Source
from kneeledger.readers import fit

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="the shared corpus is not here")]


def found(name: str) -> Path:
    path = next((path for path in FILES if path.name == name), None)
    if path is None:
        pytest.skip(f"{name} is not in this corpus")
    return path


@pytest.mark.parametrize(
    ("name", "records", "kilometres"),
    [
        ("2018-04-15-09-18-20.fit", 10_856, 92.7),  # N1: size 0, no session
        ("2018-02-24-10-04-10.fit", 4_882, 43.7),
        ("empty-activities.fit", 2_319, 18.3),  # N2
        ("8CS90646.FIT", 4_041, 8.6),  # N4: a hole of 46 bytes
        ("lezyne_super_gps-garmin_fit-sample-bad-endian.fit", 804, 8.07),  # N5: junk with another day's ride
        ("nick.fit", 14_391, None),  # F4: cut
        ("invalid_truncated.fit", 2, None),  # N18
        ("antfs-dump.63.fit", 686, None),  # F2: compressed time stamps
    ],
)
def test_nasty_files_give_what_is_in_them(name: str, records: int, kilometres: float | None) -> None:
    frame = fit.decode(found(name).read_bytes(), path=name).frame("record")
    assert frame.height == records
    if kilometres is not None:
        assert frame["distance"].max() == pytest.approx(kilometres * 1000, rel=0.01)


def test_single_lost_bytes_cost_a_record_each_and_not_the_run() -> None:
    """N3: about 17 holes; span and distance are those of the session message."""
    opened = fit.decode(found("strava-android-app-201.10-b1218918.fit").read_bytes())
    frame = opened.frame("record", ("timestamp", "distance"))
    assert 5_280 <= frame.height <= 5_330
    assert frame["distance"].drop_nulls()[-1] == pytest.approx(11_274.04)
    times = frame["timestamp"].drop_nulls()
    assert times.is_sorted()
    assert (times[-1] - times[0]).total_seconds() == pytest.approx(3_558, abs=2)
    assert {"fit_hole", "fit_cut", "fit_record_dropped"} <= {issue.code for issue in opened.issues}


def test_the_hole_is_told_byte_for_byte() -> None:
    opened = fit.decode(found("8CS90646.FIT").read_bytes())
    assert [(gap.start, gap.end) for gap in opened.parts[0].gaps] == [(27_997, 28_043)]


def test_no_record_is_of_another_day() -> None:
    """N5: what stands behind the closing message is another day's ride."""
    name = "lezyne_super_gps-garmin_fit-sample-bad-endian.fit"
    days = set(fit.decode(found(name).read_bytes()).frame("record")["timestamp"].dt.date().drop_nulls())
    assert days == {date(2019, 8, 18)}


@pytest.mark.parametrize("name", ["huez.fit", "310xt-bike.fit", "310xt-run.fit"])
def test_header_crc_zero_is_no_warning(name: str) -> None:
    assert fit.decode(found(name).read_bytes()).issues == ()


def test_a_block_two_years_ahead_is_kept_for_mending() -> None:
    frame = fit.decode(found("2013-04-11-17-32-50.fit").read_bytes()).frame("record", ("timestamp",))
    assert int((frame["timestamp"].dt.year() == 2015).sum()) == 14  # N19


def test_macos_metadata_is_named() -> None:
    with pytest.raises(UnsupportedFormatError, match="macOS"):
        fit.decode(found("._empty.fit").read_bytes())


def test_every_file_gives_drafts_or_a_reason() -> None:
    reasons = {}
    for path in FILES[::6]:
        try:
            drafts = fit.drafts(Source(path.name, path.read_bytes(), "", path))
        except ReadError as error:
            reasons[path.name] = error.why
        else:
            assert all("time" in draft.records.columns for draft in drafts)
    assert all("no activity" in why or "too few" in why or "not a FIT" in why for why in reasons.values())


INVENTED = {
    "lezyne_super_gps-garmin_fit-sample-bad-endian.fit": "976 rows of another day behind the activity message",
}


FULL = os.environ.get("KNEELEDGER_FULL") == "1"


@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 600)
def test_at_least_as_many_records_as_the_best_judge() -> None:
    context = multiprocessing.get_context("spawn")
    largest_first = sorted(FILES, key=lambda path: (-path.stat().st_size, str(path)))
    large = sum(path.stat().st_size > 150_000 for path in FILES)
    chosen = [path for place, path in enumerate(largest_first) if FULL or place >= large or place % 3 == 0]
    slowly = [FULL or path.stat().st_size <= 150_000 or place % 2 == 1 for place, path in enumerate(chosen)]
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        results = list(pool.map(counted, chosen, slowly, chunksize=2))
    fewer = {name: (ours, theirs) for name, ours, theirs in results if ours < max(theirs.values())}
    assert set(fewer) <= set(INVENTED)
