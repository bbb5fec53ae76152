"""Real servers on loopback that alerts are delivered to."""

import datetime
import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from tests.processes import eventually

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Kept:
    """A sink that keeps what it gets, or raises what it is told to."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.events: list[SensorEvent] = []
        self.batches: list[int] = []
        self.error: Exception | None = None
        self.is_closed = False

    def emit(self, alerts: Sequence[Alert]) -> None:
        if self.error is not None:
            raise self.error
        self.batches.append(len(alerts))
        self.alerts += alerts

    def report(self, event: SensorEvent) -> None:
        if self.error is not None:
            raise self.error
        self.events.append(event)

    def close(self) -> None:
        self.is_closed = True

    @property
    def names(self) -> list[str]:
        """Server names of the alerts, by which tests tell them apart."""
        return [alert.verdict.server_name for alert in self.alerts]


# --- TLS --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its key (PEM)."""

    chain: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def certificate_for_loopback(folder: Path) -> Certificate:
    """Make a certificate for ``localhost`` and 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / "chain.pem", folder / "key.pem")
    files.chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


# --- HTTP -------------------------------------------------------------------------------------------------


@dataclass
class HttpServer:
    """An HTTP server that notes requests and answers as it is told."""

    port: int
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}/hook?room=1"

    def bodies(self) -> list[dict[str, Any]]:
        """What was posted and taken."""
        return [json.loads(body) for _, _, body in self.requests]


@contextmanager
def http_server(port: int = 0, *answers: int, context: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """Run a server that gives each of some answers once, and 204 after that."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed in the middle
                return
            status = noted.answers.pop(0) if noted.answers else 204
            if status < 300:
                noted.requests.append((self.path, dict(self.headers.items()), body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that does not trust the certificate

    server = Server((HOST, port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    noted = HttpServer(int(server.server_address[1]), list(answers))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- syslog -----------------------------------------------------------------------------------------------

_RSYSLOG = """
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{chain}"
       defaultNetstreamDriverCertFile="{chain}" defaultNetstreamDriverKeyFile="{key}")
template(name="fields" type="list" option.jsonf="on") {{
    property(outname="pri" name="pri" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="procid" name="procid" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="msg" name="msg" format="jsonf")
}}
{modules}
input({input} port="{port}" address="127.0.0.1")
action(type="omfile" file="{out}" template="fields")
"""
_INPUTS = {
    "udp": ('module(load="imudp")', 'type="imudp"'),
    "tcp": ('module(load="imtcp")', 'type="imtcp"'),
    "tls": (
        'module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")',
        'type="imtcp"',
    ),
}


@dataclass
class Rsyslog:
    """A running rsyslogd, and what it made of messages."""

    out: Path
    process: "subprocess.Popen[bytes]"

    def messages(self) -> list[dict[str, str]]:
        """What it wrote down."""
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def wait_for(self, count: int) -> list[dict[str, str]]:
        """Wait until so many messages are there."""
        assert eventually(lambda: len(self.messages()) >= count, 60), self.messages()
        return self.messages()


@contextmanager
def rsyslog(folder: Path, scheme: str, port: int, certificate: Certificate) -> Iterator[Rsyslog]:
    """Run rsyslogd, or skip the test where there is none."""
    program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None or not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")):
        pytest.skip("no rsyslog with TLS (apt-get install rsyslog-gnutls)")
    modules, source = _INPUTS[scheme]
    (folder / "rsyslog.conf").write_text(
        _RSYSLOG.format(
            folder=folder,
            chain=certificate.chain,
            key=certificate.key,
            modules=modules,
            input=source,
            port=port,
            out=folder / "messages",
        )
    )
    command = [program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "rsyslog.pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(lambda: _listens(scheme, port) or process.poll() is not None, 60)
            assert process.poll() is None, "rsyslogd ended"
            yield Rsyslog(folder / "messages", process)
        finally:
            process.terminate()
            process.wait(60)


def _listens(scheme: str, port: int) -> bool:
    table = Path("/proc/net/udp" if scheme == "udp" else "/proc/net/tcp").read_text()
    state = "07" if scheme == "udp" else "0A"
    return any(
        line.split()[1].endswith(f":{port:04X}") and line.split()[3] == state
        for line in table.splitlines()[1:]
    )
