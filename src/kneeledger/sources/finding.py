"""From the paths a user gives to Sources: folders, archives, archives in archives, each thing told once.

What is walked is a tree of *listings* (the files of a folder, the members of an archive). An entry of
a listing is looked up in the ledger's memory first, by its path and stamp, without reading a byte; then a
layout may speak for it (`Guide`: never open this, read that table); then its first bytes decide. One
entry is open at a time and only one is held in memory, so memory does not grow with the export.

How `known` is asked, for whoever keeps the memory:

- ``known(path, stamp)`` for every file and every member of an outermost archive. True: it is not read. The
  stamp of a plain file is size and modification time; of a member, CRC-32 and size as the directory has them.
- Inner archives are asked for under their own path and stamp, the CRC-32 and size of the member that
  holds them. `known` may answer with a number: how many files were remembered below (paths that begin
  with ``<path>!/``).
- After everything else of a folder or archive one ``Skipped(code="unchanged")`` is given for what is
  unchanged in it, with the sum of these numbers as its `count`: after years that is all but one of thousands
  of files, so what it takes to pass over one is little more than the system's own look at it.
- When an inner archive was looked through to its end, ``Skipped(code="archive", count=0)`` is given at the
  very end of the walk. It must be remembered like a file, and only *after* everything given before it has
  been committed: then the next walk passes over the whole of it.
- An empty stamp says: do not remember (a limit, no permission). Such a file is asked for again each time.

A symbolic link inside a folder is not followed, since an export from elsewhere could point
anywhere; a path given by the user may be one. Nothing is ever written.
Instead of: unpacking to a temporary folder, or os.walk with a list of extensions.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from kneeledger.model import WORD_CHARS, Source
from kneeledger.sources import kinds, names, zips
from kneeledger.sources.limits import Budget, Limits, Refused

__all__ = [
    "FAILURES",
    "ByHand",
    "Entry",
    "Found",
    "Guide",
    "Known",
    "Listing",
    "Recognise",
    "Skipped",
    "Verdict",
    "find",
    "walk",
]

FAILURES = frozenset({"bomb", "damaged", "encrypted", "limit", "missing", "packing", "unreadable"})
"""Codes of `Skipped` that are failures; all others are files that are no activities, or unchanged."""

Known = Callable[[str, str], int]
"""``known(path, stamp)``: false (0) for new or changed; else true, or how many files an archive held."""

DEFAULT_LIMITS = Limits()
XML_HEAD_BYTES = 1 << 16
READ_BYTES = 1 << 20
FIT_HEAD_BYTES = 512
MEANT = re.compile(r"(\.(?:fit|gpx|tcx))(?:\.gz)?$", re.IGNORECASE)
UNREAD_ARCHIVES = frozenset({"7z", "rar", "bzip2", "xz", "zstd", "tar"})


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that gives no Source, and why."""

    path: str
    code: str
    """``unchanged``, ``archive`` (an inner archive, done), ``not_activity``, ``planned``, ``not_opened``, ``system``,
    ``link``, ``special``, ``empty``, or one of `FAILURES`."""
    reason: str
    """One sentence for a person."""
    kind: str
    """What it is, in words and plural, to be counted: "FIT monitoring"."""
    outer: str
    """Path on this disk, not cleaned."""
    member: str = ""
    stamp: str = ""
    """As in `Source`; empty: not to be remembered."""
    count: int = 1


class Verdict(NamedTuple):
    """What a layout says of an entry: leave it unopened as `kind`, or (`own`) read it by the layout."""

    own: bool = False
    code: str = "not_opened"
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """An activity of which the export holds totals and, as far as the export knows, no recording."""

    path: str
    """The table that tells of it."""
    sport: str
    """In the words of a `Draft`: running, cycling, walking ... or ``unknown``."""
    start: datetime | None
    """Zone-aware UTC."""
    utc_offset_s: int | None
    duration_s: float | None
    distance_m: float | None
    title: str | None
    layout: str
    outer: Path
    member: str = ""
    stamp: str = ""
    maybe_recorded: bool = False
    """The export does not say whether a file of it is there: match by start and sport (Garmin)."""


Found = Source | Skipped | ByHand


class Guide(Protocol):
    """What knows the layout of a listing."""

    def verdict(self, name: str) -> Verdict | None:
        """For one name of the listing: None lets the content decide."""
        ...

    def own(self, entry: "Entry") -> Iterator[Found]:
        """What an entry gives that the layout reads by itself; may raise `Refused`."""
        ...

    def context(self, name: str) -> Mapping[str, str]:
        """What the export says beside this recording."""
        ...


Recognise = Callable[["Listing", Guide | None], Guide | None]
"""The guide of a listing, if its layout is known; the second argument is the guide of what holds it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing, not opened yet."""

    name: str
    """Path inside the listing, as it is there."""
    path: str
    """For a person, and the key for the ledger."""
    member: str
    outer: str
    stamp: str
    size: int
    budget: Budget
    opened: Callable[[], zips.Reader]
    viewed: Callable[[], zips.View]

    def reader(self) -> zips.Reader:
        """The bytes, once, from the front.

        Raises
        ------
        Refused
            It cannot be opened.
        """
        try:
            return self.opened()
        except OSError as error:
            raise Refused("unreadable", _why(error)) from error

    def view(self) -> zips.View:
        """The bytes of an archive, at any place."""
        try:
            return self.viewed()
        except OSError as error:
            raise Refused("unreadable", _why(error)) from error

    def read(self) -> bytes:
        """All bytes.

        Raises
        ------
        Refused
            They are more than the limit, or damaged.
        """
        reader = self.reader()
        try:
            data = _rest(reader, b"", self.budget.limits)
        finally:
            _close(reader)
        if reader.problem:
            raise Refused("damaged", f"it {reader.problem}")
        return data

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces, never all in memory.

        Raises
        ------
        Refused
            They are more than the limit for streams.
        """
        reader, count = self.reader(), 0
        try:
            while piece := reader.read(READ_BYTES):
                count += len(piece)
                if count > self.budget.limits.stream_bytes:
                    raise Refused("limit", _too_large(self.budget.limits.stream_bytes))
                yield piece
        finally:
            _close(reader)

    def source(self, data: bytes, context: Mapping[str, str]) -> Source:
        """A Source of these bytes; what an export says beside them is cut to words."""
        digest = hashlib.sha256(data).hexdigest()
        context = {key: text[:WORD_CHARS] for key, text in context.items()}
        return Source(self.path, data, digest, Path(self.outer), self.member, self.stamp, context)

    def skipped(self, code: str, kind: str, reason: str, *, count: int = 1) -> Skipped:
        """That it gives no Source."""
        stamp = "" if code in ("limit", "unreadable") else self.stamp
        return Skipped(self.path, code, reason, kind, self.outer, self.member, stamp, count)


Stamps = Mapping[str, tuple[str, str]]
"""By name: path as shown, and stamp."""


class _Entries(Mapping[str, Entry]):
    """Files or members by name; an entry is made when it is asked for, as most are unchanged."""

    def __init__(self, stamps: Stamps, make: Callable[[str, str, str], Entry]) -> None:
        self._stamps = stamps
        self._make = make
        self._made: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        if name not in self._made:
            self._made[name] = self._make(name, *self._stamps[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stamps)

    def __len__(self) -> int:
        return len(self._stamps)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder, or the members of an archive."""

    path: str
    entries: Mapping[str, Entry]
    """By name, in the order in which they are read."""
    depth: int = 0
    """How many archives are around: 0 for a folder."""
    alone: bool = False
    """One file given by itself: its neighbours are not looked at."""
    holder: str = ""
    """For an archive: its name in the listing that holds it."""
    stamps: Stamps = field(default_factory=dict)
    """Of each entry, in the same order."""


def find(
    paths: Iterable[Path | str], *, limits: Limits = DEFAULT_LIMITS, known: Known | None = None
) -> Iterator[Source | Skipped]:
    """Every activity file below the paths as a Source, and one Skipped for each that is none.

    Parameters
    ----------
    paths
        Folders, files and archives.
    limits
        Bounds on archives.
    known
        Whether a file is remembered as unchanged; the module says how it is asked.
    """
    for item in walk(paths, limits=limits, known=known):
        if not isinstance(item, ByHand):
            yield item


def walk(
    paths: Iterable[Path | str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    known: Known | None = None,
    recognise: Recognise | None = None,
) -> Iterator[Found]:
    """As `find`, with a layout's own knowledge where `recognise` finds one."""
    state = _Walk(limits, known or (lambda _path, _stamp: 0), recognise or (lambda _listing, _above: None))
    for path in paths:
        yield from state.argument(Path(os.path.abspath(path)))  # noqa: PTH100 - links stay as given
    yield from state.archives


@dataclass(slots=True)
class _Walk:
    """What one walk carries from path to path."""

    limits: Limits
    known: Known
    recognise: Recognise
    seen: set[str] = field(default_factory=set)
    archives: list[Skipped] = field(default_factory=list)

    def argument(self, path: Path) -> Iterator[Found]:
        shown = _shown_path(path)
        try:
            facts = path.stat()
        except (OSError, ValueError) as error:
            code = "missing" if isinstance(error, FileNotFoundError | NotADirectoryError) else "unreadable"
            reason = "does not exist" if code == "missing" else _why(error)
            yield Skipped(shown, code, reason, "paths that cannot be read", str(path))
            return
        if stat.S_ISDIR(facts.st_mode):
            files, refused = _files_below(path)
            for at, code, reason in refused:
                yield Skipped(_shown_path(at), code, reason, "links and unreadable folders", str(at))
            base = shown
        elif stat.S_ISREG(facts.st_mode):
            files, base = [(path.name, facts)], _shown_path(path.parent)
            path = path.parent
        else:
            yield Skipped(shown, "special", "is no file or folder but a device", "devices", str(path))
            return
        yield from self.listing(self.folder(path, base, files, alone=base != shown), None)

    def folder(
        self, root: Path, base: str, files: Sequence[tuple[str, os.stat_result]], *, alone: bool
    ) -> Listing:
        shown = names.keys([name for name, _ in files], above=base)
        before, start = f"{root}{os.sep}", f"{base.rstrip('/')}/"
        stamps = {
            name: (f"{start}{last}", f"{facts.st_size}-{facts.st_mtime_ns}")
            for (name, facts), last in zip(files, shown, strict=True)
            if not self.seen or f"{before}{name}" not in self.seen
        }
        self.seen.update([f"{before}{name}" for name in stamps])
        sizes = {name: facts.st_size for name, facts in files}

        def file(name: str, path: str, stamp: str) -> Entry:
            def view() -> zips.View:
                return zips.FileView(f"{before}{name}", sizes[name])

            return Entry(
                name=name,
                path=path,
                member="",
                outer=f"{before}{name}",
                stamp=stamp,
                size=sizes[name],
                budget=Budget(self.limits, sizes[name]),
                opened=lambda: zips.ViewReader(view()),
                viewed=view,
            )

        return Listing(base, _Entries(stamps, file), alone=alone, stamps=stamps)

    def listing(self, listing: Listing, above: Guide | None) -> Iterator[Found]:
        unchanged = 0
        fresh = []
        for name, (path, stamp) in listing.stamps.items():
            if count := int(self.known(path, stamp)):
                unchanged += count
            else:
                fresh.append(name)
        guide = self.recognise(listing, above) if fresh else None
        for name in fresh:
            entry = listing.entries[name]
            try:
                yield from self.entry(entry, guide, listing.depth)
            except Refused as refusal:
                yield entry.skipped(refusal.code, "files that could not be read", refusal.reason)
            except OSError as error:
                yield entry.skipped("unreadable", "files that could not be read", _why(error))
        if unchanged:
            why = "unchanged since the last scan"
            yield Skipped(listing.path, "unchanged", why, "unchanged files", listing.path, count=unchanged)

    def entry(self, entry: Entry, guide: Guide | None, depth: int) -> Iterator[Found]:
        if names.is_system(entry.name):
            yield entry.skipped("system", "system files", "belongs to the file system")
            return
        verdict = guide.verdict(entry.name) if guide else None
        if verdict and verdict.own and guide:
            yield from guide.own(entry)
        elif verdict:
            yield entry.skipped(verdict.code, verdict.kind, verdict.reason or "left unopened: no activity")
        else:
            yield from self.by_content(entry, guide, depth)

    def by_content(self, entry: Entry, guide: Guide | None, depth: int) -> Iterator[Found]:
        reader = entry.reader()
        try:
            head = reader.read(FIT_HEAD_BYTES)
            kind = kinds.file_kind(head)
            if kind == "gzip":
                reader = zips.GzipReader(reader, head, entry.budget)
                head = reader.read(FIT_HEAD_BYTES)
                kind = kinds.file_kind(head)
                if kind == "zip":
                    view: zips.View = zips.MemoryView(_rest(reader, head, self.limits))
                    yield from self.archive(entry, view, guide, depth)
                    return
            elif kind == "zip":
                yield from self.archive(entry, None, guide, depth)
                return
            if kind == "xml":
                head += reader.read(XML_HEAD_BYTES)
                kind = kinds.file_kind(head)
            reason = _not_wanted(kind, head, entry.name)
            if reason is None:
                yield self.taken(entry, reader, head, guide)
            elif reader.problem and not head:
                raise Refused("damaged", f"{reader.problem}; download or copy it again")
            else:
                yield entry.skipped(*reason)
        finally:
            _close(reader)

    def taken(self, entry: Entry, reader: zips.Reader, head: bytes, guide: Guide | None) -> Source:
        data = _rest(reader, head, self.limits)
        context = dict(guide.context(entry.name)) if guide else {}
        if reader.problem:
            context["damage"] = f"The file {reader.problem}; what could be unpacked was read."
        return entry.source(data, context)

    def archive(
        self, entry: Entry, view: zips.View | None, above: Guide | None, depth: int
    ) -> Iterator[Found]:
        if depth >= self.limits.depth:
            raise Refused("limit", f"is an archive more than {self.limits.depth} deep; unpack the outer ones")
        opened = view or entry.view()
        try:
            found = zips.directory(opened, entry.budget)
            inner = self.members(entry, opened, found, depth)
            whole = True
            for item in self.listing(inner, above):
                whole = whole and not (isinstance(item, Skipped) and item.code in FAILURES and not item.stamp)
                yield item
        finally:
            if depth == 0:
                _close(opened)
        if found.problem:
            yield entry.skipped("damaged", "damaged archives", f"{found.problem}; what is there was read")
        elif depth and whole:
            self.archives.append(entry.skipped("archive", "archives", "looked through", count=0))

    def members(self, entry: Entry, view: zips.View, found: zips.Directory, depth: int) -> Listing:
        base = f"{entry.path}!"
        shown = names.keys([member.name for member in found.members], above=entry.path)
        raw = names.unique(member.name.replace("\\", "/") for member in found.members)
        members = dict(zip(raw, found.members, strict=True))
        stamps = {
            name: (f"{base}/{last}", member.stamp)
            for (name, member), last in zip(members.items(), shown, strict=True)
        }

        def inside(name: str, path: str, stamp: str) -> Entry:
            member = members[name]
            return Entry(
                name=name,
                path=path,
                member=entry.member or path.removeprefix(f"{base}/"),
                outer=entry.outer,
                stamp=stamp,
                size=member.size,
                budget=entry.budget,
                opened=partial(zips.MemberReader, view, member, entry.budget),
                viewed=partial(zips.view_of, view, member, entry.budget),
            )

        return Listing(base, _Entries(stamps, inside), depth=depth + 1, holder=entry.name, stamps=stamps)


def _rest(reader: zips.Reader, head: bytes, limits: Limits) -> bytes:
    pieces, count = [head], len(head)
    while piece := reader.read(READ_BYTES):
        pieces.append(piece)
        count += len(piece)
        if count > limits.member_bytes:
            raise Refused("limit", _too_large(limits.member_bytes))
    return b"".join(pieces)


def _too_large(most: int) -> str:
    return f"is larger than {most >> 20:,} MB, more than any recording; not read"


def _not_wanted(kind: str, head: bytes, name: str) -> tuple[str, str, str] | None:
    """Code, kind and reason where a file is no recording; None where it may be one."""
    if kind == "fit":
        number = kinds.fit_file_type(head)
        if number in (None, kinds.FIT_ACTIVITY):
            return None
        if number == kinds.FIT_COURSE:
            return "planned", "planned courses", "a planned course: give it to `forecast`"
        return "not_activity", kinds.fit_kind(number), f"{kinds.fit_kind(number)}, no activity"
    if kind in kinds.ACTIVITY_KINDS:
        return None
    if kind in UNREAD_ARCHIVES:
        return (
            "packing",
            f"{kind} archives",
            f"a {kind} archive, which is not read; unpack it and give the folder",
        )
    words = kinds.KIND_WORDS.get(kind, kind)
    if kind != "empty" and (named := MEANT.search(name)):
        what = "no known kind" if kind == "unknown" else words
        reason = f"is named {named[1].lower()} but its content is of {what}; download or copy it again"
        return "damaged", "files that are not what their name says", reason
    code = "empty" if kind == "empty" else "not_activity"
    return code, words, "holds nothing" if kind == "empty" else f"no FIT, GPX or TCX file ({words})"


def _close(opened: object) -> None:
    close = getattr(opened, "close", None)
    if close is not None:
        close()


def _files_below(root: Path) -> tuple[list[tuple[str, os.stat_result]], list[tuple[Path, str, str]]]:
    """Regular files below a folder with their facts, sorted by name, and what is refused."""
    files: list[tuple[str, os.stat_result]] = []
    refused: list[tuple[Path, str, str]] = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(root / below) as scan:
                found = list(scan)
        except OSError as error:
            refused.append((root / below, "unreadable", _why(error)))
            continue
        for item in found:
            name = f"{below}/{item.name}" if below else item.name
            try:
                if item.is_symlink():
                    refused.append((root / name, "link", "is a link; give what it points to by itself"))
                elif item.is_dir(follow_symlinks=False):
                    waiting.append(name)
                elif item.is_file(follow_symlinks=False):
                    files.append((name, item.stat(follow_symlinks=False)))
                else:
                    refused.append((root / name, "special", "is no file or folder but a device"))
            except OSError as error:
                refused.append((root / name, "unreadable", _why(error)))
    files.sort(key=lambda one: one[0])
    refused.sort(key=lambda one: one[0])
    return files, refused


def _shown_path(path: Path) -> str:
    return path.anchor.replace("\\", "/") + names.shown(
        path.relative_to(path.anchor).as_posix()
    ).removeprefix("unnamed")


def _why(error: Exception) -> str:
    told = getattr(error, "strerror", None) or type(error).__name__
    return f"cannot be read ({told})"
