"""What of a spreadsheet sounds like a person: headings by their words, cells by the athletes' names.

A heading is personal by a whole word (`plz`, `coach`) or by a stem that is found in no other word a study uses
(`birth`, `telefon`); so `club`, `age`, `pathology` and `tournament_level` stay. English and German, as those are the
tables we have seen. A year of birth stays: studies need the age and few are alone with theirs. What cannot be told
by a heading may stand in a cell, so a cell in which an athlete's folder is named is emptied.
Instead of: a list of what may stay, or finding names by a model of language.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import polars as pl

__all__ = ["is_personal", "without_names"]

WORDS: Final = frozenset({
    "account", "athleteid", "beschreibung", "betreuer", "bib", "born", "city", "coach", "coaches", "datei", "description",
    "dob", "emergency", "file", "freitext", "geb", "guardian", "handy", "hometown", "iban", "id", "ids", "initialen",
    "initials", "instagram", "kontakt", "konto", "link", "login", "memberid", "mobil", "mobile", "notfall", "parent",
    "parents", "path", "patientid", "pfad", "playerid", "plz", "ssn", "stadt", "text", "trainer", "trainerin", "url",
    "user", "userid", "website", "wohnort", "zip",
})  # fmt: skip
"""Whole words of a heading."""
STEMS: Final = (
    "address", "adresse", "anmerkung", "anschrift", "ausweis", "bemerkung", "birth", "comment", "facebook", "freetext",
    "garmin", "gebdat", "geburt", "insurance", "kommentar", "krankenkasse", "licence", "license", "lizenz", "mail",
    "mobilnummer", "nationalid", "notiz", "nummer", "passport", "phone", "postal", "postcode", "postleitzahl",
    "reisepass", "remark", "serial", "steuerid", "strasse", "strava", "street", "telefon", "versicherung", "zipcode",
)  # fmt: skip
"""Parts of a heading written as one word."""
ENDINGS: Final = ("name", "names", "namen")
BEGINNINGS: Final = ("note",)
YEAR: Final = ("year", "jahr")
LEAST_LETTERS: Final = 3
"""A folder's name with fewer letters would be found in every other cell."""


def is_personal(heading: str) -> bool:
    """Whether a heading in small letters sounds like something that tells who it is."""
    folded = _folded(heading)
    words = [word for word in re.split(r"[\W_\d]+", folded) if word]
    whole = "".join(words)
    if ("birth" in whole or "geburt" in whole) and any(word in whole for word in YEAR):
        return False
    of_words = any(word in WORDS or word.endswith(ENDINGS) or word.startswith(BEGINNINGS) for word in words)
    return of_words or any(stem in whole for stem in STEMS)


def without_names(
    frame: pl.DataFrame, columns: Sequence[str], names: Sequence[str]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Cells of text in which one of the names stands, as whole words, emptied; and how many by column.

    Parameters
    ----------
    frame
        Columns of text.
    columns
        Those to look through.
    names
        Names of folders; those of fewer than three letters are not looked for.
    """
    wanted = {_spaced(name) for name in names if sum(map(str.isalpha, name)) >= LEAST_LETTERS}

    def named(cell: str) -> bool:
        spaced = _spaced(cell)
        return any(name in spaced for name in wanted)

    emptied = {}
    for column in columns:
        cells = frame[column].to_list()
        clean = [None if cell and named(cell) else cell for cell in cells]
        count = sum(cell is not None for cell in cells) - sum(cell is not None for cell in clean)
        if count:
            emptied[column] = count
            frame = frame.with_columns(pl.Series(column, clean, dtype=pl.String))
    return frame, emptied


def _spaced(text: str) -> str:
    """The words of a text for comparison, a space around each."""
    words = re.split(r"[\W_]+", _folded(text))
    return f" {' '.join(words)} "


def _folded(text: str) -> str:
    """Text for comparison: no case, no accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))
