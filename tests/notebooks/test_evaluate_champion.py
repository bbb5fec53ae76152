from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError

from flowml.registry.promotion import promote
from flowml.registry.tracking import log_run
from flowml.registry.versions import ModelRegistry
from tests.notebooks.conftest import Run
from tests.recorded import record_data_set
from tests.registry.builders import small_bundle, training_run


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a champion, a data set, and the environment that names them."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("FLOWML_DATASET", str(mislabel(record_data_set(tmp_path / "small", n_origins=2))))
    version = log_run(training_run(small_bundle(tmp_path / "flowml" / "1")), uri)
    promote(ModelRegistry(uri), version, "champion")
    return tmp_path


def mislabel(data_set: Path) -> Path:
    """Turn the truth of one pool and one web server round, so that the champion is wrong about them."""
    manifest = data_set / "manifest.toml"
    text = manifest.read_text()
    for ip, truth in (("198.51.0.1", "true"), ("198.51.1.1", "false")):
        before, after = text.split(f'ip = "{ip}"')
        other = "false" if truth == "true" else "true"
        text = f'{before}ip = "{ip}"{after.replace(f"is_mining = {truth}", f"is_mining = {other}", 1)}'
    manifest.write_text(text)
    return data_set


def test_the_notebook_shows_the_champion_its_figures_and_its_mistakes(
    run_notebook: Run, surroundings: Path
) -> None:
    shown = run_notebook("evaluate_champion", surroundings)
    text = "\n".join(data.get("text/markdown", data.get("text/plain", "")) for data in shown)
    assert "# flowml 1" in text  # the card
    assert "1 captures, 12 connections" in text
    assert "| small | 2 of 4 |" in text
    assert "2 false alarms, 2 missed miners" in text
    curves, strips = 2, 4
    assert sum("image/png" in data for data in shown) == curves + strips


def test_a_store_without_a_champion_stops_the_notebook_with_one_line(
    run_notebook: Run, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWML_MODEL", "models:/flowml@nobody")
    with pytest.raises(CellExecutionError, match="models:/flowml@nobody: no such alias"):
        run_notebook("evaluate_champion", surroundings)
