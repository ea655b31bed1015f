"""Settings: what can be set, what is set, and where each value came from.

Values are layered: defaults < the user's file < the project's file < flags. A setting is declared once,
by whoever uses it, and handed to `load`; a key that nobody declared is an error that names the nearest
known one, because a typing mistake that is silently ignored is worse than no setting. Facts that change
over a life (body mass) may be given by date, so that a new weight leaves last year's rides alone.
No configuration is ever read from inside an export.
Instead of: environment variables, or a settings object that every module reaches into.
"""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from kneeledger import plain_files
from kneeledger.errors import ConfigError

__all__ = ["Config", "Origin", "Setting", "load", "toml_text"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting: its default is written here and nowhere else."""

    key: str
    default: Any
    unit: str
    meaning: str
    source: str = "choice"
    """Key of `references.toml`, or ``choice`` where this project chose."""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    dated: bool = False
    """May be a table ``{"2026-01-31" = value}``: each holds from its day on."""
    example: Any = None
    """Written by `toml_text` where there is no default."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from, for ``config show``."""

    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Config:
    """The values in force. Plain data: it travels to worker processes."""

    values: Mapping[str, Origin] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        """The value of a declared key.

        Raises
        ------
        KeyError
            The key was not declared: our bug.
        """
        return self.values[key].value

    def on(self, key: str, day: date) -> Any:
        """The value of a dated setting on a local day: the newest entry not after it, else the oldest."""
        value = self.values[key].value
        if not isinstance(value, Mapping):
            return value
        iso = day.isoformat()
        return value[max((one for one in value if one <= iso), default=min(value))]


def load(
    settings: Iterable[Setting],
    *,
    files: Iterable[Path] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The values in force: defaults, then each file in turn, then flags that are not None.

    Raises
    ------
    ConfigError
        A file is no TOML, a key is unknown, or a value is of the wrong kind or out of range.
    """
    declared = {setting.key: setting for setting in settings}
    values = {key: Origin(setting.default, "default") for key, setting in declared.items()}
    for file in files:
        for key, value in _flatten(_toml(file), set(declared)):
            values[key] = Origin(_checked(declared, key, value, str(file)), str(file))
    for key, value in (flags or {}).items():
        if value is not None:
            values[key] = Origin(_checked(declared, key, value, "command line"), "command line")
    return Config(values)


MOST_BYTES = 1_000_000
"""Of a file of settings; one with every key is about 4 kB. [byte]"""
MOST_DOTS = 1_000
"""Of a line: the time to read a name of so many parts grows with their square."""
DEEP = 200
"""A table under a longer name is no setting of ours; going on into it could end the program [characters]."""


def _toml(file: Path) -> dict[str, Any]:
    """What a file of settings says; nothing where there is none."""
    try:
        text = plain_files.read(file, MOST_BYTES).decode()
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise ConfigError(f"{file}: cannot be read as TOML (a line has more than {MOST_DOTS} dots).")
        return tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error}).") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML ({error}).") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or lists as deep
        raise ConfigError(f"{file}: cannot be read as TOML (a value is too long or too deep).") from error


def _flatten(table: Mapping[str, Any], known: set[str], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in known and len(prefix) < DEEP:
            yield from _flatten(value, known, f"{key}.")
        else:
            yield key, value


def _checked(declared: Mapping[str, Setting], key: str, value: Any, where: str) -> Any:
    setting = declared.get(key)
    if setting is None:
        near = difflib.get_close_matches(key, declared, 1)
        hint = f"Did you mean {near[0]}?" if near else "`kneeledger config show` lists every key."
        raise ConfigError(f"{where}: there is no setting {key!r}.", hint=hint)
    if setting.dated and isinstance(value, Mapping):
        dated = {}
        for day, one in value.items():
            try:
                iso = date.fromisoformat(str(day)).isoformat()
            except ValueError as error:
                raise ConfigError(f"{where}: {key}: {day!r} is no date like 2026-01-31.") from error
            dated[iso] = _one(setting, one, where)
        if not dated:
            raise ConfigError(f"{where}: {key} has no entry.")
        return dated
    return _one(setting, value, where)


def _one(setting: Setting, value: Any, where: str) -> Any:
    key, default = setting.key, setting.default
    if isinstance(value, int) and value.bit_length() > 64:  # Python would not even print it
        raise ConfigError(f"{where}: {key} is far out of range.")
    if setting.choices:
        if value not in setting.choices:
            words = ", ".join(setting.choices)
            raise ConfigError(f"{where}: {key} = {value!r} is none of: {words}.")
        return str(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: {key} = {value!r} must be true or false.")
        return value
    if isinstance(default, int | float) or setting.low is not None or setting.high is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{where}: {key} = {value!r} must be a number{_unit(setting)}.")
        if not math.isfinite(value) or not (
            (setting.low is None or value >= setting.low) and (setting.high is None or value <= setting.high)
        ):
            raise ConfigError(f"{where}: {key} = {value} is out of range: {_range(setting)}.")
        return int(value) if isinstance(default, int) and float(value).is_integer() else float(value)
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {key} = {value!r} must be text in quotes.")
    return value


def _range(setting: Setting) -> str:
    """What a number may be, in words."""
    if setting.high is None:
        return f"at least {setting.low:g}{_unit(setting)}"
    if setting.low is None:
        return f"at most {setting.high:g}{_unit(setting)}"
    return f"{setting.low:g} to {setting.high:g}{_unit(setting)}"


def _unit(setting: Setting) -> str:
    return f" [{setting.unit}]" if setting.unit else ""


def toml_text(settings: Iterable[Setting]) -> str:
    """A commented file with every setting at its default, for ``config init``."""
    lines = ["# kneeledger settings. Take the # away from a line to change it.", ""]
    for setting in settings:
        lines.append(f"# {setting.meaning}{_unit(setting)}")
        if setting.choices:
            lines.append(f"# one of: {', '.join(setting.choices)}")
        value = setting.default
        if value is None:
            lines.append("# not set; for example:")
            value = setting.example
        if isinstance(value, bool):
            shown = "true" if value else "false"
        elif isinstance(value, str):
            shown = f'"{value}"'
        else:
            shown = repr(value)
        lines += [f"# {setting.key} = {shown}", ""]
    return "\n".join(lines)
