"""MLflow stores for tests: a SQLite file for each test, and one real server for all."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from flowml.registry.connection import connect
from tests.registry.builders import small_bundle

START_SECONDS = 90


@pytest.fixture(autouse=True)
def _no_store_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store; making one takes seconds, copying one does not."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{path}", may_create=True)
    return path


@pytest.fixture
def store(migrated_database: Path, tmp_path: Path) -> str:
    """The URI of an empty SQLite store of this test's own."""
    return f"sqlite:///{shutil.copy(migrated_database, tmp_path / 'mlflow.db')}"


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound bundle; tests that change it copy it first."""
    return small_bundle(tmp_path_factory.mktemp("models") / "flowml" / "1")


@pytest.fixture(params=["sqlite", "server"])
def any_store(request: pytest.FixtureRequest) -> str:
    """The URI of either kind of store; the server keeps what other tests put there."""
    uri: str = request.getfixturevalue("store" if request.param == "sqlite" else "server")
    return uri


@pytest.fixture
def unused_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def server(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real MLflow server on the loopback."""
    folder = tmp_path_factory.mktemp("server")
    database = shutil.copy(migrated_database, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{database}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    environment = os.environ | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        _await_health(port, process, folder / "log")
        yield uri
    finally:
        # The server starts workers of its own; its process group is theirs.
        os.killpg(process.pid, 15)
        process.wait(30)


def _await_health(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.2)
    raise RuntimeError(f"the MLflow server did not start:\n{log.read_text()[-2000:]}")
