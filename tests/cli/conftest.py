"""Commands called as a user calls them, in a folder and with settings of the test's own."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kneeledger.cli import cli

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> Call:
    """``call("spikes", "--last", "8w")``: the result with stdout and stderr apart, 100 columns wide."""
    del own_home
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: object, stdin: str | None = None) -> Result:
        found = CliRunner().invoke(cli, [str(word) for word in words], input=stdin, prog_name="kneeledger")
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return run


@pytest.fixture(scope="session")
def answered() -> dict[tuple[str, ...], Result]:
    """Answers of `ask` that were given already: the ledger it asks does not change."""
    return {}


@pytest.fixture
def ask(call: Call, season: Path, answered: dict[tuple[str, ...], Result]) -> Call:
    """`call` over the ledger of the made-up season; `fresh` asks again what was asked before."""

    def run(*words: object, fresh: bool = False) -> Result:
        surroundings = sorted(
            f"{name}={value}" for name, value in os.environ.items() if name.startswith("KNEELEDGER_")
        )
        key = (os.environ["COLUMNS"], *surroundings, *map(str, words))
        if fresh or any(Path.cwd().iterdir()):  # a settings file of this test's own changes the answer
            return call(*words, "--ledger", season)
        if key not in answered:
            answered[key] = call(*words, "--ledger", season)
        return answered[key]

    return run


@pytest.fixture
def data(ask: Call) -> Callable[..., dict[str, Any]]:
    """The JSON object a reading command prints."""

    def run(*words: Sequence[object]) -> dict[str, Any]:
        found = ask(*words, "--format", "json")
        assert found.exit_code == 0, found.stderr
        return json.loads(found.stdout)

    return run
