from pathlib import Path

import pytest

from tests.notebooks.conftest import Run
from tests.recorded import record_data_set


def test_the_notebook_counts_the_data_sets_and_shows_a_miner_beside_what_looks_like_it(
    run_notebook: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_data_set(tmp_path / "sets" / "small", n_origins=2)
    monkeypatch.setenv("FLOWML_DATASETS", str(tmp_path / "sets"))
    shown = run_notebook("what_mining_looks_like", tmp_path)
    text = "\n".join(data.get("text/markdown", "") for data in shown)
    assert "1 data sets, 1 captures, 12 connections" in text
    assert "| monero | 4 | 4 |" in text
    assert "| telemetry | 4 | 4 |" in text
    miner, look_alike = 1, 1
    assert sum("image/png" in data for data in shown) == miner + look_alike
