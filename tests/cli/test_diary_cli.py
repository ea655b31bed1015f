"""pain, log, profile: written to a ledger of the test's own."""

import csv
import io
import json
import re
import threading
import unicodedata

import pytest

from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import front


@pytest.fixture(scope="module")
def scanned(fixtures, tmp_path_factory):
    """A ledger of one run, which tests may add to."""
    folder = tmp_path_factory.mktemp("scanned")
    front.scan([watch_file(fixtures)], folder / "ledger")
    return folder / "ledger"


def watch_file(fixtures):
    return min(
        (fixtures / "export" / "watch" / "GARMIN" / "Activity").glob("*.fit"), key=lambda f: f.stat().st_size
    )


def test_pain_add_list_export_import(call, tmp_path):
    ledger = tmp_path / "ledger"
    found = call("pain", "add", "--during", "tolerable", "--next-morning", "worse", "--date", "2026-04-30",
                 "--side", "left", "--rating", "4", "--note", "=HYPERLINK(1)", "--ledger", ledger)  # fmt: skip
    assert found.exit_code == 0
    assert found.stdout == "Noted for 2026-04-30.\n"
    assert "kneeledger before 2026-04-30" in found.stderr
    (entry,) = json.loads(call("pain", "list", "--format", "json", "--ledger", ledger).stdout)["entries"]
    assert entry["next_morning"] == "worse"
    assert entry["during"] == "tolerable"
    assert "after" not in entry or entry["after"] in (None, "")
    exported = call("pain", "export", "--ledger", ledger).stdout
    (row,) = csv.DictReader(io.StringIO(exported))
    assert row["note"] == "'=HYPERLINK(1)"
    file = tmp_path / "log.csv"
    file.write_text(exported, encoding="utf-8")
    assert "0 entries added, 1 was there already" in call("pain", "import", file, "--ledger", ledger).stdout
    again = call("pain", "import", file, "--ledger", tmp_path / "other").stdout
    assert again.startswith("1 entr")


def test_swelling_refers_to_a_professional(call, tmp_path):
    found = call("pain", "add", "--swelling", "--date", "2026-04-30", "--ledger", tmp_path / "ledger")
    assert found.exit_code == 0
    told = " ".join(found.stdout.split())
    assert "You noted swelling on 30 April 2026. A visibly swollen" in told
    assert "{" not in told


def test_pain_log_of_the_fixtures(call, fixtures, tmp_path):
    ledger = tmp_path / "ledger"
    assert call("pain", "import", fixtures / "export" / "pain-log.csv", "--ledger", ledger).exit_code == 0
    told = call("pain", "list", "--ledger", ledger).stdout
    assert re.findall(r"^ +(\d) +2026-0", told, re.MULTILINE) == list("12345678")
    assert "worse" in told


def test_empty_log_says_so(call, tmp_path):
    assert "The pain log is empty." in call("pain", "list", "--ledger", tmp_path / "ledger").stdout


def test_bad_words(call, tmp_path):
    for words in (("pain", "add", "--during", "awful"), ("pain", "add", "--rating", "11"),
                  ("log", "add", "swim", "--minutes", "3"), ("log", "add", "run", "--minutes", "0"),
                  ("log", "add", "run")):  # fmt: skip
        found = call(*words, "--ledger", tmp_path / "ledger")
        assert found.exit_code == 2, words
        assert found.stderr


def test_an_import_that_is_no_pain_log(call, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    found = call("pain", "import", file, "--ledger", tmp_path / "ledger")
    assert found.exit_code == 2
    assert found.stderr.startswith("kneeledger: ")


def test_log_add_counts_for_its_day(call, tmp_path, new_export):
    ledger = tmp_path / "ledger"
    call("scan", new_export(), "--ledger", ledger, "--jobs", "1")
    found = call("log", "add", "strength", "--minutes", "40", "--date", "2026-05-02", "--ledger", ledger)
    assert found.stdout == "Noted: strength, 40 min, 2026-05-02.\n"
    told = json.loads(call("spikes", "--date", "2026-05-03", "--ledger", ledger, "--format", "json").stdout)
    assert told["as_of"] == "2026-05-03"


@pytest.mark.parametrize("nothing", [(), ("--side", "left"), ("--date", "2026-04-30")])
def test_an_entry_that_tells_nothing_is_refused(call, tmp_path, nothing):
    found = call("pain", "add", *nothing, "--ledger", tmp_path / "ledger")
    assert found.exit_code == 2
    assert "Nothing is told of the knee. Say how it felt" in found.stderr
    assert "empty" in call("pain", "list", "--ledger", tmp_path / "ledger").stdout


def test_what_was_noted_can_be_seen_and_taken_back(call, tmp_path):
    ledger = tmp_path / "ledger"
    for day, minutes in (("2026-05-02", 40), ("2026-05-01", 30)):
        call("log", "add", "strength", "--minutes", minutes, "--date", day, "--ledger", ledger)
    listed = json.loads(call("log", "list", "--format", "json", "--ledger", ledger).stdout)["entries"]
    assert [(one["number"], one["date"], one["minutes"]) for one in listed] == [
        (2, "2026-05-01", 30),
        (1, "2026-05-02", 40),
    ]
    kept = call("log", "remove", "1", "--ledger", ledger, stdin="n\n")
    assert kept.exit_code == 1
    assert "2026-05-02" in kept.stdout
    assert call("log", "remove", "1", "--ledger", ledger, stdin="y\n").exit_code == 0
    assert "2026-05-02" not in call("log", "list", "--ledger", ledger).stdout
    assert "2026-05-01" in call("log", "list", "--ledger", ledger).stdout
    gone = call("log", "remove", "1", "--yes", "--ledger", ledger)
    assert (gone.exit_code, gone.stderr) == (
        2,
        "kneeledger: There is no entry 1. The list shows the numbers.\n",
    )
    assert call("log", "remove", "2", "--yes", "--ledger", ledger).exit_code == 0
    assert call("log", "list", "--ledger", ledger).stdout == "Nothing is noted.\n"


def test_a_removed_pain_entry_does_not_come_back_and_others_stay(call, tmp_path):
    ledger = tmp_path / "ledger"
    for who, day in (("me", "2026-05-01"), ("me", "2026-05-02"), ("ann", "2026-05-01")):
        call("pain", "add", "--during", "none", "--date", day, "--athlete", who, "--ledger", ledger)
    assert call("pain", "remove", "1", "--yes", "--ledger", ledger).exit_code == 0
    saved = json.loads((ledger / "by-hand.json").read_text(encoding="utf-8"))["pain"]
    assert [(athlete, number) for athlete, number, _ in saved] == [("ann", 1), ("me", 2)]
    (left,) = json.loads(call("pain", "list", "--format", "json", "--ledger", ledger).stdout)["entries"]
    assert (left["number"], left["date"]) == (2, "2026-05-02")


def test_a_profile_says_what_was_never_told(call, tmp_path):
    ledger = tmp_path / "ledger"
    assert call("profile", "--ledger", ledger).stdout.count("not told") == 5
    call("profile", "--not-female", "--ledger", ledger)
    told = json.loads(call("profile", "--format", "json", "--ledger", ledger).stdout)["profile"]
    assert told["female"] is False
    assert {value for name, value in told.items() if name != "female"} == {None}


def test_profile_moves_thresholds_and_says_so(call, tmp_path):
    ledger = tmp_path / "ledger"
    assert "The usual thresholds hold." in call("profile", "--ledger", ledger).stdout
    changed = call("profile", "--previous-knee-pain", "--format", "json", "--ledger", ledger)
    told = json.loads(changed.stdout)
    assert told["profile"]["previous_knee_pain"] is True
    assert told["score"] > 0
    assert "yes" in call("profile", "--ledger", ledger).stdout
    back = call("profile", "--no-previous-knee-pain", "--format", "json", "--ledger", ledger)
    assert json.loads(back.stdout)["score"] == 0


def test_a_note_commands_no_terminal_in_any_format(call, tmp_path):
    ledger = ("--ledger", tmp_path / "l")
    note = "a\x1b]0;owned\x07\x9b31m\u202egnp.exe\nb"
    with Ledger(tmp_path / "l") as older:  # as older versions kept them
        older.add_entry("pain", "me", {"date": "2026-05-01", "after": "none", "note": note})
    for words in (("list", "--format", "csv"), ("list", "--format", "json"), ("export",)):
        told = call("pain", *words, *ledger).stdout
        assert not [c for c in told if unicodedata.category(c) == "Cc" and c != "\n"], words
        assert "owned" in told
    told = call("pain", "list", "--format", "json", *ledger).stdout
    assert "\u202e" not in told
    assert json.loads(told)["entries"][0]["note"] == note


ODD_NOTES = (
    "a\tb\nc",
    "'=1",
    "'tis",
    "-5 % grade",
    "  round  ",
    "a\r\nb\rc",
    "\x00\x1b[31m\x85x\x1c",
    "\u2028ends\u202e",
)


@pytest.mark.parametrize("note", ODD_NOTES)
def test_every_note_survives_export_and_import(call, tmp_path, note):
    one, other, file = ("--ledger", tmp_path / "l"), ("--ledger", tmp_path / "m"), tmp_path / "log.csv"
    said = call("pain", "add", "--after", "none", "--date", "2026-05-01", "--note", note, *one)
    assert ("without its control" in said.stderr) == bool(set(note) & set("\x00\x1b\r"))
    file.write_bytes(call("pain", "export", *one).stdout.encode())
    assert call("pain", "import", file, *one).stdout == "0 entries added, 1 was there already.\n"
    assert call("pain", "import", file, *other).stdout == "1 entry added, 0 were there already.\n"
    first, second = (call("pain", "list", "--format", "json", *ledger).stdout for ledger in (one, other))
    assert first == second
    (kept,) = json.loads(first)["entries"]
    assert kept["note"].split() == re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", note).split()


def test_an_import_says_that_it_cleaned_notes(call, tmp_path):
    file = tmp_path / "log.csv"
    file.write_bytes(b"date,after,note\n2026-05-01,none,a\x07b\n2026-05-02,none,c\n")
    said = call("pain", "import", file, "--ledger", tmp_path / "l")
    assert said.stdout.startswith("2 entries added")
    assert said.stderr == "Kept without their control characters: 1 note.\n"


@pytest.mark.parametrize("day", ["0001-01-01", "1979-12-31", "2101-01-01", "9999-12-31"])
def test_a_day_beyond_all_watches_is_refused_with_its_line(call, tmp_path, day):
    file = tmp_path / "log.csv"
    file.write_text(f"date,after\n2026-05-01,none\n{day},none\n", encoding="utf-8")
    said = call("pain", "import", file, "--ledger", tmp_path / "l")
    assert said.exit_code == 2
    assert f"log.csv: line 3, date: {day} is no day from 1980-01-01 to 2100-12-31." in said.stderr
    assert "empty" in call("pain", "list", "--ledger", tmp_path / "l").stdout
    for words in (("pain", "add", "--after", "none"), ("log", "add", "run", "--minutes", "5")):
        assert call(*words, "--date", day, "--ledger", tmp_path / "l").exit_code == 2


@pytest.mark.parametrize(
    "text", ["date,note\n2026-05-01,{0}\n", "date,{0}\n", 'date,note\n2026-05-01,"{0}\n']
)
def test_a_cell_that_is_too_long_is_told_with_its_line(call, tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text.format("x" * 140_000), encoding="utf-8")
    said = call("pain", "import", file, "--ledger", tmp_path / "l")
    assert said.exit_code == 2
    line = text.partition("{0}")[0].count("\n") + 1
    assert f"log.csv: line {line}: a cell is too long." in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("pain", "add", "--after", "none"),
        ("log", "add", "run", "--minutes", "5"),
        ("profile", "--female"),
        ("forget", "--athlete", "ann", "--yes"),
        ("spikes", "--pack", "9"),
        ("export", "--pack", "8"),
        ("report", "--pack", "7"),
    ],
)
def test_a_command_that_waits_for_another_says_so(call, words, scanned):
    with Ledger(scanned) as other:
        other.lock()
        release = threading.Timer(0.4, other.unlock)
        release.start()
        done = call(*words, "--ledger", scanned)
        release.join()
    assert done.exit_code == 0
    assert done.stderr.startswith("Another kneeledger is writing to this ledger; waiting.\n")
