import time
from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.detections.scores import N_BINS
from flowml.incidents.scores import HOUR_MS, add_scores
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import ModelInUse, record_model
from flowml.models.bundle_files import bundle_digest
from tests.registry.builders import small_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture
def config(bundle: Path, tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    path = tmp_path / "flowml.toml"
    path.write_text(f'[state]\nfolder = "state"\n[live]\nmodel = "{bundle}"\n')
    return path


def store_scores(tmp_path: Path, digest: str) -> None:
    """Two days: each hour one connection in each of the two highest bins, and hundreds in the lowest."""
    store, now = IncidentStore(tmp_path / "state"), int(time.time() * 1000)
    record_model(store, ModelInUse("champion", "flowml 1", digest, "", now))
    for hours in range(48):
        add_scores(store, digest, [500, *[0] * (N_BINS - 3), 1, 1], now - hours * HOUR_MS)
    store.close()


@pytest.mark.parametrize("budget", [["30"], ["30/day"], ["12/day", "--hosts", "2500"]])
def test_a_budget_becomes_a_threshold_with_what_it_costs(
    budget: list[str], config: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_scores(tmp_path, bundle_digest(bundle))
    assert run(["threshold", "--budget", *budget, "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "24096 connections in 48 hours, judged by flowml 1" in said
    assert "[models]\n    threshold = 0.9996" in said
    assert "recall on 24 mining connections of the captures: 100.0% from 0.8000 on, as now, " in said
    assert "% from 0.9996 on" in said


def test_scores_of_another_model_have_no_recall_here(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_scores(tmp_path, "f" * 64)
    assert run(["threshold", "--budget", "30", "--config", str(config)]) == 0
    assert "recall: not known here" in capsys.readouterr().out


def test_a_model_of_an_older_flowml_has_no_recall_to_tell(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from flowml.models.bundle import save_bundle
    from tests.registry.builders import fitted

    old = save_bundle(
        replace(fitted(), version="0", recall=None, population=None), tmp_path / "old", "# old\n"
    )
    config.write_text(f'[state]\nfolder = "state"\n[live]\nmodel = "{tmp_path / "old"}"\n')
    store_scores(tmp_path, old.digest)
    assert run(["threshold", "--budget", "30", "--config", str(config)]) == 0
    assert "recall: this model does not say; train it again" in capsys.readouterr().out


def test_no_scores_and_no_threshold_are_one_line(
    config: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["threshold", "--budget", "30", "--config", str(config)]) == 2
    assert "no scores of that time yet" in capsys.readouterr().err
    store_scores(tmp_path, bundle_digest(bundle))
    assert run(["threshold", "--budget", "1", "--config", str(config)]) == 2
    assert "no threshold keeps 1 alerts a day" in capsys.readouterr().err
    assert run(["threshold", "--budget", "many"]) == 2
    assert "expected alerts a day" in capsys.readouterr().err
