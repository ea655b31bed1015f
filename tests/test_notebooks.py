"""The notebooks run clean from top to bottom, and are committed without outputs."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = ("01-one-run", "02-a-season", "03-the-knee-model")


def loaded(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def test_these_are_all():
    assert sorted(file.stem for file in NOTEBOOKS.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_stripped(name):
    cells = loaded(name).cells
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    nbformat.validate(json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")))


@pytest.mark.loopback
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [NAMES[0], pytest.param(NAMES[1], marks=pytest.mark.slow), NAMES[2]])
def test_runs_clean(name, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error::DeprecationWarning:kneeledger")
    notebook = loaded(name)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}})
    client.execute()
    said = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]
    assert not said
