import codecs
import cProfile
import gzip
import hashlib
import io
import os
import pstats
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kneeledger import sources
from kneeledger.model import Source
from kneeledger.sources import FAILURES, Limits, Skipped, file_kind, find, fit_file_type, names, zips
from kneeledger.sources.limits import Budget, Refused

GPX = b'<?xml version="1.0"?>\n<gpx version="1.1"><trk><trkseg/></trk></gpx>'
TCX = b'<?xml version="1.0"?><TrainingCenterDatabase><Activities/></TrainingCenterDatabase>'


def fit(kind=4, body=b"", order="<", header=14):
    """A FIT file whose file_id has this type."""
    definition = struct.pack(order + "BBBHB", 0x40, 0, 0 if order == "<" else 1, 0, 2) + bytes(
        [1, 2, 4, 0, 1, 0]
    )
    data = bytes([0]) + struct.pack("<H", 1) + bytes([kind])
    inner = definition + data + body
    head = struct.pack("<BBHI4s", header, 16, 100, len(inner), b".FIT") + b"\0\0" * (header == 14)
    return head + inner + b"\0\0"


def zipped(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def all_of(*paths, **how):
    found = list(find(paths, **how))
    return [x for x in found if isinstance(x, Source)], [x for x in found if isinstance(x, Skipped)]


def codes(skipped):
    return sorted(one.code for one in skipped)


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- by content --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (fit(), "fit"),
        (GPX, "gpx"),
        (b"\xef\xbb\xbf" + GPX, "gpx"),
        (b"          " + TCX, "tcx"),
        (GPX.decode().encode("utf-16"), "gpx"),
        (GPX.decode().encode("utf-32"), "gpx"),
        (codecs.BOM_UTF32_BE + TCX.decode().encode("utf-32-be") + b"\0", "tcx"),
        (b"<!-- <TrainingCenterDatabase> --><x:gpx >", "gpx"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><gpx>", "gpx"),
        (b"<!-- never ends <gpx>", "xml"),
        (b"<!DOCTYPE html><html>", "html"),
        (b'{"a": 1}', "json"),
        (b"a,b\n1,2\n", "csv"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"\x00\x01\x02\x03", "unknown"),
        (b"", "empty"),
    ],
)
def test_file_kind_tells_a_file_by_its_first_bytes(head, kind):
    assert file_kind(head) == kind


def test_file_kind_is_linear_in_hostile_text():
    began = time.process_time()
    file_kind(b"<!--" * 16_000)
    file_kind(b"<" * 64_000)
    file_kind(b"<a" * 32_000)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 4, 6, 32, 49, 0xF7])
def test_fit_file_type_reads_the_type_in_both_byte_orders(kind, order):
    assert fit_file_type(fit(kind, order=order)) == kind
    assert fit_file_type(fit(kind, order=order, header=12)) == kind


def test_fit_file_type_when_missing_or_cut_is_none():
    assert fit_file_type(fit(0xFF)) is None
    whole = fit(4)
    for length in range(len(whole) - 4):
        assert fit_file_type(whole[:length]) in (None, 4)


def test_find_sorts_a_heap_by_content_and_not_by_name(tmp_path):
    put(tmp_path / "a.txt", fit(4))
    put(tmp_path / "b.jpg", GPX)
    put(tmp_path / "c" / "run.tcx.gz", gzip.compress(TCX))
    put(tmp_path / "d.fit", fit(32))
    put(tmp_path / "e.fit", fit(6))
    put(tmp_path / "f.fit", b"<html>sign in</html>")
    put(tmp_path / "g.gpx", b"")
    put(tmp_path / "._a.fit", b"x")
    put(tmp_path / "i.json", b"{}")
    read, skipped = all_of(tmp_path)
    assert [Path(one.path).name for one in read] == ["a.txt", "b.jpg", "run.tcx.gz"]
    assert read[2].data == TCX
    assert read[2].sha256 == hashlib.sha256(TCX).hexdigest()
    told = {Path(one.path).name: (one.code, one.kind) for one in skipped}
    assert told["d.fit"] == ("not_activity", "FIT monitoring")
    assert told["e.fit"][0] == "planned"
    assert told["f.fit"][0] == "damaged"
    assert told["g.gpx"][0] == "empty"
    assert told["._a.fit"][0] == "system"
    assert told["i.json"] == ("not_activity", "JSON files")


def test_find_reads_zips_in_zips_in_place(tmp_path):
    innermost = zipped([("x.fit", fit(4, b"1"))])
    inner = zipped([("third.zip", innermost), ("m.fit", fit(32)), ("y.gpx.gz", gzip.compress(GPX))])
    put(tmp_path / "export.zip", zipped([("a/Part1.zip", inner), ("b.tcx", TCX)]))
    put(tmp_path / "stored.zip", zipped([("a/Part1.zip", inner)], zipfile.ZIP_STORED))
    before = sorted(tmp_path.iterdir())
    read, skipped = all_of(tmp_path)
    ends = [one.path.partition(tmp_path.name)[2] for one in read]
    assert ends == [
        "/export.zip!/a/Part1.zip!/third.zip!/x.fit",
        "/export.zip!/a/Part1.zip!/y.gpx.gz",
        "/export.zip!/b.tcx",
        "/stored.zip!/a/Part1.zip!/third.zip!/x.fit",
        "/stored.zip!/a/Part1.zip!/y.gpx.gz",
    ]
    assert read[0].member == "a/Part1.zip"
    assert read[0].outer == tmp_path / "export.zip"
    assert read[0].data == fit(4, b"1")
    assert codes(skipped) == ["archive"] * 4 + ["not_activity"] * 2
    assert sorted(tmp_path.iterdir()) == before


def test_find_when_a_large_packed_inner_archive_needs_constant_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(zips, "HELD_BYTES", 1 << 20)
    monkeypatch.setattr(zips, "TAIL_BYTES", 1 << 16)
    noise = [os.urandom(1 << 20) for _ in range(12)]
    inner = zipped([(f"{k}.fit", fit(4, noise[k])) for k in range(12)], zipfile.ZIP_STORED)
    put(tmp_path / "e.zip", zipped([("Part1.zip", inner)]))
    expected = [hashlib.sha256(fit(4, part)).hexdigest() for part in noise]
    del inner
    tracemalloc.start()
    got = [one.sha256 for one in find([tmp_path]) if isinstance(one, Source)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got == expected
    assert peak < 7 << 20


def test_find_orders_a_folder_alike_every_time(tmp_path):
    for name in ("b/2.fit", "a.fit", "b/1.fit", "c.fit"):
        put(tmp_path / name, fit(4, name.encode()))
    first = [one.path for one in find([tmp_path])]
    assert first == [one.path for one in find([tmp_path])]
    assert [Path(path).name for path in first] == ["a.fit", "1.fit", "2.fit", "c.fit"]


def test_find_when_a_file_is_given_twice_gives_it_once(tmp_path):
    file = put(tmp_path / "a.fit", fit())
    assert len(list(find([tmp_path, file]))) == 1


# --- unchanged ---------------------------------------------------------------------------------


class Memory:
    """What a ledger does with what it is given."""

    def __init__(self):
        self.rows = {}

    def keep(self, *paths):
        found = list(find(paths, known=self.known))
        for one in found:
            if one.stamp and getattr(one, "code", "") != "unchanged":
                self.rows[one.path] = one.stamp
        return found

    def known(self, path, stamp):
        if self.rows.get(path) != stamp:
            return 0
        return sum(other.startswith(f"{path}!/") for other in self.rows) or 1


def test_find_when_nothing_changed_reads_no_byte(tmp_path, monkeypatch):
    put(tmp_path / "a.fit", fit())
    put(tmp_path / "m.fit", fit(32))
    inner = zipped([("x.fit", fit(4, b"1")), ("n.fit", fit(32))])
    put(tmp_path / "e.zip", zipped([("Part1.zip", inner), ("b.tcx", TCX)]))
    memory = Memory()
    memory.keep(tmp_path)

    def refuse(*_args, **_how):
        raise AssertionError("a file was opened")

    real = zips.FileView.__init__
    monkeypatch.setattr(zips, "MemberReader", refuse)
    monkeypatch.setattr(zips, "view_of", refuse)
    monkeypatch.setattr(
        zips.FileView,
        "__init__",
        lambda self, path, size: real(self, path, size) if path.endswith(".zip") else refuse(),
    )
    directory_only = memory.keep(tmp_path / "e.zip")
    assert [(one.code, one.count) for one in directory_only] == [("unchanged", 2 + 1)]
    again = memory.keep(tmp_path)
    assert [(one.code, one.count) for one in again] == [("unchanged", 2 + 1), ("unchanged", 2)]


def test_find_when_an_outer_member_is_unchanged_passes_over_the_inner_archive(tmp_path):
    inner = zipped([("x.fit", fit(4, b"1")), ("n.fit", fit(32))])
    archive = put(tmp_path / "e.zip", zipped([("Part1.zip", inner), ("b.tcx", TCX)]))
    memory = Memory()
    assert len(memory.keep(archive)) == 4
    put(archive, zipped([("Part1.zip", inner), ("b.tcx", TCX), ("c.gpx", GPX)]))
    again = memory.keep(archive)
    assert [Path(one.path).name for one in again if isinstance(one, Source)] == ["c.gpx"]
    assert [(Path(one.path).name, one.code, one.count) for one in again if isinstance(one, Skipped)] == [
        ("e.zip!", "unchanged", 2 + 1)
    ]


def test_find_when_the_inner_archive_changed_reads_only_its_new_members(tmp_path):
    one, two = ("x.fit", fit(4, b"1")), ("y.fit", fit(4, b"2"))
    archive = put(tmp_path / "e.zip", zipped([("Part1.zip", zipped([one]))]))
    memory = Memory()
    memory.keep(archive)
    put(archive, zipped([("Part1.zip", zipped([one, two]))]))
    again = memory.keep(archive)
    assert [Path(x.path).name for x in again if isinstance(x, Source)] == ["y.fit"]


def test_find_gives_the_archive_as_done_only_after_everything_in_it(tmp_path):
    inner = zipped([("x.fit", fit())])
    put(tmp_path / "e.zip", zipped([("Part1.zip", inner), ("z.fit", fit(4, b"z"))]))
    assert [getattr(one, "code", "source") for one in find([tmp_path])] == ["source", "source", "archive"]


def test_find_when_a_limit_was_passed_remembers_nothing(tmp_path):
    put(tmp_path / "e.zip", zipped([("Part1.zip", zipped([("x.fit", fit(4, bytes(5000)))]))]))
    _, skipped = all_of(tmp_path, limits=Limits(member_bytes=1000))
    assert [(one.code, one.stamp) for one in skipped] == [("limit", "")]
    read, _ = all_of(tmp_path)
    assert len(read) == 1


def calls_of(work):
    """How many functions are called: what a piece of work costs, the same on every machine."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return pstats.Stats(profile).total_calls


@pytest.mark.parametrize("zipped_up", [False, True])
def test_find_unchanged_costs_little_more_than_listing(zipped_up, tmp_path, monkeypatch):
    def opened(*_told):
        raise AssertionError("what is unchanged was opened")

    calls = {}
    for count in (500, 4000):
        place = tmp_path / str(count)
        place.mkdir()
        if zipped_up:
            put(place / "e.zip", zipped([(f"{k}.fit", b"x") for k in range(count)], zipfile.ZIP_STORED))
        else:
            for k in range(count):
                (place / f"{k}.fit").write_bytes(b"x")

        def asked(place=place):
            return list(find([place], known=lambda path, _stamp: not path.endswith(".zip")))

        with monkeypatch.context() as patch:
            patch.setattr(zips, "MemberReader", opened)
            patch.setattr(zips, "FileView", zips.FileView if zipped_up else opened)
            assert [one.count for one in asked()] == [count]
        calls[count] = calls_of(asked)
    assert calls[4000] < 8.1 * calls[500]
    assert calls[4000] < 80 * 4000


# --- nothing is let in -------------------------------------------------------------------------


def test_find_when_a_member_is_a_flat_bomb_stops(tmp_path):
    put(tmp_path / "e.zip", zipped([("a.fit", fit(4, bytes(30_000_000))), ("b.fit", fit())]))
    read, skipped = all_of(tmp_path)
    assert [Path(one.path).name for one in read] == ["b.fit"]
    assert codes(skipped) == ["bomb"]


def test_find_when_a_gzip_is_a_bomb_stops(tmp_path):
    put(tmp_path / "a.fit.gz", gzip.compress(fit(4, bytes(40_000_000))))
    put(tmp_path / "b.fit.gz", gzip.compress(gzip.compress(GPX)))
    read, skipped = all_of(tmp_path)
    assert read == []
    assert codes(skipped) == ["bomb", "damaged"]


def test_find_when_archives_are_nested_bombs_stops_early(tmp_path):
    layer = zipped([("a.fit", fit(4, bytes(5_000_000)))])
    for _ in range(6):
        layer = zipped([(f"{k}.zip", layer) for k in range(12)])
    put(tmp_path / "e.zip", layer)
    began = time.process_time()
    read, skipped = all_of(tmp_path)
    assert read == []
    assert {one.code for one in skipped} <= {"bomb", "limit", "archive"}
    assert time.process_time() - began < 20
    _, deeper = all_of(tmp_path, limits=Limits(depth=20))
    assert "bomb" in codes(deeper)
    assert time.process_time() - began < 60


def test_find_when_entries_overlap_reads_none_of_them(tmp_path):
    data = bytearray(zipped([("a.fit", fit()), ("b.fit", fit())], zipfile.ZIP_STORED))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    put(tmp_path / "e.zip", bytes(data))
    read, skipped = all_of(tmp_path)
    assert read == []
    assert codes(skipped) == ["bomb", "bomb"]


def test_find_when_an_archive_has_too_many_members_refuses_it(tmp_path):
    put(tmp_path / "e.zip", zipped([(f"{k}.fit", fit()) for k in range(30)]))
    read, skipped = all_of(tmp_path, limits=Limits(members=20))
    assert read == []
    assert codes(skipped) == ["limit"]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/a.fit",
        "/etc/a.fit",
        "C:\\a.fit",
        "..\\..\\a.fit",
        "a\x1b[31m\r\nb.fit",
        "a\u202etif.fit",
        "x/./..//a.fit",
    ],
)
def test_find_when_a_name_would_leave_the_archive_shows_a_clean_one(tmp_path, name):
    put(tmp_path / "in" / "e.zip", zipped([(name, fit())]))
    read, _ = all_of(tmp_path / "in")
    shown = read[0].path.partition("!/")[2]
    assert len(read) == 1
    assert ".." not in shown
    assert shown.isprintable()
    assert not shown.startswith("/")
    assert ":" not in shown
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "e.zip"]


def test_find_when_two_names_look_alike_keeps_their_keys_apart(tmp_path):
    put(
        tmp_path / "e.zip",
        zipped([("a/../x.fit", fit(4, b"1")), ("a/x.fit", fit(4, b"2")), ("./a/x.fit", fit(4, b"3"))]),
    )
    read, _ = all_of(tmp_path)
    assert len({one.path for one in read}) == 3


def test_find_when_a_name_is_not_utf8_reads_the_member(tmp_path):
    data = zipped([("laufen_ae.fit", fit()), ("b.fit", fit(4, b"2"))])
    put(tmp_path / "old.zip", data.replace(b"laufen_ae", b"laufen_\x84\xe1"))
    read, _ = all_of(tmp_path)
    assert [Path(one.path).name for one in read] == ["laufen_äß.fit", "b.fit"]
    utf8 = bytearray(zipped([("ö.fit", fit())]))
    put(tmp_path / "old.zip", bytes(utf8).replace("ö".encode(), b"\xff\xfe"))
    read, _ = all_of(tmp_path)
    assert len(read) == 1


def test_find_when_a_member_is_encrypted_says_what_to_do(tmp_path):
    data = bytearray(zipped([("a.fit", fit()), ("b.fit", fit(4, b"2"))]))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + place] |= 1
    put(tmp_path / "e.zip", bytes(data))
    read, skipped = all_of(tmp_path)
    assert len(read) == 1
    assert skipped[0].code == "encrypted"
    assert "unpack" in skipped[0].reason


def test_find_when_a_method_is_not_read_names_it(tmp_path):
    put(tmp_path / "e.zip", zipped([("a.fit", fit())], zipfile.ZIP_LZMA))
    _, skipped = all_of(tmp_path)
    assert skipped[0].code == "packing"
    assert "LZMA" in skipped[0].reason


def test_find_when_a_checksum_is_wrong_reads_what_is_there_and_tells(tmp_path):
    data = bytearray(zipped([("a.fit", fit(4, b"abcdef" * 50)), ("b.fit", fit())], zipfile.ZIP_STORED))
    data[data.find(b"abcdef") + 60] ^= 0xFF
    put(tmp_path / "e.zip", bytes(data))
    read, _ = all_of(tmp_path)
    assert "checksum" in read[0].context["damage"]
    assert "damage" not in read[1].context


def test_find_when_packed_data_is_damaged_reads_up_to_there(tmp_path):
    body = bytes((k * k) % 251 for k in range(60_000))
    data = bytearray(zipped([("a.fit", fit(4, body)), ("b.fit", fit())]))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    put(tmp_path / "e.zip", bytes(data))
    read, skipped = all_of(tmp_path)
    assert len(read) + len(skipped) == 2
    assert "damage" in read[0].context or skipped


def test_find_when_a_gzip_is_cut_reads_up_to_the_cut(tmp_path):
    whole = fit(4, os.urandom(5000))
    put(tmp_path / "a.fit.gz", gzip.compress(whole)[:-2000])
    read, _ = all_of(tmp_path)
    assert whole.startswith(read[0].data)
    assert len(read[0].data) > 2000
    assert "cut off" in read[0].context["damage"]


def streamed(members):
    """A zip written to a pipe, as services write it: sizes stand behind the data."""
    file = io.BytesIO()

    class Pipe(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return file.write(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("made", [zipped, streamed])
def test_find_when_an_archive_is_cut_off_reads_the_members_before_the_cut(tmp_path, made):
    members = [(f"{k}.fit", fit(4, os.urandom(2000))) for k in range(10)]
    data = made(members)
    put(tmp_path / "whole.zip", data)
    assert [one.data for one in all_of(tmp_path / "whole.zip")[0]] == [body for _, body in members]
    put(tmp_path / "cut.zip", data[: int(len(data) * 0.55)])
    read, skipped = all_of(tmp_path / "cut.zip")
    assert [one.data for one in read[:5]] == [body for _, body in members[:5]]
    assert "cut off" in read[-1].context.get("damage", "cut off")
    assert codes(skipped)[-1] == "damaged"


def test_find_when_an_archive_is_zip64_reads_it(tmp_path):
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.fit", "w", force_zip64=True) as out,
    ):
        out.write(fit(4, b"large"))
    data = bytearray(file.getvalue())
    at = data.rfind(b"PK\x05\x06")
    size, offset = struct.unpack_from("<II", data, at + 12)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    end = bytearray(data[at:])
    end[8:20] = b"\xff" * 12
    put(tmp_path / "e.zip", bytes(data[:at]) + record + locator + bytes(end))
    read, skipped = all_of(tmp_path)
    assert [one.data for one in read] == [fit(4, b"large")]
    assert skipped == []


def test_find_when_bytes_stand_before_the_archive_reads_it(tmp_path):
    view = zips.MemoryView(b"#!/bin/sh\n" * 5 + zipped([("a.fit", fit())]))
    budget = sources.finding.Budget(Limits(), view.size)
    found = zips.directory(view, budget)
    assert zips.MemberReader(view, found.members[0], budget).read(1000) == fit()


def test_find_does_not_follow_links_or_open_devices(tmp_path):
    outside = put(tmp_path / "outside" / "a.fit", fit())
    root = tmp_path / "export"
    put(root / "b.fit", fit(4, b"2"))
    (root / "link.fit").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.fit")
    read, skipped = all_of(root)
    assert [Path(one.path).name for one in read] == ["b.fit"]
    assert codes(skipped) == ["link", "link", "special"]
    assert [x.code for x in all_of(root / "pipe.fit")[1]] == ["special"]


def test_find_when_a_path_is_missing_or_not_readable_tells(tmp_path, monkeypatch):
    put(tmp_path / "a.fit", fit())
    put(tmp_path / "b.fit", fit(4, b"2"))
    real = zips.FileView.__init__

    def guarded(self, path, size):
        if path.endswith("a.fit"):
            raise PermissionError(13, "Permission denied")
        real(self, path, size)

    monkeypatch.setattr(zips.FileView, "__init__", guarded)
    read, skipped = all_of(tmp_path, tmp_path / "gone")
    assert len(read) == 1
    assert [(one.code, one.stamp) for one in skipped] == [("unreadable", ""), ("missing", "")]
    assert "Permission denied" in skipped[0].reason


def test_every_refusal_is_a_failure_with_a_sentence(tmp_path):
    put(tmp_path / "a.zip", b"PK\x03\x04" + bytes(40))
    put(tmp_path / "b.7z", b"7z\xbc\xaf\x27\x1c" + bytes(40))
    _, skipped = all_of(tmp_path)
    assert [one.code for one in skipped] == ["damaged", "packing"]
    assert all(one.code in FAILURES and len(one.reason) > 20 for one in skipped)


# --- names -------------------------------------------------------------------------------------


def test_shown_when_a_name_looks_like_an_account_hides_it():
    name = "someone@example.org_123456.fit"
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    assert names.shown(name) == f"{digest}.fit"
    assert names.shown("a/987654_12.fit", above="x.zip!/DI_CONNECT/Up/UploadedFiles_0-_Part1.zip") == (
        f"a/{hashlib.sha256(b'987654_12.fit').hexdigest()[:8]}.fit"
    )
    assert names.shown("DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip").endswith(
        "Part1.zip"
    )
    assert "@" not in names.shown("b@c.d/x@y.z.fit.gz")


def test_find_agrees_with_the_standard_library(tmp_path):
    members = [(f"d{k % 3}/{k}.fit", fit(4, os.urandom(k * 97))) for k in range(40)]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = put(tmp_path / f"{method}.zip", zipped(members, method))
        with zipfile.ZipFile(file) as judge:
            expected = {info.filename: judge.read(info) for info in judge.infolist()}
            stamps = {info.filename: f"{info.CRC:08x}-{info.file_size}" for info in judge.infolist()}
        read, _ = all_of(file)
        assert {one.member: one.data for one in read} == expected
        assert {one.member: one.stamp for one in read} == stamps
        assert all(zlib.crc32(one.data) == int(one.stamp[:8], 16) for one in read)


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "a (2) (2)", "b"]), max_size=12))
def test_unique_gives_as_many_keys_as_names_and_keeps_each_first_name(told):
    keys = names.unique(told)
    assert len(set(keys)) == len(told)
    assert set(told) <= set(keys)
    assert all(key == name or key.startswith(f"{name} (") for key, name in zip(keys, told, strict=True))


@given(
    st.lists(
        st.text(alphabet="ab/@.\\ \0\n\u202e-_", max_size=6) | st.sampled_from(["DI_CONNECT/x", "a"]),
        max_size=6,
    ),
    st.sampled_from(["", "/home/me", "/home/DI_CONNECT"]),
)
def test_the_names_of_a_place_are_those_of_each_made_different(told, above):
    assert names.keys(told, above=above) == names.unique(names.shown(name, above=above) for name in told)


def test_find_when_a_numbered_name_is_there_loses_no_member(tmp_path):
    members = [("a.gpx (2)", GPX), ("a.gpx", GPX + b" "), ("b.gpx", GPX + b"  ")]
    data = zipped(members).replace(b"b.gpx", b"a.gpx")
    read, _ = all_of(put(tmp_path / "a.zip", data))
    assert len({one.path for one in read}) == 3


def test_find_when_a_member_lies_beyond_any_file_refuses_it_alone(tmp_path):
    data = bytearray(zipped([("a.gpx", GPX), ("b.gpx", GPX)]))
    line = data.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, (1 << 63) + 5)
    data[line + 30 : line + 32] = struct.pack("<H", len(extra))
    data[line + 42 : line + 46] = b"\xff" * 4
    data[line + 51 : line + 51] = extra
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<I", end - line)
    read, skipped = all_of(put(tmp_path / "a.zip", bytes(data)))
    assert [one.member for one in read] == ["b.gpx"]
    assert codes(skipped) == ["damaged"]


def test_find_when_a_member_claims_more_than_the_archive_reads_the_others(tmp_path):
    members = [("a.gpx", GPX), ("b.gpx", GPX + b" "), ("c.gpx", GPX + b"  ")]
    for size in (0x7FFFFFFF, 0xFFFFFFF0):
        data = bytearray(zipped(members))
        line = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
        data[line + 20 : line + 24] = struct.pack("<I", size)
        read, skipped = all_of(put(tmp_path / f"{size}.zip", bytes(data)))
        assert [one.member for one in read] == ["a.gpx", "c.gpx"]
        assert codes(skipped) == ["bomb"]


def test_find_when_the_last_member_claims_more_than_the_archive_reads_it_too(tmp_path):
    data = bytearray(zipped([("a.gpx", GPX), ("b.gpx", GPX + b" ")]))
    line = data.rindex(b"PK\x01\x02")
    data[line + 20 : line + 24] = struct.pack("<I", 0x7FFFFFFF)
    read, _ = all_of(put(tmp_path / "a.zip", bytes(data)))
    assert [one.member for one in read] == ["a.gpx", "b.gpx"]


def test_a_step_back_in_a_packed_archive_counts_as_unpacked(monkeypatch):
    monkeypatch.setattr(zips, "TAIL_BYTES", 1 << 10)
    data = bytes(range(256)) * 4096
    outer = zips.MemoryView(zipped([("k.zip", data)]))
    limits = Limits(total_bytes=3 * len(data) + 1)
    budget = Budget(limits, len(data))
    inside = zips.InflatedView(outer, zips.directory(outer, budget).members[0], budget)
    last = len(data) // 2
    with pytest.raises(Refused, match="far more"):
        for _ in range(20):
            inside.read_at(last, 1)
            inside.read_at(0, 1)
