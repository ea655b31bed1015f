"""Values out of located FIT messages, one column at a time and only where asked for.

Messages of one layout lie in memory like the rows of a table, so that a field is a strided view of the
file's own bytes and a column costs a few passes of numpy whatever the number of rows. Layouts of one kind of
message are put together in file order, field by field. Raw values that mean "not given" become null. Packed values
(`compressed_speed_distance`) come apart after that and only fill what the message did not give by itself, since
several devices write an all-invalid packed field beside the true one. A field whose meaning another field
decides (`event.data`, `session.total_cycles`) keeps its own column and adds one by its special name.
Developer fields live under ``dev:<name> [<unit>]`` and never touch a native column, whatever native number
they claim.
Instead of: a dictionary a message, where the last of two equal names wins.
"""

import math
import struct
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from kneeledger import schema
from kneeledger.model import FloatArray
from kneeledger.readers.fit_layout import MAX_FIELDS, TIMESTAMP, Definition, Part, Positions, Slot, with_type
from kneeledger.readers.fit_profile import Component, FieldSpec, MessageSpec, Sub, message

__all__ = ["DevField", "PartTables", "Table"]

EPOCH_S = 631_065_600
"""1989-12-31 00:00 UTC, where FIT's clock starts. [s of Unix time]"""
EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
FEW_ROWS = 150
"""Up to this height a table is made cell by cell: a column of numpy and polars costs about as many cells."""
MAX_DEV_FIELDS = 255
"""More developer fields of one kind of message have no column; the richest real file has about 40."""
MAX_DEV_CELLS = 20_000_000
"""Nor have those with which all would have more values than this, so that no file can fill the memory."""
FEW_DEV_FIELDS = 16
"""So many have one whatever the number of messages."""
UTC_TIME = pl.Datetime("us", "UTC")
LOCAL_TIME = pl.Datetime("us")
DESCRIPTION = 206

Raw = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DevField:
    """A developer field as its file describes it."""

    index: int
    number: int
    base: int
    name: str
    units: str
    scale: float
    offset: float
    native: int | None
    """Number of the native field it claims to stand for; told, never believed."""
    position: int

    @property
    def column(self) -> str:
        """Its column: ``dev:<name> [<unit>]``, without the brackets where no unit is declared."""
        return f"dev:{self.name} [{self.units}]" if self.units else f"dev:{self.name}"


class _Group:
    """The messages of one layout: where they are, and on demand a table of fixed row length."""

    def __init__(self, data: bytes, definition: Definition, positions: Positions | None = None) -> None:
        self.data = data
        self.definition = definition
        self.positions = definition.positions() if positions is None else positions
        self.slots = definition.slots
        self.where: Positions | None = None
        """Place of each message among all of its kind; None where it is the only layout."""

    @cached_property
    def _rows(self) -> tuple[Any, int, int]:
        """A buffer, where the first message starts in it, and the length of a row."""
        positions, size = self.positions, self.definition.size
        first = int(positions[0])
        if len(positions) == 1:
            return self.data, first, size
        step = int(positions[1]) - first
        if int(positions[-1]) - first == step * (len(positions) - 1) and (np.diff(positions) == step).all():
            return self.data, first, step
        everywhere = np.ndarray((len(self.data) - size + 1,), f"V{size}", self.data, 0, (1,))
        return everywhere[positions], 0, size

    def view(self, slot: Slot) -> Raw:
        """Raw values of a field; shape (n,), or (n, count) for an array."""
        buffer, start, stride = self._rows
        count, start = len(self.positions), start + slot.offset
        if slot.base.code == "S":
            return np.ndarray((count,), f"S{slot.size}", buffer, start, (stride,))
        kind = np.dtype((">" if self.definition.big else "<") + slot.base.code)
        if slot.count == 1:
            return np.ndarray((count,), kind, buffer, start, (stride,))
        return np.ndarray((count, slot.count), kind, buffer, start, (stride, slot.base.size))


class PartTables:
    """The tables of one FIT file of a chain, by global message number."""

    def __init__(self, data: bytes, part: Part) -> None:
        self.data = data
        self.part = part
        self._tables: dict[int, Table] = {}
        self._fields_left = MAX_FIELDS

    def has(self, number: int) -> bool:
        """Whether there is a message of this kind."""
        return number in self.part.by_number

    def table(self, number: int) -> "Table":
        """The table of one kind of message; without rows where there are none."""
        if number not in self._tables:
            self._tables[number] = Table(self, number)
        return self._tables[number]

    @cached_property
    def dev_fields(self) -> list[DevField]:
        """Every developer field described, in file order."""
        table = self.table(DESCRIPTION)
        if not table.height:
            return []
        found = []
        for row, position in zip(table.frame().to_dicts(), table.order.tolist(), strict=True):
            index, number = row.get("developer_data_index"), row.get("field_definition_number")
            base = row.get("fit_base_type_id")
            if not isinstance(index, int) or not isinstance(number, int) or not isinstance(base, int):
                continue
            name, units = _text(row.get("field_name")), _text(row.get("units"))
            scale, offset, native = row.get("scale"), row.get("offset"), row.get("native_field_num")
            found.append(
                DevField(
                    index,
                    number,
                    base,
                    name or f"unknown_{index}_{number}",
                    units or "",
                    float(scale) if isinstance(scale, int) and scale else 1.0,
                    float(offset) if isinstance(offset, int) else 0.0,
                    native if isinstance(native, int) else None,
                    position,
                )
            )
        return found

    def groups(self, definition: Definition) -> list[_Group]:
        """The messages of a layout; in pieces where a developer field of it is described anew in between."""
        if not definition.developer or definition.number == DESCRIPTION or not self._described_anew:
            return [_Group(self.data, definition)]
        keys = {(slot.index, slot.number) for slot in definition.slots if slot.index >= 0}
        count = sum(len(self._described_anew.get(key, ())) for key in keys)
        # each piece costs what a layout does; a file that describes its fields without end is told the first way
        self._fields_left -= count * len(definition.slots)
        if self._fields_left < 0:
            return [_Group(self.data, definition)]
        positions = definition.positions()
        cuts = sorted(at for key in keys for at in self._described_anew.get(key, ()))
        pieces = np.split(positions, np.searchsorted(positions, cuts))
        return [_Group(self.data, definition, piece) for piece in pieces if len(piece)]

    @cached_property
    def _described_anew(self) -> dict[tuple[int, int], list[int]]:
        """Where a description says other than the one before for the same field: positions by index and number."""
        latest: dict[tuple[int, int], tuple[object, ...]] = {}
        found: dict[tuple[int, int], list[int]] = {}
        for entry in self.dev_fields:
            key = (entry.index, entry.number)
            says = (entry.base, entry.name, entry.units, entry.scale, entry.offset, entry.native)
            if latest.setdefault(key, says) != says:
                found.setdefault(key, []).append(entry.position)
                latest[key] = says
        return found

    def described(self, slot: Slot, first: int) -> DevField | None:
        """The description that holds for a developer field of messages that start at `first`."""
        entries = self._by_key.get((slot.index, slot.number))
        if entries is None:
            return None
        before = bisect_left(entries, first, key=lambda entry: entry.position)
        return entries[max(before - 1, 0)]

    @cached_property
    def _by_key(self) -> dict[tuple[int, int], list[DevField]]:
        """The descriptions of each developer field in file order, by index and number."""
        found: dict[tuple[int, int], list[DevField]] = {}
        for entry in self.dev_fields:
            found.setdefault((entry.index, entry.number), []).append(entry)
        return found

    @cached_property
    def compressed_stamps(self) -> tuple[Positions, Positions]:
        """Where messages with a compressed header start, and their full time stamps. [position, s]

        A five-bit offset counts on from the last time stamp known, whichever message wrote it, and rolls
        over at 32 s.
        """
        raw = np.frombuffer(self.data, dtype=np.uint8)
        positions: list[Positions] = []
        stamps: list[Positions] = []
        full: list[Mask] = []
        for groups in self.part.by_number.values():
            for definition in groups:
                where = definition.positions()
                head = raw[where]
                packed = (head & 0x80) != 0
                if packed.any():
                    positions.append(where[packed])
                    stamps.append((head[packed] & 31).astype(np.int64))
                    full.append(np.zeros(int(packed.sum()), dtype=bool))
                if definition.stamp >= 0:
                    where = where[~packed]
                    values = _at(raw, where + definition.stamp, 4, ">u4" if definition.big else "<u4")
                    known = (values != 0xFFFFFFFF) & (values != 0)
                    positions.append(where[known])
                    stamps.append(values[known].astype(np.int64))
                    full.append(np.ones(int(known.sum()), dtype=bool))
        if not positions:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        order = np.argsort(np.concatenate(positions), kind="stable")
        place = np.concatenate(positions)[order]
        value, is_full = np.concatenate(stamps)[order], np.concatenate(full)[order]
        step = np.concatenate(([0], (np.diff(value & 31)) & 31))
        travelled = np.cumsum(np.where(is_full, 0, step))
        anchor = np.maximum.accumulate(np.where(is_full, np.arange(len(value)), -1))
        base = np.where(anchor >= 0, value[anchor] - travelled[anchor], -1)
        stamp = np.where(anchor >= 0, base + travelled, 0xFFFFFFFF)
        return place[~is_full], stamp[~is_full]


def _at(raw: npt.NDArray[np.uint8], where: Positions, size: int, kind: str) -> Raw:
    """Numbers of `size` bytes at these places; shape (n,)."""
    if not len(where):
        return np.empty(0, dtype=kind)
    everywhere = np.ndarray((len(raw) - size + 1,), f"V{size}", raw, 0, (1,))
    return everywhere[where].view(kind)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class Table:
    """All messages of one kind of a part, as columns made when asked for."""

    def __init__(self, tables: PartTables, number: int) -> None:
        self.tables = tables
        self.spec: MessageSpec = message(number)
        definitions = tables.part.by_number.get(number, [])
        self.groups = [group for definition in definitions for group in tables.groups(definition)]
        self.height = sum(len(group.positions) for group in self.groups)
        if len(self.groups) == 1:
            self.order: Positions = self.groups[0].positions
        else:
            self._interleave()
        self._made: dict[str, pl.Series] = {}
        self._raw_made: dict[str, tuple[Raw, Mask]] = {}
        self._values: dict[str, frozenset[int]] = {}

    def _interleave(self) -> None:
        """Give each message of each layout its place in file order."""
        if not self.groups:
            self.order = np.empty(0, np.int64)
            return
        together = np.concatenate([group.positions for group in self.groups])
        order = np.argsort(together, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self.order = together[order]
        start = 0
        for group in self.groups:
            group.where = place[start : start + len(group.positions)]
            start += len(group.positions)

    @cached_property
    def _common(self) -> _Group:
        """All messages in file order, read as if they had the layout that most of them have."""
        main = max(self.groups, key=lambda group: len(group.positions))
        data, size = self.tables.data, main.definition.size
        if int(self.order[-1]) + size > len(data):
            data += bytes(size)
        return _Group(data, main.definition, self.order)

    @cached_property
    def _native(self) -> dict[int, list[tuple[_Group, Slot]]]:
        """Where each native field lies, by field number, in order of appearance."""
        found: dict[int, list[tuple[_Group, Slot]]] = {}
        for group in self.groups:
            for slot in _first_slots(group.slots):
                found.setdefault(slot.number, []).append((group, slot))
        return found

    @cached_property
    def _developer(self) -> dict[str, tuple[DevField | None, list[tuple[_Group, Slot]]]]:
        """Where each developer field that is kept lies, by column name; one name twice gets a number."""
        return self._developer_all[0]

    @property
    def left_out(self) -> int:
        """How many developer fields are beyond the bounds and have no column."""
        return self._developer_all[1]

    @cached_property
    def _developer_all(self) -> tuple[dict[str, tuple[DevField | None, list[tuple[_Group, Slot]]]], int]:
        """The developer fields by column name, the first of them, and how many more there are."""
        most = max(min(MAX_DEV_FIELDS, MAX_DEV_CELLS // max(self.height, 1)), FEW_DEV_FIELDS)
        beyond: set[tuple[object, ...]] = set()
        found: dict[tuple[object, ...], tuple[DevField | None, list[tuple[_Group, Slot]]]] = {}
        for group in self.groups:
            first = int(group.positions[0])
            for slot in group.slots:
                if slot.index < 0 or not slot.size:
                    continue
                entry = self.tables.described(slot, first)
                key: tuple[object, ...] = (slot.index, slot.number)
                if entry is not None:
                    slot = with_type(slot, entry.base)
                    key = (slot.index, entry.column, entry.native, entry.scale, entry.offset)
                if key not in found and len(found) >= most:
                    beyond.add(key)
                    continue
                places = found.setdefault(key, (entry, []))[1]
                if not places or places[-1][0] is not group:
                    places.append((group, slot))
        named: dict[str, tuple[DevField | None, list[tuple[_Group, Slot]]]] = {}
        for key, (entry, places) in found.items():
            name = entry.column if entry else f"dev:unknown_{key[0]}_{key[1]}"
            unique, again = name, 1
            while unique in named:
                again += 1
                unique = f"{name} #{again}"
            named[unique] = (entry, places)
        return named, len(beyond)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Field number by column name, for the native fields there are, in order of appearance."""
        return {self._field(number).name: number for number in self._native}

    def _field(self, number: int) -> FieldSpec:
        return self.spec.fields.get(number) or FieldSpec(f"unknown_{number}")

    @cached_property
    def _packed(self) -> dict[str, list[tuple[str, Component]]]:
        """What each column can be filled from: (packed field, component), by target."""
        found: dict[str, list[tuple[str, Component]]] = {}
        pending = list(self._numbers)
        components = _components(self.spec.number)
        while pending:
            source = pending.pop(0)
            for part in components.get(source, ()):
                if part.name not in found and part.name not in self._numbers:
                    pending.append(part.name)
                found.setdefault(part.name, []).append((source, part))
        return found

    @cached_property
    def _subs(self) -> dict[str, list[tuple[str, Sub]]]:
        """Special names that some row may need: (field, sub-field), by name."""
        found: dict[str, list[tuple[str, Sub]]] = {}
        have = set(self._numbers) | set(self._packed)
        for name, subs in _subs(self.spec.number).items():
            if name in have:
                for sub in subs:
                    if any(value in self._present(decides) for decides, value in sub.when):
                        found.setdefault(sub.name, []).append((name, sub))
        return found

    @cached_property
    def names(self) -> list[str]:
        """Every column there is, native ones first."""
        stamp = ["timestamp"] if self._has_compressed and TIMESTAMP not in self._native else []
        names = [*stamp, *self._numbers, *self._packed]
        for name, entries in self._subs.items():
            names.append(name)
            names.extend(part.name for _, sub in entries for part in sub.components)
        return list(dict.fromkeys([*names, *self._developer]))

    @cached_property
    def _has_compressed(self) -> bool:
        raw = np.frombuffer(self.tables.data, dtype=np.uint8)
        return any(
            group.definition.stamp < 0 and bool((raw[group.positions] & 0x80).any()) for group in self.groups
        )

    def numbers(self, columns: Collection[str]) -> dict[str, FloatArray | pl.Series]:
        """The asked columns that there are: plain whole numbers as floats, NaN where not given, else as a series."""
        return {name: self._numbers_of(name) for name in self.names if name in columns}

    def _numbers_of(self, name: str) -> FloatArray | pl.Series:
        places = self._native.get(self._numbers.get(name, -1), ())
        plain = name not in self._packed and all(
            slot.count == 1 and slot.base.code[0] in "iu" and slot.base.name != "byte" for _, slot in places
        )
        if not places or not plain:
            return self.column(name)
        field = self._field(self._numbers[name])
        if field.kind != "number":
            return self.column(name)
        values, missing = self._scalar(list(places))
        floats = values.astype(np.float64)
        if field.scale != 1.0:
            floats /= field.scale
        if field.offset:
            floats -= field.offset
        if missing.any():
            floats[missing] = np.nan
        return floats

    def frame(self, columns: Collection[str] | None = None) -> pl.DataFrame:
        """The asked columns that there are, or all; one row a message, in file order."""
        names = self.names if columns is None else [name for name in self.names if name in columns]
        if not 0 < self.height <= FEW_ROWS:
            return self._framed(names)
        short, known = self._short, self._short_names
        if not known or names[: len(known)] != known:
            return self._framed(names)
        for place, name in enumerate(known):
            if name in self._packed and short.to_series(place).null_count():
                short = short.clone() if short is self._short else short
                short.replace_column(place, self.column(name))
        extra = names[len(known) :]
        return short.hstack([self.column(name) for name in extra]) if extra else short

    def _framed(self, names: list[str]) -> pl.DataFrame:
        """A frame of these columns."""
        return schema.framed([self.column(name) for name in names]) if names else pl.DataFrame()

    def rows(self, columns: frozenset[str]) -> list[dict[str, Any]]:
        """The asked columns of every message as mappings, in file order; null or left out where not given.

        No rows where the messages have none of these columns. The same values as `frame` gives, without a
        frame: most kinds of message come a few times a file, and a frame of them costs more than its values.
        """
        picked = self._picked(columns)
        if picked is None:
            return self.frame(columns).to_dicts()
        rows: list[dict[str, Any]] = [{}] * self.height
        for group, layout in zip(self.groups, picked, strict=True):
            where = range(self.height) if group.where is None else group.where.tolist()
            for place, position in zip(where, group.positions.tolist(), strict=True):
                rows[place] = layout.row(self.tables.data, position)
        return rows if any(rows) else []

    def _picked(self, columns: frozenset[str]) -> "list[_Picked] | None":
        """How each layout gives these columns; None where only a frame can tell."""
        if self.height > FEW_ROWS or ("timestamp" in columns and self._has_compressed):
            return None
        if len(self.groups) == 1:
            (group,) = self.groups
            alone = _pick(self.spec.number, group.definition.big, group.definition.native, columns)
            return None if alone is None else [alone]
        kinds: dict[str, Any] = {}
        found: list[_Picked] = []
        for group in self.groups:
            layout = _pick(self.spec.number, group.definition.big, group.definition.native, columns)
            if layout is None or any(
                kinds.setdefault(name, kind) != kind for name, kind in layout.kinds.items()
            ):
                return None
            found.append(layout)
        return found

    @cached_property
    def _short_names(self) -> list[str]:
        return self._short.columns

    @cached_property
    def _short(self) -> pl.DataFrame:
        """The native columns of a short table, made cell by cell, as far as their layouts agree on the type."""
        layouts = [
            _layout(self.spec.number, group.definition.big, group.definition.native) for group in self.groups
        ]
        kinds: dict[str, Any] = {}
        unlike: set[str] = set()
        for layout in layouts:
            for name, kind in layout.kinds.items():
                known = kinds.setdefault(name, kind)
                if known is not kind and known != kind:
                    if not (known.is_numeric() and kind.is_numeric()):
                        unlike.add(name)
                    whole = known.is_integer() and kind.is_integer() and pl.UInt64 not in (known, kind)
                    kinds[name] = pl.Int64() if whole else pl.Float64()
        if self._has_compressed:
            unlike.add("timestamp")
        kinds = {name: kind for name, kind in kinds.items() if name not in unlike}
        places = {name: place for place, name in enumerate(kinds)}
        rows: list[list[Any]] = [[]] * self.height
        for group, layout in zip(self.groups, layouts, strict=True):
            where = range(self.height) if group.where is None else group.where.tolist()
            makers, unpack, data = layout.makers, layout.unpack, self.tables.data
            targets = [places.get(name, -1) for name in layout.kinds]
            blank = [None] * (len(places) + 1)
            straight = len(self.groups) == 1 and not unlike
            for place, position in zip(where, group.positions.tolist(), strict=True):
                cells = [make(value) for make, value in zip(makers, unpack(data, position), strict=True)]
                if straight:
                    rows[place] = cells
                    continue
                row = blank.copy()
                for target, cell in zip(targets, cells, strict=True):
                    row[target] = cell
                rows[place] = row[:-1]
        if not kinds:
            return pl.DataFrame()
        # as mappings: polars checks a schema against rows of cells for twice as long
        return pl.DataFrame([dict(zip(kinds, row, strict=True)) for row in rows], schema=kinds)

    def column(self, name: str) -> pl.Series:
        """One column by name; all null where the table has no such field."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> pl.Series:
        if name in self._developer:
            entry, places = self._developer[name]
            scale, offset = (entry.scale, entry.offset) if entry else (1.0, 0.0)
            return self._series(name, places, FieldSpec(name, scale=scale, offset=offset))
        series: pl.Series | None = None
        if name == "timestamp" and self._has_compressed:
            series = self._stamps()
        elif name in self._numbers:
            series = self._stored(name)
        if name in self._packed and (series is None or series.null_count()):
            for source, part in self._packed[name]:
                filled = self._unpack(name, source, part)
                series = filled if series is None else _coalesce(series, filled)
        if series is None:
            series = self._special(name)
        return series if series is not None else pl.Series(name, [None] * self.height, dtype=pl.Float64)

    def _stored(self, name: str) -> pl.Series:
        """A native column as the messages give it, before anything is unpacked into it."""
        if self.height <= FEW_ROWS and name in self._short_names:
            return self._short.get_column(name)
        number = self._numbers[name]
        return self._series(name, self._native[number], self._field(number))

    def _stamps(self) -> pl.Series:
        """Time stamps where some messages carry them in their header."""
        places, stamps = self.tables.compressed_stamps
        values = np.full(self.height, 0xFFFFFFFF, dtype=np.int64)
        if TIMESTAMP in self._native:
            raw, missing = self.raw("timestamp")
            values[~missing] = raw[~missing].astype(np.int64)
        at = np.searchsorted(places, self.order)
        at[at == len(places)] = 0
        hit = places[at] == self.order if len(places) else np.zeros(self.height, dtype=bool)
        values[hit] = stamps[at[hit]]
        return _time("timestamp", values, values == 0xFFFFFFFF, UTC_TIME)

    def raw(self, name: str) -> tuple[Raw, Mask]:
        """Raw numbers of a scalar field in file order and which are missing; shape (n,) each."""
        if name not in self._raw_made:
            if name in self._numbers:
                self._raw_made[name] = self._scalar(self._native[self._numbers[name]])
            elif name in self._packed:
                source, part = self._packed[name][0]
                self._raw_made[name] = self._bits(source, part)
            else:
                self._raw_made[name] = np.zeros(self.height, np.int64), np.ones(self.height, dtype=bool)
        return self._raw_made[name]

    def _scalar(self, places: list[tuple[_Group, Slot]]) -> tuple[Raw, Mask]:
        """Raw values of a field over all layouts; an array counts by its first element."""
        if len(self.groups) == 1:
            return _plain(*places[0])
        base = places[0][1].base
        if base.code != "S" and all(
            (slot.base.code, slot.base.invalid) == (base.code, base.invalid) for _, slot in places
        ):
            return self._alike(places)
        chunks = [_plain(group, slot) for group, slot in places]
        kind = np.result_type(*(chunk[0].dtype for chunk in chunks))
        values = np.zeros(self.height, dtype=kind)
        missing = np.ones(self.height, dtype=bool)
        for (group, _), (raw, absent) in zip(places, chunks, strict=True):
            assert group.where is not None
            values[group.where] = raw
            missing[group.where] = absent
        return values, missing

    def _alike(self, places: list[tuple[_Group, Slot]]) -> tuple[Raw, Mask]:
        """The same for a field of one type everywhere: read as the commonest layout has it, then set right.

        Rows of other layouts often have a field in the same place, and are few where they do not.
        """
        base, main = places[0][1].base, self._common.definition
        if 2 * len(places) < len(
            self.groups
        ):  # going through all layouts for each field would take their square
            values = np.full(
                self.height, np.nan if base.code[0] == "f" else base.invalid, dtype=np.dtype(base.code)
            )
            for group, slot in places:
                values[group.where] = _first_values(group.view(slot))
            return values, _missing(values, places[0][1])
        lies = {id(group): (group, slot) for group, slot in places}
        model = next((slot for group, slot in places if group.definition is main and slot.count), None)
        kind, blank = np.dtype(base.code), np.nan if base.code[0] == "f" else base.invalid
        if model is None:
            values = np.full(self.height, blank, dtype=kind)
        else:
            values = _first_values(self._common.view(model)).astype(kind)
        for group in self.groups:
            found = lies.get(id(group))
            if found is None:
                values[group.where] = blank
            elif model is None or not _same_place(found[1], group.definition, model, main):
                values[group.where] = _first_values(group.view(found[1]))
        return values, _missing(values, places[0][1])

    def _series(self, name: str, places: list[tuple[_Group, Slot]], field: FieldSpec) -> pl.Series:
        if all(slot.count == 1 and slot.base.code != "S" for _, slot in places):
            values, missing = self._scalar(places)
            mismatched = any(slot.base.name == "byte" and slot.declared != 13 for _, slot in places)
            return _numbers(name, values, missing, FieldSpec(name) if mismatched else field)
        if all(slot.base.code == "S" for _, slot in places):
            return self._strings(name, places)
        return self._lists(name, places, field)

    def _strings(self, name: str, places: list[tuple[_Group, Slot]]) -> pl.Series:
        cells: list[str | None] = [None] * self.height
        for group, slot in places:
            rows = group.view(slot).tolist()
            where: Iterable[int] = range(len(rows)) if group.where is None else group.where.tolist()
            words = {row: _string(row) for row in set(rows)}
            for place, row in zip(where, rows, strict=True):
                cells[place] = words[row]
        return pl.Series(name, cells, dtype=pl.String)

    def _lists(self, name: str, places: list[tuple[_Group, Slot]], field: FieldSpec) -> pl.Series:
        """A column of lists, a plain number standing for a list of one; null where nothing was given."""
        model = places[0][1]
        if model.base.code != "S" and all(
            (slot.base, slot.count, slot.declared) == (model.base, model.count, model.declared)
            for _, slot in places
        ):
            blank = np.nan if model.base.code[0] == "f" else model.base.invalid
            together = np.full((self.height, model.count), blank, dtype=np.dtype(model.base.code))
            for group, slot in places:
                together[... if group.where is None else group.where] = group.view(slot).reshape(
                    -1, slot.count
                )
            return _nested(name, together, model, field)
        pieces: list[pl.Series] = []
        order: list[Positions] = []
        for group, slot in places:
            count = len(group.positions)
            order.append(np.arange(count) if group.where is None else group.where)
            if slot.base.code == "S":
                texts = [
                    row.split(b"\0", 1)[0].decode("utf-8", "replace") for row in group.view(slot).tolist()
                ]
                pieces.append(pl.Series(name, [[text] for text in texts], dtype=pl.List(pl.String)))
                continue
            pieces.append(_nested(name, group.view(slot).reshape(count, slot.count), slot, field))
        joined = pl.concat([pl.DataFrame([piece]) for piece in pieces], how="vertical_relaxed").to_series()
        if len(joined) == self.height and len(pieces) == 1:
            return joined
        back = np.full(self.height, len(joined), dtype=np.int64)
        back[np.concatenate(order)] = np.arange(len(joined))
        return joined.extend_constant(None, 1).gather(back)

    def _bits(self, source: str, part: Component) -> tuple[Raw, Mask]:
        """Raw value of a component of a packed field, in file order, accumulated where declared."""
        if source in self._numbers:
            values = np.zeros(self.height, np.int64)
            missing = np.ones(self.height, dtype=bool)
            for group, slot in self._native[self._numbers[source]]:
                raw, absent = _unpacked(group, slot, part)
                if group.where is None:
                    values, missing = raw, absent
                else:
                    values[group.where], missing[group.where] = raw, absent
        else:
            values, missing = self.raw(source)
            values = (values.astype(np.int64) >> part.shift) & ((1 << part.bits) - 1)
        if part.accumulate:
            values = _accumulated(values, missing, part.bits)
        return values, missing

    def _unpack(self, name: str, source: str, part: Component) -> pl.Series:
        """The column that one component gives."""
        field = next((field for field in self.spec.fields.values() if field.name == source), None)
        whole = field is not None and len(field.components) == 1 and part.shift == 0 and not part.accumulate
        if whole and field is not None and (field.scale, field.offset) == (part.scale, part.offset):
            copied = self.column(source)
            if copied.dtype.is_numeric():
                return copied.alias(name)
        values, missing = self._bits(source, part)
        target = next((field for field in self.spec.fields.values() if field.name == name), None)
        kind, words = (target.kind, target.words) if target is not None else ("number", None)
        return _numbers(name, values, missing, FieldSpec(name, kind, words, part.scale, part.offset))

    def _present(self, field: str) -> frozenset[int]:
        """Which raw values a field has anywhere."""
        if field not in self._values:
            raw, missing = self.raw(field)
            given = raw[~missing]
            self._values[field] = frozenset(
                given.tolist() if len(given) < FEW_ROWS else np.unique(given).tolist()
            )
        return self._values[field]

    def _matches(self, field: str, value: int) -> Mask:
        """Rows in which a field has this raw value."""
        raw, missing = self.raw(field)
        return np.asarray((raw == value) & ~missing)

    def _special(self, name: str) -> pl.Series | None:
        """A sub-field, or a component of one; null where it does not apply."""
        series: pl.Series | None = None
        for special, entries in self._subs.items():
            for source, sub in entries:
                part = next((part for part in sub.components if part.name == name), None)
                if special != name and part is None:
                    continue
                values, missing = self.raw(source)
                chosen = np.zeros(self.height, dtype=bool)
                for when in sub.when:
                    chosen |= self._matches(*when)
                spec = FieldSpec(name, "words" if sub.words else "number", sub.words, sub.scale, sub.offset)
                if part is not None:
                    values = (values.astype(np.int64) >> part.shift) & ((1 << part.bits) - 1)
                    spec = FieldSpec(name, scale=part.scale, offset=part.offset)
                made = _numbers(name, values, missing | ~chosen, spec)
                series = made if series is None else _coalesce(series, made)
        return series


@cache
def _components(number: int) -> dict[str, tuple[Component, ...]]:
    """What comes out of each packed field of a kind of message, by its name."""
    return {field.name: field.components for field in message(number).fields.values() if field.components}


@cache
def _subs(number: int) -> dict[str, tuple[Sub, ...]]:
    """The special meanings of each field of a kind of message that has some, by its name."""
    return {field.name: field.subs for field in message(number).fields.values() if field.subs}


@lru_cache(maxsize=4096)
def _first_slots(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """The native fields of a layout, the first where a number comes twice."""
    found: dict[int, Slot] = {}
    for slot in slots:
        if slot.index < 0 and slot.size:
            found.setdefault(slot.number, slot)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the messages of one layout become rows of cells."""

    kinds: dict[str, Any]
    """Polars type by column, in order."""
    makers: tuple[Callable[[Any], Any], ...]
    unpack: Callable[[bytes, int], tuple[Any, ...]]


@lru_cache(maxsize=4096)
def _layout(number: int, big: bool, native: bytes) -> _Layout:
    """The row maker of a layout; devices of one model share it over all their files."""
    spec = message(number)
    slots = _first_slots(Definition(number, big, 0, -1, native, b"").slots)
    form, at = [">" if big else "<"], 0
    kinds: dict[str, Any] = {}
    makers = []
    for slot in slots:
        form.append(f"{slot.offset - at}x")
        form.append(f"{slot.size}s" if slot.count != 1 or slot.base.code == "S" else _STRUCT[slot.base.code])
        at = slot.offset + slot.size
        field = spec.fields.get(slot.number) or FieldSpec(f"unknown_{slot.number}")
        plain = slot.base.name == "byte" and slot.declared != 13
        field = FieldSpec(field.name) if plain else field
        kind, make = _cell_kind(field, slot), _cell_maker(slot, field)
        if slot.count != 1 and slot.base.code != "S":
            kind, make = pl.List(kind), _list_maker(slot, big, make)
        kinds[field.name] = kind
        makers.append(make)
    return _Layout(kinds, tuple(makers), struct.Struct("".join(form)).unpack_from)


@dataclass(frozen=True, slots=True)
class _PickedSub:
    """A special name: from which raw value it is made, and which others must have which values for that."""

    name: str
    source: int
    when: tuple[tuple[int, int], ...]
    """(place of the raw value that decides, the value): any of them."""
    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Picked:
    """How a few columns of the messages of one layout become a mapping."""

    kinds: dict[str, Any]
    makers: tuple[tuple[str, int, Callable[[Any], Any]], ...]
    """Column, place of its raw value, and what makes a cell of it."""
    subs: tuple[_PickedSub, ...]
    unpack: Callable[[bytes, int], tuple[Any, ...]]

    def row(self, data: bytes, position: int) -> dict[str, Any]:
        """The columns of one message."""
        raw = self.unpack(data, position)
        row = {name: make(raw[place]) for name, place, make in self.makers}
        for sub in self.subs:
            if any(raw[place] == value for place, value in sub.when) and row.get(sub.name) is None:
                row[sub.name] = sub.make(raw[sub.source])
        return row


@lru_cache(maxsize=4096)
def _pick(number: int, big: bool, native: bytes, columns: frozenset[str]) -> _Picked | None:
    """The maker of some columns of a layout; None where one of them comes out of a packed field."""
    layout, spec = _layout(number, big, native), message(number)
    slots = _first_slots(Definition(number, big, 0, -1, native, b"").slots)
    places = {name: place for place, name in enumerate(layout.kinds)}
    if len(places) < len(slots):
        return None
    packed = {part.name for field in spec.fields.values() for part in field.components}
    packed |= {part.name for field in spec.fields.values() for sub in field.subs for part in sub.components}
    if packed & columns:
        return None
    kinds = {name: layout.kinds[name] for name in places if name in columns}
    subs = []
    for field in spec.fields.values():
        for sub in field.subs:
            if sub.name not in columns or sub.name in places or field.name not in places:
                continue
            deciding = [places[name] for name, _ in sub.when if name in places]
            if any(not _is_plain(slots[place]) for place in (places[field.name], *deciding)):
                return None
            spoken = FieldSpec(sub.name, "words" if sub.words else "number", sub.words, sub.scale, sub.offset)
            slot = slots[places[field.name]]
            when = tuple(
                (places[name], value)
                for name, value in sub.when
                if name in places and value != slots[places[name]].base.invalid
            )
            if kinds.setdefault(sub.name, _cell_kind(spoken, slot)) != _cell_kind(spoken, slot):
                return None
            subs.append(_PickedSub(sub.name, places[field.name], when, _cell_maker(slot, spoken)))
    makers = tuple(
        (name, places[name], make)
        for name, make in zip(places, layout.makers, strict=True)
        if name in columns
    )
    return _Picked(kinds, makers, tuple(subs), layout.unpack)


def _is_plain(slot: Slot) -> bool:
    """Whether a field is one whole number."""
    return slot.count == 1 and slot.base.code[0] in "iu"


def _list_maker(slot: Slot, big: bool, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What makes a list of an array's bytes; null where nothing in it is given."""
    unpack = struct.Struct(f"{'>' if big else '<'}{slot.count}{_STRUCT[slot.base.code]}").unpack
    if slot.base.name == "byte":
        nothing = b"\xff" * slot.size
        return lambda raw: None if raw == nothing else list(raw)

    def cells(raw: bytes) -> list[Any] | None:
        made = [make(value) for value in unpack(raw)]
        return made if any(cell is not None for cell in made) else None

    return cells


_STRUCT = {
    "u1": "B", "i1": "b", "u2": "H", "i2": "h", "u4": "I", "i4": "i",
    "u8": "Q", "i8": "q", "f4": "f", "f8": "d",
}  # fmt: skip


def _cell_kind(field: FieldSpec, slot: Slot) -> Any:
    """The polars type of a column's cells."""
    if slot.base.code == "S":
        return pl.String()
    if field.kind in ("time", "local_time"):
        return UTC_TIME if field.kind == "time" else LOCAL_TIME
    floats = slot.base.code[0] == "f"
    if field.kind == "words" and not floats:
        return pl.String()
    if floats or field.scale != 1.0 or field.offset != 0.0:
        return pl.Float64()
    return _POLARS[np.dtype(slot.base.code)]()


def _cell_maker(slot: Slot, field: FieldSpec) -> Callable[[Any], Any]:
    """What makes a cell of one raw value."""
    invalid, scale, offset = slot.base.invalid, field.scale, field.offset
    if slot.base.code == "S":
        return _string
    timed = field.kind in ("time", "local_time")
    if timed and (slot.base.code[0] == "f" or slot.base.size < 4):
        return lambda _: None
    if slot.base.code[0] == "f":
        return lambda raw: raw / scale - offset if math.isfinite(raw) else None
    if timed:
        epoch = EPOCH if field.kind == "time" else EPOCH.replace(tzinfo=None)
        return lambda raw: None if raw == invalid else epoch + timedelta(seconds=min(max(raw, 0), 0xFFFFFFFF))
    if field.kind == "words" and field.words is not None:
        words = field.words
        return lambda raw: None if raw == invalid else words.get(raw) or str(raw)
    if scale != 1.0 or offset != 0.0:
        return lambda raw: None if raw == invalid else raw / scale - offset
    return lambda raw: None if raw == invalid else raw


def _string(raw: bytes) -> str | None:
    """Text up to the first NUL."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace") or None


def _first_values(raw: Raw) -> Raw:
    """Plain numbers of a field, the first of an array."""
    return raw[:, 0] if raw.ndim > 1 else raw


def _same_place(slot: Slot, definition: Definition, other: Slot, main: Definition) -> bool:
    """Whether two layouts of one type have a field in the same bytes."""
    return slot.offset == other.offset and (definition.big == main.big or slot.base.size == 1)


def _nested(name: str, raw: Raw, slot: Slot, field: FieldSpec) -> pl.Series:
    """A column of lists from raw arrays, shape (n, count); null where nothing in one is given."""
    missing = _missing(raw, slot)
    if slot.base.name == "byte":
        missing &= missing.all(axis=1, keepdims=True)
    plain = slot.base.name == "byte" and slot.declared != 13
    flat = _numbers(name, raw.ravel(), missing.ravel(), FieldSpec(name) if plain else field)
    nested = flat.reshape(raw.shape).cast(pl.List(flat.dtype))
    empty = missing.all(axis=1)
    return nested.set(pl.Series(empty), None) if empty.any() else nested


def _plain(group: _Group, slot: Slot) -> tuple[Raw, Mask]:
    raw = group.view(slot)
    if slot.base.code == "S":
        return np.zeros(len(raw), np.int64), np.ones(len(raw), dtype=bool)
    raw = _first_values(raw)
    raw = raw.astype(raw.dtype.newbyteorder("="))
    return raw, _missing(raw, slot)


def _missing(raw: Raw, slot: Slot) -> Mask:
    """Which raw values mean "not given"."""
    if slot.base.code[0] == "f":
        return ~np.isfinite(raw)
    return np.asarray(np.equal(raw, slot.base.invalid), dtype=np.bool_)


def _unpacked(group: _Group, slot: Slot, part: Component) -> tuple[Raw, Mask]:
    """Bits `shift` to `shift + bits` of a field of one layout, the bytes taken as little-endian."""
    raw = group.view(slot)
    mask = (1 << part.bits) - 1
    if slot.base.code == "S" or slot.base.code[0] == "f":
        return np.zeros(len(raw), np.int64), np.ones(len(raw), dtype=bool)
    if raw.ndim == 1:
        missing = _missing(raw, slot)
        if part.shift >= 8 * slot.size:
            missing = np.ones(len(raw), dtype=bool)
        return (raw.astype(np.int64) >> part.shift) & mask, missing
    missing = np.asarray(_missing(raw, slot).all(axis=1), dtype=np.bool_)
    width = 8 * slot.base.size
    values = np.zeros(len(raw), dtype=np.int64)
    for place in range(slot.count):
        low = place * width - part.shift
        if low + width <= 0 or low >= part.bits:
            continue
        chunk = (
            raw[:, place].astype(np.int64) & ((1 << width) - 1)
            if width < 64
            else raw[:, place].astype(np.int64)
        )
        values |= chunk << low if low >= 0 else chunk >> -low
    if part.shift >= width * slot.count:
        missing = np.ones(len(raw), dtype=bool)
    return values & mask, missing


def _accumulated(values: Raw, missing: Mask, bits: int) -> Raw:
    """A counter of few bits, carried on over its roll-overs."""
    known = values[~missing].astype(np.int64)
    total = values.astype(np.int64)
    if len(known):
        steps = np.diff(known, prepend=0) & ((1 << bits) - 1)
        total[~missing] = np.cumsum(steps)
    return total


def _numbers(name: str, values: Raw, missing: Mask, field: FieldSpec) -> pl.Series:
    """A column of numbers, times or words from raw values."""
    if field.kind == "time":
        return _time(name, values, missing, UTC_TIME)
    if field.kind == "local_time":
        return _time(name, values, missing, LOCAL_TIME)
    if field.kind == "words" and field.words is not None and values.dtype.kind in "iu":
        return _words(name, values, missing, field.words)
    absent = int(np.count_nonzero(missing))
    holes = absent > 0
    if absent == len(values) > 0:
        floats = field.scale != 1.0 or field.offset != 0.0 or values.dtype.kind == "f"
        return _nothing(name, absent, pl.Float64 if floats else _POLARS[values.dtype.newbyteorder("=")])
    if field.scale != 1.0 or field.offset != 0.0:
        scaled = values / field.scale
        if field.offset:
            scaled -= field.offset
        if holes:
            scaled[missing] = np.nan
        return pl.Series(name, scaled, nan_to_null=holes)
    if values.dtype.kind == "f":
        plain = values.astype(np.float64)
        if holes:
            plain[missing] = np.nan
        return pl.Series(name, plain, nan_to_null=holes)
    native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    series = pl.Series(name, native)
    return series.set(pl.Series(missing), None) if holes else series


@cache
def _null(kind: type[pl.DataType]) -> pl.Series:
    """One null of a type."""
    return pl.Series("", [None], dtype=kind)


def _nothing(name: str, count: int, kind: type[pl.DataType]) -> pl.Series:
    """A column without a value."""
    return _null(kind).new_from_index(0, count).alias(name)


_POLARS: dict[np.dtype[Any], type[pl.DataType]] = {
    np.dtype("i1"): pl.Int8,
    np.dtype("u1"): pl.UInt8,
    np.dtype("i2"): pl.Int16,
    np.dtype("u2"): pl.UInt16,
    np.dtype("i4"): pl.Int32,
    np.dtype("u4"): pl.UInt32,
    np.dtype("i8"): pl.Int64,
    np.dtype("u8"): pl.UInt64,
}


def _time(name: str, values: Raw, missing: Mask, kind: pl.Datetime) -> pl.Series:
    """Times from seconds since 1989-12-31; seconds since power-on stay near 1990, for mending to see."""
    if values.dtype.kind == "f" or values.dtype.itemsize < 4:
        return pl.Series(name, [None] * len(values), dtype=kind)
    moments = values.astype(np.int64)
    if values.dtype != np.uint32:
        np.clip(moments, 0, 0xFFFFFFFF, out=moments)
    moments += EPOCH_S
    moments *= 1_000_000
    series = pl.Series(name, moments).cast(kind)
    return series.set(pl.Series(missing), None) if missing.any() else series


def _words(name: str, values: Raw, missing: Mask, words: dict[int, str]) -> pl.Series:
    """Words for numbers; a number that the profile does not know stays, as text."""
    if len(values) <= FEW_ROWS:
        pairs = zip(values.tolist(), missing.tolist(), strict=True)
        cells = [None if absent else words.get(value) or str(value) for value, absent in pairs]
        return pl.Series(name, cells, dtype=pl.String)
    index: Raw
    if values.dtype.itemsize == 1 and values.dtype.kind == "u":
        present = np.flatnonzero(np.bincount(values, minlength=256))
        place = np.zeros(256, dtype=np.uint32)
        place[present] = np.arange(len(present))
        index = place[values]
    else:
        present, index = np.unique(values, return_inverse=True)
    spoken = pl.Series(name, [words.get(int(number), str(number)) for number in present], dtype=pl.String)
    series = spoken.gather(pl.Series(index.astype(np.uint32)))
    return series.set(pl.Series(missing), None) if missing.any() else series


def _coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    """The first column, filled from the second where it is null."""
    if first.dtype != second.dtype:
        if not (first.dtype.is_numeric() and second.dtype.is_numeric()):
            return first
        first, second = first.cast(pl.Float64), second.cast(pl.Float64)
    return first.zip_with(first.is_not_null(), second)
