"""README and changelog hold what the code holds, and what they show is what a run prints."""

import importlib
import json
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

import kneeledger
from kneeledger import analyzers, cli, config, errors, findings
from kneeledger.ledger.store import Ledger
from kneeledger.pipeline import settings

TOP = Path(__file__).resolve().parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
CHANGELOG = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parts() -> ModuleType:
    sys.path.insert(0, str(TOP / "fixtures"))
    try:
        return importlib.import_module("readme_parts")
    finally:
        sys.path.remove(str(TOP / "fixtures"))


def committed() -> list[Path]:
    """Text files under version control, or, without git, everything that would be."""
    try:
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True, encoding="utf-8"
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [
            str(p.relative_to(TOP)) for part in ("src", "tests", "fixtures") for p in (TOP / part).rglob("*")
        ]
    return [TOP / name for name in names if name and (TOP / name).is_file()]


def _codes(issues: str) -> list[str]:
    return [one["code"] for one in json.loads(issues)]


class TestGeneratedParts:
    @pytest.mark.parametrize("name", ["commands", "metrics", "settings", "enumerations", "findings"])
    def test_tables_are_in_step_with_the_code(self, parts, name):
        assert parts.marked(README, name) == parts.from_code()[name], (
            "python fixtures/readme_parts.py renews it"
        )

    def test_codes_of_issues_are_all_there(self, parts, season):
        listed = set(parts.issue_codes())  # raises where the source hides one
        with Ledger(season, create=False) as ledger:
            seen = {
                code for (text,) in ledger.query("select issues from activities") for code in _codes(text)
            }
        assert seen
        assert seen <= listed
        assert {"late_points_dropped", "position_jump", "fit_cut", "file_cut", "times_spread"} <= listed

    @pytest.mark.parametrize("name", ["run-spikes", "run-activity", "run-headroom"])
    def test_output_is_what_a_run_prints(self, parts, season, name):
        assert parts.marked(README, name) == parts.shown(season, parts.SHOWN[name]), (
            "python fixtures/readme_parts.py renews it"
        )


class TestEverythingIsNamed:
    @pytest.mark.parametrize("command", cli.COMMANDS)
    def test_commands(self, command):
        assert f"`{command}`" in README

    @pytest.mark.parametrize("key", [one.key for one in settings.SETTINGS])
    def test_settings(self, key):
        assert f"`{key}`" in README

    @pytest.mark.parametrize("name", analyzers.cards())
    def test_metrics(self, name):
        assert f"`{name}`" in README

    def test_findings_and_errors(self):
        slugs = {
            one.slug
            for one in vars(errors).values()
            if isinstance(one, type) and issubclass(one, errors.KneeledgerError)
        }
        codes = {code for rule in findings.RULES for code in rule.codes}
        assert not [word for word in slugs | codes if f"`{word}`" not in README]

    def test_exit_codes(self):
        assert "0 fine; 1 findings, only with `--fail-on`; 2 usage, settings, input or output" in README

    @pytest.mark.parametrize(
        "words",
        [("activity", "2026-04-30", "--what-if"), ("spikes",), ("cadence",)],
        ids=lambda words: words[0],
    )
    def test_json_keys(self, season, words):
        done = CliRunner().invoke(cli.cli, [*words, "--ledger", str(season), "--format", "json"])
        told = json.loads(done.stdout)
        families = [told, *told.get("activities", [])[:3], *told.get("findings", [])[:1]]
        families += [one for key in ("knee_load", "downhill", "cadence") for a in told.get("activities", [])
                     for one in [a[key]]]  # fmt: skip
        families += [told[key] if isinstance(told[key], dict) else told[key][0] for key in ("model", "series", "changes")
                     if key in told]  # fmt: skip
        keys = {key for family in families for key in family}
        assert not [key for key in sorted(keys) if f"`{key}`" not in README]

    def test_scan_keys(self, tmp_path, fixtures):
        one = fixtures / "export" / "loose" / "truncated.fit"
        done = CliRunner().invoke(
            cli.cli, ["scan", str(one), "--ledger", str(tmp_path / "l"), "--jobs", "1", "--format", "json"]
        )
        assert not [key for key in json.loads(done.stdout) if f"`{key}`" not in README]

    def test_every_link_and_picture_is_there(self):
        links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", README + CHANGELOG)
        assert not [link for link in links if not link.startswith("http") and not (TOP / link).exists()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


class TestReadmeRuns:
    @pytest.mark.parametrize("code", blocks("python"))
    def test_python(self, code, monkeypatch, capsys):
        monkeypatch.chdir(TOP)
        exec(compile(code, "README.md", "exec"), {})
        assert "easy minutes (" in capsys.readouterr().out

    def test_python_is_six_lines(self):
        lines = [line for line in blocks("python")[0].splitlines() if line.strip()]
        assert len(lines) <= 6

    def test_shell_commands_exist(self):
        shell = [
            line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")
        ]
        shell += re.findall(r"`(kneeledger [^`]+)`", README)
        targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert len(shell) > 10
        for line in shell:
            words = shlex.split(line, comments=True)
            if words[0] == "make":
                assert words[1] in targets, line
            elif words[0] == "kneeledger":
                command: click.Command = cli.cli
                rest = words[1:]
                while isinstance(command, click.Group):
                    inner = command.get_command(click.Context(command), rest.pop(0))
                    assert inner is not None, line
                    command = inner
                known = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
                flags = [word.split("=")[0] for word in rest if word.startswith("-")]
                assert not set(flags) - known - {"--help"}, line
            else:
                assert words[0] == "pip", line


class TestChangelog:
    @pytest.mark.parametrize("analyzer", analyzers.ANALYZERS, ids=lambda one: one.name)
    def test_every_version_has_its_line_under_numbers_changed(self, analyzer):
        told = "\n".join(re.findall(r"### Numbers changed\n(.*?)(?=\n##|\Z)", CHANGELOG, re.DOTALL))
        assert re.search(rf"^- {analyzer.name} {analyzer.version}: \S", told, re.MULTILINE)

    def test_version_is_known(self):
        assert f"## [{kneeledger.__version__}]" in CHANGELOG or "## [Unreleased]" in CHANGELOG


class TestFrontDoor:
    def test_names_are_sorted_and_complete(self):
        assert list(kneeledger.__all__) == sorted(kneeledger.__all__)
        assert {"read", "prepare", "analyze", "Ledger", "write_report"} <= set(kneeledger.__all__)
        assert dir(kneeledger) == sorted(kneeledger.__all__)
        doc = kneeledger.__doc__ or ""
        for name in ("read", "prepare", "analyze", "Ledger", "write_report", "to_pandas", "from_pandas"):
            assert f"``{name}(" in doc

    def test_every_submodule_imports_and_the_door_stays_open(self):
        """In a process of its own: importing a submodule must not put a module in a function's place."""
        code = (
            "import importlib, pkgutil, kneeledger\n"
            "for one in pkgutil.walk_packages(kneeledger.__path__, 'kneeledger.'):\n"
            "    if not one.name.endswith('__main__'): importlib.import_module(one.name)\n"
            "for name in kneeledger.__all__:\n"
            "    if name != '__version__': assert callable(getattr(kneeledger, name)), name\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, encoding="utf-8"
        )
        assert done.returncode == 0, done.stderr

    def test_modules_list_what_they_offer_in_order(self):
        for one in pkgutil.walk_packages(kneeledger.__path__, "kneeledger."):
            if one.name.endswith("__main__"):
                continue
            module: Any = importlib.import_module(one.name)
            names = list(getattr(module, "__all__", []))
            missing = [name for name in names if not hasattr(module, name)]
            assert not missing, f"{one.name}: {missing}"
            assert len(names) == len(set(names)), one.name


class TestNothingOfTheWorkplace:
    WORDS = ("/" + "work/", "/" + "simple/", "index" + "-url", "/" + "root/", "extra-" + "index")

    def test_no_paths_and_no_index_addresses(self):
        found = []
        for file in committed():
            if file.suffix in (".fit", ".gz", ".zip", ".png", ".parquet", ".npz"):
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
            found += [f"{file.relative_to(TOP)}: {word}" for word in self.WORDS if word in text]
        assert not found

    def test_committed_files_are_small(self):
        big = {
            f.relative_to(TOP).as_posix(): f.stat().st_size
            for f in committed()
            if f.stat().st_size > 2_000_000
        }
        assert set(big) <= {"fixtures/export/garmin-account.zip"}
        pictures = list((TOP / "fixtures" / "pictures").glob("*.png"))
        assert all(one.stat().st_size < 300_000 for one in pictures)


def test_settings_template_knows_every_key():
    text = config.toml_text(settings.SETTINGS)
    assert not [one.key for one in settings.SETTINGS if f"# {one.key} = " not in text]
