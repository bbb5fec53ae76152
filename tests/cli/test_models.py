from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.models.bundle_files import ESTIMATORS, bundle_digest
from flowml.registry.connection import connect
from flowml.registry.tracking import log_run
from tests.registry.builders import small_bundle, training_run


@pytest.fixture(scope="module")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("models") / "flowml" / "1")


@pytest.fixture
def store(tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with one version, found by the environment."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    log_run(training_run(bundle_folder), uri)
    return uri


@pytest.mark.usefixtures("store")
def test_the_list_shows_versions_aliases_and_digests(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "promote", "1", "--alias", "canary"]) == 0
    capsys.readouterr()
    assert run(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert "canary" in shown
    assert "2026.11" in shown
    assert bundle_digest(bundle_folder)[:12] in shown


@pytest.mark.usefixtures("store")
def test_show_prints_the_card(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for reference in ("models:/flowml/1", str(bundle_folder)):
        assert run(["models", "show", reference]) == 0
        shown = capsys.readouterr().out
        assert "flowml 1" in shown
        assert bundle_digest(bundle_folder) in shown


def test_a_version_whose_files_were_changed_is_not_promoted(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (estimators,) = tmp_path.glob(f"mlruns/**/bundle/{ESTIMATORS}")
    estimators.write_bytes(estimators.read_bytes()[:-1] + b"x")
    assert run(["models", "promote", "1"]) == 2
    assert f"flowml: models:/flowml/1: refused what {store} gave" in capsys.readouterr().err
    assert run(["models", "show", "models:/flowml@champion"]) == 2
    assert "no such alias" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_an_unknown_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "promote", "9"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("flowml: models:/flowml/9: no such version")
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("store")
def test_a_champion_without_a_past_cannot_be_rolled_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "promote", "1"]) == 0
    assert run(["models", "rollback"]) == 2
    assert "has not pointed to another version before" in capsys.readouterr().err


def test_a_digest_that_does_not_belong_to_the_files_is_never_promoted(
    store: str, bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_run(training_run(bundle_folder), store)
    connect(store).set_model_version_tag("flowml", "2", "flowml.digest", "a1" * 32)
    assert run(["models", "promote", "2"]) == 2
    assert "not the model that was registered" in capsys.readouterr().err
