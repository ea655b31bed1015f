"""The coach's page: what is said in words, and what stays in one piece."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kneeledger.reporting import coach
from kneeledger.reporting.coach import CoachPage, CoachRow, Week

DAY = date(2026, 4, 30)
ROW = CoachRow(
    who="a0123456789ab",
    named=False,
    href=None,
    status="read",
    code="",
    group="stands_out",
    last_day=DAY,
    days_since=0,
    covered_days=28,
    files_failed=0,
    severity="raised",
    finding="More than usual.",
    finding_day=DAY,
    measure="distance_m",
    evidence="measured",
    ratio=1.98,
    low=None,
    high=None,
    weeks=tuple(Week(DAY - timedelta(days=7 * back), 1000.0) for back in range(12)),
)
PAGE = CoachPage(
    as_of=DAY,
    as_of_how="newest",
    ahead=None,
    rows=(ROW,),
    weeks=12,
    named=False,
    versions={"kneeledger": "0"},
)


def shown(**changes: object) -> str:
    """The page with one row, changed, blanks that do not break as blanks."""
    row = replace(ROW, **changes)  # type: ignore[arg-type]
    return coach.render(replace(PAGE, rows=(row,))).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(1.979, 1.981, "+98 %<"), (1.75, 2.21, "+98 % (+75 % to +121 %)"), (None, None, "+98 %<")],
)
def test_an_interval_is_told_where_its_ends_are_other_numbers(
    low: float | None, high: float | None, said: str
) -> None:
    text = shown(low=low, high=high)
    assert said in text.replace(" <", "<")
    assert "+98 % to" not in text


@pytest.mark.parametrize(("count", "said"), [(1, "; 1 file cannot be read"), (2, "; 2 files cannot be read")])
def test_files_are_counted_in_english(count: int, said: str) -> None:
    assert said in shown(files_failed=count)


def test_one_athlete_is_told_in_the_singular() -> None:
    assert "1 athlete: 1 stands out in the last seven days, 0 are without data." in shown()


def test_numbers_stay_with_their_per_cent() -> None:
    assert "+98\N{NO-BREAK SPACE}%" in coach.render(PAGE)


def test_without_any_activity_the_title_names_no_day() -> None:
    row = replace(ROW, last_day=None, status="no_activity", code="no_recordings", group="no_data", weeks=())
    text = coach.render(replace(PAGE, as_of=None, rows=(row,)))
    assert "<h1>Athletes</h1>" in text
    assert "as of unknown" not in text
