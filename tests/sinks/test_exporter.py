import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.exporter import MetricsFile, MetricsServer
from tests.processes import eventually
from tests.sinks.servers import HOST


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    """One that answers the same every time."""
    made = MetricsServer(HOST, 0, lambda: "flowml_x 1\n")
    yield made
    made.close()


def test_metrics_are_answered_in_the_format_that_prometheus_asks_for(server: MetricsServer) -> None:
    with urllib.request.urlopen(f"http://{HOST}:{server.port}/metrics") as answer:
        assert answer.read() == b"flowml_x 1\n"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Server"].strip() == "flowml"


def test_nothing_else_is_answered(server: MetricsServer) -> None:
    for path in ("/", "/metrics/../etc/passwd"):
        with pytest.raises(urllib.error.HTTPError, match="404") as told:
            urllib.request.urlopen(f"http://{HOST}:{server.port}{path}")
        told.value.close()


def test_a_port_that_is_taken_is_told(server: MetricsServer) -> None:
    with pytest.raises(SinkError, match=rf"{HOST}:{server.port}: Address already in use; name another port"):
        MetricsServer(HOST, server.port, str)


def test_the_file_is_there_at_once_and_written_again(tmp_path: Path) -> None:
    values = iter(range(1_000_000))
    made = MetricsFile(tmp_path / "flowml.prom", lambda: f"flowml_x {next(values)}\n", 0.01, print)
    assert eventually(lambda: (tmp_path / "flowml.prom").read_text() not in ("flowml_x 0\n", "flowml_x 1\n"))
    made.close()
    assert [path.name for path in tmp_path.iterdir()] == ["flowml.prom"]


def test_the_last_figures_are_written_at_the_end(tmp_path: Path) -> None:
    text = ["flowml_x 1\n"]
    made = MetricsFile(tmp_path / "flowml.prom", lambda: text[0], 60, print)
    text[0] = "flowml_x 2\n"
    made.close()
    assert (tmp_path / "flowml.prom").read_text() == "flowml_x 2\n"


def test_a_folder_that_is_not_there_is_told_at_the_start_and_once_later(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"nowhere/flowml\.prom: cannot be written"):
        MetricsFile(tmp_path / "nowhere" / "flowml.prom", str, 60, print)
    (tmp_path / "there").mkdir()
    told: list[str] = []
    made = MetricsFile(tmp_path / "there" / "flowml.prom", str, 0.01, told.append)
    (tmp_path / "there").rename(tmp_path / "gone")
    assert eventually(lambda: bool(told))
    (tmp_path / "gone").rename(tmp_path / "there")
    made.close()
    assert len(told) == 1
    assert told[0].startswith("prometheus: ")
