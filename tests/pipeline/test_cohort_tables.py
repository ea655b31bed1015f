"""The coach's two tables: what of them is shared, what is not, and what is said of it."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from kneeledger.errors import ConfigError
from kneeledger.pipeline import cohort_tables
from kneeledger.pipeline.cohort import Cohort
from kneeledger.pipeline.cohort_codebook import codebook
from kneeledger.pipeline.cohort_folders import Member, Salt, members
from kneeledger.pipeline.cohort_private import is_personal, without_names
from kneeledger.pipeline.cohort_tables import facts_table, injuries_table

KEY = Salt(b"k" * 32)


@pytest.fixture
def there(tmp_path: Path) -> list[Member]:
    for name in ("Ann Example", "bob", "Jo"):
        (tmp_path / name).mkdir()
    return members(tmp_path, KEY)[0]


def facts(folder: Path, there: list[Member], text: str) -> tuple[pl.DataFrame, str]:
    (folder / "athletes.csv").write_text(text, encoding="utf-8")
    frame, _, notes = facts_table(folder, KEY, there)
    return frame, "\n".join(notes)


@pytest.mark.parametrize(
    "heading",
    [
        "full name", "surname", "vorname", "spitzname", "dob", "date_of_birth", "birthdate", "birthday", "geburtsdatum",
        "geburtsort", "phone", "telefon", "mobile", "mobilnummer", "handy", "address", "adresse", "straße", "street",
        "postcode", "post code", "plz", "zip", "zip_code", "e-mail", "email", "licence_no", "license", "lizenznummer",
        "passport", "reisepass", "insurance", "krankenversicherung", "national_id", "garmin_id", "strava", "coach",
        "trainer", "remarks", "notes", "note", "comments", "bemerkungen", "notizen", "kommentar", "anmerkung",
        "free_text", "mitgliedsnummer", "serial", "file path", "user", "wohnort",
    ],
)  # fmt: skip
def test_headings_that_sound_like_a_person(heading: str) -> None:
    assert is_personal(heading)


@pytest.mark.parametrize(
    "heading",
    [
        "club", "age", "alter", "sex", "birth_year", "geburtsjahr", "year of birth", "mass_kg", "height_cm", "female",
        "pathology", "tournament_level", "mobility_score", "ground_contact_ms", "side", "site", "severity", "verein",
        "previous_knee_pain", "weekly_km", "onset", "diagnosis", "days_lost", "training_age", "coached", "footwear",
        "identity_score", "midfoot",
    ],
)  # fmt: skip
def test_headings_of_studies_stay(heading: str) -> None:
    assert not is_personal(heading)


def test_a_cell_with_an_athletes_name_is_emptied_and_counted(tmp_path: Path, there: list[Member]) -> None:
    text = "athlete,group,level\nAnn Example,trains with BOB,1\nbob,Jo and others,2\n"
    frame, said = facts(tmp_path, there, text)
    assert frame["group"].to_list() == [None, "Jo and others"], "two letters would be found anywhere"
    assert frame["level"].to_list() == [1, 2]
    assert "1 cell of the column 'group' held an athlete's name" in said


def test_without_a_name_to_look_for_nothing_is_done() -> None:
    frame = pl.DataFrame({"a": ["x", None]})
    assert without_names(frame, ["a"], ["Jo", "2026"]) == (frame, {})
    towns = pl.DataFrame({"club": ["Annecy", "TV Ann", "ann-marie", None]})
    kept, emptied = without_names(towns, ["club"], ["Ann"])
    assert kept["club"].to_list() == ["Annecy", None, None, None]
    assert emptied == {"club": 2}


def test_what_is_kept_and_what_is_left_out_is_said(tmp_path: Path, there: list[Member]) -> None:
    frame, said = facts(tmp_path, there, "athlete,Club,dob,Coach\nbob,TSV,1990-01-01,Eve\n")
    assert frame.columns == ["athlete", "club"]
    assert "athletes.csv: kept in the data set: club." in said
    assert "left out of the data set, as they sound like a person: dob, coach." in said


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_of_three_kinds_are_read(tmp_path: Path, there: list[Member], mark: str) -> None:
    frame, _ = facts(tmp_path, there, f"athlete{mark}level{mark}sex\nbob{mark}3{mark}m\n")
    assert frame.drop("athlete").rows() == [(3, "m")]


def test_a_heading_that_is_a_formula_runs_in_no_spreadsheet(tmp_path: Path, there: list[Member]) -> None:
    headings = ("=cmd|' /c calc'!a0", "+1+1", "-2", "@sum(a1)", "\uff1d1", "level")
    frame, _ = facts(tmp_path, there, f"athlete;{';'.join(headings)}\nbob;1;2;3;4;5;6\n")
    assert frame.columns == ["athlete", *headings]
    told = codebook(frame, injuries_table(tmp_path, KEY, there)[0])
    (tmp_path / "codebook.csv").write_text(told, encoding="utf-8")
    rows = list(csv.reader(io.StringIO(told)))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\uff1d"))]
    names = set(Cohort(tmp_path, {}).codebook.filter(pl.col("evidence") == "reported")["name"])
    assert names >= set(headings), "the columns are found under the names they have"


def test_too_many_cells_are_refused(
    tmp_path: Path, there: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_tables, "MOST_CELLS", 5)
    assert facts(tmp_path, there, "athlete,level\nbob,3\n")[0].height == 1
    with pytest.raises(ConfigError, match="more than 5 cells"):
        facts(tmp_path, there, "athlete,level\nbob,3\nnobody\nno one\n")


def test_line_ends_of_old_are_read(tmp_path: Path, there: list[Member]) -> None:
    for end in ("\r", "\r\n"):
        (tmp_path / "athletes.csv").write_bytes(f"athlete;level{end}bob;3{end}".encode())
        assert facts_table(tmp_path, KEY, there)[0]["level"].to_list() == [3]


def test_lines_without_a_folder_are_named(tmp_path: Path, there: list[Member]) -> None:
    _, said = facts(tmp_path, there, "athlete,level\nbob,3\nnobody,1\n")
    assert "athletes.csv: 1 athlete has no folder (line 3)." in said
    rows = "".join(f"nobody,2026-05-{day:02d}\n" for day in range(1, 15))
    (tmp_path / "injuries.csv").write_text(f"athlete,date\n{rows}", encoding="utf-8")
    notes = injuries_table(tmp_path, KEY, there)[2]
    assert notes == [
        "injuries.csv: 14 rows are of athletes without a folder (lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 4 more)."
    ]
