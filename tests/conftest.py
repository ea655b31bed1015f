"""For every test: no network, nothing of the user's own settings, and small exports to try things on."""

import gzip
import io
import shutil
import socket
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
LOOPBACK = ("127.", "::1", "localhost")
ASKS = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})


class _Guard:
    """What sockets may do now, and what was tried against it; an audit hook, so that no import gets past it."""

    def __init__(self) -> None:
        self.loopback = False
        self.tried: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, told: tuple[Any, ...]) -> None:
        if event not in ASKS:
            return
        place = told[0] if event == "socket.getaddrinfo" else told[1]
        if event != "socket.getaddrinfo" and getattr(told[0], "family", None) == getattr(
            socket, "AF_UNIX", object()
        ):
            return
        host = place[0] if isinstance(place, tuple) and place else place
        host = host.decode() if isinstance(host, bytes) else str(host or "")
        if self.loopback and host.startswith(LOOPBACK):
            return
        self.tried.append(f"{event} {host}")
        raise RuntimeError(f"tests have no network: {event} {host}")


GUARD = _Guard()


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> Iterator[_Guard]:
    """No socket leaves the machine, and none is opened on it without the marker `loopback`."""
    GUARD.loopback = request.node.get_closest_marker("loopback") is not None
    GUARD.tried.clear()
    yield GUARD
    GUARD.loopback = False
    assert not GUARD.tried, f"the network was asked for: {GUARD.tried}"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads the settings or the ledger of whoever runs it."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The made-up export of the repository, and what lies beside it."""
    return FIXTURES


def watch_files() -> list[Path]:
    """FIT files of the made-up watch, the smallest first."""
    found = (FIXTURES / "export" / "watch" / "GARMIN" / "Activity").glob("*.fit")
    return sorted(found, key=lambda file: (file.stat().st_size, file.name))


def twin() -> tuple[bytes, bytes]:
    """The FIT and the GPX of one and the same run."""
    with zipfile.ZipFile(FIXTURES / "export" / "garmin-account.zip") as outer:
        name = next(n for n in outer.namelist() if n.endswith("UploadedFiles_0-_Part1.zip"))
        with zipfile.ZipFile(io.BytesIO(outer.read(name))) as inner:
            member = next(n for n in inner.namelist() if n.endswith("_300000752305.fit"))
            fit = inner.read(member)
    return fit, (FIXTURES / "export" / "loose" / "same-run-twice.gpx").read_bytes()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip of these members, the same bytes each time."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


TABLE = """Activity ID,Activity Date,Activity Name,Activity Type,Elapsed Time,Distance,Activity Gear,Filename
1,"Apr 2, 2026, 8:05:06 PM",By the harbour,Run,1800,5.0,Old shoes,
2,"Apr 3, 2026, 8:05:06 PM",Around the pond,Run,2400,6.5,Old shoes,activities/2.fit.gz
"""


def build_export(folder: Path) -> Path:
    """An export with eight activities and everything that a scan must deal with.

    Loose FIT files, a bulk export with a table and an entry by hand, an archive in an archive, the same bytes
    twice, the same run as FIT and GPX, a damaged file, and files that are no activity.
    """
    files = watch_files()
    fit, gpx = twin()
    loose = folder / "loose"
    loose.mkdir(parents=True)
    shutil.copy(files[2], loose / "a.fit")
    shutil.copy(files[3], loose / "b.fit")
    shutil.copy(files[3], loose / "b2.fit")
    (loose / "run.fit").write_bytes(fit)
    (loose / "run.gpx").write_bytes(gpx)
    (loose / "damaged.gpx").write_bytes(b"<gpx><trk><trkseg><trkpt lat='x'")
    (loose / "notes.txt").write_text("nothing to read here", encoding="utf-8")
    strava = folder / "strava"
    (strava / "activities").mkdir(parents=True)
    (strava / "activities.csv").write_text(TABLE, encoding="utf-8")
    (strava / "activities" / "2.fit.gz").write_bytes(gzip.compress(files[4].read_bytes(), mtime=0))
    inner = zipped({"1_ACTIVITY.fit": files[5].read_bytes(), "2_ACTIVITY.fit": files[6].read_bytes()})
    (folder / "account.zip").write_bytes(
        zipped({"DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip": inner, "readme.txt": b"x"})
    )
    return folder


@pytest.fixture(scope="session")
def small_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One `build_export`, not to be changed by anyone."""
    return build_export(tmp_path_factory.mktemp("small") / "export")


@pytest.fixture
def new_export(tmp_path: Path) -> Callable[[], Path]:
    """A `build_export` of the test's own, to change."""
    return lambda: build_export(tmp_path / "export")


@pytest.fixture(scope="session")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the whole made-up export, scanned once a session (about 12 s); read it, do not change it."""
    from kneeledger.pipeline import front, settings

    folder = tmp_path_factory.mktemp("season") / "ledger"
    front.scan([FIXTURES / "export"], folder, config=settings.find({"tz": "", "jobs": 1}), jobs=1)
    return folder


@pytest.fixture(scope="session")
def content(season: Path) -> tuple[Any, dict[str, Any]]:
    """What the pages of the made-up season show: the overview, and an activity each of some kinds.

    The kinds are ``spike`` (a trail run far above the usual descent), ``ride``, ``hike`` and ``last``.
    """
    from kneeledger import findings
    from kneeledger.ledger.store import Ledger
    from kneeledger.pipeline import activity, gathering, history, settings
    from kneeledger.reporting import html

    config = settings.find({"tz": "", "jobs": 1})
    with Ledger(season, create=False) as ledger:
        known = history.gather(ledger, "me", config)
        told = findings.spikes(known.history, known.as_of, last_days=60, profile=known.profile)
        frame = known.activities.sort("start")
        picked = {
            "spike": next(one.activity for one in told if one.code == "SP002"),
            "ride": frame.filter(frame["sport"] == "cycling")["id"][-1],
            "hike": frame.filter(frame["sport"] == "hiking")["id"][-1],
            "last": frame.filter(frame["sport"] == "running")["id"][-1],
        }
        made = {}
        for kind, name in picked.items():
            examined = activity.from_ledger(ledger, "me", name, config, known)
            mine = [one for one in told if one.activity == name]
            made[kind] = activity.page(examined, config, known=known, findings=mine)
        pages = {
            one.id: f"activities/{html.page_name(one.id, one.day, one.about.sport)}" for one in made.values()
        }
        report = gathering.overview(ledger, known, config, pages)
    return report, made


def _is_edition(row: tuple[Any, ...]) -> bool:
    """The random word that tells whether the copy by columns may be believed."""
    return str(row[0]).startswith("edition:")


def dump(folder: Path) -> dict[str, Any]:
    """Everything a ledger holds, for comparison: all tables, and each activity's track.

    Names of track files are left out (two scans may batch differently); what is in them is not.
    """
    from kneeledger.ledger.store import Ledger

    with Ledger(folder, create=False) as ledger:
        found: dict[str, Any] = {}
        for table in ("athletes", "files", "activities", "metrics", "tables", "pain", "notes", "meta"):
            columns = [row[1] for row in ledger.query(f"pragma table_info({table})")]
            kept = [name for name in columns if name != "segment"]
            rows = ledger.query(f"select {', '.join(kept)} from {table}")
            found[table] = sorted((row for row in rows if not _is_edition(row)), key=repr)
        found["integrity"] = ledger.query("pragma integrity_check") + ledger.query("pragma foreign_key_check")
        found["tracks"] = {}
        for name, segment in ledger.query("select id, segment from activities"):
            records = ledger.records(name)
            found["tracks"][name] = None if records is None else records.to_dict(as_series=False)
            assert (records is None) == (segment == "")
        named = {row[0] for row in ledger.query("select name from segments")}
        found["lost"] = sorted(file.name for file in ledger.tracks.iterdir() if file.name not in named)
    return found


@pytest.fixture(scope="session")
def ledger_dump() -> Callable[[Path], dict[str, Any]]:
    """`dump`."""
    return dump


@pytest.fixture(scope="session")
def zip_of() -> Callable[[dict[str, bytes]], bytes]:
    """`zipped`."""
    return zipped


@pytest.fixture(scope="session")
def written(content: tuple[Any, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the made-up season, by kind; read them, do not change them."""
    from kneeledger.reporting import html

    report, pages = content
    out = tmp_path_factory.mktemp("report")
    made = {kind: html.write_activity(page, out) for kind, page in pages.items()}
    made["overview"] = html.write_overview(report, out)
    made["method"] = out / "method.html"
    made["single"] = html.write_single(report, [pages["spike"], pages["ride"]], out)
    return made
