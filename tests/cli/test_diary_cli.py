"""pain, log, profile: written to a ledger of the test's own."""

import csv
import io
import json


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
    assert "0 entries added, 1 were there already" in call("pain", "import", file, "--ledger", ledger).stdout
    again = call("pain", "import", file, "--ledger", tmp_path / "other").stdout
    assert again.startswith("1 entr")


def test_swelling_refers_to_a_professional(call, tmp_path):
    found = call("pain", "add", "--swelling", "--date", "2026-04-30", "--ledger", tmp_path / "ledger")
    assert found.exit_code == 0
    assert len(found.stdout.splitlines()) >= 2


def test_pain_log_of_the_fixtures(call, fixtures, tmp_path):
    ledger = tmp_path / "ledger"
    assert call("pain", "import", fixtures / "export" / "pain-log.csv", "--ledger", ledger).exit_code == 0
    told = call("pain", "list", "--ledger", ledger).stdout
    assert told.count("\n2026-0") == 8
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
    assert found.stdout == "Noted: strength, 40 minutes, 2026-05-02.\n"
    told = json.loads(call("spikes", "--date", "2026-05-03", "--ledger", ledger, "--format", "json").stdout)
    assert told["as_of"] == "2026-05-03"


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
