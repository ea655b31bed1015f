"""What is shipped works by itself: built, installed into an empty environment, and run outside the repository.

Needs a registry to install from; skips with the reason where none answers. The lowest versions that
`pyproject.toml` allows are installed in an environment of their own and must work as well.
"""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BIN = "Scripts" if sys.platform == "win32" else "bin"
SMOKE = """
import sys
import kneeledger
from pathlib import Path
assert "site-packages" in kneeledger.__file__, kneeledger.__file__
for one in ("pytest", "hypothesis", "fit_tool", "pyarrow"):
    try:
        __import__(one)
    except ImportError:
        continue
    sys.exit(f"{one} is installed: the environment is not clean")
"""


def run(*words, cwd, **env):
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=kept | env,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def environment(folder):
    """Python of a new, empty environment."""
    venv.create(folder, with_pip=True)
    return folder / BIN / ("python.exe" if sys.platform == "win32" else "python")


def install(python, *what, cwd):
    """Install; skip where no registry answers."""
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what, cwd=cwd)
    if done.returncode and re.search(
        r"No matching distribution|Could not fetch|NewConnectionError|getaddrinfo|Temporary failure",
        done.stderr,
    ):
        answers = run(python, "-m", "pip", "download", "--no-deps", "-d", cwd / "probe", "click", cwd=cwd)
        if answers.returncode:
            pytest.skip("no package registry answers here")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel made from it."""
    folder = tmp_path_factory.mktemp("built")
    python = environment(folder / "builder")
    install(python, "build", "hatchling>=1.27", cwd=folder)
    out = folder / "dist"
    done = run(python, "-m", "build", "--no-isolation", "--outdir", out, TOP, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def works(python, cwd):
    """The demo, the contract of one file, and an explanation, with nothing but what is installed."""
    done = run(python, "-c", SMOKE, cwd=cwd)
    assert done.returncode == 0, done.stderr
    program = python.parent / "kneeledger"
    for words in (("--version",), ("demo", "-o", "demo"), ("explain",), ("doctor",)):
        done = run(program, *words, cwd=cwd, HOME=str(cwd), PYTHONWARNINGS="ignore")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert (cwd / "demo" / "report" / "index.html").stat().st_size > 10_000
    done = run(program, "spikes", "--ledger", cwd / "demo" / "ledger", "--format", "json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert '"findings"' in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_and_the_sdist_install_and_run_in_an_empty_environment(built, tmp_path):
    sdist, wheel = built
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert not [one for one in names if one.startswith(("tests/", "fixtures/", "notebooks/"))]
    for one in ("data/references.toml", "data/demo-export.zip", "py.typed", "reporting/templates/base.html"):
        assert f"kneeledger/{one}" in names
    assert any(one.endswith(".mplstyle") for one in names)
    with tarfile.open(sdist) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml"} <= inside
    assert not [one for one in inside if one.startswith((".venv", "demo-", ".git/"))]
    for number, what in enumerate((wheel, sdist)):
        here = tmp_path / str(number)
        here.mkdir()
        python = environment(here / "env")
        install(python, what, cwd=here)
        works(python, here)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_lowest_versions_that_are_allowed_work(built, tmp_path):
    python = environment(tmp_path / "env")
    lowest = [
        re.sub(r"\s*>=\s*([^,;\s]+)", r"==\1", one.partition(";")[0])
        for one in PROJECT["dependencies"]
        if "win32" not in one or sys.platform == "win32"
    ]
    assert all("==" in one for one in lowest)
    install(python, built[1], *lowest, cwd=tmp_path)
    works(python, tmp_path)
