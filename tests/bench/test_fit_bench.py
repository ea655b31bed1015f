"""Speed of the FIT decoder against its peers in one run, by CPU time; bytes in memory to frames.

Ours reads every file of the corpus. fitparse and the SDK take minutes for that, so they read a fixed
subset, chosen by size alone (every eighth file by size, and the smallest one over 1 MB), and the ratio is taken over that
subset for both. The compiled readers read all files over 200 kB that they accept.
"""

import ctypes
import gc
import io
import shutil
import subprocess
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from kneeledger.errors import ReadError
from kneeledger.readers import fit

CORPUS = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpus"
KINDS = ("record", "lap", "session", "event", "device_info")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here"),
]


def corpus() -> list[bytes]:
    found = [
        path.read_bytes() for path in CORPUS.rglob("*") if path.suffix.lower() == ".fit" and path.is_file()
    ]
    return sorted((data for data in found if fit.claims(data[:16])), key=len)


def frames(data: bytes, kinds: tuple[str, ...] = KINDS) -> int:
    try:
        opened = fit.decode(data)
    except ReadError:
        return 0
    return sum(opened.frame(kind).height for kind in kinds)


def records(data: bytes) -> int:
    return frames(data, ("record",))


def by_fitparse(data: bytes) -> int:
    import fitparse

    count = 0
    try:
        for message in fitparse.FitFile(io.BytesIO(data), check_crc=False).get_messages():
            if message.name in KINDS:
                count += len(message.get_values()) > 0
    except Exception:
        return count
    return count


def by_sdk(data: bytes) -> int:
    from garmin_fit_sdk import Decoder, Stream

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages, _ = Decoder(Stream.from_byte_array(bytearray(data))).read(merge_heart_rates=False)
    return len(messages.get("record_mesgs", []))


def by_fitfast(data: bytes) -> int:
    import fitfast

    return len(fitfast.records(data))


def by_pyroparse(data: bytes) -> int:
    import pyroparse

    return int(pyroparse.read_fit(io.BytesIO(data)).num_rows)


def spent(read: Callable[[bytes], int], files: list[bytes], *, rounds: int = 1) -> float:
    """CPU time of this process for all files, the best round. [s]"""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        for data in files:
            read(data)
        best = min(best, time.process_time() - start)
    return best


def test_ratios_to_pure_python_peers(benchmark: Callable[..., float]) -> None:
    files = corpus()
    subset = files[::8]
    large = [data for data in files if len(data) > 1_000_000][:1]
    frames(files[-1])
    everything = benchmark.pedantic(spent, args=(frames, files), rounds=1)
    ours, ours_large = spent(frames, subset, rounds=3), spent(frames, large, rounds=3)
    theirs, theirs_large, sdk = spent(by_fitparse, subset), spent(by_fitparse, large), spent(by_sdk, subset)
    print(f"\n{len(files)} files, {sum(map(len, files)) / 1e6:.1f} MB: {everything:.2f} s")
    print(
        f"fitparse / ours: {theirs / ours:.0f} over {len(subset)} files; {theirs_large / ours_large:.0f} over 1 MB"
    )
    print(f"SDK / ours: {sdk / ours:.0f}")
    assert theirs / ours >= 100
    assert theirs_large / ours_large >= 300
    assert sdk / ours >= 20


def accepted(read: Callable[[bytes], int], data: bytes) -> bool:
    try:
        return read(data) > 0
    except Exception:
        return False


def test_ratios_to_compiled_peers(benchmark: Callable[..., float]) -> None:
    pytest.importorskip("fitfast")
    pytest.importorskip("pyroparse")
    files = corpus()
    large = [data for data in files if len(data) > 200_000]
    readable = [data for data in large if accepted(by_fitfast, data) and accepted(by_pyroparse, data)]
    ours = benchmark.pedantic(spent, args=(records, readable), kwargs={"rounds": 2}, rounds=1)
    fast, pyro = spent(by_fitfast, readable, rounds=2), spent(by_pyroparse, readable, rounds=2)
    print(f"\n{len(readable)} of {len(large)} files over 200 kB: ours {ours:.2f} s")
    print(f"fitfast / ours {fast / ours:.1f}; pyroparse / ours {pyro / ours:.1f}")
    assert min(fast, pyro) / ours >= 2


def test_no_small_file_is_far_behind_a_compiled_peer(benchmark: Callable[..., float]) -> None:
    pytest.importorskip("fitfast")
    pytest.importorskip("pyroparse")
    small = [data for data in corpus() if len(data) <= 200_000][::6]
    benchmark.pedantic(spent, args=(records, small), rounds=1)
    behind = []
    for data in small:
        if accepted(by_fitfast, data) and accepted(by_pyroparse, data):
            peer = min(spent(by_fitfast, [data], rounds=3), spent(by_pyroparse, [data], rounds=3))
            behind.append(spent(records, [data], rounds=3) - peer)
    print(f"small files: at most {max(behind) * 1000:.1f} ms behind, over {len(behind)}")
    assert max(behind) <= 0.003


PLAIN_WALK = r"""
#include <stdint.h>
#include <stddef.h>
/* All a reader in C would do without looking at a value: every header, every definition, the checksum. */
long walk(const uint8_t *d, size_t n, uint16_t *sum) {
    static uint16_t table[256];
    if (!table[1]) for (int i = 0; i < 256; i++) {
        uint16_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0xA001 : c >> 1;
        table[i] = c;
    }
    uint32_t size[16] = {0};
    size_t end = d[0] + (d[4] | d[5] << 8 | d[6] << 16 | (size_t)d[7] << 24), p = d[0];
    long count = 0;
    uint16_t crc = 0;
    if (end > n) end = n;
    for (size_t i = 0; i < end; i++) crc = (crc >> 8) ^ table[(crc ^ d[i]) & 0xFF];
    *sum = crc;
    while (p + 6 <= end) {
        uint8_t h = d[p];
        if ((h & 0xC0) == 0x40) {
            uint32_t s = 1, fields = d[p + 5], q = p + 6;
            if (q + 3 * fields > end) break;
            for (uint32_t i = 0; i < fields; i++) s += d[q + 3 * i + 1];
            q += 3 * fields;
            if (h & 0x20) {
                uint32_t more = d[q++];
                if (q + 3 * more > end) break;
                for (uint32_t i = 0; i < more; i++) s += d[q + 3 * i + 1];
                q += 3 * more;
            }
            size[h & 15] = s;
            p = q;
        } else {
            uint32_t s = size[h & 0x80 ? (h >> 5) & 3 : h & 15];
            if (!s) break;
            p += s;
            count++;
        }
    }
    return count;
}
"""


@pytest.fixture
def plain_walk(tmp_path: Path) -> Callable[[bytes], int]:
    """Messages of a file, counted and summed in C."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is here")
    written, made = tmp_path / "walk.c", tmp_path / "walk.so"
    written.write_text(PLAIN_WALK)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", made, written], check=True, timeout=60)
    walk = ctypes.CDLL(str(made)).walk
    walk.argtypes, walk.restype = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p], ctypes.c_long
    checksum = ctypes.c_uint16()
    return lambda data: int(walk(data, len(data), ctypes.byref(checksum)))


def test_within_six_times_a_plain_walk_in_c(
    benchmark: Callable[..., float], plain_walk: Callable[[bytes], int]
) -> None:
    large = [data for data in corpus() if len(data) >= 1_000_000]
    assert sum(map(plain_walk, large)) > 100_000
    records(large[0])
    ours = benchmark.pedantic(spent, args=(records, large), kwargs={"rounds": 3}, rounds=1)
    theirs = spent(plain_walk, large, rounds=5)
    print(
        f"\n{len(large)} files over 1 MB: ours {ours * 1000:.1f} ms, C {theirs * 1000:.1f} ms: {ours / theirs:.1f}"
    )
    assert ours / theirs <= 6


def test_peak_memory_stays_under_twelve_times_the_file() -> None:
    worst = 0.0
    for data in corpus():
        if len(data) >= 1_000_000:
            tracemalloc.start()
            frames(data)
            worst = max(worst, tracemalloc.get_traced_memory()[1] / len(data))
            tracemalloc.stop()
    assert worst < 12
