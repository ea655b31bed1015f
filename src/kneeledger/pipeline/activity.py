"""One activity: found by file, ledger id, `last` or date; as numbers, as JSON, as what its page shows."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from kneeledger import findings, readers, severity
from kneeledger.config import Config
from kneeledger.errors import ReadError, ReportError, StoreError
from kneeledger.knee import counterfactual, decomposition
from kneeledger.knee.counterfactual import Lever
from kneeledger.knee.decomposition import Part, Usual
from kneeledger.knee.uncertainty import Draws
from kneeledger.ledger import rows
from kneeledger.ledger.store import Ledger
from kneeledger.model import DownhillModel, Entry, Finding, Severity, Track, Value
from kneeledger.pipeline import contract, history
from kneeledger.pipeline.entries import entry
from kneeledger.pipeline.history import Known
from kneeledger.reporting import words
from kneeledger.reporting.content import ActivityPage, Comparison
from kneeledger.workload import Comparison as Compared

__all__ = [
    "Examined",
    "Selection",
    "as_json",
    "examine",
    "from_ledger",
    "page",
    "select",
    "write_pages",
]


@dataclass(frozen=True)
class Examined:
    """One activity with everything computed from it alone, and the usual it is compared with."""

    track: Track
    entry: Entry
    id: str | None
    athlete: str
    usual: Usual
    parts: tuple[Part, ...]
    levers: tuple[Lever, ...]
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def usual_is_own(self) -> bool:
        """Whether `usual` is the athlete's own, not the population's."""
        return self.usual != Usual()

    @property
    def profile(self) -> pl.DataFrame:
        """The decimated track for charts."""
        return self.entry.tables.get("profile", pl.DataFrame())


@dataclass(frozen=True, slots=True)
class Selection:
    """What was found, in the order asked for, and what was not."""

    examined: tuple[Examined, ...]
    failures: tuple[str, ...]
    known: Known | None = None
    """What those of the ledger are compared with; None where all are files."""


def select(
    which: Sequence[str],
    folder: Path,
    *,
    athlete: str,
    config: Config,
    decoder: str = "kneeledger",
    as_of: date | None = None,
) -> Selection:
    """Activities by file path, ledger id (or its beginning), ``last``, or local date.

    A word that names nothing is a failure in words; the rest is still found.
    """
    found: list[Examined] = []
    failures: list[str] = []
    known: Known | None = None
    for word in which:
        path = Path(word)
        try:
            if path.exists():
                found += _of_file(path, athlete, config, decoder)
            else:
                with Ledger(folder, create=False) as ledger:
                    names = _named(ledger, athlete, word, as_of)
                    # once for all words: what an activity is compared with is the same
                    known = known or history.gather(ledger, athlete, config, as_of=as_of)
                    found += [from_ledger(ledger, athlete, name, config, known) for name in names]
        except ReadError as error:
            failures.append(str(error))
        except StoreError as error:
            failures.append(f"{word}: there is no such file, and in the ledger: {error}")
    return Selection(tuple(found), tuple(failures), known)


def _of_file(path: Path, athlete: str, config: Config, decoder: str) -> list[Examined]:
    recordings = readers.read(path, decoder=decoder, tz=config["tz"] or None)
    return [examine(*entry(one, config), athlete=athlete) for one in recordings]


def _named(ledger: Ledger, athlete: str, word: str, as_of: date | None) -> list[str]:
    """Ledger ids of a word.

    Raises
    ------
    StoreError
        The word names no activity of this athlete.
    """
    base = "select id from activities where athlete = ? and duplicate_of is null"
    until = as_of.isoformat() if as_of else "9999-12-31"
    if word == "last":
        found = ledger.query(f"{base} and day <= ? order by start_us desc limit 1", (athlete, until))
    elif _is_day(word):
        found = ledger.query(f"{base} and day = ? order by start_us", (athlete, word))
    else:
        escaped = word.replace("%", "").replace("_", "")
        found = ledger.query(f"{base} and id like ? order by start_us", (athlete, f"{escaped}%"))
        if len(found) > 1:
            raise StoreError(
                f"{word!r} is the beginning of {len(found)} activities' ids.", hint="Give more of it."
            )
    if not found:
        raise StoreError(
            f"no activity of athlete {athlete!r} is {word!r}.",
            hint="Give a file, a ledger id, `last` or a day like 2026-05-03.",
        )
    return [row[0] for row in found]


def _is_day(word: str) -> bool:
    try:
        date.fromisoformat(word)
    except ValueError:
        return False
    return True


def from_ledger(
    ledger: Ledger, athlete: str, name: str, config: Config, known: Known | None = None
) -> Examined:
    """An activity of the ledger, prepared again from its stored track."""
    kept = ledger.written(name)
    records = ledger.records(name)
    with ledger.parsing():
        recording = rows.recording(kept, records)
        told = rows.context_from_json(kept.context)
    own = history.usual(known.matched) if known is not None else Usual()
    return examine(*entry(recording, config), athlete=athlete, name=name, own=own, context=told)


def examine(
    track: Track,
    made: Entry,
    *,
    athlete: str,
    name: str | None = None,
    own: Usual = Usual(),  # noqa: B008 - frozen
    context: Mapping[str, str] | None = None,
) -> Examined:
    """An activity with its decomposition and the article's levers."""
    sums = made.sums
    parts = decomposition.from_sums(sums, own, downhill=track.downhill) if sums else ()
    levers = counterfactual.levers(sums, Draws.of(athlete), downhill=track.downhill) if sums else ()
    return Examined(track, made, name, athlete, own, parts, levers, context or {})


def as_json(one: Examined, *, what_if: bool = False) -> dict[str, Any]:
    """The contract of ``activity --format json``."""
    told = contract.activity(one.track, one.entry, name=one.id)
    told["decomposition"] = {part.name: part.linear_bw_s for part in one.parts}
    told["decomposition_peak_weighted"] = {part.name: part.peak_weighted_steps for part in one.parts}
    told["usual"] = {
        "speed_mps": one.usual.speed_mps,
        "cadence_ratio": one.usual.cadence_ratio,
        "of": "athlete" if one.usual_is_own else "population",
    }
    if what_if:
        told["what_if"] = [
            {
                "lever": lever.label,
                "name": lever.name,
                "linear_bw_s": dataclasses.asdict(lever.linear),
                "peak_weighted_steps": dataclasses.asdict(lever.peak),
                "linear_change_pct": _pct(lever.linear_change),
                "linear_change_low_pct": _pct_of(lever.linear_change.low),
                "linear_change_high_pct": _pct_of(lever.linear_change.high),
                "peak_change_pct": _pct(lever.peak_change),
            }
            for lever in one.levers
        ]
    return told


def _pct(value: Value) -> float | None:
    return _pct_of(value.value)


def _pct_of(value: float | None) -> float | None:
    return None if value is None else 100 * value


def page(
    one: Examined,
    config: Config,
    *,
    known: Known | None = None,
    findings: Sequence[Finding] = (),
    copies: Sequence[str] = (),
    redacted: bool = True,
    with_map: bool = False,
) -> ActivityPage:
    """What one activity's page shows. Without a ledger there is nothing to compare with, and it says so."""
    about, tables = one.track.about, one.entry.tables
    metrics = _own_parts(one)
    day = rows.day_of(about)
    sport = " ".join(
        filter(None, ((about.sub_sport or "").replace("generic", "").replace("_", " "), about.sport))
    )
    title = f"{sport.replace('_', ' ').strip().capitalize()}, {day.day} {day:%B %Y}"
    if not redacted and one.context.get("title"):
        title = f"{one.context['title']} ({title})"
    return ActivityPage(
        id=one.id or about.sha256[:12],
        title=title,
        about=about,
        day=day,
        local_start=about.start + timedelta(seconds=about.utc_offset_s or 0),
        way=rows.way_of(about).value,
        metrics=metrics,
        comparisons=comparisons(one.id, known) if known is not None and one.id else (),
        findings=tuple(findings),
        profile=_placed(one) if with_map else one.profile,
        bands=tables.get("bands", pl.DataFrame()),
        descents=tables.get("descents", pl.DataFrame()),
        laps=tables.get("laps", pl.DataFrame()),
        per_km=tables.get("per_km", pl.DataFrame()),
        cadence_by_pace=tables.get("cadence_by_pace", pl.DataFrame()),
        cadence_by_grade=tables.get("cadence_by_grade", pl.DataFrame()),
        cadence_histogram=tables.get("cadence_histogram", pl.DataFrame()),
        pedalling_by_power=tables.get("pedalling_by_power", pl.DataFrame()),
        pedalling_by_grade=tables.get("pedalling_by_grade", pl.DataFrame()),
        personal_line=history.personal_line(known.matched) if known is not None else None,
        by_model={m.value: _value(metrics, f"knee_load_{m}_bw_s") for m in DownhillModel},
        excess_by_model={m.value: _value(metrics, f"excess_knee_load_{m}_bw_s") for m in DownhillModel},
        decomposition=tuple((p.name, p.linear_bw_s, p.peak_weighted_steps) for p in one.parts),
        what_if=tuple((lever.label, lever.linear, lever.peak) for lever in one.levers),
        issues=one.entry.issues,
        easy_sentence=_easy_sentence(metrics),
        downhill_model=one.track.downhill.value,
        parameters={key: origin.value for key, origin in config.values.items()},
        units=config["units"],
        redacted=redacted,
        duplicate_paths=tuple(copies),
        usual=(one.usual.speed_mps, one.usual.cadence_ratio) if one.usual_is_own else None,
        what_if_change=tuple((lever.label, lever.linear_change, lever.peak_change) for lever in one.levers),
    )


def _own_parts(one: Examined) -> Mapping[str, Value]:
    """The metrics with the parts of the load against the usual in force; the ledger keeps the population's."""
    parts = {f"load_{part.name}_bw_s": Value(part.linear_bw_s) for part in one.parts}
    parts |= {f"peak_{part.name}_steps": Value(part.peak_weighted_steps) for part in one.parts}
    return {name: parts.get(name, value) for name, value in one.entry.metrics.items()}


def _placed(one: Examined) -> pl.DataFrame:
    """The profile with the position nearest to each of its rows, where positions are kept."""
    places = (
        one.track.frame.select("elapsed_s", "latitude_deg", "longitude_deg").drop_nulls().sort("elapsed_s")
    )
    if places.is_empty() or one.profile.is_empty():
        return one.profile
    return one.profile.join_asof(places, on="elapsed_s", strategy="nearest")


def _value(metrics: Mapping[str, Value], name: str) -> float | None:
    return metrics[name].value if name in metrics else None


def _easy_sentence(metrics: Mapping[str, Value]) -> str:
    easy = metrics.get("knee_load_easy_minutes")
    if easy is None or easy.value is None:
        return "There is no knee model for this, or no track to use it on: no load is made up."
    return (
        f"It asked of each knee about as much as {easy.value:.0f} minutes of easy level running"
        f" (90 % interval {easy.low:.0f} to {easy.high:.0f}, modelled)."
    )


def comparisons(name: str, known: Known) -> tuple[Comparison, ...]:
    """The outing an activity belongs to against the largest of the 30 days before it."""
    outings = known.history.rows
    index = next((i for i, row in enumerate(outings) if name in row["ids"]), None)  # type: ignore[operator]
    if index is None:
        return ()
    made = []
    for measure in severity.MEASURES:
        item = known.history.compared.get((index, measure.name))
        if item is not None:
            made.append(_comparison(item, measure, outings, known))
    return tuple(made)


def _comparison(
    item: Compared, measure: severity.Measure, outings: Sequence[dict[str, object]], known: Known
) -> Comparison:
    other = outings[item.against] if item.against is not None else None
    word = None
    if item.ratio is not None and item.reference is not None:
        edges, least = severity.thresholds(known.profile), known.history.floors[measure.name]
        judged = severity.beyond(measure, item.value, item.reference, edges, least)
        word = judged.value if judged else None
        if judged and (item.known_days < 30 or item.window_empty):
            word = severity.at_most(judged, Severity.NOTE).value
    day = other["day"] if other else None
    if item.reference is None:
        text = f"There is nothing in the 30 days before to compare the {measure.label} with."
    else:
        assert isinstance(day, date)
        share = "" if item.ratio is None else f", {words.signed(100 * (item.ratio - 1))}"
        whose = f"the most of the 30 days before: {measure.show(item.reference)} on {day.day} {day:%B}"
        if item.window_empty:
            whose = (
                f"the 30 days before hold none, so it is held against half of the most of the 90 days before, that"
                f" of {day.day} {day:%B}: {measure.show(item.reference)}"
            )
        text = f"{measure.show(item.value)} of {measure.label}; {whose}{share}."
    return Comparison(
        measure=measure.name,
        value=item.value,
        reference=item.reference,
        reference_day=day if isinstance(day, date) else None,
        reference_id=str(other["id"]) if other else None,
        ratio=item.ratio,
        low=item.low,
        high=item.high,
        severity=word,
        known_days=item.known_days,
        text=text,
        tested=measure.tested and not item.window_empty,
        halved=item.window_empty and item.reference is not None,
    )


def write_pages(found: Selection, out: Path, *, config: Config, png: bool = False) -> list[Path]:
    """A page each, in `out`; their paths. What the ledger holds stands beside its days before, a file alone.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    from kneeledger.reporting import html

    try:
        return [
            html.write_activity(_page_of(one, found.known, config), out, png=png, alone=True)
            for one in found.examined
        ]
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}.") from error


def _page_of(one: Examined, known: Known | None, config: Config) -> ActivityPage:
    """A page as the report has it: with the days before, and with what was told of it on its own day."""
    if known is None or one.id is None:
        return page(one, config)
    day = rows.day_of(one.track.about)
    told = findings.spikes(known.history, day, last_days=1, profile=known.profile)
    return page(one, config, known=known, findings=[each for each in told if each.activity == one.id])
