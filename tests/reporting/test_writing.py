"""Files of a report: for their owner only, whole or not at all, whatever the folder is called."""

import errno
import os
import stat
import sys

import polars as pl
import pytest

from kneeledger.errors import ReportError
from kneeledger.pipeline import exporting, settings
from kneeledger.reporting import datafiles, writing

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="rights and names of POSIX")


@pytest.fixture
def open_to_all():
    """A user whose new files everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def full_disk(monkeypatch):
    """A disk on which a file can be begun, and nothing be written to it."""
    real = os.fdopen

    class Full:
        def __init__(self, stream):
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *told):
            self.stream.close()

        def write(self, _content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", lambda *told: Full(real(*told)))


@POSIX
def test_what_is_written_is_its_owners_alone(open_to_all, tmp_path):
    old = tmp_path / "old.csv"
    old.write_bytes(b"before")
    old.chmod(0o644)
    exporting.save(old, b"after")
    made = [old, settings.write_template(tmp_path / "new" / "kneeledger.toml")]
    made.append(writing.data(tmp_path / "deep" / "a.parquet", datafiles.parquet(pl.DataFrame({"a": [1]}))))
    assert old.read_bytes() == b"after"
    assert [stat.S_IMODE(file.stat().st_mode) for file in made] == [0o600] * 3
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700


def test_a_full_disk_leaves_the_old_file_and_is_a_sentence(full_disk, tmp_path):
    old = tmp_path / "old.csv"
    old.write_bytes(b"before")
    with pytest.raises(ReportError, match="cannot be written: No space left"):
        exporting.save(old, b"after")
    assert old.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [old]


@POSIX
def test_what_is_no_plain_file_is_written_to_as_it_stands(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").write_bytes(b"before")
    exporting.save(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"after"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    exporting.save(pipe, b"through")
    assert os.read(reader, 99) == b"through"
    os.close(reader)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@a", "\t=1", "\uff1dcmd", "-", "'", "plain", "", "'=1", "2-1"]
)
def test_what_is_quoted_comes_back(text):
    quoted = writing.quoted(text)
    assert not quoted.startswith(writing.FORMULA)
    if not text.startswith("'"):
        assert writing.unquoted(quoted) == text


def test_headings_and_lists_are_no_formulas_either():
    frame = pl.DataFrame({"=cmd": ["@x"], "list": [["=a", "b"]], "plain": [-1.5]})
    assert datafiles.csv_text(frame) == "'=cmd,list,plain\n'@x,'=a;b,-1.5\n"
