"""Damaged files of every format: recordings or a `ReadError`, within bounded time and memory, and nothing else.

Seeds are the made-up export and, where it is present, the corpus of real files. Damage is drawn by a seeded
generator (flips, cuts, splices from another file, runs of one byte, wrong lengths and counts where the format
keeps them) and, for small inputs, by hypothesis. The long run works in processes whose memory is limited; each
input has a time of its own.
"""

import gzip
import io
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kneeledger import readers
from kneeledger.errors import ReadError
from kneeledger.model import Recording, Source

TOP = Path(__file__).resolve().parents[2]
CORPUS = TOP.parent / "shared" / "corpus"
SECONDS = 8.0
"""Of the processor, for one input; a whole one of this size takes far less than 1 s."""
MEMORY_BYTES = 3 << 30
LARGEST = 40_000
"""Bytes of a seed: what matters is how parts hang together, not how many of them there are."""
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
TEXTS = (b"1e999", b"-0", b"nan", b"99999999999999999999", b"]]>", b"<!--", b"&x;", b"\0", b"\xff\xfe",
         b"2026-13-45T99:99:99Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59+23:59", b"<trkseg>", b"</gpx>",
         b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"lat=\"1e300\"", b"xmlns:a=''")  # fmt: skip


def seeds(corpus):
    """(name, bytes), smallest first: a few of the made-up export, many of the corpus."""
    files = [
        file
        for pattern in ("**/*.fit", "**/*.gz", "**/*.gpx", "**/*.tcx")
        for file in (TOP / "fixtures").glob(pattern)
    ]
    found = [(file.name, file.read_bytes()) for file in sorted(files)]
    found = [(name, gzip.decompress(data) if name.endswith(".gz") else data) for name, data in found]
    found = sorted(found, key=lambda one: (len(one[1]), one[0]))[::4]
    if corpus and CORPUS.is_dir():
        real = [
            file
            for file in sorted(CORPUS.rglob("*"))
            if file.suffix.lower() in (".fit", ".gpx", ".tcx") and 0 < file.stat().st_size <= LARGEST
        ]
        found += [(file.name, file.read_bytes()) for file in real]
    return [(name, data[:LARGEST]) for name, data in found] + [("tiny.fit", TINY_FIT), ("tiny.gpx", TINY_GPX)]


def _tiny_fit():
    definition = bytes([0x40, 0, 0, 20, 0, 3, 253, 4, 0x86, 5, 4, 0x86, 4, 1, 2])
    rows = b"".join(struct.pack("<BIIB", 0, 1_000_000_000 + k, 300 * k, 80) for k in range(40))
    developer = bytes([0x61, 0, 0, 20, 0, 1, 253, 4, 0x86, 1, 0, 1, 0])
    body = definition + rows + developer + struct.pack("<BIB", 1, 1_000_000_050, 7)
    return struct.pack("<BBHI4sH", 14, 32, 2195, len(body), b".FIT", 0) + body + b"\0\0"


TINY_FIT = _tiny_fit()
TINY_GPX = (
    b'<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
    + b"".join(
        b'<trkpt lat="5.%04d" lon="-30"><ele>%d</ele><time>2026-04-03T10:00:%02dZ</time></trkpt>' % (k, k, k)
        for k in range(50)
    )
    + b"</trkseg></trk></gpx>"
)


def damaged(data, other, chance):
    """`data` with one to eight wounds."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if not out:
            break
        at = chance.randrange(len(out))
        if chance.random() < 0.25:
            at = min(at, chance.randrange(200))
        how = chance.randrange(9)
        if how == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            out[at] = chance.randrange(256)
        elif how == 2:
            del out[at : at + chance.randrange(1, 400)]
        elif how == 3:
            del out[at:]
        elif how == 4:
            start = chance.randrange(max(1, len(other)))
            out[at:at] = other[start : start + chance.randrange(1, 2000)]
        elif how == 5:
            number = chance.choice(NUMBERS)
            out[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
        elif how == 6:
            out[at : at + chance.randrange(1, 64)] = bytes([chance.choice((0, 0xFF, 0x40, 0x60, 0x80))]) * 16
        elif how == 7:
            out[at:at] = chance.choice(TEXTS)
        else:
            start, length = chance.randrange(len(out)), chance.randrange(1, 500)
            out[at:at] = out[start : start + length] * chance.choice((1, 2, 30))
    return bytes(out)


def packed(data, chance):
    """The bytes as they may come: plain, gzipped, zipped; the packing may be damaged too."""
    how = chance.randrange(12)
    if how == 0:
        return damaged(gzip.compress(data, 1, mtime=0), data, chance)
    if how == 1:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("a.fit"), data)
        return damaged(file.getvalue(), data, chance)
    return data


class TooLong(BaseException):
    """Not an Exception, so that nothing on the way can keep it."""


def check(data, tz, decoder="kneeledger"):
    """Read it; what may not happen is raised."""
    if data[:2] in (b"PK", b"\x1f\x8b"):
        try:
            data = gzip.decompress(data) if data[:1] == b"\x1f" else data
        except (OSError, EOFError, zlib.error):
            return 0
    source = Source("x", data, sha256(data).hexdigest(), Path("x"), "")
    try:
        found = readers.read(source, decoder=decoder, tz=tz)
    except ReadError as error:
        if not str(error) or error.why[:1] == " ":
            raise AssertionError("a reason is missing") from error
        return 0
    for one in found:
        if (
            not isinstance(one, Recording)
            or one.about.start.tzinfo is None
            or one.about.end < one.about.start
        ):
            raise AssertionError(f"no recording but {one.about}")
        if one.records.height > 40 * len(data) + 100:
            raise AssertionError(f"{one.records.height} records from {len(data)} bytes")
    return len(found)


def many(first, count, seed=11):
    """A share of the long run, in a process of its own: (inputs, readable ones, slowest, faults)."""
    if sys.platform.startswith("linux"):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    def stop(*_):
        raise TooLong

    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, stop)
    pool = seeds(corpus=True)
    readable, slowest, faults = 0, 0.0, []
    for number in range(first, first + count):
        chance = random.Random(seed * 1_000_003 + number)
        name, data = pool[number % len(pool)]
        data = packed(damaged(data, chance.choice(pool)[1], chance), chance)
        began = time.process_time()
        if hasattr(signal, "SIGPROF"):
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            readable += bool(check(data, None))
        except BaseException as error:
            faults.append(f"{name} #{number}: {type(error).__name__}: {error}"[:300])
        finally:
            if hasattr(signal, "SIGPROF"):
                signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, time.process_time() - began)
    return count, readable, slowest, faults


def test_some_damaged_files_raise_nothing_but_read_errors():
    pool = seeds(corpus=False)
    small = [one for one in pool if len(one[1]) < 60_000]
    readable = 0
    for number in range(200):
        chance = random.Random(number)
        name, data = small[number % len(small)]
        data = packed(damaged(data, chance.choice(small)[1], chance), chance)
        try:
            readable += bool(check(data, None))
        except Exception as error:
            pytest.fail(f"{name} #{number}: {type(error).__name__}: {error}")
    assert readable > 60


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    which=st.sampled_from((TINY_FIT, TINY_GPX)),
    wounds=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.integers(0, 12)), max_size=6),
)
def test_wounds_drawn_by_hypothesis_raise_nothing_but_read_errors(which, wounds):
    data = which
    for place, put, drop in wounds:
        at = int(place * len(data))
        data = data[:at] + put + data[at + drop :]
    check(data, "Europe/Vienna")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_thousand_damaged_files_raise_nothing_but_read_errors():
    count = int(os.environ.get("KNEELEDGER_FUZZ", "20000"))
    script = [sys.executable, __file__]
    shares = [(first, min(count // 2 + 1, count - first)) for first in (0, count // 2 + 1)]
    running = [
        subprocess.Popen([*script, *map(str, one)], stdout=subprocess.PIPE, text=True) for one in shares
    ]
    printed = [one.communicate()[0] for one in running]
    assert [one.returncode for one in running] == [0, 0]
    told = [json.loads(text) for text in printed]
    faults = [fault for one in told for fault in one[3]]
    assert not faults, "\n".join(faults[:20])
    assert sum(one[0] for one in told) == count
    assert sum(one[1] for one in told) > count // 4
    assert max(one[2] for one in told) < SECONDS


def test_damage_is_the_same_each_time():
    pool = seeds(corpus=False)
    one = [sha256(damaged(pool[0][1], pool[1][1], random.Random(5))).hexdigest() for _ in range(2)]
    assert one[0] == one[1]
    assert re.fullmatch(r"[0-9a-f]{64}", one[0])


if __name__ == "__main__":
    print(json.dumps(many(int(sys.argv[1]), int(sys.argv[2]))))
