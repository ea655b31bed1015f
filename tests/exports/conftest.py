import io
import struct
import zipfile
from types import SimpleNamespace

import pytest


def fit(kind=4, body=b""):
    """A FIT file whose file_id has this type."""
    inner = struct.pack("<BBBHB", 0x40, 0, 0, 0, 1) + bytes([0, 1, 0, 0, kind]) + body
    return struct.pack("<BBHI4sH", 14, 16, 100, len(inner), b".FIT", 0) + inner + b"\0\0"


def gpx(name="x"):
    return f'<?xml version="1.0"?><gpx version="1.1"><trk><name>{name}</name></trk></gpx>'.encode()


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(
                zipfile.ZipInfo(name),
                data if isinstance(data, bytes) else data.encode(),
                zipfile.ZIP_DEFLATED,
            )
    return file.getvalue()


@pytest.fixture
def made():
    """Builders of made-up files."""
    return SimpleNamespace(fit=fit, gpx=gpx, zipped=zipped)


@pytest.fixture(params=["zip", "folder"])
def export(request, tmp_path, made):
    """An export of these members, once as an unopened zip and once as a folder."""

    def make(members):
        if request.param == "zip":
            path = tmp_path / "export.zip"
            path.write_bytes(made.zipped(members))
            return path
        for name, data in members.items():
            file = tmp_path / "export" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return tmp_path / "export"

    return make


@pytest.fixture
def opened(monkeypatch):
    """Names of all files and members whose bytes are asked for."""
    from kneeledger.sources import finding

    names = []
    reader, view = finding.Entry.reader, finding.Entry.view

    def spied_reader(self):
        names.append(self.name)
        return reader(self)

    def spied_view(self):
        names.append(self.name)
        return view(self)

    monkeypatch.setattr(finding.Entry, "reader", spied_reader)
    monkeypatch.setattr(finding.Entry, "view", spied_view)
    return names
