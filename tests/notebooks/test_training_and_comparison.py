from dataclasses import replace
from pathlib import Path

import pytest

from flowml.registry.tracking import log_run
from tests.conftest import REPOSITORY
from tests.notebooks.conftest import Run
from tests.registry.builders import small_bundle, training_run


def test_the_notebook_sets_the_runs_of_a_store_side_by_side(
    run_notebook: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    told = training_run(small_bundle(tmp_path / "flowml" / "1"))
    for version, threshold in (("1", 0.9), ("2", 0.8)):
        metrics = {"left_out.recall_long": threshold, "left_out.false_alarm_share": 0.01}
        parameters = {**told.parameters, "threshold.mining": threshold}
        log_run(replace(told, version=version, metrics=metrics, parameters=parameters), uri)
    learners = REPOSITORY / "docs" / "evaluation" / "learners.csv"
    monkeypatch.setenv("FLOWML_LEARNERS", str(learners))
    shown = run_notebook("training_and_comparison", tmp_path)
    text = "\n".join(data.get("text/markdown", "") for data in shown)
    assert "| flowml 1 | lab, ndpi | 0.900 | nan | nan | 90.0% | 1.00% |" in text
    assert "| threshold.mining | 0.9 | 0.8 |" in text
    assert "| training.seed |" not in text  # is the same in both
    assert "| randomised trees + sequences |" in text
    comparison, of_the_runs, of_learners = 1, 1, 1
    assert sum("image/png" in data for data in shown) == comparison + of_the_runs + of_learners
