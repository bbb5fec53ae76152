import os
import socket
import subprocess
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from flowml.errors import ModelError
from flowml.registry.connection import DEFAULT_URI, connect, tracking_uri
from flowml.registry.versions import ModelRegistry


def test_the_command_line_goes_before_the_environment_and_that_before_the_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tracking_uri(None) == DEFAULT_URI
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(None) == "http://127.0.0.1:5000"
    assert tracking_uri("sqlite:///other.db") == "sqlite:///other.db"


def test_a_reader_in_the_wrong_directory_is_told_and_leaves_no_store(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no MLflow store there; train a model first"):
        connect(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("hello, this is not a database\n" * 100)
    with pytest.raises(ModelError, match=r"mlflow\.db.*file is not a database") as caught:
        ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db").versions()
    assert "\n" not in str(caught.value)


def test_a_server_that_is_down_is_one_line(unused_port: int) -> None:
    with pytest.raises(ModelError, match="does not answer; start it") as caught:
        ModelRegistry(f"http://127.0.0.1:{unused_port}").versions()
    assert "\n" not in str(caught.value)


def test_a_server_that_never_answers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ModelError, match="does not answer; start it"):
            ModelRegistry(f"http://127.0.0.1:{port}").versions()


def test_a_server_that_is_no_mlflow_server_is_one_line() -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        try:
            with pytest.raises(ModelError, match=r"127\.0\.0\.1.*MLflow") as caught:
                ModelRegistry(f"http://127.0.0.1:{other.server_port}").versions()
        finally:
            other.shutdown()
    assert "\n" not in str(caught.value)


def test_a_store_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(ModelError, match="gopher://nowhere") as caught:
        ModelRegistry("gopher://nowhere").versions()
    assert "\n" not in str(caught.value)


def test_telemetry_is_off_whatever_the_environment_says(tmp_path: Path) -> None:
    """In a process of its own: MLflow decides when it is imported, and by itself is off under pytest."""
    script = (
        "from flowml.registry.connection import connect\n"
        f"connect('sqlite:///{tmp_path}/mlflow.db', may_create=True)\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "print(is_telemetry_disabled(), get_telemetry_client())\n"
    )
    hidden = ("PYTEST", "CI", "GITHUB_ACTIONS", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"MLFLOW_DISABLE_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["True", "None"]
