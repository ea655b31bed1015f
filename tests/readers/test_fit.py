"""The FIT reader on files made here byte by byte, each for one rule of how FIT files are or break."""

import contextlib
import random
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kneeledger.errors import (
    CorruptFileError,
    EmptyActivityError,
    LimitError,
    ReadError,
    UnsupportedFormatError,
)
from kneeledger.model import Source
from kneeledger.readers import fit, fit_columns, fit_drafts, fit_layout
from kneeledger.readers.fit_layout import crc16

EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
START = 1_000_000_000
U1, S1, U2, S2, S4, U4, TEXT, F4, BYTE, ENUM = 0x02, 0x01, 0x84, 0x83, 0x85, 0x86, 0x07, 0x88, 0x0D, 0x00
CODES = {U1: "B", S1: "b", U2: "H", S2: "h", S4: "i", U4: "I", F4: "f", BYTE: "B", ENUM: "B"}
Field = tuple[int, int, int]
"""Number, size in bytes, base type."""


class Writer:
    """Writes FIT messages, and breaks what it is told to break."""

    def __init__(self, *, big: bool = False) -> None:
        self.big = big
        self.body = bytearray()
        self.fields: dict[int, tuple[Sequence[Field], Sequence[Field]]] = {}

    @property
    def order(self) -> str:
        return ">" if self.big else "<"

    def define(self, local: int, number: int, fields: Sequence[Field], dev: Sequence[Field] = ()) -> None:
        self.fields[local] = (fields, dev)
        self.body += struct.pack(
            f"{self.order}BBBHB", 0x40 | local | (0x20 if dev else 0), 0, self.big, number, len(fields)
        )
        for field in fields:
            self.body += bytes(field)
        if dev:
            self.body.append(len(dev))
            for number_, size, index in dev:
                self.body += bytes((number_, size, index))

    def put(self, local: int, *values: object, header: int | None = None, dev: bytes = b"") -> None:
        self.body.append(local if header is None else header)
        for (_, size, base), value in zip(self.fields[local][0], values, strict=True):
            if isinstance(value, bytes):
                self.body += value.ljust(size, b"\0")
            elif isinstance(value, tuple):
                self.body += struct.pack(f"{self.order}{len(value)}{CODES[base]}", *value)
            else:
                self.body += struct.pack(f"{self.order}{CODES[base]}", value)
        self.body += dev

    def file(self, *, header: int = 14, size: int | None = None, crc: int | None = None) -> bytes:
        declared = len(self.body) if size is None else size
        head = struct.pack("<BBHI4s", header, 0x20, 2132, declared, b".FIT")
        if header == 14:
            head += struct.pack("<H", crc16(head))
        whole = head + self.body
        return bytes(whole + struct.pack("<H", crc16(whole) if crc is None else crc))


RECORD = [(253, 4, U4), (0, 4, S4), (1, 4, S4), (5, 4, U4), (2, 2, U2), (6, 2, U2), (3, 1, U1), (4, 1, U1)]


def begin(*, big: bool = False, kind: int = 4) -> Writer:
    writer = Writer(big=big)
    writer.define(0, 0, [(0, 1, ENUM), (1, 2, U2), (2, 2, U2), (4, 4, U4)])
    writer.put(0, kind, 1, 4024, START)
    return writer


def record(writer: Writer, second: int, *, local: int = 1) -> None:
    writer.put(
        local,
        START + second,
        600_000_000 + second,
        -30_000_000,
        300 * second,
        5 * (600 + second),
        3000,
        140,
        85,
    )


def run(count: int = 30, *, big: bool = False) -> Writer:
    writer = begin(big=big)
    writer.define(1, 20, RECORD)
    for second in range(count):
        record(writer, second)
    return writer


def session(writer: Writer, *, sport: int = 1, start: int = START, seconds: int = 30) -> None:
    writer.define(
        2,
        18,
        [
            (253, 4, U4),
            (2, 4, U4),
            (7, 4, U4),
            (8, 4, U4),
            (9, 4, U4),
            (22, 2, U2),
            (23, 2, U2),
            (5, 1, ENUM),
            (6, 1, ENUM),
        ],
    )
    writer.put(2, start + seconds, start, seconds * 1000, seconds * 990, seconds * 300, 12, 7, sport, 0)


def source(data: bytes, path: str = "made.fit") -> Source:
    return Source(path, data, "", Path(path))


@pytest.mark.parametrize("size", [0, 1, 15, 255, 256, 257, 1000, 4096, 20_003])
def test_crc16_equals_the_bitwise_definition(size: int) -> None:
    data = random.Random(size).randbytes(size)
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    assert crc16(data) == crc


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("count", [30, 400])
def test_values_are_scaled_in_both_byte_orders_and_by_both_paths(big: bool, count: int) -> None:
    frame = fit.decode(run(count, big=big).file()).frame("record")
    assert frame.height == count
    row = frame.row(7, named=True)
    assert row["timestamp"] == EPOCH + timedelta(seconds=START + 7)
    assert (row["position_lat"], row["position_long"]) == (600_000_007, -30_000_000)
    assert (row["distance"], row["altitude"], row["enhanced_altitude"]) == (21.0, 107.0, 107.0)
    assert (row["speed"], row["enhanced_speed"], row["heart_rate"], row["cadence"]) == (3.0, 3.0, 140, 85)


@pytest.mark.parametrize("count", [20, 300])
def test_not_given_is_null_in_every_type(count: int) -> None:
    writer = begin()
    writer.define(1, 20, [(253, 4, U4), (3, 1, U1), (2, 2, U2), (13, 1, S1), (0, 4, S4), (114, 4, F4)])
    for second in range(count):
        writer.put(1, START + second, 0xFF, 0xFFFF, 0x7F, 0x7FFFFFFF, float("nan"))
    writer.put(1, START + count, 60, 2600, 21, 5, 1.5)
    frame = fit.decode(writer.file()).frame("record").drop("timestamp", "enhanced_altitude")
    assert frame.columns == ["heart_rate", "altitude", "temperature", "position_lat", "grit"]
    assert [frame[name].null_count() for name in frame.columns] == [count] * 5
    assert frame.row(-1) == (60, 20.0, 21, 5, 1.5)


def test_twelve_byte_header_and_crc_zero_are_read_without_a_word() -> None:
    opened = fit.decode(run().file(header=12, crc=0))
    assert opened.kinds["record"] == 30
    assert (opened.crc, opened.issues) == ("absent", ())


def test_wrong_crc_is_told_and_nothing_is_lost() -> None:
    opened = fit.decode(run().file(crc=1))
    assert opened.frame("record").height == 30
    assert [issue.code for issue in opened.issues] == ["fit_crc_wrong"]


@pytest.mark.parametrize("with_crc", [False, True])
def test_size_zero_uses_the_length_of_the_file(with_crc: bool) -> None:
    data = run().file(size=0)
    opened = fit.decode(data if with_crc else data[:-2])
    assert opened.kinds["record"] == 30
    assert "fit_size_zero" in [issue.code for issue in opened.issues]


def test_cut_file_keeps_whole_messages() -> None:
    opened = fit.decode(run().file()[:-30])
    assert opened.kinds["record"] == 28
    assert [issue.code for issue in opened.issues] == ["fit_cut"]


def test_chained_files_restart_definitions() -> None:
    second = begin()
    second.define(1, 20, [(253, 4, U4), (7, 2, U2)])
    second.put(1, START + 500, 250)
    opened = fit.decode(run().file() + second.file())
    assert len(opened.parts) == 2
    frame = opened.frame("record")
    assert frame.height == 31
    assert frame["power"].to_list() == [None] * 30 + [250]
    assert opened.frame("record", part=1).height == 1


def test_bytes_behind_the_declared_end_are_left_and_told() -> None:
    opened = fit.decode(run().file() + b"rubbish!")
    assert opened.kinds["record"] == 30
    assert [(issue.code, issue.count) for issue in opened.issues] == [("fit_extra_bytes", 8)]


def test_local_type_redefined_in_mid_file_uses_the_latest() -> None:
    writer = run(3)
    writer.define(1, 20, [(7, 2, U2), (253, 4, U4)])
    writer.put(1, 250, START + 3)
    writer.define(1, 20, RECORD)
    record(writer, 4)
    frame = fit.decode(writer.file()).frame("record")
    assert frame["timestamp"].to_list() == [
        EPOCH + timedelta(seconds=START + second) for second in (0, 1, 2, 3, 4)
    ]
    assert frame["power"].to_list() == [None, None, None, 250, None]
    assert frame["heart_rate"].to_list() == [140, 140, 140, None, 140]


def test_compressed_time_stamps_count_on_and_roll_over() -> None:
    writer = run(1)
    writer.define(2, 20, [(3, 1, U1)])
    for second in (1, 5, 20, 40, 60):
        writer.put(2, 150, header=0x80 | 2 << 5 | (START + second) & 31)
    times = fit.decode(writer.file()).frame("record")["timestamp"].to_list()
    assert times == [EPOCH + timedelta(seconds=START + second) for second in (0, 1, 5, 20, 40, 60)]


def test_a_message_of_nothing_but_its_header_with_a_time_is_read() -> None:
    """Found by the run over 20,000 damaged files."""
    writer = run(2)
    writer.define(3, 21, [])
    writer.put(3, header=0x80 | 3 << 5 | (START + 5) & 31)
    frame = fit.decode(writer.file()).frame("event")
    assert frame.columns == ["timestamp"]
    assert frame.height == 1


def test_packed_speed_and_distance_come_apart_and_count_on() -> None:
    writer = begin()
    writer.define(1, 20, [(253, 4, U4), (8, 3, BYTE)])
    for second, metres in enumerate((0, 100, 200, 300, 330)):
        packed = (300 | (metres * 16 & 0xFFF) << 12).to_bytes(3, "little")
        writer.put(1, START + second, tuple(packed))
    frame = fit.decode(writer.file()).frame("record")
    assert frame["distance"].to_list() == [0, 100, 200, 300, 330]
    assert frame["enhanced_speed"].to_list() == [3.0] * 5


def test_an_invalid_packed_field_does_not_wipe_the_true_one() -> None:
    writer = begin()
    writer.define(1, 20, [(253, 4, U4), (5, 4, U4), (8, 3, BYTE)])
    writer.put(1, START, 12_300, (255, 255, 255))
    frame = fit.decode(writer.file()).frame("record")
    assert frame["distance"].to_list() == [123.0]
    assert frame["speed"].to_list() == [None]


def test_a_size_that_does_not_fit_the_type_is_raw_bytes() -> None:
    writer = begin()
    writer.define(1, 20, [(253, 4, U4), (39, 1, U4), (61, 3, U2), (3, 1, U1)])
    writer.put(1, START, b"\x09", b"\x01\x02\x03", 150)
    row = fit.decode(writer.file()).frame("record").row(0, named=True)
    assert (row["vertical_oscillation"], row["unknown_61"], row["heart_rate"]) == (9, [1, 2, 3], 150)


@pytest.mark.parametrize("count", [2, 300])
def test_arrays_are_lists_with_their_gaps(count: int) -> None:
    writer = run(2)
    writer.define(3, 78, [(0, 10, U2)])
    for _ in range(count):
        writer.put(3, (500, 510, 0xFFFF, 0xFFFF, 0xFFFF))
        writer.put(3, (0xFFFF,) * 5)
    lists = fit.decode(writer.file()).frame("hrv")["time"].to_list()
    assert lists == [[0.5, 0.51, None, None, None], None] * count


def test_strings_end_at_nul_and_words_keep_unknown_numbers() -> None:
    writer = run(1)
    writer.define(3, 12, [(0, 1, ENUM), (3, 16, TEXT)])
    writer.put(3, 1, "Läufe".encode() + b"\0junk")
    writer.put(3, 250, b"\xff\xfe")
    frame = fit.decode(writer.file()).frame("sport")
    assert frame["sport"].to_list() == ["running", "250"]
    assert frame["name"][0] == "Läufe"


def describe(
    writer: Writer, number: int, base: int, name: str, units: str, *, native: int = 0xFF, index: int = 0
) -> None:
    writer.define(
        5,
        206,
        [
            (0, 1, U1),
            (1, 1, U1),
            (2, 1, U1),
            (3, 24, TEXT),
            (8, 12, TEXT),
            (15, 1, U1),
            (6, 1, U1),
            (7, 1, S1),
        ],
    )
    writer.put(5, index, number, base, name.encode(), units.encode(), native, 0xFF, 0x7F)


def test_a_foot_pod_s_body_mass_is_a_fact_of_its_own() -> None:
    writer = run()
    describe(writer, 0, U1, "Weight", "kg")
    writer.define(2, 18, [(253, 4, U4), (2, 4, U4), (5, 1, ENUM)], dev=[(0, 1, 0)])
    writer.put(2, START + 30, START, 1, dev=b"\x50")
    (draft,) = fit.drafts(source(writer.file()))
    assert draft.facts["pod_mass_kg"] == 80.0
    assert "mass_kg" not in draft.facts


@pytest.mark.parametrize("count", [10, 200])
def test_developer_fields_never_touch_native_ones(count: int) -> None:
    writer = begin()
    describe(writer, 0, U2, "cadence", "spm", native=4)
    describe(writer, 1, F4, "Form Power", "Watts")
    describe(writer, 0, U1, "cadence", "spm", index=1)
    writer.define(1, 20, [(253, 4, U4), (4, 1, U1)], dev=[(0, 2, 0), (1, 4, 0), (0, 1, 1), (9, 1, 7)])
    for second in range(count):
        writer.put(1, START + second, 85, dev=struct.pack("<HfBB", 170, 61.5, 171, 3))
    opened = fit.decode(writer.file())
    row = opened.frame("record").row(-1, named=True)
    assert row["cadence"] == 85
    assert (row["dev:cadence [spm]"], row["dev:cadence [spm] #2"], row["dev:Form Power [Watts]"]) == (
        170,
        171,
        61.5,
    )
    assert row["dev:unknown_7_9"] == 3
    assert [(field.column, field.native) for field in opened.dev_fields[:2]] == [
        ("dev:cadence [spm]", 4),
        ("dev:Form Power [Watts]", None),
    ]


@pytest.mark.parametrize("count", [10, 200])
def test_a_developer_field_described_anew_is_read_as_described_then(count: int) -> None:
    writer = begin()
    writer.define(5, 206, [(0, 1, U1), (1, 1, U1), (2, 1, U1), (3, 16, TEXT), (8, 16, TEXT)])
    writer.put(5, 0, 7, U2, b"Ground Time", b"Milliseconds")
    writer.define(1, 20, [(253, 4, U4)], [(7, 2, 0)])
    for second in range(count):
        writer.put(1, START + second, dev=struct.pack("<H", 240))
    writer.put(5, 0, 7, U2, b"Form Power", b"Watts")
    for second in range(count, 2 * count):
        writer.put(1, START + second, dev=struct.pack("<H", 61))
    frame = fit.decode(writer.file()).frame("record")
    assert frame["dev:Ground Time [Milliseconds]"].to_list() == [240] * count + [None] * count
    assert frame["dev:Form Power [Watts]"].to_list() == [None] * count + [61] * count
    assert frame["timestamp"].is_sorted()


def test_a_field_whose_meaning_another_decides_gets_its_special_name() -> None:
    writer = run(1)
    writer.define(3, 21, [(253, 4, U4), (0, 1, ENUM), (1, 1, ENUM), (3, 4, U4)])
    writer.put(3, START, 0, 0, 1)
    writer.put(3, START, 42, 3, 0x0B03_1102)
    frame = fit.decode(writer.file()).frame("event")
    assert frame["timer_trigger"].to_list() == ["auto", None]
    assert frame["rear_gear"].to_list() == [None, 17]
    assert frame["data"].to_list() == [1, 0x0B03_1102]


def test_unknown_messages_and_fields_keep_their_numbers() -> None:
    writer = run(1)
    writer.define(3, 65_000, [(253, 4, U4), (77, 2, U2)])
    writer.put(3, START, 5)
    opened = fit.decode(writer.file())
    assert opened.kinds["unknown_65000"] == 1
    assert opened.frame("unknown_65000")["unknown_77"].to_list() == [5]
    assert opened.frame(65_000).equals(opened.frame("unknown_65000"))


def test_a_hole_is_passed_over_and_told() -> None:
    writer = run(40)
    data = bytearray(writer.file())
    size = 1 + sum(field[1] for field in RECORD)
    hole = len(data) - 2 - 20 * size
    data[hole : hole + size + 3] = b"\x0e" * (size + 3)
    opened = fit.decode(bytes(data))
    assert opened.kinds["record"] == 38
    assert "fit_hole" in [issue.code for issue in opened.issues]
    assert [(gap.start, gap.end) for gap in opened.parts[0].gaps] == [(hole, hole + 2 * size)]
    assert opened.lost_bytes == 2 * size


def test_bytes_lost_in_mid_file_cost_one_record_and_no_invention() -> None:
    data = run(40).file()
    size = 1 + sum(field[1] for field in RECORD)
    at = len(data) - 2 - 20 * size + 7
    opened = fit.decode(data[:at] + data[at + 3 :])
    times = opened.frame("record")["timestamp"].drop_nulls()
    assert 38 <= len(times) <= 39
    assert times.is_sorted()
    assert times[-1] == EPOCH + timedelta(seconds=START + 39)


def test_a_wild_stamp_in_a_damaged_file_is_garbage_and_in_a_healthy_one_is_kept() -> None:
    writer = run(20)
    writer.put(1, START + 2_000_000_000, 0, 0, 0, 0, 0, 0, 0)
    for second in range(20, 40):
        record(writer, second)
    assert fit.decode(writer.file()).kinds["record"] == 41
    assert fit.decode(writer.file(crc=7)).kinds["record"] == 40


def test_a_block_that_jumps_ahead_and_comes_back_is_kept_even_with_a_wrong_crc() -> None:
    writer = run(20)
    for second in range(20, 34):
        writer.put(1, START + second + 68_342_400, 0, 0, 300 * second, 3000, 3000, 140, 85)
    for second in range(34, 60):
        record(writer, second)
    assert fit.decode(writer.file(crc=7)).kinds["record"] == 60


def test_junk_behind_the_activity_message_is_left() -> None:
    writer = run(20)
    writer.define(4, 34, [(253, 4, U4), (0, 4, U4)])
    writer.put(4, START + 20, 20_000)
    writer.body += b"\x0d" * 10
    for second in range(20):
        writer.put(1, START + second - 200_000, 0, 0, 300 * second, 3000, 3000, 140, 85)
    opened = fit.decode(writer.file(crc=3))
    assert opened.kinds["record"] == 20
    assert "fit_foreign_bytes" in [issue.code for issue in opened.issues]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"\x1f\x8b" + bytes(40), "gzip"),
        (b"<!DOCTYPE html><html>" + bytes(40), "web page"),
        (b"<?xml version='1.0'?>" + bytes(40), "XML"),
        (b"\x00\x05\x16\x07" + bytes(40), "macOS"),
        (bytes(100), "header is missing"),
    ],
)
def test_what_is_no_fit_is_named(data: bytes, words: str) -> None:
    assert not fit.claims(data[:16])
    with pytest.raises(UnsupportedFormatError, match=words):
        fit.decode(data)


def test_a_header_without_a_message_is_corrupt() -> None:
    with pytest.raises(CorruptFileError):
        fit.decode(Writer().file())


@pytest.mark.parametrize(("kind", "expected"), [(4, 4), (6, 6), (32, 32), (0xFF, None)])
def test_file_type_is_read_from_the_head(kind: int, expected: int | None) -> None:
    assert fit.file_type(begin(kind=kind).file()[:512]) == expected
    assert fit.file_type(b"") is None


@pytest.mark.parametrize("decoder", ["kneeledger", "fitparse"])
def test_a_draft_has_our_names_and_units(decoder: str) -> None:
    writer = begin()
    writer.define(1, 20, [*RECORD, (53, 1, U1), (41, 2, U2), (39, 2, U2)])
    for second in range(12):
        writer.put(
            1, START + second, 600_000_000, -30_000_000, 300 * second, 3000, 3000, 140, 85, 64, 2450, 820
        )
    session(writer)
    writer.define(3, 3, [(4, 2, U2)])
    writer.put(3, 712)
    writer.define(4, 34, [(253, 4, U4), (5, 4, U4)])
    writer.put(4, START + 30, START + 30 + 7200)
    (draft,) = fit.drafts(source(writer.file()), decoder=decoder)
    row = draft.records.row(5, named=True)
    assert row["time"] == EPOCH + timedelta(seconds=START + 5)
    assert row["latitude_deg"] == pytest.approx(600_000_000 * 180 / 2**31)
    assert (row["altitude_m"], row["speed_mps"], row["distance_m"]) == (100.0, 3.0, 15.0)
    assert (row["cadence:cadence"], row["stance_time_s"], row["vertical_oscillation_mm"]) == (
        85.5,
        0.245,
        82.0,
    )
    assert draft.sessions.row(0, named=True) == {
        "start": EPOCH + timedelta(seconds=START), "elapsed_s": 30.0, "timer_s": 29.7, "distance_m": 90.0,
        "ascent_m": 12.0, "descent_m": 7.0, "sport": "running", "sub_sport": "generic", "total_cycles": None,
    }  # fmt: skip
    assert (draft.sport, draft.sub_sport, draft.device, draft.decoder) == (
        "running",
        "generic",
        "garmin fr955",
        decoder,
    )
    assert draft.facts["mass_kg"] == 71.2
    local, there = draft.facts["local_timestamp"], draft.facts["activity_timestamp"]
    assert isinstance(local, datetime)
    assert isinstance(there, datetime)
    assert local - there.replace(tzinfo=None) == timedelta(hours=2)


def powered_on(*, created: int) -> Writer:
    """A file whose stamps count from power-on."""
    writer = Writer()
    writer.define(0, 0, [(0, 1, ENUM), (4, 4, U4)])
    writer.put(0, 4, created)
    writer.define(1, 20, RECORD)
    for second in range(30):
        writer.put(1, 100 + second, 600_000_000, -30_000_000, 300 * second, 3000, 3000, 140, 85)
    session(writer, start=100)
    return writer


@pytest.mark.parametrize("how", ["correlation", "created", "local", "unknown"])
def test_stamps_from_power_on_are_dated_by_what_the_file_knows(how: str) -> None:
    writer = powered_on(created=START if how == "created" else 99)
    if how == "correlation":
        writer.define(3, 162, [(253, 4, U4), (1, 4, U4)])
        writer.put(3, START + 7, 107)
    if how == "local":
        writer.define(4, 34, [(253, 4, U4), (5, 4, U4)])
        writer.put(4, 130, START + 30)
    (draft,) = fit.drafts(source(writer.file()))
    begun = EPOCH + timedelta(seconds=100 if how == "unknown" else START)
    assert draft.records["time"][0] == begun
    assert draft.records["time"][-1] == begun + timedelta(seconds=29)
    assert draft.sessions["start"][0] == begun
    (told,) = [issue for issue in draft.issues if issue.code == "fit_system_time"]
    assert told.count == 30


def test_what_is_no_activity_says_what_it_is() -> None:
    with pytest.raises(EmptyActivityError, match="settings"):
        fit.drafts(source(begin(kind=2).file()))
    with pytest.raises(EmptyActivityError, match="monitoring"):
        fit.drafts(source(begin(kind=32).file()))
    with pytest.raises(EmptyActivityError, match="no records"):
        fit.drafts(source(begin().file()))


def test_a_course_is_planned_and_a_manual_entry_keeps_its_totals() -> None:
    course = begin(kind=6)
    course.define(1, 20, RECORD)
    for second in range(20):
        record(course, second)
    assert fit.drafts(source(course.file()))[0].facts["planned"] is True
    manual = begin()
    session(manual)
    (draft,) = fit.drafts(source(manual.file()))
    assert draft.records.is_empty()
    assert draft.sessions["timer_s"].to_list() == [29.7]


def test_multisport_is_one_draft_with_several_sessions() -> None:
    writer = run(60)
    session(writer, sport=5)
    session(writer, sport=3, start=START + 30, seconds=5)
    session(writer, sport=1, start=START + 35)
    (draft,) = fit.drafts(source(writer.file()))
    assert (draft.sport, draft.sessions["sport"].to_list()) == (
        "multisport",
        ["swimming", "transition", "running"],
    )


def everything(data: bytes) -> None:
    """Every door of the reader over these bytes."""
    fit.file_type(data[:512])
    try:
        opened = fit.decode(data)
    except ReadError:
        pass
    else:
        for number in opened.numbers:
            opened.frame(number)
    with contextlib.suppress(ReadError):
        fit.drafts(source(data))


def broken(data: bytes, dice: random.Random) -> bytes:
    """The bytes with one kind of damage."""
    out = bytearray(data)
    where = dice.randrange(len(out))
    match dice.randrange(6):
        case 0:
            return bytes(out[:where])
        case 1:
            for _ in range(dice.choice((1, 4, 30))):
                out[dice.randrange(len(out))] = dice.randrange(256)
        case 2:
            del out[where : where + dice.randrange(1, 40)]
        case 3:
            out[where:where] = dice.randbytes(dice.randrange(1, 40))
        case 4:
            out[where : where + 20] = out[:20]
        case _:
            place = dice.randrange(14, min(len(out), 200))
            out[place] = dice.choice((0, 1, 7, 8, 0x0D, 0x40, 0x60, 0x88, 0x8E, 0xFF))
    return bytes(out)


def rich() -> bytes:
    """A file with something of everything."""
    writer = begin()
    describe(writer, 0, U2, "cadence", "spm", native=4)
    writer.define(1, 20, [*RECORD, (8, 3, BYTE), (53, 1, U1)], dev=[(0, 2, 0)])
    for second in range(30):
        writer.put(1, START + second, 6, 7, 300, 3000, 3000, 140, 85, (1, 2, 3), 64, dev=b"\xaa\0")
    writer.define(3, 78, [(0, 10, U2)])
    writer.put(3, (500, 510, 0xFFFF, 0xFFFF, 0xFFFF))
    writer.define(6, 21, [(253, 4, U4), (0, 1, ENUM), (1, 1, ENUM), (3, 4, U4), (2, 2, U2)])
    writer.put(6, START, 0, 0, 1, 2)
    writer.define(7, 12, [(0, 1, ENUM), (3, 16, TEXT)])
    writer.put(7, 1, b"Run")
    session(writer)
    writer.define(4, 34, [(253, 4, U4), (5, 4, U4)])
    writer.put(4, START + 30, START + 7230)
    return writer.file()


def damage(count: int, seed: int) -> None:
    dice = random.Random(seed)
    whole = rich()
    for _ in range(count):
        data = broken(whole, dice)
        if dice.random() < 0.3 and len(data) > 20:
            data = broken(data, dice)
        if dice.random() < 0.3 and len(data) > 20:
            data = data[:-2] + struct.pack("<H", crc16(data[:-2]))
        everything(data)


def test_damaged_bytes_raise_nothing_but_read_errors() -> None:
    damage(120, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_many_damaged_bytes_raise_nothing_but_read_errors(seed: int) -> None:
    """20,000 in all."""
    damage(5_000, seed)


def test_asking_for_columns_gives_only_those() -> None:
    opened = fit.decode(run(200).file())
    assert opened.frame("record", ("heart_rate", "enhanced_speed", "nonsense")).columns == [
        "heart_rate",
        "enhanced_speed",
    ]
    assert opened.frame("lap").equals(pl.DataFrame())


def given(rows: list[dict[str, object]], names: list[str]) -> list[dict[str, object]]:
    """Rows without what is null, as far as these names go."""
    return [
        {name: value for name, value in row.items() if value is not None and name in names} for row in rows
    ]


@pytest.mark.parametrize("seed", range(12))
def test_rows_say_what_a_frame_says(seed: int) -> None:
    data = rich()
    dice = random.Random(seed)
    for _ in range(seed):
        place = dice.randrange(14, len(data) - 2)
        data = data[:place] + bytes((dice.choice((0, 1, 2, 255)),)) + data[place + 1 :]
    with contextlib.suppress(ReadError):
        for tables in fit.decode(data).tables:
            for number in tables.part.by_number:
                table = tables.table(number)
                for names in (table.names, table.names[::2], table.names[1::2]):
                    if all(names.count(name) == 1 for name in names):
                        told = table.frame(names).to_dicts()
                        assert given(table.rows(frozenset(names)), names) == given(told, names)


def test_a_special_name_is_in_rows_as_well() -> None:
    writer = run(1)
    writer.define(3, 23, [(0, 1, U1), (1, 1, U1), (25, 1, ENUM)])
    writer.put(3, 0, 4, 5)
    writer.put(3, 1, 120, 1)
    table = fit.decode(writer.file()).tables[0].table(23)
    asked = frozenset({"device_index", "local_device_type", "source_type"})
    assert table.rows(asked) == [
        {"device_index": 0, "source_type": "local", "local_device_type": "barometer"},
        {"device_index": 1, "source_type": "antplus"},
    ]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("count", [4, 100])
def test_layouts_of_one_kind_are_read_each_as_it_is_written(count: int, big: bool) -> None:
    """The common one; the same without the last field; another order; another type; a field of its own."""
    writer = begin(big=big)
    writer.define(1, 20, [(253, 4, U4), (3, 1, U1), (7, 2, U2), (13, 1, S1)])
    writer.define(2, 20, [(253, 4, U4), (3, 1, U1), (7, 2, U2)])
    writer.define(3, 20, [(253, 4, U4), (7, 2, U2), (3, 1, U1), (13, 1, S1)])
    writer.define(4, 20, [(253, 4, U4), (3, 1, U1), (7, 4, U4), (30, 1, U1)])
    expected: list[tuple[int | None, ...]] = []
    for second in range(0, 5 * count, 5):
        writer.put(1, START + second, 140, 250, -3)
        writer.put(1, START + second + 1, 0xFF, 0xFFFF, 0x7F)
        writer.put(2, START + second + 2, 141, 251)
        writer.put(3, START + second + 3, 252, 142, -4)
        writer.put(4, START + second + 4, 143, 70_000, 50)
        expected += [(140, 250, -3, None), (None,) * 4, (141, 251, None, None), (142, 252, -4, None)]
        expected.append((143, 70_000, None, 50))
    frame = fit.decode(writer.file()).frame("record")
    assert frame["timestamp"].to_list() == [EPOCH + timedelta(seconds=START + s) for s in range(5 * count)]
    columns = ("heart_rate", "power", "temperature", "left_right_balance")
    assert [frame[name].to_list() for name in columns] == [
        list(cells) for cells in zip(*expected, strict=True)
    ]


@pytest.mark.parametrize(("fields", "cells", "kept"), [(300, 20_000_000, 255), (60, 1_000, 33), (60, 10, 16)])
def test_developer_fields_beyond_the_bounds_are_left_out_and_told(
    fields: int, cells: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_columns, "MAX_DEV_CELLS", cells)
    writer = begin()
    layouts = (fields + 99) // 100
    for index in range(layouts):
        numbers = range(min(fields - 100 * index, 100))
        for number in numbers:
            describe(writer, number, U1, f"field {index} {number}", "u", index=index)
        writer.define(1, 20, [(253, 4, U4), (4, 1, U1)], dev=[(number, 1, index) for number in numbers])
        for second in range(30 // layouts):
            writer.put(1, START + 100 * index + second, 85, dev=bytes(len(numbers)))
    (draft,) = fit.drafts(source(writer.file()))
    assert sum(name.startswith("dev:") for name in draft.records.columns) == kept
    assert {issue.code: issue.count for issue in draft.issues}["too_many_fields"] == fields - kept


def layouts(count: int, fields: int) -> Writer:
    """Records of which each has a layout of its own."""
    writer = begin()
    for k in range(count):
        made = [(253, 4, U4), *(((n + k) % 250, 1, U1) for n in range(fields - 1))]
        writer.define(1, 20, made)
        writer.put(1, START + k, *([7] * (fields - 1)))
    return writer


def test_layouts_are_bounded_by_their_fields_and_what_was_read_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_layout, "MAX_FIELDS", 1_000)
    made: dict[bytes, int] = {}
    slots = fit_layout._slots

    def counted(native: bytes, developer: bytes) -> tuple[fit_layout.Slot, ...]:
        found = slots(native, developer)
        made[native] = len(found)
        return found

    monkeypatch.setattr(fit_layout, "_slots", counted)
    writer = layouts(60, 100)
    for data in (writer.file(), writer.file(crc=1)):
        made.clear()
        opened = fit.decode(data)
        assert opened.frame("record").height == 9, "of 100 fields each, after the four of file_id"
        assert sum(made.values()) <= 1_000
        assert {issue.code: issue.count for issue in opened.issues}["fit_limit"] == 1
    whole = layouts(9, 100).file()
    assert fit.decode(whole).frame("record").height == 9
    assert not fit.decode(whole).issues


def test_chained_files_share_the_bound_on_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_layout, "MAX_FIELDS", 1_000)
    opened = fit.decode(layouts(3, 100).file() * 50)
    assert sum(len(one.native) // 3 for part in opened.parts for one in part.definitions) <= 1_000
    assert opened.frame("record").height == 9


def test_records_between_many_definitions_of_one_layout_are_one_table() -> None:
    writer = begin()
    for k in range(2_000):
        writer.define(1, 20, RECORD)
        writer.put(1, START + k, 1, 2, 3, 4, 5, 6, 7)
    opened = fit.decode(writer.file())
    assert [len(part.definitions) for part in opened.parts] == [2]
    assert opened.frame("record").height == 2_000


def test_a_field_described_again_and_again_makes_a_bounded_number_of_tables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit_columns, "MAX_FIELDS", 300)
    found = {}
    for count in (20, 400):
        writer = begin()
        for k in range(count):
            describe(writer, 3, U1, f"name {k}", "u", index=0)
            writer.define(1, 20, [(253, 4, U4), (4, 1, U1)], dev=[(3, 1, 0)])
            writer.put(1, START + k, 85, dev=bytes([7]))
        (tables,) = fit.decode(writer.file()).tables
        table = tables.table(20)
        found[count] = len(table.groups)
        assert table.frame(["timestamp"]).height == count, "no row is lost"
    assert found == {20: 20, 400: 1}


def test_a_field_of_few_layouts_is_read_from_these_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many layouts has a field of its own: values in place, and no work for layouts that lack it."""
    views: list[int] = []
    view = fit_columns._Group.view

    def counted(group: fit_columns._Group, slot: fit_layout.Slot) -> fit_columns.Raw:
        views.append(slot.number)
        return view(group, slot)

    monkeypatch.setattr(fit_columns._Group, "view", counted)
    writer = begin()
    for k in range(200):
        writer.define(1, 20, [(253, 4, U4), (30 + k, 2, U2)])
        writer.put(1, START + k, 1000 + k)
    table = fit.decode(writer.file()).tables[0].table(20)
    for k in range(200):
        name = next(one for one in table.names if table._numbers.get(one) == 30 + k)
        raw, missing = table.raw(name)
        assert raw[~missing].tolist() == [1000 + k]
        assert missing.tolist() == [one != k for one in range(200)]
    assert len(views) <= 2 * 200 + 200


def test_more_laps_than_anybody_runs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_drafts, "MAX_ROWS", 50)
    writer = run(30)
    writer.define(2, 19, [(253, 4, U4), (2, 4, U4)])
    for k in range(50):
        writer.put(2, START + k, START)
    assert fit.drafts(source(writer.file()))[0].laps.height == 50
    writer.put(2, START + 50, START)
    with pytest.raises(LimitError, match="more than 50 messages of the kind lap"):
        fit.drafts(source(writer.file()))


@pytest.mark.parametrize("decoder", ["kneeledger", "fitparse"])
def test_more_sessions_than_any_multisport_day_has_are_refused(
    decoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_drafts, "MAX_SESSIONS", 5)
    writer = run(30)
    writer.define(2, 18, [(253, 4, U4), (2, 4, U4)])
    for k in range(5):
        writer.put(2, START + k, START + k)
    assert fit.drafts(source(writer.file()), decoder=decoder)[0].sessions.height == 5
    writer.put(2, START + 5, START + 5)
    with pytest.raises(LimitError, match="more than 5 messages of the kind session"):
        fit.drafts(source(writer.file()), decoder=decoder)


def test_chained_files_beyond_the_bound_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "MAX_PARTS", 3)
    for count, told in ((3, 0), (4, 1)):
        opened = fit.decode(run(12).file() * count)
        assert len(opened.parts) == 3
        assert sum(issue.code == "fit_chain_limit" for issue in opened.issues) == told


def test_the_way_back_is_tried_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    follows = fit_layout._follows

    def counted(data: bytes, pos: int, *rest: Any) -> bool:
        tried.append(pos)
        return follows(data, pos, *rest)

    monkeypatch.setattr(fit_layout, "_follows", counted)
    writer = run(30)
    for hole in range(10):
        writer.body += b"\x0f" + b"\x40\0\0\x40\0\0" * 100
        for second in range(10):
            record(writer, 30 + 10 * hole + second)
    data = writer.file(crc=1)
    assert fit.decode(data).frame("record").height == 130
    whole = len(tried)
    monkeypatch.setattr(fit_layout, "RESYNC_TRIALS", whole // 2)
    tried.clear()
    opened = fit.decode(data)
    assert len(tried) == whole // 2
    assert 30 < opened.frame("record").height < 130
    assert opened.lost_bytes > 0
