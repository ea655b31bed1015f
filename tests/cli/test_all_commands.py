"""What holds of every command: help with an example, exit codes, no traceback, quick to start."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kneeledger import cli, executors
from kneeledger.cli import options
from kneeledger.ledger.store import Ledger
from kneeledger.model import DownhillModel

READING = ("spikes", "headroom", "downhill", "cadence", "ease")
"""Commands over a ledger that need no further word."""


def leaves(command: click.Command, name: tuple[str, ...] = ()):
    yield name, command
    if isinstance(command, click.Group):
        for word in command.list_commands(click.Context(command)):
            try:
                inner = command.get_command(click.Context(command), word)
            except ModuleNotFoundError:
                continue
            assert inner is not None
            yield from leaves(inner, (*name, word))


EVERY = dict(leaves(cli.cli))


@pytest.mark.parametrize("name", EVERY, ids=" ".join)
class TestHelp:
    def test_has_an_example_on_its_own_lines(self, call, name):
        found = call(*name, "--help")
        assert found.exit_code == 0
        command = " ".join(("kneeledger", *name))
        assert re.search(rf"\n\n  Example:\n    {command}\b", found.stdout) or not name
        assert "\\b" not in found.stdout

    def test_every_option_is_explained(self, name):
        for option in EVERY[name].params:
            if isinstance(option, click.Option) and not option.help:
                assert isinstance(option.type, click.Choice) or option.is_flag, option.name


def test_every_command_module_loads():
    for name in cli.COMMANDS:
        assert cli.cli.get_command(click.Context(cli.cli), name) is not None


def test_downhill_models_are_those_of_the_model():
    assert list(options.DOWNHILL_MODELS) == [one.value for one in DownhillModel]


def test_unknown_word_is_a_usage_error(call):
    found = call("nonsense")
    assert found.exit_code == 2
    assert "No such command" in found.stderr


class TestFormats:
    @pytest.mark.parametrize("name", READING)
    def test_json_begins_with_its_version(self, ask, name):
        found = ask(name, "--format", "json")
        assert found.exit_code == 0
        assert found.stderr == ""
        assert next(iter(json.loads(found.stdout))) == "schema_version"
        assert json.loads(found.stdout)["schema_version"] == 1
        assert not re.search(r"\b(NaN|Infinity)\b", found.stdout)

    @pytest.mark.parametrize("name", READING)
    def test_csv_is_one_plain_table(self, ask, name):
        found = ask(name, "--format", "csv")
        assert found.exit_code == 0
        rows = list(csv.reader(io.StringIO(found.stdout)))
        assert len(rows) > 1
        assert len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell.startswith(("{", "["))]

    @pytest.mark.parametrize("name", READING)
    def test_table_fits_eighty_columns(self, ask, monkeypatch, name):
        monkeypatch.setenv("COLUMNS", "80")
        found = ask(name)
        assert found.exit_code == 0
        long = [line for line in found.stdout.splitlines() if len(line) > 80]
        assert not long
        assert not [line for line in found.stdout.splitlines() if line != line.rstrip()]

    @pytest.mark.parametrize("name", READING)
    def test_imperial_changes_the_words_and_not_the_data(self, ask, name):
        assert (
            ask(name, "--format", "json", "--units", "imperial").stdout
            == ask(name, "--format", "json").stdout
        )
        words = ask(name, "--units", "imperial").stdout
        assert not re.search(r"\d (km|m)\b", words)

    @pytest.mark.parametrize("name", READING)
    def test_as_of_day_gives_the_same_bytes_and_hides_what_came_later(self, ask, name):
        first = ask(name, "--date", "2026-04-12", "--format", "json")
        assert first.exit_code == 0
        assert first.stdout == ask(name, "--date", "2026-04-12", "--format", "json", fresh=True).stdout
        later = re.findall(r"2026-0(?:4-(?:1[3-9]|2\d|30)|5-\d\d)T?", first.stdout)
        if name not in ("headroom", "ease"):  # these two speak of the days to come
            assert not later

    @pytest.mark.parametrize("name", READING)
    def test_the_clock_is_not_asked(self, ask, name, monkeypatch):
        """Years later the same ledger says the same."""
        before = ask(name).stdout
        monkeypatch.setattr("time.time", lambda: 4e9)
        assert ask(name, fresh=True).stdout == before


class TestBadInput:
    @pytest.mark.parametrize("name", READING)
    def test_no_ledger(self, call, tmp_path, name):
        found = call(name, "--ledger", tmp_path / "none")
        assert found.exit_code == 2
        assert found.stdout == ""
        assert "There is no ledger" in found.stderr
        assert "kneeledger scan" in found.stderr
        assert not (tmp_path / "none").exists(), "a reading command makes nothing"

    @pytest.mark.parametrize(
        "words",
        [
            ("spikes", "--athlete", "me\udcff"),
            ("forget", "--yes", "--athlete", "\udcff"),
            ("pain", "add", "--note", "a\udcff"),
            ("headroom", "--plan", "\udcff"),
            ("activity", "\udcff"),
            ("explain", "\udcff"),
            ("export", "gpx", "--activity", "\udcff"),
        ],
    )
    def test_bytes_that_are_no_letters(self, call, words, tmp_path):
        found = call(*words, *([] if words[0] == "explain" else ["--ledger", tmp_path / "none"]))
        assert found.exit_code == 2
        assert "is no text in UTF-8" in found.stderr
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize("name", READING)
    def test_unknown_athlete(self, ask, name):
        found = ask(name, "--athlete", "nobody")
        assert found.exit_code == 2
        assert "nobody" in found.stderr

    @pytest.mark.parametrize(
        "words",
        [
            ("--date", "yesterday"),
            ("--date", "2026-02-30"),
            ("--downhill-model", "steep"),
            ("--weight", "heavy"),
            ("--format", "xml"),
        ],
        ids=" ".join,
    )
    def test_bad_option_values(self, ask, words):
        found = ask("spikes", *words)
        assert found.exit_code == 2
        assert words[1] in found.stderr

    @pytest.mark.parametrize(
        ("flag", "value"), [("--weight", "4"), ("--tz", "Mars/Base"), ("--incline", "9")]
    )
    def test_settings_out_of_range_are_one_sentence(self, ask, flag, value):
        found = ask("spikes", flag, value)
        assert found.exit_code == 2
        assert found.stderr.startswith("kneeledger: ")
        assert found.stderr.count("\n") == 1

    def test_unknown_key_in_the_settings_file(self, ask, tmp_path):
        (tmp_path / "work" / "kneeledger.toml").write_text("colour = 3\n", encoding="utf-8")
        found = ask("spikes")
        assert found.exit_code == 2
        assert "colour" in found.stderr


class TestProcess:
    """One real process each; everything else goes through click's runner."""

    def test_data_and_the_rest_are_apart(self, season):
        done = subprocess.run(
            [sys.executable, "-m", "kneeledger", "spikes", "--ledger", str(season), "--format", "json"],
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0
        assert done.stderr == ""
        assert json.loads(done.stdout)["as_of"] == "2026-05-03"

    def test_a_bad_file_is_a_sentence(self, tmp_path):
        bad = tmp_path / "bad.fit"
        bad.write_bytes(b"\x0e\x10\xd9\x07\x00\x00\x00\x00.FIT")
        done = subprocess.run(
            [sys.executable, "-m", "kneeledger", "activity", str(bad)],
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("kneeledger: ")
        assert done.stdout == ""

    @pytest.mark.parametrize("words", [["--help"], ["--version"], ["spikes", "--help"], ["report", "--help"]])
    def test_help_imports_nothing_heavy(self, words):
        code = (
            "import sys\n"
            "from kneeledger.cli import cli\n"
            f"try: cli({words!r}, prog_name='kneeledger')\n"
            "except SystemExit as done: assert not done.code\n"
            "heavy = {'polars', 'matplotlib', 'pandas', 'numpy', 'lxml', 'fitparse'} & set(sys.modules)\n"
            "print(','.join(sorted(heavy)), file=sys.stderr)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
        assert done.stderr.strip() == ""


@pytest.mark.parametrize(("set_to", "found"), [(None, "1"), ("3", "3")])
def test_products_of_matrices_take_one_thread_unless_the_user_says_otherwise(set_to, found):
    code = (
        "import atexit, os\n"
        "atexit.register(lambda: print(os.environ['OPENBLAS_NUM_THREADS']))\n"
        "import sys; sys.argv = ['kneeledger', '--version']\n"
        "from kneeledger.cli import main\n"
        "main()\n"
    )
    given = {name: value for name, value in os.environ.items() if name not in executors.ARITHMETIC}
    given |= {"OPENBLAS_NUM_THREADS": set_to} if set_to else {}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8", env=given
    )
    assert done.stdout.splitlines()[-1] == found


def test_a_command_that_does_not_exist_names_the_nearest(call):
    found = call("spkes")
    assert found.exit_code == 2
    assert "There is no command 'spkes'. Did you mean spikes?" in found.stderr
    assert "Did you mean" not in call("xyzzy").stderr


def test_what_to_do_is_a_sentence_of_its_own(ask, fixtures):
    assert "'10k' is not understood. Write it as" in ask("headroom", "--plan", "10k").stderr
    assert "neither GPX nor TCX. Export" in ask("forecast", fixtures / "export" / "pain-log.csv").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_pipe_that_is_closed_early_is_no_trouble(season, form):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "kneeledger", "spikes", "--ledger", str(season), "--format", form]
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


SHELL = shutil.which("sh")


def in_a_shell(line, cwd):
    return subprocess.run(
        [SHELL, "-c", line], cwd=cwd, capture_output=True, check=False, env=os.environ | {"P": sys.executable}
    )


@pytest.mark.skipif(
    SHELL is None or not Path("/dev/full").exists(), reason="no shell, or no device that is full"
)
class TestOutputThatTakesNothing:
    @pytest.mark.parametrize("where", [">&-", ">/dev/full", "2>&-", "2>/dev/full", ">&- 2>&-"])
    def test_no_traceback_and_the_work_is_done(self, where, fixtures, tmp_path, own_home):
        run = fixtures / "export" / "loose" / "same-run-twice.gpx"
        done = in_a_shell(f'"$P" -m kneeledger scan "{run}" --format json --ledger l {where}', tmp_path)
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr
        assert (done.returncode == 2) is ("/dev/full" in where and "2>" not in where)
        with Ledger(tmp_path / "l", create=False) as ledger:
            assert ledger.activities("me").height == 1

    @pytest.mark.parametrize(
        "line",
        [
            "--help >/dev/full",
            "--version >/dev/full",
            "spikes --ledger none 2>/dev/full",
            "nosuch 2>/dev/full",
        ],
    )
    def test_the_exit_code_says_it_where_no_sentence_can(self, line, tmp_path, own_home):
        done = in_a_shell(f'"$P" -m kneeledger {line}', tmp_path)
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr + done.stdout

    def test_a_folder_that_is_gone_is_told(self, tmp_path, own_home):
        line = 'mkdir g && cd g && rmdir ../g && "$P" -m kneeledger spikes --ledger ../l'
        done = in_a_shell(line, tmp_path)
        assert done.returncode == 2
        assert b"The folder this was started in is gone." in done.stderr

    def test_a_long_name_in_a_settings_file_is_cut(self, tmp_path, own_home):
        (tmp_path / "kneeledger.toml").write_text("k" * 100_000 + " = 1", encoding="utf-8")
        done = in_a_shell('"$P" -m kneeledger config show', tmp_path)
        assert done.returncode == 2
        assert len(done.stderr) < 3_000
