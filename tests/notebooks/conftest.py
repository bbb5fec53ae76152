"""What every notebook needs of its surroundings, and how it is run."""

from collections.abc import Callable
from pathlib import Path

import jupytext
import nbclient
import pytest

from tests.conftest import REPOSITORY

Run = Callable[[str, Path], list[dict[str, str]]]


@pytest.fixture
def run_notebook(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Execute a notebook in a folder; gives what its cells show, by media type."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "src"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")

    def run(name: str, folder: Path) -> list[dict[str, str]]:
        notebook = jupytext.read(REPOSITORY / "notebooks" / f"{name}.py")
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(notebook, timeout=200, resources=resources).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        return [output["data"] for output in outputs if "data" in output]

    return run
