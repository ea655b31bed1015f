from datetime import date

import pytest

from kneeledger.config import Setting, load, toml_text
from kneeledger.errors import ConfigError

SETTINGS = (
    Setting("model", "a", "", "Which.", choices=("a", "b")),
    Setting("mass_kg", None, "kg", "Mass.", low=20, high=300, dated=True, example=70.0),
    Setting("floor_m", 1000.0, "m", "Floor.", low=0),
    Setting("keep", False, "", "Keep."),
    Setting("zone", "", "", "Zone."),
)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_later_layers_win_and_are_told(tmp_path):
    user = write(tmp_path / "user.toml", 'model = "b"\nfloor_m = 5')
    project = write(tmp_path / "project.toml", "floor_m = 7")
    config = load(SETTINGS, files=[user, project], flags={"keep": True, "zone": None})
    assert (config["model"], config["floor_m"], config["keep"], config["zone"]) == ("b", 7.0, True, "")
    assert config.values["floor_m"].where == str(project)
    assert config.values["keep"].where == "command line"
    assert config.values["zone"].where == "default"


def test_an_unknown_key_names_the_nearest(tmp_path):
    file = write(tmp_path / "k.toml", "flor_m = 3")
    with pytest.raises(ConfigError, match=r"no setting 'flor_m'.*floor_m"):
        load(SETTINGS, files=[file])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("floor_m = -1", r"out of range: at least 0 \[m\]"),
        ('floor_m = "x"', "must be a number"),
        ("floor_m = nan", "out of range"),
        ('model = "c"', "none of"),
        ("keep = 1", "true or false"),
        ("zone = 3", "text in quotes"),
        ("model = [", "TOML"),
        ("model = " + "[" * 5000, "too deep"),
        ("floor_m = " + "1" * 5000, "too long"),
        ("floor_m = 0x" + "f" * 5000, "far out of range"),
        (".".join(["x"] * 900) + " = 1", "there is no setting"),
        (".".join(["x"] * 40_000) + " = 1", "more than 1000 dots"),
        ("floor_m = inf", r"out of range: at least 0 \[m\]"),
        ('mass_kg = {"soon" = 70}', "no date"),
        ("mass_kg = 5", r"out of range: 20 to 300 \[kg\]"),
    ],
)
def test_bad_values_are_refused_with_the_file_named(tmp_path, text, why):
    file = write(tmp_path / "k.toml", text)
    with pytest.raises(ConfigError, match=why) as caught:
        load(SETTINGS, files=[file])
    assert str(file) in str(caught.value)


def test_dated_values_hold_from_their_day(tmp_path):
    file = write(tmp_path / "k.toml", '[mass_kg]\n"2026-01-01" = 70\n"2026-06-01" = 68.5')
    config = load(SETTINGS, files=[file])
    assert config.on("mass_kg", date(2025, 1, 1)) == 70
    assert config.on("mass_kg", date(2026, 5, 31)) == 70
    assert config.on("mass_kg", date(2026, 6, 1)) == 68.5


def test_the_template_is_toml_and_names_every_setting(tmp_path):
    text = toml_text(SETTINGS)
    assert all(f"# {s.key} = " in text for s in SETTINGS)
    load(SETTINGS, files=[write(tmp_path / "k.toml", text)])
