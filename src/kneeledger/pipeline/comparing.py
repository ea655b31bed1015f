"""The reading commands over a ledger: what they answer, as plain data."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger import findings, headroom, matched_cadence, symptoms
from kneeledger.config import Config
from kneeledger.ledger.store import Ledger
from kneeledger.model import Finding
from kneeledger.pipeline import contract, history, scan
from kneeledger.pipeline.history import Known

__all__ = ["before", "cadence", "downhill", "ease", "known", "room", "spikes"]


def known(
    folder: Path,
    athlete: str,
    config: Config,
    as_of: date | None,
    *,
    what_if: bool = False,
    tell: Callable[[str], None] | None = None,
) -> tuple[Ledger, Known]:
    """The open ledger and what is known of an athlete on a day; numbers follow the settings in force.

    Raises
    ------
    StoreError
        There is no ledger, or no activity and no day.
    """
    ledger = Ledger(folder, create=False, tell=tell)
    try:
        scan.refresh(ledger, athlete=athlete, config=config)
        return ledger, history.gather(ledger, athlete, config, as_of=as_of, what_if=what_if)
    except BaseException:
        ledger.close()  # whoever asked has no ledger to close, and a writer's lock must not outlive the error
        raise


def spikes(of: Known, *, last_days: int = 56) -> dict[str, Any]:
    """The contract of ``spikes``: what stood out in the last days, newest first."""
    found = findings.spikes(of.history, of.as_of, last_days=last_days, profile=of.profile)
    return contract.findings(found, of.as_of) | {"as_of_how": of.how, "newest": of.history.newest}


def found(of: Known, *, last_days: int = 56) -> list[Finding]:
    """The findings of `spikes` as records."""
    return findings.spikes(of.history, of.as_of, last_days=last_days, profile=of.profile)


def room(of: Known, plan: str = "") -> dict[str, Any]:
    """How much more before it is a spike.

    Raises
    ------
    ConfigError
        The plan is not understood.
    """
    referral = symptoms.referral(of.history.pain, of.as_of)
    answer = headroom.headroom(
        of.history,
        of.as_of,
        profile=of.profile,
        plan=plan or (),
        referral=referral.text if referral else None,
    )
    return asdict(answer)


def downhill(ledger: Ledger, of: Known, *, weeks: int = 12) -> dict[str, Any]:
    """The ledger of descent: by week (running, and walking apart), by band, single descents."""
    monday = of.as_of - timedelta(days=of.as_of.weekday())
    first = monday - timedelta(weeks=weeks - 1)
    days = of.activities.select("id", "day")
    bands, events = ledger.tables(of.athlete, "bands"), ledger.tables(of.athlete, "descents")
    shown = of.history.frame.filter(pl.col("day").is_between(first, of.as_of)).with_columns(
        pl.col("day").dt.truncate("1w").alias("week")
    )
    running = (pl.col("way") == "run") | (pl.col("descent_run_m") > 0)
    by_week = (
        shown.filter(running)
        .group_by("week")
        .agg(
            *_summed("descent_run_m", "steep_descent_run_m", "steps_downhill"),
            pl.col("descent_run_m").max().alias("largest_activity_m"),
            pl.len().alias("activities"),
            pl.col("descent_m").null_count().alias("without_altitude"),
        )
        .sort("week")
    )
    walking = (
        shown.filter(pl.col("way") == "walk")
        .group_by("week")
        .agg(
            *_summed("descent_m"),
            pl.col("descent_m").max().alias("largest_activity_m"),
            pl.len().alias("activities"),
            pl.col("descent_m").null_count().alias("without_altitude"),
        )
        .sort("week")
    )
    by_band: list[dict[str, Any]] = []
    if bands.height:
        by_band = (
            bands.join(days, on="id", how="inner")
            .filter(pl.col("day").is_between(first, of.as_of) & pl.col("way").is_in(["run", "walk"]))
            .with_columns(pl.col("from").cast(pl.Float64))
            .group_by("way", "from", "to", maintain_order=True)
            .agg(_summed("time_s", "distance_m", "descent_m", "steps", "knee_load_bw_s"))
            .sort("way", "to", nulls_last=True)
            .to_dicts()
        )
    single: list[dict[str, Any]] = []
    if events.height:
        near = events.join(days, on="id", how="inner").filter(pl.col("way").is_in(["run", "walk"]))
        single = (
            near.filter(pl.col("day").is_between(first, of.as_of)).sort("drop_m", descending=True).to_dicts()
        )
        for one in single:
            like = near.filter((pl.col("drop_m") >= 0.5 * one["drop_m"]) & (pl.col("day") < one["day"]))[
                "day"
            ]
            one["days_since_comparable"] = (one["day"] - like.max()).days if like.len() else None
    return {
        "as_of": of.as_of.isoformat(),
        "weeks": by_week.to_dicts(),
        "weeks_walking": walking.to_dicts(),
        "bands": by_band,
        "descents": single,
    }


def _summed(*names: str) -> list[pl.Expr]:
    """Sums of what is known; null where nothing is, which is no 0."""
    return [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in names]


def cadence(of: Known, *, last_days: int | None = None) -> dict[str, Any]:
    """The contract of ``cadence``: model, series, changes; and what a change would mean."""
    told = matched_cadence.to_json(of.matched) | {"as_of": of.as_of.isoformat()}
    if last_days is not None:
        first = (of.as_of - timedelta(days=last_days - 1)).isoformat()
        told["series"] = [one for one in told["series"] if one["date"] >= first]
        told["changes"] = [one for one in told["changes"] if one["date"] >= first]
    told["rides"] = matched_cadence.rides_to_json(of.pedalling)
    model, speed = of.matched.model, of.matched.usual_speed_mps or 3.0
    if model.runs:
        told["cues"] = matched_cadence.cue_table(model).to_dicts()
        told["what_if"] = {
            f"{100 * change:+.0f} %": matched_cadence.counterfactual(
                model, speed, change, downhill=of.history.downhill_model
            )
            for change in (0.05, 0.10)
        }
        told["changes"] = [
            one
            | {
                "meaning": matched_cadence.counterfactual(
                    model, speed, one["size_pct"] / 100, downhill=of.history.downhill_model
                )
            }
            for one in told["changes"]
        ]
    return told


def before(of: Known, onset: date) -> dict[str, Any]:
    """What was unusual in the weeks before a day."""
    changed = symptoms.before(of.history, onset)
    return {
        "onset": onset.isoformat(),
        "changes": [asdict(one) for one in changed],
        "unusual": sum(one.unusual for one in changed),
        "note": "An association in time, not a cause.",
    }


def ease(of: Known, *, weeks: int = 4) -> dict[str, Any]:
    """The article's levers on the last weeks, and stepwise ceilings back."""
    return asdict(symptoms.ease(of.history, of.as_of, weeks))
