"""Against a real HTTP server."""

import hashlib
import hmac
import json
import socket
import threading
from pathlib import Path

import pytest

from flowml.errors import ConfigError, SinkError
from flowml.sinks.base import UndeliverableError
from flowml.sinks.eve import eve_record, event_record
from flowml.sinks.settings import WebhookSettings
from flowml.sinks.webhook import Webhook, signature, webhook_sink
from tests.sinks.servers import HOST, Certificate, free_port, http_server
from tests.verdicts import alert, event

HOSTILE = "<script>\r\nX-Evil: 1\r\n\r\n\N{SNOWMAN}\udcff"


def test_a_request_has_the_record_as_its_body() -> None:
    with http_server() as server:
        sink = Webhook(server.url)
        sink.emit([alert(server_name=HOSTILE), alert()])
        sink.report(event())
        sink.close()
    assert server.bodies() == [
        eve_record(alert(server_name=HOSTILE)),
        eve_record(alert()),
        event_record(event()),
    ]
    path, headers, _ = server.requests[0]
    assert path == "/hook?room=1"
    assert headers["Content-Type"] == "application/json"
    assert [headers["X-Flowml-Event"] for _, headers, _ in server.requests] == ["alert", "alert", "sensor"]
    assert "X-Flowml-Signature" not in headers


def test_a_signature_is_what_the_documentation_says(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key\n")
    with http_server() as server:
        sink = webhook_sink(WebhookSettings(server.url, tmp_path / "secret"))
        sink.emit([alert()])
    ((_, headers, body),) = server.requests
    time_s, digest = (part.split("=")[1] for part in headers["X-Flowml-Signature"].split(","))
    assert digest == hmac.new(b"key", time_s.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_a_signature_says_when_it_was_made() -> None:
    expected = hmac.new(b"key", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signature("key", b"{}", 1_700_000_000) == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_what_speaks_of_the_moment_may_be_tried_again(status: int) -> None:
    with http_server(0, status) as server:
        sink = Webhook(server.url)
        with pytest.raises(SinkError, match=rf"http://{HOST}:\d+: answered {status}") as told:
            sink.emit([alert()])
        assert not isinstance(told.value, UndeliverableError)
        sink.emit([alert()])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice"), [(400, "check the URL"), (401, "check"), (302, "redirects are not")]
)
def test_what_speaks_of_the_request_is_not_tried_again(status: int, advice: str) -> None:
    with http_server(0, status) as server, pytest.raises(UndeliverableError, match=advice):
        Webhook(server.url).emit([alert()])


def test_what_may_be_secret_in_a_url_is_not_told() -> None:
    with http_server(0, 404) as server, pytest.raises(UndeliverableError) as told:
        Webhook(f"{server.url}&token=hunter2").emit([alert()])
    assert "hunter2" not in str(told.value)
    assert "hook" not in str(told.value)


def test_a_server_that_is_down_is_told() -> None:
    port = free_port()
    with pytest.raises(SinkError, match=rf"http://{HOST}:{port}: Connection refused; check that it listens"):
        Webhook(f"http://{HOST}:{port}/").emit([alert()])


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowml.sinks.webhook.TIMEOUT_S", 0.2)
    with socket.create_server((HOST, 0)) as silent:
        sink = Webhook(f"http://{HOST}:{silent.getsockname()[1]}/")
        with pytest.raises(SinkError, match="timed out"):
            sink.emit([alert()])


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2"])
def test_an_answer_that_is_none_is_a_failure(answer: bytes) -> None:
    with socket.create_server((HOST, 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(SinkError, match="check that it listens and answers there"):
            Webhook(f"http://{HOST}:{listener.getsockname()[1]}/").emit([alert()])
        thread.join()


def test_tls_is_spoken_to_a_server_that_is_trusted_and_to_no_other(certificate: Certificate) -> None:
    with http_server(context=certificate.context) as server:
        url = f"https://localhost:{server.port}/"
        webhook_sink(WebhookSettings(url, ca_file=certificate.chain)).emit([alert()])
        with pytest.raises(SinkError, match="certificate verify failed"):
            webhook_sink(WebhookSettings(url)).emit([alert()])
    assert len(server.requests) == 1
    assert json.loads(server.requests[0][2])["event_type"] == "alert"


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_secret_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(ConfigError, match="secret: is empty; expected a file with the secret alone"):
        webhook_sink(WebhookSettings("http://a/", tmp_path / "secret"))


def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secret: not readable .*No such file"):
        webhook_sink(WebhookSettings("http://a/", tmp_path / "secret"))


def test_an_authority_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca\.pem: no certificates .*expected a PEM file of a CA"):
        webhook_sink(WebhookSettings("https://a/", ca_file=tmp_path / "ca.pem"))
