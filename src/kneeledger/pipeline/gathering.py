"""Everything the overview page shows, gathered from the ledger: findings, weeks, rooms, quality. Draws nothing."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from kneeledger import (
    analyzers,
    findings,
    headroom,
    matched_cadence,
    references,
    severity,
    symptoms,
    workload,
)
from kneeledger.config import Config
from kneeledger.knee import decomposition, uncertainty, validation
from kneeledger.knee.uncertainty import Draws
from kneeledger.ledger.store import Ledger
from kneeledger.model import Way
from kneeledger.pipeline import explaining, history, settings
from kneeledger.pipeline.history import Known
from kneeledger.reporting import anonymous as unnamed
from kneeledger.reporting import words
from kneeledger.reporting.content import Coverage, FilesTally, MethodPage, Report, Room

__all__ = ["WEEKS", "method", "overview"]

WEEKS = 12
SESSION_DAYS = 7 * WEEKS


def overview(
    ledger: Ledger,
    known: Known,
    config: Config,
    pages: Mapping[str, str],
    *,
    redacted: bool = True,
    anonymous: bool = False,
    called: str = "",
) -> Report:
    """The content of the overview page.

    Parameters
    ----------
    pages
        Ledger id -> file name of its page, for activities that have one.
    called
        What the athlete is called on it; empty for the ledger's name, or none where it is anonymous.
    """
    as_of = known.as_of
    newest = known.history.newest
    found = findings.find(known.history, as_of, profile=known.profile)
    recent = findings.spikes(known.history, as_of, last_days=7 * 4, profile=known.profile)
    told = {(one.code, one.activity, one.date) for one in found}
    every = (*found, *(one for one in recent if (one.code, one.activity, one.date) not in told))
    rooms, note = _rooms(known)
    return Report(
        athlete=called or ("" if anonymous else known.athlete),
        as_of=as_of,
        as_of_how=known.how,
        newest=newest,
        file_age_days=(as_of - newest).days if newest else 0,
        findings=every,
        rooms=rooms,
        rooms_note=note,
        weeks=weeks(known),
        daily=workload.daily(known.history.activities, as_of=as_of, coverage=known.history.coverage),
        sessions=_sessions(known),
        descent_weeks=_descent_weeks(ledger, known),
        descent_events=_descent_events(ledger, known),
        workload=_measures(known),
        cadence=matched_cadence.to_json(known.matched),
        activities=_activities(ledger, known, pages, redacted=redacted or anonymous),
        pain=known.history.pain,
        files=_files(ledger, known.athlete, anonymous=anonymous),
        coverage=_coverage(known),
        quality=_quality(ledger, known, anonymous=anonymous),
        method=method(config, anonymous=anonymous),
        units=config["units"],
        redacted=redacted,
        notes=_notes(known),
        ratios=_ratios(known),
        stretches=_recent(known),
        personal_line=history.personal_line(known.matched),
        levers=_levers(known, config),
        pedalling=matched_cadence.rides_to_json(known.pedalling),
        versions={
            "kneeledger": version("kneeledger"),
            "polars": version("polars"),
            "numpy": version("numpy"),
        },
    )


def weeks(known: Known, count: int = WEEKS) -> pl.DataFrame:
    """One row a week (Monday), oldest first, with intervals of knee load by way of moving."""
    as_of = known.as_of
    monday = as_of - timedelta(days=as_of.weekday())
    starts = [monday - timedelta(weeks=back) for back in reversed(range(count))]
    frame, days = (
        known.history.frame,
        workload.daily(known.history.activities, as_of=as_of, coverage=known.history.coverage),
    )
    draws, model = Draws.of(known.athlete), known.history.downhill_model
    sums = [
        uncertainty.added(
            known.sums[name]
            for name in frame.filter(pl.col("day").is_between(start, start + timedelta(days=6)))["id"]
            if name in known.sums
        )
        for start in starts
    ]
    drawn = uncertainty.load_draws_by_way(sums, draws, downhill=model)
    points = [uncertainty.by_way(one, model) if one else {} for one in sums]
    own = history.usual(known.matched)
    rows = []
    for index, start in enumerate(starts):
        last = min(start + timedelta(days=6), as_of)
        week = days.filter(pl.col("day").is_between(start, last))
        mine = frame.filter(pl.col("day").is_between(start, last))
        known_days = int(week["known"].sum())
        if not known_days and not mine.height:
            # nothing is known of it: no zero is made of that
            over = start + timedelta(days=6) <= as_of
            rows.append({"week": start, "complete": over, "known_days": 0})
            continue
        noted = _noted_load(mine, known)
        row: dict[str, Any] = {
            "week": start,
            "complete": start + timedelta(days=6) <= as_of,
            "known_days": known_days,
            "sessions": mine.height,
            "run_distance_m": _sum(mine, "run_distance_m"),
            "run_time_s": _sum(mine, "run_time_s"),
            "ride_time_s": _sum(mine, "ride_time_s"),
            "descent_run_m": _sum(mine, "descent_run_m"),
            "without_altitude": int(mine.filter(pl.col("descent_run_m").is_null()).height),
            "strength": int(mine.filter(workload.is_strength()).height),
        }
        for way in (Way.RUN, Way.WALK, Way.RIDE):
            linear, peak = points[index].get(way, (0.0, 0.0))
            ends = uncertainty.interval(drawn[way][0][index]) if linear else None
            by_hand = noted if way is Way.RUN else 0.0
            row[f"knee_{way}_bw_s"] = linear + by_hand
            row[f"knee_{way}_low_bw_s"], row[f"knee_{way}_high_bw_s"] = _moved(ends, by_hand)
            row[f"peak_{way}_steps"] = peak
        whole = np.nan_to_num(np.stack([drawn[way][0][index] for way in drawn])).sum(axis=0)
        ends = uncertainty.interval(whole) if whole.any() else None
        row["knee_low_bw_s"], row["knee_high_bw_s"] = _moved(ends, noted)
        for part in decomposition.from_sums(sums[index], own, downhill=model):
            row[f"load_{part.name}_bw_s"] = part.linear_bw_s
            row[f"peak_{part.name}_steps"] = part.peak_weighted_steps
        # of a run noted by hand only the time is known, and its load is made of that
        row["load_duration_bw_s"] = (row.get("load_duration_bw_s") or 0.0) + noted
        before = days.filter(pl.col("day").is_between(start - timedelta(days=28), start - timedelta(days=1)))
        usual = before["knee_load_bw_s"]
        row["level_28d_bw_s"] = (
            float(usual.mean()) * 7 if before.height == 28 and usual.null_count() == 0 else None  # type: ignore[arg-type]
        )
        row["noted_run_bw_s"] = noted
        rows.append(row)
    return _shaped(pl.DataFrame(rows, infer_schema_length=None))


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """The same columns and kinds whatever is known: a week of which nothing is known names only itself."""
    whole = ("sessions", "known_days", "without_altitude", "strength")
    numbers = [
        *(f"{name}_m" for name in ("run_distance", "descent_run")),
        *(f"{name}_s" for name in ("run_time", "ride_time")),
        *(f"knee_{way}{end}_bw_s" for way in ("run", "walk", "ride") for end in ("", "_low", "_high")),
        *(f"peak_{way}_steps" for way in ("run", "walk", "ride")),
        *("knee_low_bw_s", "knee_high_bw_s", "level_28d_bw_s", "noted_run_bw_s"),
    ]
    numbers += [name for name in frame.columns if name.startswith(("load_", "peak_")) and name not in numbers]
    kinds = dict.fromkeys(whole, pl.Int64) | dict.fromkeys(numbers, pl.Float64)
    lacking = [pl.lit(None).alias(name) for name in kinds if name not in frame.columns]
    return frame.with_columns(lacking).with_columns(pl.col(name).cast(kind) for name, kind in kinds.items())


def _noted_load(mine: pl.DataFrame, known: Known) -> float:
    """Knee load of runs noted by hand, taken as easy running; they have no track and so no sums [BW·s]."""
    noted = mine.filter(pl.col("by_hand").fill_null(value=False) & ~pl.col("id").is_in(list(known.sums)))
    return float(noted["knee_load_run_bw_s"].fill_null(0.0).sum())


def _moved(ends: tuple[float, float] | None, by: float) -> tuple[float | None, float | None]:
    return (None, None) if ends is None else (ends[0] + by, ends[1] + by)


def _sum(frame: pl.DataFrame, name: str) -> float | None:
    """Sum of what is known; null where nothing is."""
    values = frame[name].drop_nulls()
    return float(values.sum()) if values.len() or not frame.height else None


def _rooms(known: Known) -> tuple[tuple[Room, ...], str]:
    referral = symptoms.referral(known.history.pain, known.as_of)
    room = headroom.headroom(
        known.history, known.as_of, profile=known.profile, referral=referral.text if referral else None
    )
    made: list[Room] = []
    for reading in room.readings:
        how = reading.name if len(room.readings) > 1 else ""
        every = reading.days[0].ceilings if reading.days else ()
        # of ways without a ceiling nothing is shown as long as another has one
        told = [ceiling for ceiling in every if ceiling.limit is not None] or list(every[:1])
        made.extend(
            Room(_room_name(ceiling), ceiling.reference, ceiling.limit, ceiling.text, how) for ceiling in told
        )
        made.append(Room("week", reading.week.usual_bw_s, reading.week.limit_bw_s, reading.week.text, how))
    return tuple(made), room.text


def _room_name(ceiling: headroom.Ceiling) -> str:
    return ceiling.measure if ceiling.way is Way.RUN else f"{ceiling.way}_{ceiling.measure}"


def _sessions(known: Known) -> pl.DataFrame:
    """Each outing of the last weeks beside the largest of the 30 days before it."""
    first = known.as_of - timedelta(days=SESSION_DAYS - 1)
    rows = []
    keys = {"distance_m": "distance", "descent_m": "descent", "knee_load_bw_s": "knee"}
    edges = severity.thresholds(known.profile)
    for index, outing in enumerate(known.history.rows):
        day = outing["day"]
        assert isinstance(day, date)
        if not first <= day <= known.as_of or outing["way"] not in ("run", "walk", "ride"):
            continue
        row: dict[str, Any] = {"id": outing["id"], "day": day, "way": outing["way"], "severity": None}
        worst = -1
        for measure in severity.MEASURES:
            item = known.history.compared.get((index, measure.name))
            name = keys[measure.name]
            unit = "bw_s" if name == "knee" else "m"
            row[f"{name}_{unit}"] = item.value if item else None
            row[f"{name}_ref_{unit}"] = item.reference if item else None
            row[f"{name}_halved"] = bool(item and item.window_empty and item.reference is not None)
            if item and item.ratio and item.reference is not None:
                least = known.history.floors[measure.name]
                judged = severity.beyond(measure, item.value, item.reference, edges, least)
                if judged and severity.rank(judged) > worst:
                    worst, row["severity"] = severity.rank(judged), judged.value
        rows.append(row)
    names = {"id": pl.String, "day": pl.Date, "way": pl.String, "severity": pl.String}
    numbers = ("distance_m", "distance_ref_m", "descent_m", "descent_ref_m", "knee_bw_s", "knee_ref_bw_s")
    kinds: dict[str, type[pl.DataType]] = {**names, **dict.fromkeys(numbers, pl.Float64)}
    kinds |= {f"{name}_halved": pl.Boolean for name in keys.values()}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _descent_weeks(ledger: Ledger, known: Known) -> pl.DataFrame:
    """Running downhill by week and grade band."""
    bands = ledger.tables(known.athlete, "bands")
    wanted = {"week": pl.Date, "from": pl.Float64, "to": pl.Float64, "descent_m": pl.Float64}
    wanted |= {"time_s": pl.Float64, "distance_m": pl.Float64, "knee_load_bw_s": pl.Float64}
    if bands.is_empty():
        return pl.DataFrame(schema=wanted)
    first = known.as_of - timedelta(days=known.as_of.weekday()) - timedelta(weeks=WEEKS - 1)
    return (
        bands.join(known.activities.select("id", "day"), on="id", how="inner")
        .filter(
            (pl.col("way") == "run") & (pl.col("to") <= -0.02) & pl.col("day").is_between(first, known.as_of)
        )
        .with_columns(pl.col("day").dt.truncate("1w").alias("week"), pl.col("from").cast(pl.Float64))
        .group_by("week", "from", "to")
        .agg(pl.col("descent_m", "time_s", "distance_m", "knee_load_bw_s").sum())
        .sort("week", "to")
        .select(pl.col(name).cast(kind) for name, kind in wanted.items())
    )


def _descent_events(ledger: Ledger, known: Known, count: int = 10) -> pl.DataFrame:
    """The largest single descents of the last weeks, on foot."""
    events = ledger.tables(known.athlete, "descents")
    if events.is_empty():
        return events
    first = known.as_of - timedelta(days=SESSION_DAYS - 1)
    return (
        events.join(known.activities.select("id", "day"), on="id", how="inner")
        .filter(pl.col("way").is_in(["run", "walk"]) & pl.col("day").is_between(first, known.as_of))
        .sort("drop_m", descending=True)
        .head(count)
    )


MEASURE_NAMES = {
    "run_distance_m": ("running distance", "m"),
    "run_time_s": ("running time", "s"),
    "descent_run_m": ("descent while running", "m"),
    "knee_load_bw_s": ("knee load, all ways", "BW·s"),
}
RATIO_NAMES = {
    "week": "last 7 days",
    "usual_week": "mean week of the 28 days before",
    "week_difference": "difference",
    "percentile_26_weeks": "percentile among your last 26 weeks",
    "acwr_rolling_coupled_7_28": "ratio, rolling, coupled 7:28",
    "acwr_rolling_uncoupled_7_21": "ratio, rolling, uncoupled 7:21",
    "acwr_ewma_coupled_7_28": "ratio, EWMA, coupled 7:28",
    "acwr_ewma_uncoupled_7_28": "ratio, EWMA, uncoupled 7:28",
    "week_to_week": "week to week",
    "fitness_42": "fitness (42 days)",
    "fatigue_7": "fatigue (7 days)",
    "balance": "balance",
    "monotony": "monotony",
    "strain": "strain",
}


def _measures(known: Known) -> pl.DataFrame:
    """The workload measures of the as-of day, by their full names."""
    days = workload.daily(known.history.activities, as_of=known.as_of, coverage=known.history.coverage)
    table = workload.workload(days, tuple(MEASURE_NAMES)).filter(pl.col("day") == known.as_of)
    rows = []
    for row in table.to_dicts():
        name, unit = MEASURE_NAMES[row["measure"]]
        for key, name_of in RATIO_NAMES.items():
            own = unit if key in ("week", "usual_week", "week_difference") else ""
            own = "percentile" if key == "percentile_26_weeks" else own
            rows.append(
                {
                    "measure": row["measure"],
                    "of": name,
                    "name": name_of,
                    "key": key,
                    "value": row[key],
                    "unit": own,
                }
            )
    names = dict.fromkeys(("measure", "of", "name", "key"), pl.String) | {
        "value": pl.Float64,
        "unit": pl.String,
    }
    return pl.DataFrame(rows, schema=names, orient="row")


def _recent(known: Known) -> pl.DataFrame:
    """Steady level minutes of the last 26 weeks."""
    first = known.as_of - timedelta(weeks=26)
    return known.stretches.filter(pl.col("day") > first).select("day", "speed_mps", "cadence_spm", "level")


def _levers(known: Known, config: Config) -> tuple[str, ...]:
    """The article's levers on the last four weeks, in sentences; none while a referral stands."""
    eased = history.with_levers(known, config)
    answer = symptoms.ease(eased, known.as_of)
    return () if answer.referral else tuple(lever.text for lever in answer.levers)


def _ratios(known: Known) -> pl.DataFrame:
    """Knee load against its weeks before, a row a day of the last 26 weeks."""
    days = workload.daily(known.history.activities, as_of=known.as_of, coverage=known.history.coverage)
    return workload.workload(days, ("knee_load_bw_s",)).tail(26 * 7)


def _activities(ledger: Ledger, known: Known, pages: Mapping[str, str], *, redacted: bool) -> pl.DataFrame:
    """What the table of activities shows, newest first."""
    metrics = ledger.metrics(known.athlete, ("cadence_run_median_spm", "knee_load_linear_bw_s")).drop(
        "knee_load_linear_bw_s"
    )
    shown = known.history.frame.join(
        known.activities.select("id", "utc_offset_s", pl.col("indoor").fill_null(value=False)),
        on="id",
        how="left",
        maintain_order="left",
    ).join(metrics, on="id", how="left", maintain_order="left")
    local = [
        None if start is None else start + timedelta(seconds=offset or 0)
        for start, offset in zip(shown["start"], shown["utc_offset_s"], strict=True)
    ]
    return (
        shown.with_columns(
            pl.Series("page", [pages.get(name) for name in shown["id"]], dtype=pl.String),
            pl.Series(
                "local_start",
                [None if t is None else t.replace(tzinfo=None) for t in local],
                dtype=pl.Datetime,
            ),
            pl.col("indoor").fill_null(value=False),
            pl.lit(None, dtype=pl.String).alias("name") if redacted else pl.col("name"),
        )
        .sort("start", "id", descending=True)
        .drop("utc_offset_s")
    )


def _files(ledger: Ledger, athlete: str, *, anonymous: bool) -> FilesTally:
    counts = dict(
        ledger.query("select outcome, count(*) from files where athlete = ? group by outcome", (athlete,))
    )
    # why a file was refused may quote it, and a code never does
    why = "replace(code, '_', ' ')" if anonymous else "reason"
    skipped = ledger.query(
        f"select {why}, count(*) from files where athlete = ? and outcome = 'skipped' and code <> 'archive'"  # noqa: S608
        " group by 1 order by 2 desc, 1",
        (athlete,),
    )
    failures = ledger.query(
        f"select path, {why} from files where athlete = ? and outcome = 'failed' order by path",  # noqa: S608
        (athlete,),
    )
    copies = ledger.query(
        "select (select count(*) from activities where athlete = ?1 and duplicate_of is not null)"
        " + (select count(*) from files indexed by files_copies where athlete = ?1 and code = 'same_content')",
        (athlete,),
    )[0][0]
    return FilesTally(
        read=counts.get("read", 0),
        skipped=sum(count for _, count in skipped),
        failed=counts.get("failed", 0),
        duplicates=int(copies),
        skipped_by_reason=tuple(skipped[:20]),
        failures=tuple(("(a file)" if anonymous else path, reason) for path, reason in failures),
    )


def _coverage(known: Known) -> Coverage:
    flags = known.history.known(known.as_of)
    last = flags[-28:]
    told = [one.text for one in findings.find(known.history, known.as_of) if one.code.startswith("CV")]
    blind = [day for day in known.history.coverage.no_altitude_days if 0 <= (known.as_of - day).days < 28]
    return Coverage(
        first_day=known.history.coverage.first_day,
        last_day=known.history.coverage.last_day,
        known_days_of_28=int(last.sum()),
        unknown_days_of_28=int(len(last) - last.sum()),
        without_altitude_of_28=len(blind),
        sentences=tuple(told),
    )


def _quality(ledger: Ledger, known: Known, *, anonymous: bool) -> pl.DataFrame:
    """Issues over the activities, most frequent first; without words of the files where it is anonymous."""
    counted: Counter[str] = Counter()
    example: dict[str, str] = {}
    told = ledger.activities(known.athlete).join(known.activities, on="id", how="semi", maintain_order="left")
    for text in told["issues"]:
        for code, sentence in {one["code"]: one["text"] for one in json.loads(text)}.items():
            counted[code] += 1
            example.setdefault(code, unnamed.issue_text(code, sentence) if anonymous else sentence)
    rows = [{"code": code, "text": example[code], "activities": n} for code, n in counted.most_common()]
    return pl.DataFrame(
        rows, schema={"code": pl.String, "text": pl.String, "activities": pl.Int64}, orient="row"
    )


def _notes(known: Known) -> tuple[str, ...]:
    assumed = known.history.frame.filter("mass_assumed").height
    notes = []
    if assumed:
        notes.append(
            f"Body mass is not known: 70 kg is assumed for the load of {words.count(assumed, 'ride')}. Set it with --weight"
            " or mass_kg in the settings."
        )
    return tuple(notes)


def method(config: Config, *, anonymous: bool = False) -> MethodPage:
    """Every number's card, the parameters in force (none that tells whose, if anonymous), the references."""
    cards = [
        {
            "name": card.name,
            "label": card.label,
            "unit": card.unit,
            "daily": card.daily,
            "evidence": card.evidence.value,
            "sources": list(card.sources),
            "meaning": card.meaning,
            "formula": card.formula,
        }
        for card in analyzers.cards().values()
    ]
    parameters: list[tuple[str, Any, str, str]] = [
        (one.key, config.values[one.key].value, config.values[one.key].where, one.meaning)
        for one in settings.SETTINGS
    ]
    if anonymous:
        parameters = [
            (key, *unnamed.parameter(key, value, where), meaning) for key, value, where, meaning in parameters
        ]
    return MethodPage(
        cards=tuple(cards),
        parameters=tuple(parameters),
        topics=tuple({"name": name, **topic} for name, topic in explaining.written().items()),
        references=tuple((key, one.text, one.doi) for key, one in references.load().items()),
        validation=validation.table(),
    )
