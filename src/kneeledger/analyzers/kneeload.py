"""Knee load of one activity: two views, each with an interval, and what they are made of.

The linear view is the time integral of the patellofemoral force per leg; the peak-weighted one counts
steps by the fourth power of their peak. Both stand beside each other, with running, walking and cycling
apart, because their exchange rate depends on the view. The loads of the records come from preparation;
here they become totals, intervals by the model's draws, the three downhill models side by side (contested),
the parts they are made of, and the sufficient sums from which the ledger recomputes all of it with what
it knows of the athlete. Where there is no model the numbers are null, never 0. An activity with totals
only is given the load of its duration on the level, with the wide interval of what is not known of it:
linear load follows running time, so this is fair for the linear view and rough for the other.
Instead of: one score.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from kneeledger import schema
from kneeledger.analyzers.card import Analyzer, Metric, Result
from kneeledger.knee import decomposition, running, sums, uncertainty, walking
from kneeledger.knee.cycling import FALLBACK_RATE_BW, MEAN_OVER_PEAK
from kneeledger.knee.peak_weighted import reference_steps
from kneeledger.model import DownhillModel, Evidence, FloatArray, Issue, Track, Value, Way
from kneeledger.tables import Columns, Tables

__all__ = ["KNEELOAD", "PER_KM", "PROFILE", "Params", "compute"]

WAYS: Final = (Way.RUN, Way.WALK, Way.RIDE)
POPULATION: Final = "population"
"""Name the draws of a single activity are seeded by; the ledger draws by athlete."""
HAND_SPEED_MPS: Final = {Way.RUN: 3.0, Way.WALK: 1.3, Way.RIDE: 6.0}
"""Speed where only a duration was entered [m/s]; project rule."""
SPORT_WAYS: Final = {
    "running": Way.RUN,
    "walking": Way.WALK,
    "hiking": Way.WALK,
    "cycling": Way.RIDE,
}
PEDALLING_RPM: Final = 20.0
"""Slower turns are coasting, as the median cadence of a ride has it."""
NINETY: Final = 1.645
"""Half width of a 5-95 % interval in standard deviations."""

PROFILE: schema.Schema = {
    "distance_m": schema.Column(pl.Float64, "distance along the route"),
    "elapsed_s": schema.Column(pl.Float64, "time since the first record"),
    "altitude_smooth_m": schema.Column(pl.Float64, "altitude of the local fit"),
    "grade": schema.Column(pl.Float64, "rise over run, downhill negative"),
    "ground_speed_mps": schema.Column(pl.Float64, "speed"),
    "cadence_spm": schema.Column(pl.Float64, "steps of both feet a minute"),
    "heart_rate_bpm": schema.Column(pl.Float64, "heart beats a minute"),
    "way": schema.Column(pl.String, "way of moving"),
    "peak_force_bw": schema.Column(pl.Float64, "mean of the peak force of a step or pedal turn"),
    "load_rate_bw": schema.Column(pl.Float64, "mean patellofemoral force per leg"),
    "load_rate_low_bw": schema.Column(pl.Float64, "its 5th percentile"),
    "load_rate_high_bw": schema.Column(pl.Float64, "its 95th percentile"),
    "load_rate_level_bw": schema.Column(pl.Float64, "the same on the level"),
    "knee_load_bw_s": schema.Column(pl.Float64, "linear load up to here"),
}
"""At most `points` rows, equal steps of distance (of time where there is none)."""
PER_KM: schema.Schema = {
    "km": schema.Column(pl.Int32, "number of the kilometre, from 1"),
    "distance_m": schema.Column(pl.Float64, "distance in it; the last may be short"),
    "time_s": schema.Column(pl.Float64, "time in it"),
    "knee_load_bw_s": schema.Column(pl.Float64, "linear load in it"),
    "load_rate_bw": schema.Column(pl.Float64, "mean force per leg in it"),
    "peak_weighted_steps": schema.Column(pl.Float64, "reference steps in it"),
    "grade": schema.Column(pl.Float64, "mean grade over its distance"),
    "cadence_spm": schema.Column(pl.Float64, "mean step rate"),
    "cadence_rpm": schema.Column(pl.Float64, "mean pedalling rate, without coasting"),
}


@dataclass(frozen=True, slots=True)
class Params:
    """What may be set for knee load."""

    draws: int = 1000
    """How many parameter draws give an interval."""
    points: int = 400
    """Most rows of the profile kept for charts."""


def compute(track: Track, params: Params) -> Result:
    """Knee load of one track in both views, with intervals, parts, tables and sufficient sums."""
    metrics = dict.fromkeys((card.name for card in METRICS), Value(None))
    issues: list[Issue] = []
    found = sums.sums(track)
    if not found and (entered := _entered(track)) is not None:
        found = sums.sums(entered)
        if found:
            text = "Only totals were entered: knee load is that of the time on the level, and rough."
            issues.append(Issue("load_from_duration", 1, text))
    if not found:
        if track.about.by_hand:
            text = "Only totals were entered, for a sport without a knee model: no load is made up."
            issues.append(Issue("no_model", 1, text))
        return Result(metrics, _tables(track, params), {}, tuple(issues))
    draws = uncertainty.Draws.of(POPULATION, params.draws)
    metrics |= _by_model(found, draws, track.downhill)
    metrics |= _parts(found, track.downhill)
    metrics |= _details(track, found)
    return Result(metrics, _tables(track, params), found, tuple(issues))


def _tables(track: Track, params: Params) -> Tables:
    return Tables({"profile": lambda: _profile(track, params.points), "per_km": lambda: _per_km(track)})


def _entered(track: Track) -> Track | None:
    """An activity of totals only as a single level record of its duration; None where it has a stream."""
    way, about = SPORT_WAYS.get(track.about.sport), track.about
    seconds = about.timer_s or about.elapsed_s
    if not about.by_hand or way is None or not seconds or seconds <= 0.0:
        return None
    speed = HAND_SPEED_MPS[way]
    if about.device_distance_m and about.device_distance_m > 0.0:
        speed = about.device_distance_m / seconds
    v, blank, dt = np.array([speed]), np.array([np.nan]), np.array([seconds])
    if way is Way.RUN:
        run = running.loads(v, blank, blank, downhill=track.downhill)
        peak, rate, cadence, per_minute = (
            run.peak_force_bw,
            run.load_rate_bw,
            running.steps_spm(v, blank),
            120.0,
        )
    elif way is Way.WALK:
        walk = walking.loads(v, blank)
        peak, rate, cadence, per_minute = (
            walk.peak_force_bw,
            walk.load_rate_bw,
            walking.steps_spm(v, blank),
            120.0,
        )
    else:
        v, rate = blank, np.array([FALLBACK_RATE_BW])
        peak, cadence, per_minute = rate / MEAN_OVER_PEAK, np.array([80.0]), 60.0
    steps = reference_steps(peak, cadence, dt, per_minute=per_minute)
    row = {"way": way.value, "way_sure": True, "moving": True, "elapsed_s": seconds, "dt_s": seconds}
    numbers = {
        "ground_speed_mps": v,
        "peak_force_bw": peak,
        "load_rate_bw": rate,
        "load_rate_level_bw": rate,
        "knee_load_bw_s": rate * dt,
        "peak_weighted_steps": steps,
    }
    frame = pl.DataFrame([row | {name: float(value[0]) for name, value in numbers.items()}])
    frame, _ = schema.conform(frame, schema.TRACK)
    return Track(
        about, frame, track.laps, track.pauses, (), track.mass_kg, track.mass_assumed, track.downhill
    )


def _by_model(found: dict[str, float], draws: uncertainty.Draws, chosen: DownhillModel) -> dict[str, Value]:
    """Both views under each downhill model, and of the chosen one the whole and each way of moving."""
    names: list[str] = []
    points: list[float | None] = []
    drawn: list[FloatArray] = []
    metrics: dict[str, Value] = {}
    alone: dict[str, str] = {}
    by_model = uncertainty.load_draws_by_model(found, draws)
    for model in DownhillModel:
        ways = by_model[model]
        its = sums.by_way(found, model)
        whole = f"knee_load_{model}_bw_s", f"peak_weighted_{model}_steps"
        names += whole
        for view in (0, 1):
            points.append(sum(one[view] for one in its.values()))
            parts = [ways[way][view] for way in its] or [np.zeros(draws.count)]
            drawn.append(sum(parts[1:], start=parts[0]))
        if model is not chosen:
            continue
        for way in WAYS:
            both = f"knee_load_{way}_bw_s", f"peak_weighted_{way}_steps"
            if way not in its:
                metrics |= dict.fromkeys(both, Value(0.0, 0.0, 0.0))
            elif len(its) == 1:
                alone = dict(zip(both, whole, strict=True))
            else:
                names += both
                points += its[way]
                drawn += ways[way]
    metrics |= dict(zip(names, uncertainty.valued_together(points, drawn), strict=True))
    metrics |= {name: metrics[same] for name, same in alone.items()}
    linear = metrics[f"knee_load_{chosen}_bw_s"]
    metrics["knee_load_linear_bw_s"] = linear
    metrics["knee_load_easy_minutes"] = _scaled(linear, 1.0 / (60.0 * running.EASY_LOAD_RATE_BW))
    metrics["knee_load_peak_weighted_steps"] = metrics[f"peak_weighted_{chosen}_steps"]
    return metrics


def _scaled(value: Value, factor: float) -> Value:
    if value.value is None or value.low is None or value.high is None:
        return Value(None)
    return Value(value.value * factor, value.low * factor, value.high * factor)


def _parts(found: dict[str, float], downhill: DownhillModel) -> dict[str, Value]:
    """What the load is made of, against the population's easy running."""
    parts = decomposition.from_sums(found, downhill=downhill)
    metrics = {f"load_{part.name}_bw_s": Value(part.linear_bw_s) for part in parts}
    metrics |= {f"peak_{part.name}_steps": Value(part.peak_weighted_steps) for part in parts}
    linear = sum(part.linear_bw_s for part in parts)
    down = next(part for part in parts if part.name == "downhill")
    peak = sum(part.peak_weighted_steps for part in parts)
    metrics["downhill_share"] = Value(down.linear_bw_s / linear if linear > 0.0 else None)
    metrics["downhill_share_peak_weighted"] = Value(down.peak_weighted_steps / peak if peak > 0.0 else None)
    return metrics


def _details(track: Track, found: dict[str, float]) -> dict[str, Value]:
    """Load a kilometre, peak force, share beyond the model's ground, second estimate by stance time."""
    load, dt = track.array("knee_load_bw_s"), track.filled("dt_s")
    linear = sums.point(found, track.downhill)
    whole = linear[0] if linear else 0.0
    outside = sums.extrapolated_load_bw_s(found)
    metrics = {"extrapolated_share": Value(min(outside / whole, 1.0) if whole > 0.0 else None)}
    on_foot = (track.way_is(Way.RUN) | track.way_is(Way.WALK)) & np.isfinite(load)
    metres = float(track.filled("ds_m")[on_foot].sum())
    if metres >= 500.0:
        metrics["knee_load_per_km_bw_s"] = Value(float(load[on_foot].sum()) / metres * 1000.0)
    force = track.array("peak_force_bw")
    run = track.way_is(Way.RUN) & (force > 0.0) & track.timed
    if not run.any():
        return metrics
    metrics["peak_force_run_bw"] = Value(float((force * dt)[run].sum() / dt[run].sum()))
    stance = track.array("stance_time_s")
    sensed = run & np.isfinite(stance)
    count = np.count_nonzero(sensed)
    if count and count >= 0.8 * np.count_nonzero(run):
        speed, cadence = track.array("ground_speed_mps"), track.array("cadence_spm")
        gain = running.stance_gain(speed[sensed], cadence[sensed], stance[sensed])
        second = whole + float((load[sensed] * (gain - 1.0)).sum())
        metrics["knee_load_with_stance_bw_s"] = Value(second)
    return metrics


def _profile(track: Track, points: int) -> Columns:
    """The track in equal steps of distance, or of time where there is none: ``PROFILE``."""
    height = len(track.timed)
    if height == 0:
        return Columns.empty(schema.kinds(PROFILE))
    dt, along = track.filled("dt_s"), track.along_m
    clock = np.cumsum(dt)
    axis = along if along[-1] > 100.0 else clock
    count = int(min(points, height))
    if axis[-1] > 0.0:
        cell = np.minimum((axis / axis[-1] * count).astype(np.int64), count - 1)
    else:
        cell = np.arange(height) * count // height
    weight = np.where(dt > 0.0, dt, 1e-9)
    used, first = np.unique(cell, return_index=True)
    last = np.append(first[1:], height) - 1

    def mean(values: FloatArray) -> FloatArray:
        known = np.isfinite(values)
        held = np.bincount(cell, weights=np.where(known, weight, 0.0), minlength=count)[used]
        total = np.bincount(cell, weights=np.where(known, values * weight, 0.0), minlength=count)[used]
        return np.where(held > 0.0, total / np.where(held > 0.0, held, 1.0), np.nan)

    rate = track.array("load_rate_bw")
    spread = np.exp(NINETY * _band(track))
    elapsed = track.array("elapsed_s")
    way = track.frame.get_column("way").to_numpy()
    table = {
        "distance_m": along[last],
        "elapsed_s": elapsed[last],
        "way": way[(first + last) // 2],
        "load_rate_low_bw": mean(rate / spread),
        "load_rate_high_bw": mean(rate * spread),
        "knee_load_bw_s": np.cumsum(track.filled("knee_load_bw_s"))[last],
    }
    if not np.isfinite(rate).any():
        table["knee_load_bw_s"] = np.full(len(used), np.nan)
    for name in PROFILE:
        if name not in table:
            table[name] = mean(track.array(name))
    return Columns(table, schema.kinds(PROFILE))


def _band(track: Track) -> FloatArray:
    """Log-SD of each record's mean force; NaN without a model."""
    speed, grade = track.array("ground_speed_mps"), track.array("grade_load")
    decline = np.clip(-np.nan_to_num(grade), 0.0, running.GRADE_BOUND)
    if track.downhill is not DownhillModel.ARTICLE:
        decline = np.where(track.way_is(Way.RUN), 0.0, decline)
    known = (track.array("cadence_spm") > 0.0).astype(np.float64)
    result = np.full(len(speed), np.nan)
    for way in WAYS:
        rows = track.way_is(way)
        if rows.any():
            result[rows] = uncertainty.band_log_sd(way, speed[rows], decline[rows], cadence_known=known[rows])
    return result


def _per_km(track: Track) -> Columns:
    """Load of each kilometre of the route: ``PER_KM``; a record belongs to the one it ends in."""
    ds, dt, along = track.filled("ds_m"), track.filled("dt_s"), track.along_m
    if not len(along) or along[-1] <= 0.0:
        return Columns.empty(schema.kinds(PER_KM))
    cell = np.minimum(np.maximum(np.ceil(along / 1000.0) - 1.0, 0.0), np.ceil(along[-1] / 1000.0) - 1.0)
    cell = cell.astype(np.int64)
    count = int(cell.max()) + 1

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(cell, weights=values, minlength=count).astype(np.float64, copy=False)

    metres, seconds = total(ds), total(dt)

    def mean(name: str, weight: FloatArray, whole: FloatArray) -> FloatArray:
        values = track.array(name)
        unknown = np.isnan(values)
        if unknown.all():
            return np.full(count, np.nan)
        above = total(track.filled(name) * weight)
        held = total(np.where(unknown, 0.0, weight)) if unknown.any() else whole
        return np.where(held > 0.0, above / np.where(held > 0.0, held, 1.0), np.nan)

    load = track.array("knee_load_bw_s")
    modelled = np.bincount(cell[np.isfinite(load)], minlength=count) > 0
    stepping = np.where(track.array("cadence_spm") > 0.0, dt, 0.0)
    pedalling = np.where(track.array("cadence_rpm") >= PEDALLING_RPM, dt, 0.0)
    table = {
        "km": np.arange(1, count + 1),
        "distance_m": metres,
        "time_s": seconds,
        "knee_load_bw_s": np.where(modelled, total(track.filled("knee_load_bw_s")), np.nan),
        "load_rate_bw": mean("load_rate_bw", dt, seconds),
        "peak_weighted_steps": np.where(modelled, total(track.filled("peak_weighted_steps")), np.nan),
        "grade": mean("grade", ds, metres),
        "cadence_spm": mean("cadence_spm", stepping, total(stepping)),
        "cadence_rpm": mean("cadence_rpm", pedalling, total(pedalling)),
    }
    travelled = table["distance_m"] > 0.0
    return Columns({name: values[travelled] for name, values in table.items()}, schema.kinds(PER_KM))


_MODEL_SOURCES: Final = ("RBDS", "Lenhart2014", "Willson2015", "vanOeveren2019")
_WAY_SOURCES: Final = {
    Way.RUN: _MODEL_SOURCES,
    Way.WALK: ("Hart2022", "Kuster1993"),
    Way.RIDE: ("Ericson1987", "Bini2013"),
}
_WAY_WORDS: Final = {Way.RUN: "running", Way.WALK: "walking", Way.RIDE: "cycling"}
_GAIN_SOURCES: Final = {
    DownhillModel.ARTICLE: ("Article",),
    DownhillModel.MECHANICS: ("RBDS",),
    DownhillModel.NONE: ("Telhan2010",),
}
_PART_MEANINGS: Final = {
    "duration": "the same running time at the usual pace and step rate, on the level",
    "pace": "the difference the real pace makes against the usual one; a description, no advice",
    "cadence": "the difference the real step rate makes against the usual one at this pace",
    "downhill": "what all declines add; rests on the contested downhill model",
    "uphill": "what inclines take off, at most a fifth of the load there",
    "walking": "all of the walking",
    "cycling": "all of the cycling",
}


def _cards() -> tuple[Metric, ...]:
    modelled, contested = Evidence.MODELLED, Evidence.CONTESTED
    cards = [
        Metric(
            "knee_load_linear_bw_s", "BW·s", "Knee load", "sum", 0, modelled, (*_MODEL_SOURCES, "Article"),
            "Patellofemoral force of one leg added up over time, running, walking and cycling together. "
            "A population model: the level is uncertain by about a third, changes of one person by far less.",
            "sum over records of load_rate_bw × dt", interval=True,
        ),
        Metric(
            "knee_load_easy_minutes", "min", "Knee load in easy minutes", "sum", 0, modelled,
            (*_MODEL_SOURCES, "Article"),
            "Minutes of easy level running (3 m/s) with the same linear knee load.",
            "knee load / (0.727 BW × 60 s)", interval=True,
        ),
        Metric(
            "knee_load_peak_weighted_steps", "steps", "Peak-weighted knee load", "sum", 0, modelled,
            (*_MODEL_SOURCES, "Edwards2018"),
            "Steps of one leg counted by the fourth power of their peak force; an easy level step is 1. "
            "The exponent is a project rule: none is agreed for this joint.",
            "sum of steps per leg × (peak force / 5.55 BW)^4", interval=True,
        ),
        Metric(
            "knee_load_per_km_bw_s", "BW·s/km", "Knee load per km on foot", "none", 0, modelled, _MODEL_SOURCES,
            "Linear load of running and walking over their distance, one leg. It is lower at a faster "
            "pace because there is less time, which is no advice.",
        ),
        Metric(
            "peak_force_run_bw", "BW", "Peak force of a running step", "none", 1, modelled, _MODEL_SOURCES,
            "Time-weighted mean of the peak patellofemoral force of running steps.",
            "5.55 (v/3)^0.51 r^−1.8 × downhill factor",
        ),
        Metric(
            "extrapolated_share", "", "Share beyond the model's ground", "none", 2, Evidence.RULE, ("RBDS",),
            "Part of the linear load from speeds outside 2–5 m/s, grades beyond 10 %, or step rates 20 % "
            "off, where the model was not fitted.",
        ),
        Metric(
            "downhill_share", "", "Share of knee load from going downhill", "none", 2, contested,
            ("Article", "RBDS", "Telhan2010"),
            "Part of the linear load that declines added to level running, under the chosen downhill model.",
            "sum of level load × (downhill factor − 1) / knee load",
        ),
        Metric(
            "downhill_share_peak_weighted", "", "Share of peak-weighted load from going downhill", "none", 2,
            contested, ("Article", "RBDS", "Telhan2010"),
            "The same for the peak-weighted view, where declines weigh more.",
        ),
        Metric(
            "knee_load_with_stance_bw_s", "BW·s", "Knee load by stance time", "none", 0, modelled, ("RBDS",),
            "A second estimate where a sensor gives ground contact for at least 80 % of the running. Never "
            "compared over time, because only some activities have it.",
            "load × (stance / expected stance)^1.28",
        ),
    ]  # fmt: skip
    for way in WAYS:
        words, sources = _WAY_WORDS[way], _WAY_SOURCES[way]
        cards += [
            Metric(
                f"knee_load_{way}_bw_s", "BW·s", f"Knee load from {words}", "sum", 0, modelled, sources,
                f"Linear knee load of the {words} alone. Stacked with the others, never weighed against them.",
                interval=True,
            ),
            Metric(
                f"peak_weighted_{way}_steps", "steps", f"Peak-weighted load from {words}", "sum", 0, modelled,
                (*sources, "Edwards2018"), f"Peak-weighted knee load of the {words} alone.", interval=True,
            ),
        ]  # fmt: skip
    for model in DownhillModel:
        sources = (*_MODEL_SOURCES, *(key for key in _GAIN_SOURCES[model] if key not in _MODEL_SOURCES))
        cards += [
            Metric(
                f"knee_load_{model}_bw_s", "BW·s", f"Knee load, downhill model {model}", "sum", 0, contested,
                sources, f"Linear knee load if declines load the knee as the model {model} says. The "
                "interval holds within this model only.", interval=True,
            ),
            Metric(
                f"peak_weighted_{model}_steps", "steps", f"Peak-weighted load, downhill model {model}", "sum",
                0, contested, sources, f"Peak-weighted load if declines load the knee as {model} says.", interval=True,
            ),
        ]  # fmt: skip
    for part in decomposition.PARTS:
        evidence = contested if part == "downhill" else modelled
        meaning = f"Part of the knee load: {_PART_MEANINGS[part]}. The parts add up to the whole."
        if part in ("duration", "pace", "cadence"):
            meaning += (
                " Usual, in the report and in `export`, is the athlete's own as of the day looked from; until it"
                " is known, for a file alone and in a cohort's data set, it is an easy 3 m/s and the population's"
                " step rate, the same for all."
            )
        cards += [
            Metric(
                f"load_{part}_bw_s", "BW·s", f"Knee load, part: {part}", "sum", 0, evidence, ("RBDS",), meaning
            ),
            Metric(
                f"peak_{part}_steps", "steps", f"Peak-weighted load, part: {part}", "sum", 0, evidence,
                ("RBDS",), meaning.replace("knee load", "peak-weighted load"),
            ),
        ]  # fmt: skip
    return tuple(cards)


METRICS: Final = _cards()
KNEELOAD: Final = Analyzer("kneeload", 1, Params(), compute, METRICS, ("profile", "per_km"))
