from pathlib import Path

import pytest

from flowml.datasets.feedback import LabelledAlert, write_feedback
from tests.conftest import REPOSITORY
from tests.incidents.seen import START, mined, seen
from tests.notebooks.conftest import Run
from tests.recorded import record_data_set


def test_the_notebook_shows_mistakes_feedback_and_the_evasion_matrix(
    run_notebook: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_data_set(tmp_path / "sets" / "small")
    write_feedback(tmp_path / "said", [LabelledAlert(7, mined(seen()), False, "mika", "telemetry", START)])
    monkeypatch.setenv("FLOWML_DATASETS", str(tmp_path / "sets"))
    monkeypatch.setenv("FLOWML_FEEDBACK", str(tmp_path / "said"))
    evasions = REPOSITORY / "docs" / "evaluation" / "evasions.csv"
    monkeypatch.setenv("FLOWML_EVASIONS", str(evasions))
    shown = run_notebook("errors_and_evasions", tmp_path)
    text = "\n".join(data.get("text/markdown", "") for data in shown)
    assert "false alarms" in text
    assert "among 36 connections" in text
    assert "| splitting | strong |" in text
    feedback, matrix = 1, 1
    assert sum("image/png" in data for data in shown) >= feedback + matrix
