import json
import signal
import subprocess
from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.models.bundle_files import bundle_digest
from tests.processes import ENVIRONMENT, FLOWML, children, eventually, flowml, start_flowml
from tests.recorded import record_data_set


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_data_set(tmp_path_factory.mktemp("datasets") / "small")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, with no store named by the environment."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def test_a_trained_model_is_saved_registered_promoted_and_rolled_back(
    data_set: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1", "2"):
        assert run(["train", str(data_set), "-o", f"models/flowml/{version}", "--seed", version]) == 0
        shown = capsys.readouterr().out
        digest = bundle_digest(home / "models" / "flowml" / version)
        assert f"models/flowml/{version}: saved, digest {digest}\n" in shown
        assert f"flowml models promote {version} --alias champion" in shown
        assert run(["models", "promote", version]) == 0
        assert f"models:/flowml@champion is version {version}" in capsys.readouterr().out
    assert {path.name for path in home.iterdir()} == {"mlflow.db", "mlruns", "models"}
    assert run(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["version"], each["aliases"]) for each in listed] == [(2, ["champion"]), (1, [])]
    assert run(["models", "rollback"]) == 0
    assert capsys.readouterr().out == "models:/flowml@champion is version 1 (bundle 1)\n"
    assert run(["models", "show", "models:/flowml@champion", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["digest"] == bundle_digest(home / "models" / "flowml" / "1")
    assert facts["training"]["seed"] == 1


def test_a_training_says_nothing_but_its_results(data_set: Path, home: Path) -> None:
    """In a process of its own, as an operator runs it: MLflow is talkative."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONWARNINGS"}
    command = [*FLOWML, "train", str(data_set), "-o", "models/flowml/1"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert told.stdout.endswith("flowml models promote 1 --alias champion\n")
    assert "MLflow" not in told.stdout


def test_without_registering_mlflow_is_left_alone(data_set: Path, home: Path) -> None:
    assert run(["train", str(data_set), "-o", "out/7", "--no-register", "--name", "other"]) == 0
    assert [path.name for path in home.iterdir()] == ["out"]
    facts = json.loads((home / "out" / "7" / "bundle.json").read_text())
    assert (facts["name"], facts["version"]) == ("other", "7")


def test_a_server_that_is_down_stops_the_work_before_it_begins(
    data_set: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = "http://127.0.0.1:9"
    assert run(["train", str(data_set), "-o", "model", "--tracking-uri", uri]) == 2
    assert capsys.readouterr().err == (
        f"flowml: {uri}: the MLflow server does not answer; "
        "start it, or name another with MLFLOW_TRACKING_URI\n"
    )
    assert list(home.iterdir()) == []


def test_a_folder_without_a_manifest_is_one_line(home: Path) -> None:
    told = flowml("train", home, "-o", home / "model", "--no-register")
    assert told.returncode == 2
    assert told.stderr.startswith(f"flowml: {home}/manifest.toml: ")
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_half_written(data_set: Path, home: Path, number: signal.Signals) -> None:
    with start_flowml("train", data_set, "-o", home / "models" / "1", "--no-register") as process:
        # its workers are there: it is at work on the captures, or past them
        assert eventually(lambda: bool(children(process.pid)))
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert list(home.rglob("*")) == []
