import gzip
import io
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kneeledger.exports import ByHand, Skipped, Source, sources
from kneeledger.sources import Limits, file_kind, fit_file_type, names

LIMITS = Limits(member_bytes=1 << 20, stream_bytes=1 << 22, total_bytes=1 << 24, members=500)


def fit(kind=4, body=b""):
    inner = struct.pack("<BBBHB", 0x40, 0, 0, 0, 1) + bytes([0, 1, 0, 0, kind]) + body
    return struct.pack("<BBHI4sH", 14, 16, 100, len(inner), b".FIT", 0) + inner + b"\0\0"


def zipped(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


INNER = zipped({"a@b.c_1.fit": fit(4, b"1" * 300), "2.fit": fit(32), "3.gpx": b"<gpx></gpx>"})
SEEDS = (
    zipped(
        {
            "DI_CONNECT/x/UploadedFiles_0-_Part1.zip": INNER,
            "DI_CONNECT/f/x_0_summarizedActivities.json": b'[{"summarizedActivitiesExport":[{}]}]',
        }
    ),
    zipped(
        {"activities.csv": b"Activity ID,Filename\n1,activities/1.fit\n2,\n", "activities/1.fit": fit()},
        zipfile.ZIP_STORED,
    ),
    zipped(
        {
            "apple_health_export/export.xml": b"<HealthData><Workout a='1'/></HealthData>",
            "b.fit.gz": gzip.compress(fit()),
        }
    ),
    zipped({"training-session-1.json": b'{"exercises": [{}]}', "z.zip": zipped({"y.zip": INNER})}),
)


@st.composite
def damaged(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        how = draw(st.sampled_from(("flip", "cut", "splice", "number")))
        at = draw(st.integers(0, max(0, len(data) - 1)))
        if how == "flip" and data:
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 200))]
        elif how == "splice":
            start = draw(st.integers(0, len(data)))
            data[at:at] = data[start : start + draw(st.integers(1, 200))]
        elif len(data) > at + 4:
            data[at : at + 4] = struct.pack(
                "<I", draw(st.sampled_from((0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, 30)))
            )
    return bytes(data)


def check(folder, data):
    (folder / "e.zip").write_bytes(data)
    total = 0
    for one in sources([folder], limits=LIMITS):
        assert isinstance(one, Source | Skipped | ByHand)
        assert one.path.isprintable()
        assert ".." not in one.path.split("/")
        if isinstance(one, Source):
            total += len(one.data)
        if isinstance(one, Skipped):
            assert one.reason
            assert one.kind
    assert total < 1 << 23


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=damaged())
def test_damaged_archives_raise_nothing_and_are_told(tmp_path, data):
    check(tmp_path, data)


@pytest.mark.slow
@settings(
    max_examples=20_000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=damaged())
def test_many_damaged_archives_raise_nothing_and_are_told(tmp_path, data):
    check(tmp_path, data)


@settings(max_examples=300, derandomize=True)
@given(head=st.binary(max_size=300))
def test_any_bytes_have_a_kind(head):
    assert file_kind(head)
    spoilt = fit()[:14] + head
    assert fit_file_type(spoilt) in (None, *range(256))


@settings(max_examples=300, derandomize=True)
@given(name=st.text(max_size=60))
def test_any_name_is_shown_clean(name):
    shown = names.shown(name)
    assert shown
    assert shown.isprintable()
    assert "@" not in shown
    assert not shown.startswith("/")
    assert not {"", ".", ".."} & set(shown.split("/"))
    assert names.clean(names.clean(name)) == names.clean(name)
