"""Files made to harm whoever opens them: each tried through `scan` and `doctor`, bounded, and told."""

import gzip
import io
import os
import socket
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from kneeledger.ledger.store import Ledger

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="memory is bounded by POSIX limits"),
]
MIB = 1 << 20
GOOD = b"""<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk>
<trkseg>%s</trkseg></trk></gpx>""" % b"".join(
    b'<trkpt lat="5.%05d" lon="-30"><ele>10</ele><time>2026-04-03T10:%02d:%02dZ</time></trkpt>'
    % (3 * k, k // 60, k % 60)
    for k in range(600)
)


def inflated(size):
    """A deflate stream of so many zeros, made quickly."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = bytes(MIB)
    return b"".join([*(packer.compress(chunk) for _ in range(size // MIB)), packer.flush()])


def zip_by_hand(members):
    """A zip from (name, packed, told size, crc), with nothing checked; members may share their bytes."""
    out, directory = io.BytesIO(), b""
    for name, packed, size, at in members:
        where = out.tell() if at is None else at
        facts = (20, 0, 8, 0, 0, zlib.crc32(b""), len(packed), size, len(name), 0)
        if at is None:
            out.write(struct.pack("<4s5H3I2H", b"PK\3\4", *facts) + name + packed)
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, *facts, 0, 0, 0, 0, where) + name
    start = out.tell()
    out.write(directory)
    count = len(members)
    out.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), start, 0))
    return out.getvalue()


def put(tmp_path, name, data):
    file = tmp_path / "in" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


# --- archives -----------------------------------------------------------------------------------


def test_a_flat_bomb_is_stopped(tmp_path, tried):
    packed = inflated(400 * MIB)
    file = put(tmp_path, "bomb.zip", zip_by_hand([(b"a.gpx", packed, 400 * MIB, None)]))
    tally = tried(file)
    assert tally["activities"] == 0


def test_a_bomb_that_begins_like_a_recording_is_stopped_and_told(tmp_path, tried):
    head = GOOD[:200]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (
        packer.compress(head) + b"".join(packer.compress(b" " * MIB) for _ in range(400)) + packer.flush()
    )
    file = put(tmp_path, "bomb.zip", zip_by_hand([(b"a.gpx", packed, len(head) + 400 * MIB, None)]))
    assert {one["code"] for one in tried(file)["failures"]} == {"bomb"}
    plain = put(tmp_path, "b.gpx.gz", gzip.compress(head + b" " * (300 * MIB), 9))
    assert {one["code"] for one in tried(plain)["failures"]} == {"bomb"}


def test_a_gzip_of_many_empty_streams_is_read_to_its_end(tmp_path, tried):
    file = put(tmp_path, "a.gpx.gz", gzip.compress(GOOD) + gzip.compress(b"") * 500_000)
    assert tried(file)["activities"] == 1


def test_nested_bombs_are_stopped(tmp_path, tried):
    inner = zip_by_hand([(b"x.fit", inflated(100 * MIB), 100 * MIB, None)])
    for _ in range(4):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(12):
                archive.writestr(f"{number}.zip", inner)
        inner = file.getvalue()
    tally = tried(put(tmp_path, "nested.zip", inner))
    assert tally["activities"] == 0
    assert tally["failures"]


def test_members_that_share_their_bytes_are_not_read(tmp_path, tried):
    packed = inflated(20 * MIB)
    members = [(b"0.gpx", packed, 20 * MIB, None)] + [
        (b"%d.gpx" % k, packed, 20 * MIB, 0) for k in range(1, 3000)
    ]
    tally = tried(put(tmp_path, "shared.zip", zip_by_hand(members)))
    assert tally["activities"] == 0
    assert {one["code"] for one in tally["failures"]} == {"bomb"}


def test_an_archive_of_too_many_members_is_refused(tmp_path, tried):
    file = io.BytesIO()
    line = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"a.fit"
    file.write(b"PK\3\4" + bytes(26))
    start = file.tell()
    file.write(line * 300_000)
    file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(line) * 300_000, start, 0))
    tally = tried(put(tmp_path, "many.zip", file.getvalue()))
    assert {one["code"] for one in tally["failures"]} == {"limit"}


@pytest.mark.parametrize(
    "name", ["../../up.gpx", "/etc/cron.d/x.gpx", "C:\\Windows\\x.gpx", "a/../../../b.gpx", "..\\..\\c.gpx"]
)
def test_a_member_that_would_leave_the_archive_is_read_and_nothing_is_written(name, tmp_path, tried):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), GOOD)
    path = put(tmp_path, "in.zip", file.getvalue())
    assert tried(path)["activities"] == 1
    outside = {p.name for p in tmp_path.iterdir()} | {p.name for p in tmp_path.parent.iterdir()}
    assert not outside & {"up.gpx", "x.gpx", "b.gpx", "c.gpx"}
    assert sorted(p.name for p in (tmp_path / "in").iterdir()) == ["in.zip"]
    with Ledger(tmp_path / "ledger") as ledger:
        told = ledger.query("select path from files")
    assert all(".." not in path.split("!/")[-1].split("/") for (path,) in told)


# --- what is no file ----------------------------------------------------------------------------


def test_links_and_devices_are_not_opened(tmp_path, tried):
    folder = tmp_path / "in"
    secret = tmp_path / "secret.gpx"
    secret.write_bytes(GOOD)
    put(tmp_path, "good.gpx", GOOD.replace(b"2026-04-03", b"2026-04-04"))
    (folder / "link.gpx").symlink_to(secret)
    (folder / "round").symlink_to(folder)
    (folder / "nowhere.fit").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.fit")
    listening = socket.socket(socket.AF_UNIX)
    cwd = Path.cwd()
    os.chdir(folder)  # the name of such a socket is short
    try:
        listening.bind("socket.fit")
    finally:
        os.chdir(cwd)
    for name, device in (("zero.fit", (1, 5)), ("null.gpx", (1, 3))):
        try:
            os.mknod(folder / name, 0o600 | 0o020000, os.makedev(*device))
        except OSError:  # only root may
            continue
    try:
        tally = tried(folder)
    finally:
        listening.close()
    assert tally["activities"] == 1
    assert tally["read"] == 1
    for device in ("/dev/zero", "/dev/null", str(folder / "pipe.fit")):
        assert tried(Path(device))["activities"] == 1


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/stdin"])
def test_a_device_given_as_a_file_is_refused(place, tmp_path, measured):
    done = measured("activity", place, "--ledger", tmp_path / "l")
    assert done.status == 2
    assert "Traceback" not in done.stderr
    assert done.mib < 100


# --- XML --------------------------------------------------------------------------------------

LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (k, b"&l%d;" % (k - 1) * 10 if k else b"lol" * 100) for k in range(12)
)
LONG = b"x" * 50_000
HOSTILE_XML = {
    "laughs": b"<!DOCTYPE gpx [" + LAUGHS + b"]>" + GOOD[21:].replace(b"<trk>", b"<trk><name>&l11;</name>"),
    "quadratic": b'<!DOCTYPE gpx [<!ENTITY a "' + b"a" * 200_000 + b'">]>'
    + GOOD[21:].replace(b"<trk>", b"<trk><name>" + b"&a;" * 20_000 + b"</name>"),
    "outside": b'<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + GOOD[21:].replace(b"<trk>", b"<trk><name>&x;</name>"),
    "parameter": b'<!DOCTYPE gpx [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>' + GOOD[21:],
    "schema": GOOD.replace(b"<gpx ", b'<gpx xsi:schemaLocation="x http://127.0.0.1:9/a.xsd" '),
    "include": GOOD.replace(b"<trk>", b'<trk><xi:include href="file:///etc/passwd" parse="text"/>'),
    "deep": GOOD[:-len(b"</trk></gpx>")] + b"<a>" * 300_000,
    "attributes": GOOD.replace(b"<trkseg>", b"<trkseg " + b" ".join(b'a%d="1"' % k for k in range(200_000)) + b">"),
    "one text": GOOD.replace(b"<trk>", b"<trk><name>" + b"x" * 20_000_000 + b"</name>"),
    "one creator": GOOD.replace(b'creator="x"', b'creator="' + b"x" * 20_000_000 + b'"'),
    "a creator of many tracks": GOOD[:-6].replace(b'creator="x"', b'creator="' + b"x" * 200_000 + b'"')
    + b"".join(
        b'<trk><trkseg><trkpt lat="5" lon="-30"><time>%d-04-03T10:00:00Z</time></trkpt></trkseg></trk>' % (1990 + k % 35)
        for k in range(1_900)
    ) + b"</gpx>",
    "long prefixes": GOOD.replace(
        b"<trk>", b"".join(b"<p%d%s:a>1</p%d%s:a>" % (k, LONG, k, LONG) for k in range(50)) + b"<trk>"
    ),
    "stray ends": GOOD.replace(b"<trk>", b"<trk>" + b"</b>" * 5_000_000),
    "no end": GOOD[:-30] + b"<trkpt lat='" + b"1" * 5_000_000,
    "comments": GOOD.replace(b"<trk>", b"<!--" * 500_000 + b"--><trk>"),
    "subset": b"<!DOCTYPE gpx [" + b"<!ELEMENT a (b)>" * 300_000 + b"]>" + GOOD[21:],
    "numbers": GOOD.replace(b'lat="5.00003"', b'lat="' + b"9" * 3_000_000 + b'"'),
}  # fmt: skip


@pytest.mark.parametrize("attack", sorted(HOSTILE_XML))
def test_hostile_xml_is_bounded_and_expands_nothing(attack, tmp_path, tried):
    tally = tried(put(tmp_path, f"{attack}.gpx", HOSTILE_XML[attack]), mib=600, seconds=15)
    assert tally["read"] + tally["failed"] == 1
    everything = b"".join(p.read_bytes() for p in (tmp_path / "ledger").rglob("*") if p.is_file())
    assert b"root:" not in everything
    assert b"lollol" * 50 not in everything
    assert len(everything) < 40 * MIB


# --- FIT --------------------------------------------------------------------------------------


def fit(body, told=None):
    return (
        struct.pack("<BBHI4sH", 14, 32, 2195, len(body) if told is None else told, b".FIT", 0)
        + body
        + b"\0\0"
    )


ROW = struct.pack("<BIIB", 0, 1_000_000_000, 300, 80)
DEFINITION = bytes([0x40, 0, 0, 20, 0, 3, 253, 4, 0x86, 5, 4, 0x86, 4, 1, 2])
WIDE = bytes([0x41, 0, 0, 20, 0, 255]) + bytes(n for k in range(255) for n in (k, 255, 2))
DEVELOPERS = bytes([0x62, 0, 0, 20, 0, 1, 253, 4, 0x86, 255]) + bytes([1, 255, 0]) * 255
GOOD_ROWS = b"".join(struct.pack("<BIIB", 0, 1_000_000_000 + k, 300 * k, 80) for k in range(600))
SESSION = bytes([0x42, 0, 0, 18, 0, 3, 253, 4, 0x86, 2, 4, 0x86, 7, 4, 0x86])
LAP = bytes([0x43, 0, 0, 19, 0, 1, 2, 4, 0x86])
HOSTILE_FIT = {
    "a session a second": DEFINITION + GOOD_ROWS + SESSION
    + b"".join(struct.pack("<BIII", 2, 1_000_000_001 + k, 1_000_000_000 + k, 1000) for k in range(90_000)),
    "sessions that share all laps": DEFINITION + GOOD_ROWS + SESSION
    + b"".join(struct.pack("<BIII", 2, 1_000_100_000, 1_000_000_000 + k, 10**8) for k in range(2_000))
    + LAP + b"".join(struct.pack("<BI", 3, 1_000_000_000 + k // 20) for k in range(99_000)),
    "rows of nothing": DEFINITION + GOOD_ROWS + bytes([0x41, 0, 0, 20, 0, 0]) + b"\1" * 6_000_000,
    "compressed rows of nothing": DEFINITION + GOOD_ROWS + bytes([0x41, 0, 0, 20, 0, 0]) + b"\xa1" * 6_000_000,
    "rows of an unknown message": DEFINITION + GOOD_ROWS + bytes([0x41, 0, 0, 0x34, 0xFF, 0]) + b"\1" * 6_000_000,
    "rows of a byte": bytes([0x41, 0, 0, 20, 0, 1, 4, 1, 2]) + b"\1\x50" * 3_000_000,
    "definitions only": (bytes([0x40, 0, 0, 20, 0, 0])) * 1_000_000,
    "other definitions": b"".join(
        bytes([0x40 | k % 16, 0, 0, k % 251, k % 255, 1, k % 256, 1 + k % 255, 2]) for k in range(300_000)
    ),
    "wide rows": DEFINITION + GOOD_ROWS + WIDE + (b"\1" + bytes(255 * 255)) * 100,
    "developers": DEFINITION + GOOD_ROWS + DEVELOPERS + (b"\2" + bytes(4 + 255 * 255)) * 60,
    "new layout each row": b"".join(
        DEFINITION[:-1] + bytes([(2, 0, 1)[k % 3]]) + struct.pack("<BIIB", 0, 1_000_000_000 + k, 300 * k, 80)
        for k in range(150_000)
    ),
    "a leap of years": DEFINITION + GOOD_ROWS + struct.pack("<BIIB", 0, 4_000_000_000, 1, 80),
    "backward and forward": DEFINITION
    + b"".join(struct.pack("<BIIB", 0, 1_000_000_000 + (k % 2) * 3_000_000_000 + k, k, 80) for k in range(50_000)),
}  # fmt: skip


@pytest.mark.parametrize("attack", sorted(HOSTILE_FIT))
def test_hostile_fit_is_bounded(attack, tmp_path, tried):
    data = fit(HOSTILE_FIT[attack])
    tally = tried(put(tmp_path, "x.fit", data), mib=max(400, 60 * len(data) / MIB), seconds=20)
    assert tally["read"] + tally["failed"] + tally["skipped"] == 1


@pytest.mark.parametrize("told", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_is_not_true_is_not_believed(told, tmp_path, tried):
    assert tried(put(tmp_path, "x.fit", fit(DEFINITION + GOOD_ROWS, told)))["activities"] == 1


def test_many_files_chained_are_bounded(tmp_path, tried):
    one = fit(DEFINITION + ROW)
    tally = tried(put(tmp_path, "x.fit", one * 20_000), mib=500, seconds=30)
    assert tally["read"] + tally["failed"] + tally["skipped"] == 1
