import json
from pathlib import Path

import pytest

from flowml.cli.main import run
from tests.sinks.servers import HOST, free_port, http_server


def config(folder: Path, text: str) -> list[str]:
    path = folder / "flowml.toml"
    path.write_text(text)
    return ["sinks", "test", "--config", str(path)]


def test_every_destination_gets_a_marked_alert(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with http_server() as web:
        text = f'[sinks.eve]\nfile = "eve.json"\n[sinks.webhook]\nurl = "{web.url}"\n'
        assert run(config(tmp_path, text)) == 0
    assert capfd.readouterr().out == "eve: delivered\nwebhook: delivered\n"
    (body,) = web.bodies()
    assert body == json.loads((tmp_path / "eve.json").read_text())
    assert body["flowml"]["explanation"][0].startswith("TEST: ")


def test_one_that_fails_is_told_and_keeps_it_from_no_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with http_server() as web:
        text = f'[sinks.syslog]\nserver = "tcp://{HOST}:{port}"\n[sinks.webhook]\nurl = "{web.url}"\n'
        assert run(config(tmp_path, text)) == 2
    told = capfd.readouterr()
    assert told.out.startswith(f"syslog: tcp://{HOST}:{port}: Connection refused; check")
    assert told.out.endswith("webhook: delivered\n")
    assert told.err == "flowml: 1 of 2 destinations failed; the lines above say why\n"


def test_a_configuration_without_destinations_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(config(tmp_path, "")) == 2
    assert "names no destination; add a section such as [sinks.eve]" in capfd.readouterr().err
