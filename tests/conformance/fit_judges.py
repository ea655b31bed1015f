"""Other FIT decoders as judges of ours, over one file each; the workers of the tests import it by name."""

import io
import math
import re
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from kneeledger.errors import ReadError
from kneeledger.readers import fit
from kneeledger.readers.fit_profile import message, message_number

CORPUS = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpus"
EPOCH = datetime(1989, 12, 31, tzinfo=UTC)


def fit_files() -> list[Path]:
    if not CORPUS.is_dir():
        return []
    return sorted(path for path in CORPUS.rglob("*") if path.suffix.lower() == ".fit" and path.is_file())


FILES = fit_files()
KNOWN_FITPARSE = {
    ("developer_data_id", "application_version"): "fitparse gives a number of the wrong size as bytes",
    ("device_settings", "auto_activity_detect"): "fitparse speaks for one of several bits",
    (
        "event",
        "timer_trigger",
    ): "a field of two values: fitparse gives both numbers, we the word of the first",
    ("field_description", "fit_base_type_id"): "fitparse gives the word, we the number",
    ("hr", "event_timestamp"): "lists of beats folded from 12 bits; the packed field is kept",
    ("session", "dev:estimated_vo2_max [ml/min/kg]"): "fitparse leaves out the declared scale of 10",
    ("session", "dev:peak_epoc [l/kg]"): "fitparse leaves out the declared scale of 10",
    ("user_profile", "sleep_time"): "fitparse gives a time of day, we seconds",
    ("user_profile", "wake_time"): "fitparse gives a time of day, we seconds",
}
"""What our decoder and fitparse say differently, and why."""
KNOWN = {
    ("course_point", "type"): "words newer than our tables stay numbers, as text",
    ("device_info", "dev:calibration [adc]"): "the SDK gives 65535 where a developer field is not given",
    ("device_info", "dev:charge [%]"): "the SDK gives 255 where a developer field is not given",
    ("device_info", "favero_product"): "product words of one maker: `product` keeps the number",
    ("device_settings", "auto_activity_detect"): "the SDK speaks for one of several bits",
    (
        "event",
        "auto_activity_detect_start_timestamp",
    ): "newer special name: `start_timestamp` keeps the value",
    ("field_description", "key"): "the SDK's own counter, no field of the file",
    ("field_description", "native_mesg_num"): "the SDK gives the number, we the word",
    ("hr", "event_timestamp"): "lists of beats folded from 12 bits; the packed field is kept",
    (
        "record",
        "dev:tyme_minute_volume [vol/min]",
    ): "the SDK gives 65535 where a developer field is not given",
    ("record", "dev:tyme_tidal_volume [vol/br]"): "the SDK gives 65535 where a developer field is not given",
    ("session", "dev:estimated_vo2_max [ml/min/kg]"): "the SDK leaves out the declared scale of 10",
    ("session", "dev:peak_epoc [l/kg]"): "the SDK leaves out the declared scale of 10",
    ("session", "total_reps"): "newer special name: `total_cycles` keeps the value",
    ("split", "avg_running_cadence"): "newer special name of `avg_cadence`",
    ("split", "max_running_cadence"): "newer special name of `max_cadence`",
    ("training_settings", "target_speed"): "newer message: kept by number",
    ("workout", "capabilities"): "the SDK speaks for one of several bits",
    ("workout_step", "secondary_target_value"): "the SDK turns 0 to a word",
}
"""What our decoder and the SDK say differently, and why."""

DAMAGED = {
    "8CS90646.FIT": "fitparse reads on into the hole of 46 bytes and takes what it finds for messages",
    "strava-android-app-201.10-b1218918.fit": "fitparse ends on a record read from shifted bytes",
}
"""Files of which fitparse invents messages behind damage, and how."""

DRESSED = {("right", 128): "left_right_balance", ("creator", 0): "device_index"}
"""Sentinels that the judges speak for, with the number that we keep."""


def same(ours: object, theirs: object) -> bool:
    """Whether two values say the same, however they are dressed."""
    if isinstance(ours, list) or isinstance(theirs, (list, tuple)):
        return same_lists(ours, theirs)
    if (theirs, ours) in DRESSED:
        return True
    if isinstance(ours, datetime):
        when = ours.replace(tzinfo=UTC)
        if isinstance(theirs, datetime):
            return when == theirs.replace(tzinfo=UTC)
        return isinstance(theirs, (int, float)) and (when - EPOCH).total_seconds() == theirs
    if isinstance(ours, str) or isinstance(theirs, (str, bytes)):
        newer = isinstance(theirs, int) and theirs > 0 and not str(ours).isdigit()
        newest = isinstance(theirs, str) and str(ours).isdigit()
        return newer or newest or word(ours) == word(theirs)  # a word that one table lacks stays a number
    if missing(ours) or missing(theirs):
        return missing(ours) and missing(theirs)
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9)
    return ours == theirs


def same_lists(ours: object, theirs: object) -> bool:
    if isinstance(ours, list) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, list):
        return all(same(item, theirs) for item in ours)  # a number written twice: the SDK gives it once
    assert isinstance(theirs, (list, tuple))
    return same(ours, theirs[0])  # the SDK gives what stands behind the NUL as further texts


def missing(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(missing(item) for item in value)
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


def word(value: object) -> str:
    text = value.decode("utf-8", "replace").split("\0")[0] if isinstance(value, bytes) else str(value)
    return re.sub(r"[_\W]", "", text).lower()


def disagreements(
    path: Path, rows: dict[str, list[dict[str, object]]], numbers: dict[str, int], *, given_only: bool = False
) -> Counter[tuple[str, str]]:
    """How often each field differs from the judge's rows, by (kind, field)."""
    opened = fit.decode(path.read_bytes(), path=path.name)
    found: Counter[tuple[str, str]] = Counter()
    for kind, theirs in rows.items():
        number = numbers.get(kind, message_number(kind))
        frame = opened.frame(number)
        spec = message(number)
        known = {field.name for field in spec.fields.values()} | {
            name
            for field in spec.fields.values()
            for sub in field.subs
            for name in (sub.name, *(part.name for part in sub.components))
        }
        if frame.height < len(theirs):
            found[kind, "<rows>"] += len(theirs) - frame.height
            continue
        for name in dict.fromkeys(name for row in theirs for name in row):
            if name not in known and not name.startswith("dev:"):
                continue  # newer than our tables, or older than fitparse's: kept by number
            given = [row.get(name) for row in theirs]
            ours = column(frame, name, len(given))
            differ = sum(
                not (same(a, b) or (missing(a) and missing(b)) or (given_only and missing(b)))
                for a, b in zip(ours, given, strict=True)
            )
            if differ:
                found[kind, name] += differ
    return found


def column(frame: pl.DataFrame, name: str, count: int) -> list[object]:
    if name not in frame.columns:
        return [None] * count
    return frame.get_column(name).head(count).to_list()


def sdk_numbers() -> dict[str, int]:
    from garmin_fit_sdk.profile import Profile

    return {entry["name"]: int(number) for number, entry in Profile["messages"].items()}


def sdk_rows(data: bytes) -> dict[str, list[dict[str, object]]] | None:
    """The official SDK's messages by our names, or None where it meets an error."""
    from garmin_fit_sdk import Decoder, Stream
    from garmin_fit_sdk.profile import Profile

    names = {message["messages_key"]: message["name"] for message in Profile["messages"].values()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(merge_heart_rates=False)
    if errors:
        return None
    descriptions = messages.get("field_description_mesgs", [])
    out: dict[str, list[dict[str, object]]] = {}
    for key, rows in messages.items():
        kind = f"unknown_{key}" if str(key).isdigit() else names.get(key, key.removesuffix("_mesgs"))
        out[kind] = [
            {sdk_name(name): value for name, value in row.items() if name != "developer_fields"}
            for row in rows
        ]
        for row, made in zip(rows, out[kind], strict=True):
            for place, value in row.get("developer_fields", {}).items():
                about = descriptions[place]
                made.setdefault(dev_name(about.get("field_name"), about.get("units")), value)
    return out


def sdk_name(name: object) -> str:
    if str(name) in ("253", "254"):
        return "timestamp" if str(name) == "253" else "message_index"
    return f"unknown_{name}" if str(name).isdigit() else str(name)


def dev_name(name: object, units: object) -> str:
    name, units = (item[0] if isinstance(item, list) else item for item in (name, units))
    return f"dev:{name} [{units}]" if units else f"dev:{name}"


def fitparse_rows(data: bytes) -> dict[str, list[dict[str, object]]]:
    """fitparse's messages by our names, as far as it comes; the first value given of each name."""
    import fitparse

    out: dict[str, list[dict[str, object]]] = {}
    try:
        for message in fitparse.FitFile(io.BytesIO(data), check_crc=False).get_messages():
            row: dict[str, object] = {}
            for entry in message.fields:
                name = entry.name
                if entry.field is not None and entry.field.field_type == "devfield":
                    name = dev_name(name, entry.units)
                if row.get(name) is None:
                    row[name] = entry.value
            out.setdefault(message.name, []).append(row)
    except Exception:
        return out
    return out


def judged_by_sdk(path: Path) -> tuple[str, Counter[tuple[str, str]]]:
    """Disagreements with the official SDK that are not known; empty where it meets an error."""
    data = path.read_bytes()
    if not fit.claims(data[:16]) or (rows := sdk_rows(data)) is None:
        return path.name, Counter()
    found = disagreements(path, rows, sdk_numbers())
    return path.name, Counter({key: count for key, count in found.items() if key not in KNOWN})


def judged_by_fitparse(path: Path) -> tuple[str, Counter[tuple[str, str]]]:
    """Disagreements with fitparse that are not known, in every value that it gives."""
    data = path.read_bytes()
    if not fit.claims(data[:16]) or path.name in DAMAGED:
        return path.name, Counter()
    try:
        found = disagreements(path, fitparse_rows(data), {}, given_only=True)
    except ReadError:
        return path.name, Counter()
    return path.name, Counter({key: count for key, count in found.items() if key not in KNOWN_FITPARSE})


def counted(path: Path, by_fitparse: bool) -> tuple[str, int, dict[str, int]]:
    """Records that we and each judge read."""
    import fitdecode
    import fitparse
    from garmin_fit_sdk import Decoder, Stream

    data = path.read_bytes()
    try:
        ours = fit.decode(data).numbers.get(20, 0)
    except ReadError:
        ours = 0
    theirs = {"fitparse": 0, "fitdecode": 0, "sdk": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if by_fitparse:
                for _ in fitparse.FitFile(io.BytesIO(data), check_crc=False).get_messages("record"):
                    theirs["fitparse"] += 1
        except Exception:
            theirs["fitparse"] += 0
        try:
            reader = fitdecode.FitReader(
                io.BytesIO(data),
                check_crc=fitdecode.CrcCheck.DISABLED,
                error_handling=fitdecode.ErrorHandling.IGNORE,
            )
            for frame in reader:
                theirs["fitdecode"] += (
                    isinstance(frame, fitdecode.FitDataMessage) and frame.global_mesg_num == 20
                )
        except Exception:
            theirs["fitdecode"] += 0
        try:
            messages, _ = Decoder(Stream.from_byte_array(bytearray(data))).read(merge_heart_rates=False)
            theirs["sdk"] = len(messages.get("record_mesgs", []))
        except Exception:
            theirs["sdk"] += 0
    return path.name, ours, theirs
