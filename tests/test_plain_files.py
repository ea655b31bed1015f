"""Only plain files are opened, and none beyond its bound."""

import os
import sys
from pathlib import Path

import pytest

from kneeledger import plain_files

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")


def test_up_to_the_bound_it_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 1000)
    assert plain_files.read(file, 1000) == b"x" * 1000
    with pytest.raises(OSError, match="larger than 0 kB"):
        plain_files.read(file, 999)
    with pytest.raises(FileNotFoundError):
        plain_files.read(tmp_path / "b", 1)


@POSIX
@pytest.mark.timeout(20)
def test_pipes_devices_and_folders_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    before = len(list(Path("/dev/fd").iterdir()))
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="no file but a device or a pipe"):
            plain_files.read(tmp_path / name, 1000)
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        plain_files.read(tmp_path, 1000)
    assert len(list(Path("/dev/fd").iterdir())) == before, "nothing stays open"
