"""All destinations together, with what goes wrong with them."""

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.base import Terms
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import (
    EveSettings,
    PrometheusSettings,
    SinksSettings,
    StdoutSettings,
    SyslogSettings,
    WebhookSettings,
)
from tests.processes import eventually, start_python
from tests.sinks.servers import HOST, Certificate, Kept, free_port, http_server, rsyslog
from tests.verdicts import alert, event

LONG_S = 60.0


def silent(text: str) -> None:
    """Whoever is told here does not listen."""


def opened(
    settings: SinksSettings, folder: Path | None = None, tell: Callable[[str], None] = silent
) -> Outlets:
    return Outlets(settings, io.StringIO(), folder, tell)


def hand_out(outlets: Outlets, *names: str) -> None:
    for sink in outlets.sinks:
        sink.emit([alert(server_name=name) for name in names])


def ended(outlets: Outlets) -> int:
    return outlets.close(time.monotonic() + LONG_S)


def waiting(outlets: Outlets, name: str) -> int:
    return next(figures.waiting for figures in outlets.figures() if figures.name == name)


def test_every_destination_gets_every_alert(tmp_path: Path, certificate: Certificate) -> None:
    port, stdout = free_port(), io.StringIO()
    with rsyslog(tmp_path, "tcp", port, certificate) as logs, http_server() as web:
        settings = SinksSettings(
            stdout=StdoutSettings("json"),
            eve=EveSettings(tmp_path / "eve.json"),
            syslog=SyslogSettings(f"tcp://{HOST}:{port}"),
            webhook=WebhookSettings(web.url),
        )
        outlets = Outlets(settings, stdout, tmp_path / "spool", silent)
        hand_out(outlets, "one", "two")
        outlets.sinks[-1].report(event())
        assert ended(outlets) == 0
        messages = logs.wait_for(2)
    by_sink = [
        [json.loads(line) for line in stdout.getvalue().splitlines()],
        [json.loads(line) for line in (tmp_path / "eve.json").read_text().splitlines()],
        [json.loads(message["msg"]) for message in messages],
        web.bodies()[:2],
    ]
    for records in by_sink:
        assert [record["flowml"]["server_name"] for record in records] == ["one", "two"]


def test_without_more_there_are_lines_for_people(tmp_path: Path) -> None:
    stdout = io.StringIO()
    outlets = Outlets(SinksSettings(), stdout, None, silent)
    hand_out(outlets, "one")
    assert ended(outlets) == 0
    assert "MINING 10.0.0.2:40000" in stdout.getvalue()


def test_a_server_that_is_down_keeps_nobody_waiting_and_gets_all_when_it_is_back(tmp_path: Path) -> None:
    port, told = free_port(), list[str]()
    settings = SinksSettings(
        eve=EveSettings(tmp_path / "eve.json"), webhook=WebhookSettings(f"http://{HOST}:{port}/hook")
    )
    outlets = opened(settings, tmp_path / "spool", told.append)
    with http_server(port) as web:
        hand_out(outlets, "one")
        assert eventually(lambda: len(web.requests) == 1)
    hand_out(outlets, "two", "three")
    assert eventually(lambda: waiting(outlets, "eve") == 0)
    assert eventually(lambda: any("webhook: not delivered: " in line for line in told))
    with http_server(port) as web:
        assert eventually(lambda: len(web.requests) == 2, 60)
    assert [body["flowml"]["server_name"] for body in web.bodies()] == ["two", "three"]
    assert ended(outlets) == 0
    assert "webhook: delivered again" in told


def test_what_a_server_did_not_take_before_the_end_it_gets_from_the_next_start(tmp_path: Path) -> None:
    port, told = free_port(), list[str]()
    settings = SinksSettings(webhook=WebhookSettings(f"http://{HOST}:{port}/"))
    outlets = opened(settings, tmp_path / "spool", told.append)
    hand_out(outlets, "one", "two")
    assert ended(outlets) == 0
    assert told[-1] == "webhook: 2 alerts or events wait on disk for the next start"
    with http_server(port) as web:
        outlets = opened(settings, tmp_path / "spool", told.append)
        assert "webhook: 2 alerts or events of an earlier run are delivered now" in told
        assert eventually(lambda: len(web.requests) == 2)
        assert ended(outlets) == 0


def test_without_a_folder_what_is_lost_at_the_end_is_told_and_counted() -> None:
    told = list[str]()
    outlets = opened(
        SinksSettings(webhook=WebhookSettings(f"http://{HOST}:{free_port()}/")), tell=told.append
    )
    hand_out(outlets, "one", "two")
    assert outlets.close(time.monotonic() + 0.3) == 2
    assert told[-1] == "webhook: 2 alerts or events were not delivered"
    assert ended(outlets) == 0


def test_a_sink_that_the_settings_do_not_know_is_served_in_order_until_it_works(tmp_path: Path) -> None:
    sink = Kept()
    sink.error = SinkError("incidents.db: database is locked")
    outlets = opened(SinksSettings(), tmp_path / "spool")
    outlets.add("incidents", sink, Terms(at_most=64))
    hand_out(outlets, "one", "two")
    assert eventually(lambda: outlets.figures()[-1].failed > 0)
    sink.error = None
    assert eventually(lambda: sink.names == ["one", "two"])
    assert ended(outlets) == 0
    assert sink.is_closed


def test_alerts_for_a_sink_that_is_not_configured_any_more_are_told(tmp_path: Path) -> None:
    told = list[str]()
    outlets = opened(SinksSettings(webhook=WebhookSettings(f"http://{HOST}:{free_port()}/")), tmp_path)
    hand_out(outlets, "one")
    ended(outlets)
    outlets = opened(SinksSettings(), tmp_path, told.append)
    outlets.tell_strangers()
    ended(outlets)
    (line,) = told
    assert line.startswith(f"{tmp_path}/webhook.journal: holds alerts for a sink that is not configured")


def test_two_sensors_do_not_share_a_folder(tmp_path: Path) -> None:
    outlets = opened(SinksSettings(), tmp_path)
    with pytest.raises(SinkError, match="another sensor uses it"):
        opened(SinksSettings(), tmp_path)
    ended(outlets)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"file/spool: cannot be made: Not a directory"):
        opened(SinksSettings(), tmp_path / "file" / "spool")


def test_metrics_are_exported_where_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "flowml.prom"
    outlets = opened(SinksSettings(prometheus=PrometheusSettings(file, f"{HOST}:{free_port()}", 60)))
    hand_out(outlets, "one")
    ended(outlets)
    assert 'flowml_alerts_total{source="capture.pcap"} 1\n' in file.read_text()
    assert 'flowml_sink_delivered_total{sink="stdout"} 1\n' in file.read_text()


def test_files_are_opened_again_when_asked(tmp_path: Path) -> None:
    eve = tmp_path / "eve.json"
    outlets = opened(SinksSettings(eve=EveSettings(eve)))
    hand_out(outlets, "one")
    assert eventually(lambda: waiting(outlets, "eve") == 0)
    eve.rename(tmp_path / "eve.json.1")
    outlets.reopen()
    assert eventually(eve.exists)
    hand_out(outlets, "two")
    ended(outlets)
    assert "two" in eve.read_text()
    assert "two" not in (tmp_path / "eve.json.1").read_text()


# Accepts alerts without end, and says of each that it did.
ACCEPTING = """
import io, sys
from pathlib import Path
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings, WebhookSettings
from tests.verdicts import alert

first, url, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
settings = SinksSettings(eve=EveSettings(folder / "eve.json"), webhook=WebhookSettings(url))
outlets = Outlets(settings, io.StringIO(), folder, lambda text: None)
distribution = outlets.distribution(outlets.sinks)
distribution.resume()
for number in range(first, first + 100_000):
    distribution.emit([alert(server_name=str(number))])
    print(number, flush=True)
"""
KILLS = int(os.environ.get("FLOWML_KILLS", "5"))  # docs/reliability.md has the figures of more


def test_no_accepted_alert_is_lost_and_none_reaches_some_only_however_often_the_sensor_is_killed(
    tmp_path: Path,
) -> None:
    accepted = list[str]()
    with http_server() as web:
        for run in range(KILLS):
            # every third server error keeps a part of them waiting at the moment of the kill
            web.answers += [204, 204, 503] * (run % 2)
            with start_python("-c", ACCEPTING, str(run * 1_000_000), web.url, str(tmp_path)) as process:
                assert process.stdout is not None
                accepted += [process.stdout.readline().strip() for _ in range(20 + 3 * run)]
                process.kill()
                accepted += process.stdout.read().split("\n")[:-1]
        eve = tmp_path / "eve.json"
        last = opened(SinksSettings(eve=EveSettings(eve), webhook=WebhookSettings(web.url)), tmp_path)
        distribution = last.distribution(last.sinks)
        distribution.resume()
        assert eventually(lambda: waiting(last, "webhook") == waiting(last, "eve") == 0, 120)
        ended(last)
        distribution.close()
    delivered = {body["flowml"]["server_name"] for body in web.bodies()}
    print(f"{KILLS} kills, {len(accepted)} accepted, {len(web.requests) - len(delivered)} came twice")
    written = {json.loads(line)["flowml"]["server_name"] for line in eve.read_text().splitlines()}
    assert delivered == written
    assert len(accepted) >= KILLS * 20
    assert set(accepted) - delivered == set()
