"""Dates for FIT files whose time stamps count from power-on.

A device that does not know the date counts seconds since it was switched on, and FIT tells such stamps apart by
their size: they stand in 1990. Their differences are sound; only the date is not. Three places of the same
file may still know it: a message that relates both clocks, the time at which the file was created, and the
wall clock that the closing message carries. The first that does moves every such stamp of the draft by one
and the same amount, and it is told which it was. Where none knows, the stamps stay, and that is told.
Instead of: leaving a run of today in a history of 1990, where it would be the first day of every baseline.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import polars as pl

from kneeledger.model import Draft, Issue

__all__ = ["dated"]

FIRST_YEAR = 1998
"""Real time stamps of FIT start in mid-1998; what lies before counts from power-on. [year]"""


class _Tables(Protocol):
    def frame(self, kind: str) -> pl.DataFrame:
        """Messages of a kind with profile names."""


def dated(draft: Draft, tables: _Tables) -> Draft:
    """The draft with real times, as far as its file knows them; itself where nothing was to be done."""
    time = draft.records.get_column("time")
    first = time.min()
    if not isinstance(first, datetime) or first.year >= FIRST_YEAR:
        return draft
    count = int((time.dt.year() < FIRST_YEAR).sum())
    shift, how = _shift(draft, tables, first)
    text = f"Time stamps count from power-on, not from a date; {how}."
    issues = (*draft.issues, Issue("fit_system_time", count, text))
    if shift is None:
        return replace(draft, issues=issues)
    facts = {
        name: value + shift if isinstance(value, datetime) and _early(value) and value.tzinfo else value
        for name, value in draft.facts.items()
    }
    return replace(
        draft,
        records=_moved(draft.records, shift),
        sessions=_moved(draft.sessions, shift),
        laps=_moved(draft.laps, shift),
        events=_moved(draft.events, shift),
        facts=facts,
        issues=issues,
    )


def _shift(draft: Draft, tables: _Tables, first: datetime) -> tuple[timedelta | None, str]:
    """What is to be added to such stamps, and how it is known."""
    for row in tables.frame("timestamp_correlation").to_dicts():
        real, counted = row.get("timestamp"), row.get("system_timestamp")
        if (
            isinstance(real, datetime)
            and isinstance(counted, datetime)
            and not _early(real)
            and _early(counted)
        ):
            return real - counted, "the date comes from a message that relates both clocks"
    created = next(iter(tables.frame("file_id").to_dicts()), {}).get("time_created")
    if isinstance(created, datetime) and not _early(created):
        return created - first, "the date is that of the file's creation"
    local, counted = draft.facts.get("local_timestamp"), draft.facts.get("activity_timestamp")
    if (
        isinstance(local, datetime)
        and isinstance(counted, datetime)
        and not _early(local)
        and _early(counted)
    ):
        how = "the date comes from the local time in the closing message, the hour is that of the wall clock"
        return local.replace(tzinfo=UTC) - counted, how
    return None, "nothing in the file tells the date, so they stand near 1990"


def _early(moment: datetime) -> bool:
    return moment.year < FIRST_YEAR


def _moved(frame: pl.DataFrame, shift: timedelta) -> pl.DataFrame:
    """The frame with its early times moved."""
    moments = [
        name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone
    ]
    return frame.with_columns(
        pl.when(pl.col(name).dt.year() < FIRST_YEAR).then(pl.col(name) + shift).otherwise(pl.col(name))
        for name in moments
    )
