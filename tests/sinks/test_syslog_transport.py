"""Against a real rsyslogd."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.settings import SyslogSettings
from flowml.sinks.syslog import SyslogSink, syslog_sink
from tests.processes import eventually
from tests.sinks.servers import HOST, Certificate, free_port, rsyslog
from tests.verdicts import alert, event, health_change

HOSTILE = 'a"b\\c<script>\r\n%s\N{SNOWMAN}\x1b[2J' + "x" * 2000


def sink_for(scheme: str, port: int, certificate: Certificate) -> SyslogSink:
    return syslog_sink(SyslogSettings(f"{scheme}://{HOST}:{port}", certificate.chain))


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_rsyslog_understands_every_field(scheme: str, tmp_path: Path, certificate: Certificate) -> None:
    port = free_port()
    with rsyslog(tmp_path, scheme, port, certificate) as server:
        sink = sink_for(scheme, port, certificate)
        sink.emit([alert("why", server_name=HOSTILE), alert("why", server_name="second")])
        sink.report(event())
        sink.report(health_change(source='e"t]h\\0'))
        sink.close()
        first, second, third, fourth = server.wait_for(4)
    assert (first["pri"], first["app"], first["msgid"], first["data"]) == ("172", "flowml", "alert", "-")
    assert first["time"] == "2023-11-14T22:14:21.500Z"
    assert first["host"] == socket.gethostname()
    assert json.loads(first["msg"])["flowml"]["server_name"] == HOSTILE
    assert json.loads(second["msg"])["flowml"]["server_name"] == "second"
    assert (third["pri"], third["msgid"]) == ("173", "sensor")
    assert third["data"] == '[flowml@32473 event="resumed" source="eth0"]'
    assert (fourth["pri"], fourth["msgid"]) == ("171", "health")
    assert r'source="e\"t\]h\\0"' in fourth["data"]
    assert json.loads(fourth["msg"])["sensor"]["source"] == 'e"t]h\\0'


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_a_server_that_is_down_is_told_and_one_that_comes_back_is_found(
    scheme: str, tmp_path: Path, certificate: Certificate
) -> None:
    port = free_port()
    sink = sink_for(scheme, port, certificate)
    with pytest.raises(SinkError, match=rf"{scheme}://{HOST}:{port}: Connection refused; check that it"):
        sink.emit([alert()])
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        with rsyslog(folder, scheme, port, certificate) as server:
            sink.emit([alert(server_name=run)])
            (message,) = server.wait_for(1)
            assert json.loads(message["msg"])["flowml"]["server_name"] == run
        with pytest.raises(SinkError, match="check that it listens"):
            sink.emit([alert()])
    sink.close()


def test_a_server_with_a_certificate_of_another_authority_gets_nothing(
    tmp_path: Path, certificate: Certificate
) -> None:
    port = free_port()
    with rsyslog(tmp_path, "tls", port, certificate):
        sink = syslog_sink(SyslogSettings(f"tls://{HOST}:{port}"))
        with pytest.raises(SinkError, match=r"certificate is not trusted .* name the CA"):
            sink.emit([alert()])
        sink.close()


def test_a_host_that_reads_nothing_is_no_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowml.sinks.syslog_transport.TIMEOUT_S", 0.2)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        listener.bind((HOST, 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        sink = syslog_sink(SyslogSettings(f"tcp://{HOST}:{port}"))
        stack.callback(sink.close)

        def is_refused() -> bool:
            try:
                sink.emit([alert("w" * 8000)] * 50)
            except SinkError:
                return True
            return False

        assert eventually(is_refused)


def test_a_name_that_nobody_knows_is_told() -> None:
    for scheme in ("udp", "tcp"):
        sink = syslog_sink(SyslogSettings(f"{scheme}://nowhere.invalid"))
        with pytest.raises(SinkError, match=rf"{scheme}://nowhere\.invalid:514: .*check that it listens"):
            sink.emit([alert()])
        sink.close()
