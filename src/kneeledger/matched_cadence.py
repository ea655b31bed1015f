"""Cadence at matched pace and grade over a history: did the step rate change, or only the runs?

A runner's ln(cadence) is close to a line in ln(speed). The line is fitted robustly (Huber) to steady level
minutes; how grade moves it comes from steady minutes at 2-15 % with the line held fixed. Each run then has
one number, its cadence at 3.0 m/s on the level, and a self-starting CUSUM over these numbers says when the
level changed: each run is judged against the runs of the present regime only, with a run-to-run spread that
starts from a prior and is learnt from the athlete, so that it can work from a handful of runs and never looks
ahead. Its limit is calibrated by simulation to at most one false alarm in 300 runs (the test prints the
table); with a reference learnt from 20 runs the textbook limit of 4-5 alarms far more often.
Instead of: a rolling mean of raw cadence, which calls every easy week a change.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from kneeledger import plurals
from kneeledger.knee import running
from kneeledger.model import DownhillModel, FloatArray

__all__ = [
    "RIDES",
    "Change",
    "Matched",
    "Model",
    "Params",
    "analyse",
    "change_points",
    "counterfactual",
    "cue_table",
    "explained_by_pace",
    "fit",
    "huber_line",
    "rides_to_json",
    "to_json",
]


@dataclass(frozen=True, slots=True)
class Params:
    """Thresholds of the model and of change detection."""

    column: str = "speed_mps"
    """What cadence is matched at: speed running, power on the bicycle."""
    counted: str = "cadence_spm"
    reference: float = 3.0
    """Value of `column` at which cadence is told."""
    min_runs: int = 8
    min_range: float = 0.4
    """Least range of `column` for a slope of one's own."""
    population_intercept: float = math.log(150.02 + 6.012 * 3.0)
    population_slope: float = 0.11
    huber_k: float = 1.345
    run_min_s: float = 240.0
    """Steady level time a run needs to have a matched cadence."""
    first_runs: int = 5
    """Runs before change detection begins."""
    allowance: float = 0.5
    limit: float = 9.0
    prior_sd: float = 0.013
    prior_weight: float = 8.0
    clip: float = 3.5
    small_pct: float = 2.0
    meaningful_pct: float = 5.0


HILLY_S = 150.0
"""Steady time beyond 2 % a run needs to count for the grade slope: about 500 m."""
RIDES = Params(
    column="power_w",
    counted="cadence_rpm",
    reference=150.0,
    min_range=40.0,
    population_intercept=math.nan,
    population_slope=0.0,
    prior_sd=0.03,
)
"""Cycling: matched at 150 W. No population line is known, so none is used; the spread prior is a project rule."""


@dataclass(frozen=True, slots=True)
class Model:
    """The athlete's cadence line: ln c = intercept + speed_slope ln(v/3) + grade_slope i."""

    intercept: float
    """ln(steps/min) at 3.0 m/s, level."""
    speed_slope: float
    grade_slope: float
    runs: int
    speed_range_mps: tuple[float, float] | None
    """10th to 90th percentile of the speeds it was learnt from."""
    speed_slope_se: float
    personal: bool
    """False while the history is short: the population's slope with the athlete's own level."""

    def cadence_spm(self, speed_mps: float, grade: float = 0.0) -> float:
        """Cadence the line gives [steps/min]."""
        return math.exp(
            self.intercept + self.speed_slope * math.log(speed_mps / 3.0) + self.grade_slope * grade
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the level of matched cadence."""

    date: date
    """Day of the first run of the new regime."""
    activity: str
    size_pct: float
    low_pct: float
    high_pct: float
    size_class: str
    """``no change`` (below 2 %), ``small`` (2-5 %) or ``meaningful for the knee`` (above 5 %)."""
    found_after_runs: int
    """How many runs of the new regime it took to be sure."""
    explanations: tuple[str, ...] = ()
    """Other things that changed at the same time: device, treadmill, shoes."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Model, series and changes of one athlete."""

    model: Model
    series: pl.DataFrame
    """One row a run, oldest first: ``activity``, ``day``, ``matched_cadence_spm``, ``low``, ``high`` (90 %),
    ``speed_mps``, ``median_spm``, ``duration_s``."""
    changes: tuple[Change, ...]
    usual_speed_mps: float | None
    note: str = ""
    explained: Mapping[str, Any] = field(default_factory=dict)


def analyse(
    stretches: pl.DataFrame,
    activities: pl.DataFrame | None = None,
    *,
    until: date | None = None,
    params: Params = Params(),
) -> Matched:
    """The whole of it, from the steady stretches of a history.

    Parameters
    ----------
    stretches
        ``id``, ``day``, ``start`` of the run, ``duration_s`` [s], ``speed_mps`` [m/s], ``cadence_spm`` [steps/min],
        ``grade``, ``level`` (null where grade is unknown: counted as level).
    activities
        Optional facts by ``id`` for other explanations: ``device``, ``indoor``, ``gear``.
    until
        Last day that may be known; nothing later is looked at.
    """
    frame = stretches
    if until is not None and frame.height:
        frame = frame.filter(pl.col("day") <= until)
    model = fit(frame, params=params)
    series = _series(frame, model, params)
    usual = _usual_speed(frame, params)
    points = change_points(
        np.log(series.get_column("matched_cadence_spm").to_numpy()) if series.height else np.empty(0), params
    )
    changes = tuple(_change(series, points, index, activities, params) for index in range(len(points)))
    told = tuple(c for c in changes if abs(c.size_pct) >= params.small_pct)
    explained = explained_by_pace(series, model) if params.column == "speed_mps" else {}
    return Matched(model, series, told, usual, _note(model, series, params), explained)


def fit(stretches: pl.DataFrame, *, params: Params = Params()) -> Model:
    """The athlete's line; the population's slope while there are too few runs or one pace only."""
    level = _level(stretches)
    if level.is_empty():
        return Model(params.population_intercept, params.population_slope, 0.0, 0, None, 0.05, personal=False)
    x = np.log(level.get_column(params.column).to_numpy() / params.reference)
    y = np.log(level.get_column(params.counted).to_numpy())
    weight = level.get_column("duration_s").to_numpy() / 60.0
    runs = level.get_column("id").n_unique()
    low, high = (float(np.quantile(np.exp(x) * params.reference, q)) for q in (0.1, 0.9))
    if runs < params.min_runs or high - low < params.min_range:
        rest = y - params.population_slope * x
        return Model(
            float(np.median(rest)), params.population_slope, 0.0, runs, (low, high), 0.05, personal=False
        )
    intercept, slope, se = huber_line(x, y, weight, params.huber_k)
    grade_slope = _grade_slope(stretches, intercept, slope, params)
    return Model(intercept, slope, grade_slope, runs, (low, high), se, personal=True)


def huber_line(
    x: FloatArray, y: FloatArray, weight: FloatArray, k: float = 1.345
) -> tuple[float, float, float]:
    """Robust straight line by reweighted least squares: intercept, slope, and the slope's standard error.

    Huber's weights with the spread from the median absolute residual. Shapes (n,), n at least 3.
    """
    w = weight.copy()
    intercept = slope = 0.0
    spread = 1.0
    for _ in range(50):
        total = w.sum()
        mx, my = (w * x).sum() / total, (w * y).sum() / total
        sxx = float((w * (x - mx) ** 2).sum())
        new = float((w * (x - mx) * (y - my)).sum() / sxx) if sxx > 0 else 0.0
        moved = abs(new - slope)
        slope, intercept = new, float(my - new * mx)
        rest = np.abs(y - intercept - slope * x)
        spread = max(float(np.median(rest)) / 0.6745, 1e-6)
        w = weight * np.minimum(1.0, k * spread / np.maximum(rest, 1e-12))
        if moved < 1e-9:
            break
    sxx = float((w * (x - (w * x).sum() / w.sum()) ** 2).sum())
    return intercept, slope, spread / math.sqrt(sxx) if sxx > 0 else math.inf


def _level(stretches: pl.DataFrame) -> pl.DataFrame:
    return stretches.filter(pl.col("level").fill_null(value=True)) if stretches.height else stretches


def _grade_slope(stretches: pl.DataFrame, intercept: float, slope: float, params: Params) -> float:
    """How grade moves ln(cadence), with the line held fixed; 0 with fewer than 3 hilly runs."""
    steep = stretches.filter(pl.col("grade").abs().is_between(0.02, 0.15))
    if steep.is_empty():
        return 0.0
    enough = steep.group_by("id").agg(pl.col("duration_s").sum())
    if enough.filter(pl.col("duration_s") >= HILLY_S).height < 3:
        return 0.0
    i = steep.get_column("grade").to_numpy()
    rest = (
        np.log(steep.get_column(params.counted).to_numpy())
        - intercept
        - slope * np.log(steep.get_column(params.column).to_numpy() / params.reference)
    )
    w = steep.get_column("duration_s").to_numpy().copy()
    value = 0.0
    for _ in range(20):
        value = float((w * i * rest).sum() / (w * i * i).sum())
        off = np.abs(rest - value * i)
        spread = max(float(np.median(off)) / 0.6745, 1e-6)
        w = steep.get_column("duration_s").to_numpy() * np.minimum(
            1.0, 1.345 * spread / np.maximum(off, 1e-12)
        )
    return value


def _series(stretches: pl.DataFrame, model: Model, params: Params) -> pl.DataFrame:
    """One row a run with enough steady level time, oldest first."""
    schema = {
        "activity": pl.String,
        "day": pl.Date,
        "matched_cadence_spm": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "speed_mps": pl.Float64,
        "median_spm": pl.Float64,
        "duration_s": pl.Float64,
    }
    if stretches.is_empty():
        return pl.DataFrame(schema=schema)
    level = _level(stretches)
    x = (pl.col(params.column) / params.reference).log()
    rest = (
        pl.col(params.counted).log()
        - model.speed_slope * x
        - model.grade_slope * pl.col("grade").fill_null(0.0)
    )
    runs = (
        level.with_columns(rest.alias("rest"), x.alias("x"))
        .group_by("id", maintain_order=True)
        .agg(
            pl.col("day").first(),
            pl.col("start").first(),
            pl.col("rest").median().alias("middle"),
            ((pl.col("rest") - pl.col("rest").median()).abs().median() / 0.6745).alias("spread"),
            pl.col("x").mean(),
            pl.col(params.column).median().alias("speed_mps"),
            pl.col(params.counted).median().alias("median_spm"),
            pl.col("duration_s").sum(),
            pl.len().alias("n"),
        )
        .filter(pl.col("duration_s") >= params.run_min_s)
        .sort("start", "id")
    )
    own = 1.2533 * pl.max_horizontal(pl.col("spread"), pl.lit(0.004)) / pl.col("n").sqrt()
    se = (own**2 + (pl.col("x") * model.speed_slope_se) ** 2).sqrt()
    return runs.select(
        pl.col("id").alias("activity"),
        "day",
        pl.col("middle").exp().alias("matched_cadence_spm"),
        (pl.col("middle") - 1.645 * se).exp().alias("low"),
        (pl.col("middle") + 1.645 * se).exp().alias("high"),
        "speed_mps",
        "median_spm",
        "duration_s",
    )


def _usual_speed(stretches: pl.DataFrame, params: Params) -> float | None:
    """Median speed of the level running of the last ten runs [m/s]."""
    level = _level(stretches)
    if level.is_empty():
        return None
    last = level.select("id", "start").unique().sort("start").tail(10).get_column("id")
    return float(level.filter(pl.col("id").is_in(last.to_list())).get_column(params.column).median())  # type: ignore[arg-type]


def change_points(level: FloatArray, params: Params = Params()) -> list[tuple[int, int]]:
    """Where the level of a series of ln(matched cadence) changed: (first run of the new regime, run that told).

    Self-starting two-sided CUSUM: run n is standardised against the mean of the earlier runs of its
    regime and a spread that blends a prior with what was seen, ``z = (x - mean) sqrt(n/(n+1)) / s``, clipped
    so that no single odd run can alarm; ``S = max(0, S + z - k)``. After an alarm the new regime begins
    where the runs since the last change are split best, near the run after the sum last stood at zero.
    """
    found: list[tuple[int, int]] = []
    begin = 0
    squares, freedom = params.prior_sd**2 * params.prior_weight, params.prior_weight
    count, total = 0, 0.0
    up = down = 0.0
    up_from = down_from = 0
    index = 0
    while index < len(level):
        x = float(level[index])
        if count == 0:
            count, total, up_from, down_from = 1, x, index + 1, index + 1
            index += 1
            continue
        spread = math.sqrt(squares / freedom)
        z = (x - total / count) * math.sqrt(count / (count + 1)) / spread
        clipped = max(-params.clip, min(params.clip, z))
        started = bool(found) or index >= params.first_runs
        if started:
            up, down = max(0.0, up + clipped - params.allowance), max(0.0, down - clipped - params.allowance)
            up_from = index + 1 if up == 0.0 else up_from
            down_from = index + 1 if down == 0.0 else down_from
            if max(up, down) > params.limit:
                begin = _split(level[: index + 1], begin, up_from if up > down else down_from)
                found.append((begin, index))
                count, total = index + 1 - begin, math.fsum(level[begin : index + 1])
                up = down = 0.0
                up_from = down_from = index + 1
                index += 1
                continue
        inside = max(-params.clip, min(params.clip, z)) * spread
        squares += inside**2
        freedom += 1
        count, total = count + 1, total + x
        index += 1
    return found


def _split(level: FloatArray, begin: int, near: int) -> int:
    """Where runs `begin` to the last one fall best into two levels, at most 4 runs from `near`."""
    candidates = range(max(begin + 1, near - 4), min(len(level) - 1, near + 4) + 1)
    if not candidates:
        return near

    def gain(at: int) -> float:
        before, after = level[begin:at], level[at:]
        share = len(before) * len(after) / (len(before) + len(after))
        return float(share * (before.mean() - after.mean()) ** 2)

    return max(candidates, key=gain)


def _change(
    series: pl.DataFrame,
    points: Sequence[tuple[int, int]],
    which: int,
    activities: pl.DataFrame | None,
    params: Params,
) -> Change:
    begin, told = points[which]
    first = points[which - 1][0] if which else 0
    last = points[which + 1][0] if which + 1 < len(points) else series.height
    level = np.log(series.get_column("matched_cadence_spm").to_numpy())
    before, after = level[max(first, begin - 20) : begin], level[begin:last]
    size = float(np.median(after) - np.median(before))
    draws = np.random.default_rng(20_260_503).integers(0, 1 << 30, (2, 1000, 64))
    resampled = np.median(after[draws[0][:, : len(after)] % len(after)], axis=1) - np.median(
        before[draws[1][:, : len(before)] % len(before)], axis=1
    )
    low, high = np.quantile(resampled, (0.05, 0.95))
    pct = 100 * math.expm1(size)
    return Change(
        date=series.get_column("day")[begin],
        activity=series.get_column("activity")[begin],
        size_pct=pct,
        low_pct=100 * math.expm1(min(float(low), size)),
        high_pct=100 * math.expm1(max(float(high), size)),
        size_class=size_class(pct, params),
        found_after_runs=told - begin + 1,
        explanations=_explanations(series, begin, first, last, activities),
    )


def size_class(pct: float, params: Params = Params()) -> str:
    """The size of a change in words: below 2 %, 2-5 %, above 5 %."""
    if abs(pct) < params.small_pct:
        return "no change"
    return "small" if abs(pct) <= params.meaningful_pct else "meaningful for the knee"


def _explanations(
    series: pl.DataFrame, begin: int, first: int, last: int, activities: pl.DataFrame | None
) -> tuple[str, ...]:
    """What else changed with it, as far as the files show."""
    if activities is None or activities.is_empty():
        return ()
    facts = series.join(activities, left_on="activity", right_on="id", how="left")
    before, after = facts[max(first, begin - 20) : begin], facts[begin : min(last, begin + 5)]
    words = {"device": "another watch", "gear": "other shoes", "indoor": "treadmill or road"}
    told = []
    for name, text in words.items():
        if name in facts.columns:
            old, new = before.get_column(name).drop_nulls(), after.get_column(name).drop_nulls()
            if old.len() and new.len() and old.mode().sort()[0] != new.mode().sort()[0]:
                told.append(text)
    return tuple(told)


def explained_by_pace(series: pl.DataFrame, model: Model, *, days: int = 28) -> dict[str, Any]:
    """Whether raw cadence fell or rose over the last weeks while matched cadence did not.

    Empty where raw cadence moved less than 2 %, or matched cadence moved with it.
    """
    if series.height < 8:
        return {}
    newest = series.get_column("day")[-1]
    recent = series.filter((pl.lit(newest) - pl.col("day")).dt.total_days() < days)
    before = series.filter((pl.lit(newest) - pl.col("day")).dt.total_days() >= days)
    if recent.height < 3 or before.height < 5:
        return {}

    def moved(column: str) -> float:
        return float(recent.get_column(column).median() / before.get_column(column).median() - 1) * 100  # type: ignore[operator]

    raw, matched, speed = moved("median_spm"), moved("matched_cadence_spm"), moved("speed_mps")
    if abs(raw) < 2 or abs(matched) >= 1 or raw * speed <= 0:
        return {}
    word, pace = ("fell", "slower") if raw < 0 else ("rose", "faster")
    text = (
        f"Your average cadence {word} {abs(raw):.1f} % over the last {days} days, but your runs were"
        f" {abs(speed):.0f} % {pace}; at the same pace it changed by {matched:+.1f} %: no change of step rate."
    )
    return {"raw_pct": raw, "matched_pct": matched, "speed_pct": speed, "text": text}


def cue_table(
    model: Model, speeds_mps: Sequence[float] | None = None, raises: Sequence[float] = (0.05, 0.10)
) -> pl.DataFrame:
    """Step rate by pace on the runner's own line, and 5 and 10 % above it [steps/min].

    Only within the speeds the line was learnt from, by a margin of 10 %.
    """
    low, high = model.speed_range_mps or (2.5, 3.5)
    if speeds_mps is None:
        paces = [s for s in range(180, 541, 15) if low * 0.9 <= 1000 / s <= high * 1.1]
        speeds_mps = [1000 / s for s in paces]
    rows = []
    for speed in speeds_mps:
        own = model.cadence_spm(speed)
        row = {"speed_mps": speed, "pace_s_per_km": 1000 / speed, "own_spm": own}
        row |= {f"plus_{round(100 * up)}_spm": own * (1 + up) for up in raises}
        rows.append(row)
    names = ["speed_mps", "pace_s_per_km", "own_spm", *(f"plus_{round(100 * up)}_spm" for up in raises)]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64))


def counterfactual(
    model: Model, speed_mps: float, change: float, *, downhill: DownhillModel = DownhillModel.ARTICLE
) -> dict[str, float]:
    """What another step rate at the same pace does to this runner's knee, level ground [%].

    Peak force of a step and knee load a kilometre, with 90 % intervals from the cadence exponents of the
    model, N(-1.8, 0.3) and N(-2.0, 0.35) [Lenhart2014]_ [Willson2015]_. More steps, less each.
    """
    own = model.cadence_spm(speed_mps)
    old_peak = running.peak_force_bw(speed_mps, own, 0.0, downhill=downhill)
    new_peak = running.peak_force_bw(speed_mps, own * (1 + change), 0.0, downhill=downhill)
    old_rate = running.load_rate_bw(speed_mps, own, 0.0, downhill=downhill)
    new_rate = running.load_rate_bw(speed_mps, own * (1 + change), 0.0, downhill=downhill)
    step = math.log1p(change)
    spans = {}
    for name, exponent, sd in (("peak", -1.8, 0.3), ("per_km", -1.0, 0.35)):
        ends = sorted(100 * math.expm1((exponent + side * 1.645 * sd) * step) for side in (-1, 1))
        spans[f"{name}_low_pct"], spans[f"{name}_high_pct"] = ends
    return {
        "peak_pct": 100 * (float(new_peak) / float(old_peak) - 1),  # type: ignore[arg-type]
        "per_km_pct": 100 * (float(new_rate) / float(old_rate) - 1),  # type: ignore[arg-type]
        **spans,
    }


def _note(model: Model, series: pl.DataFrame, params: Params) -> str:
    if series.height == 0:
        return "No run with steady level running and cadence yet."
    if not model.personal:
        return (
            f"{plurals.count(model.runs, 'run')}: too few, or all at one pace, for a line of your own; the"
            " population's slope is used with your own level."
        )
    if series.height <= params.first_runs:
        return "Too few runs to look for changes yet."
    return ""


def rides_to_json(matched: Matched) -> dict[str, Any]:
    """Cycling in the shape of `to_json`: rpm at 150 W, model in ln(P/150 W)."""
    told = to_json(matched)
    model = told["model"]
    model["power_slope"], model["power_range_w"] = model.pop("speed_slope"), model.pop("speed_range_mps")
    for one in told["series"]:
        one["matched_cadence_rpm"] = one.pop("matched_cadence_spm")
        del one["at_usual_pace_spm"]
    return {"reference_power_w": RIDES.reference} | {k: told[k] for k in ("model", "series", "changes")}


def to_json(matched: Matched) -> dict[str, Any]:
    """The contract of ``cadence --format json``."""
    model = matched.model
    known = model.runs > 0
    usual = 1.0
    if matched.usual_speed_mps and known:
        usual = math.exp(model.speed_slope * math.log(matched.usual_speed_mps / 3.0))
    return {
        "model": {
            "intercept": model.intercept if known else None,
            "speed_slope": model.speed_slope if known else None,
            "grade_slope": model.grade_slope if known else None,
            "runs": model.runs,
            "speed_range_mps": list(model.speed_range_mps) if model.speed_range_mps else None,
            "personal": model.personal,
        },
        "usual_speed_mps": matched.usual_speed_mps,
        "series": [
            {
                "date": row["day"].isoformat(),
                "activity": row["activity"],
                "matched_cadence_spm": row["matched_cadence_spm"],
                "at_usual_pace_spm": row["matched_cadence_spm"] * usual,
                "low": row["low"],
                "high": row["high"],
            }
            for row in matched.series.to_dicts()
        ],
        "changes": [
            {
                "date": change.date.isoformat(),
                "activity": change.activity,
                "size_pct": change.size_pct,
                "low_pct": change.low_pct,
                "high_pct": change.high_pct,
                "class": change.size_class,
                "found_after_runs": change.found_after_runs,
                "explanations": list(change.explanations),
            }
            for change in matched.changes
        ],
        "explained": dict(matched.explained),
        "note": matched.note,
    }
