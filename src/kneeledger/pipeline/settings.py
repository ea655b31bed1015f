"""What can be set, for the whole product, and how the layers of settings are found."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from kneeledger import local_time
from kneeledger.config import Config, Origin, Setting, load, toml_text
from kneeledger.errors import ConfigError
from kneeledger.model import DownhillModel
from kneeledger.preparation import Settings as PreparationSettings
from kneeledger.reporting import writing

__all__ = ["SETTINGS", "default_ledger", "find", "preparation", "shown", "user_file", "write_template"]

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "downhill_model",
        DownhillModel.ARTICLE.value,
        "",
        "How much a decline adds to knee load. Contested: the other two are always shown beside it.",
        choices=tuple(model.value for model in DownhillModel),
    ),
    Setting(
        "mass_kg",
        None,
        "kg",
        'Body mass, for cycling only. One number, or one a date: {"2026-01-31" = 70.5}.',
        low=20,
        high=300,
        dated=True,
        example=70.0,
    ),
    Setting("pack_kg", 0.0, "kg", "Load carried on the body.", low=0, high=80),
    Setting(
        "incline",
        None,
        "fraction",
        "Grade of treadmill runs that do not say.",
        low=-0.3,
        high=0.4,
        example=0.01,
    ),
    Setting("tz", "", "", "Time zone for files that do not tell, such as Europe/Berlin."),
    Setting(
        "units", "metric", "", "What is shown; data files are always SI.", choices=("metric", "imperial")
    ),
    Setting("keep_positions", False, "", "Keep coordinates in the ledger (needed for maps and GPX export)."),
    Setting(
        "terrain_dir",
        "",
        "",
        "Folder of SRTM .hgt tiles; a course within them takes its altitude from there.",
    ),
    Setting(
        "use_file_weight",
        False,
        "",
        "Take body mass from a foot pod's field (Stryd) where nothing better is known.",
    ),
    Setting("redact_location", True, "", "Leave coordinates, places and titles out of reports."),
    Setting("floor_distance_m", 1000.0, "m", "Excess over the longest run that is not told yet.", low=1),
    Setting("floor_descent_m", 100.0, "m", "The same for descent.", low=1),
    Setting("floor_easy_minutes", 10.0, "min", "The same for knee load; thrice for a week.", low=1),
    Setting("jobs", 0, "", "Worker processes; 0 for as many as there are cores.", low=0, high=256),
)


DATED = tuple(one.key for one in SETTINGS if one.dated)


def user_file() -> Path:
    """Where the user's own settings are looked for on this system."""
    import platformdirs

    return Path(platformdirs.user_config_dir("kneeledger", appauthor=False)) / "kneeledger.toml"


def default_ledger() -> Path:
    """Where the ledger lives when nobody says otherwise."""
    import platformdirs

    return Path(platformdirs.user_data_dir("kneeledger", appauthor=False)) / "ledger"


def find(flags: Mapping[str, Any], *, exports: Iterable[Path] = ()) -> Config:
    """The settings in force: defaults < user's file < ``kneeledger.toml`` here < flags.

    The project's file is not read where the working folder lies inside an export: nothing in an export
    may change how it is read.

    Raises
    ------
    ConfigError
        A key is unknown, a value is out of its range, or a time zone has no such name.
    """
    try:
        here = Path.cwd().resolve()
    except OSError as error:
        raise ConfigError(
            "The folder this was started in is gone.", hint="Change to another and run it again."
        ) from error
    inside = any(here == root or root in here.parents for root in (Path(p).resolve() for p in exports))
    files = [user_file()] if inside else [user_file(), here / "kneeledger.toml"]
    config = load(SETTINGS, files=files, flags=flags)
    if config["tz"]:
        local_time.zone(config["tz"])
    return config


def spans(config: Config) -> list[date]:
    """The first days of the spans of days in which `preparation` stays the same, in order, from `date.min` on."""
    dated = (config[key] for key in DATED)
    return sorted(
        {date.min, *(date.fromisoformat(day) for some in dated if isinstance(some, Mapping) for day in some)}
    )


def preparation(config: Config, day: date) -> PreparationSettings:
    """What preparation may know of a local day."""
    return PreparationSettings(
        downhill_model=DownhillModel(config["downhill_model"]),
        mass_kg=config.on("mass_kg", day),
        pack_kg=config["pack_kg"],
        use_file_weight=config["use_file_weight"],
        incline=config["incline"],
    )


def shown(flags: Mapping[str, Any] | None = None) -> list[tuple[Setting, Origin]]:
    """Each declared setting with its value in force and where that came from."""
    config = find(flags or {})
    return [(setting, config.values[setting.key]) for setting in SETTINGS]


def write_template(file: Path) -> Path:
    """Write a commented settings file; never over an existing one.

    Raises
    ------
    ConfigError
        The file exists or cannot be written.
    """
    if file.is_symlink() or file.exists():
        raise ConfigError(f"{file} exists already.", hint="Edit it, or move it away first.")
    try:
        writing.text(file, toml_text(SETTINGS))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from error
    return file
