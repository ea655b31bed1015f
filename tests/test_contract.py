"""What every reader, analyzer, chart and finding rule promises, over the registries: a new one is found by itself."""

import dataclasses
import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kneeledger
from kneeledger import charts, findings, readers, references, schema
from kneeledger.analyzers import ANALYZERS, analyze, cards
from kneeledger.charts import Chart
from kneeledger.errors import ReadError
from kneeledger.model import Evidence, Recording, Track

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
EXPORT = FIXTURES / "export"
WATCH = EXPORT / "watch" / "GARMIN" / "Activity"
FILES = {
    "run": WATCH / "2026-04-30-18-05-59.fit",
    "ride": WATCH / "2026-05-01-07-40-04.fit",
    "strength": WATCH / "2026-05-01-19-30-24.fit",
    "gps": EXPORT / "loose" / "gps-only-flat.fit",
    "gpx": EXPORT / "loose" / "gpx-with-cad.gpx",
}


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    return {name: kneeledger.read(file)[0] for name, file in FILES.items()}


def nulls(frame: pl.DataFrame) -> pl.DataFrame:
    """As many rows, nothing known in any of them."""
    return frame.select(pl.lit(None, dtype=dtype).alias(name) for name, dtype in frame.schema.items()).select(
        pl.all().repeat_by(frame.height).explode() if frame.height else pl.all().head(0)
    )


SHAPES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "whole": lambda frame: frame,
    "empty": lambda frame: frame.head(0),
    "one row": lambda frame: frame.slice(50, 1),
    "two rows": lambda frame: frame.slice(50, 2),
    "all null": lambda frame: nulls(frame.head(40)),
    "every other cell unknown": lambda frame: frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 2 == i % 2).then(pl.col(name)).alias(name)
        for i, name in enumerate(frame.columns)
        if name not in ("time", "segment")
    ),
}


def reshaped(recording: Recording, shape: str) -> Recording:
    return dataclasses.replace(recording, records=SHAPES[shape](recording.records))


def finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def bad_cells(frame: pl.DataFrame) -> list[str]:
    """Columns of floats with NaN or infinity in them; lists and structs are looked into."""
    return [
        name
        for name, dtype in frame.schema.items()
        if dtype.is_float() and frame[name].drop_nulls().is_finite().not_().any()
    ]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FILES)
class TestEveryAnalyzer:
    @pytest.fixture
    def track(self, recordings, name, shape) -> Track:
        return kneeledger.prepare(reshaped(recordings[name], shape))

    def test_gives_what_it_declares_finite_or_null(self, track):
        for analyzer in ANALYZERS:
            before = track.frame.clone()
            result = analyzer.compute(track, analyzer.params)
            assert set(result.metrics) == {card.name for card in analyzer.metrics}
            assert set(result.tables) <= set(analyzer.tables)
            for key, one in result.metrics.items():
                assert all(finite(v) for v in (one.value, one.low, one.high)), key
                if one.low is not None and one.high is not None:
                    assert one.low <= one.high, key
            for key, table in result.tables.items():
                assert not bad_cells(table), key
            assert all(finite(value) for value in result.sums.values())
            assert track.frame.equals(before), f"{analyzer.name} changed its input"

    def test_twice_is_the_same(self, track):
        assert analyze(track).metrics == analyze(track).metrics

    def test_the_track_holds_no_nan(self, track):
        assert not bad_cells(track.frame)
        assert list(track.frame.columns) == list(schema.TRACK)


class TestEveryCard:
    @pytest.mark.parametrize("card", cards().values(), ids=lambda card: card.name)
    def test_says_what_it_is_and_where_it_is_from(self, card):
        assert card.meaning.strip()
        assert card.label
        assert isinstance(card.evidence, Evidence)
        assert card.sources or card.evidence is Evidence.MEASURED, "what is not measured has a source"
        assert not set(card.sources) - set(references.load())

    def test_names_are_said_once(self):
        names = [card.name for analyzer in ANALYZERS for card in analyzer.metrics]
        assert len(names) == len(set(names))

    def test_analyzers_have_versions_and_frozen_parameters(self):
        for analyzer in ANALYZERS:
            assert analyzer.version >= 1
            assert dataclasses.is_dataclass(analyzer.params)
            assert analyzer.params.__dataclass_params__.frozen  # type: ignore[attr-defined]


class TestEveryRule:
    def test_codes_are_said_once_and_have_a_meaning(self):
        codes = [code for rule in findings.RULES for code in rule.codes]
        assert len(codes) == len(set(codes))
        assert all(rule.meaning for rule in findings.RULES)


def sample(name: str) -> bytes:
    """A small valid file of a format."""
    if name == "fit":
        return FILES["strength"].read_bytes()
    if name == "gpx":
        text = FILES["gpx"].read_bytes()
        return text[: text.index(b"</trkpt>", 6000) + 8] + b"</trkseg></trk></gpx>"
    text = gzip.decompress((EXPORT / "strava" / "activities" / "17005864824.tcx.gz").read_bytes())
    return text[: text.index(b"</Trackpoint>", 6000) + 13] + (
        b"</Track></Lap></Activity></Activities></TrainingCenterDatabase>"
    )


SAMPLES = {reader.name: sample(reader.name) for reader in readers.READERS}


def outcome(tmp: Path, data: bytes) -> list[Recording]:
    """Recordings, or none where the reader says in a sentence why not; anything else it raises is a failure."""
    tmp.write_bytes(data)
    try:
        found = kneeledger.read(tmp)
    except ReadError as error:
        if not error.why.strip():
            pytest.fail("an error without a reason")
        return []
    for one in found:
        assert list(one.records.columns) == list(schema.RECORDS)
        assert not bad_cells(one.records)
        times = one.records["time"].drop_nulls()
        assert times.is_sorted()
    return found


@pytest.mark.parametrize("name", SAMPLES)
class TestEveryReader:
    LIMITS = settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )

    def test_claims_its_own_and_no_other(self, name):
        claims = [reader.name for reader in readers.READERS if reader.claims(SAMPLES[name][:4096])]
        assert claims == [name]

    def test_the_sample_reads(self, name, tmp_path):
        assert outcome(tmp_path / "file", SAMPLES[name])

    @LIMITS
    @given(share=st.floats(0, 1))
    def test_cut_anywhere(self, name, tmp_path, share):
        data = SAMPLES[name]
        outcome(tmp_path / "file", data[: int(share * len(data))])

    @LIMITS
    @given(hits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=8))
    def test_bytes_flipped_anywhere(self, name, tmp_path, hits):
        data = bytearray(SAMPLES[name])
        for share, change in hits:
            data[int(share * len(data))] ^= change
        outcome(tmp_path / "file", bytes(data))

    def test_an_answer_for_every_small_beginning(self, name, tmp_path):
        for size in range(0, 60, 3):
            outcome(tmp_path / "file", SAMPLES[name][:size])


EMPTY = pl.DataFrame()
CHARTS: dict[str, Callable[[], Chart]] = {
    "cadence_histogram": lambda: charts.cadence_histogram(EMPTY),
    "cadence_pace": lambda: charts.cadence_pace(EMPTY, None),
    "cadence_trend": lambda: charts.cadence_trend([], []),
    "calendar": lambda: charts.calendar(EMPTY),
    "course": lambda: charts.course(EMPTY),
    "decomposition": lambda: charts.decomposition([]),
    "descent_weeks": lambda: charts.descent_weeks(EMPTY),
    "load": lambda: charts.load(EMPTY, EMPTY),
    "pain": lambda: charts.pain(EMPTY, EMPTY),
    "profile": lambda: charts.profile(EMPTY, EMPTY),
    "ratios": lambda: charts.ratios(EMPTY),
    "risk": lambda: charts.risk([], EMPTY),
    "sessions": lambda: charts.sessions(EMPTY),
    "sparkline": lambda: charts.sparkline([]),
    "track": lambda: charts.track(EMPTY),
    "weeks": lambda: charts.weeks(EMPTY),
}


class TestEveryChart:
    def test_none_is_left_out(self):
        drawing = {
            name
            for name in charts.__all__
            if name not in ("Bar", "Chart", "palette_css", "to_png", "to_svg")
            and callable(getattr(charts, name))
        }
        assert drawing == set(CHARTS)

    @pytest.mark.parametrize("name", CHARTS)
    def test_nothing_known_gives_a_picture_that_says_so(self, name):
        chart = CHARTS[name]()
        assert isinstance(chart, Chart)
        assert chart.alt.strip()
        svg = charts.to_svg(chart, prefix="x")
        assert svg.lstrip().startswith("<svg")
        assert "nan" not in svg.lower().split("<style")[0]


def test_values_of_the_knee_model_carry_an_interval(recordings):
    entry = analyze(kneeledger.prepare(recordings["run"]))
    told: Any = entry.metrics["knee_load_linear_bw_s"]
    assert told.low < told.value < told.high
