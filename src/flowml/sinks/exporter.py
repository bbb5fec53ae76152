"""How metrics leave: a file for node_exporter's textfile collector, and an HTTP server on loopback."""

import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowml.errors import SinkError
from flowml.flows.key import host_port
from flowml.sinks.account import Tell
from flowml.sinks.files import WholeFile

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_TIMEOUT_S = 10.0


class MetricsFile:
    """Writes a file anew every few seconds, in one piece.

    Parameters
    ----------
    path : Path
    text : callable
        Gives what is written.
    every_s : float
    tell : callable

    Raises
    ------
    SinkError
        It cannot be written even once.
    """

    def __init__(self, path: Path, text: Callable[[], str], every_s: float, tell: Tell) -> None:
        self._path = path
        self._text = text
        self._every_s = every_s
        self._tell = tell
        self._is_over = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._work, name="flowml-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write it a last time."""
        self._is_over.set()
        self._thread.join()
        self._write_or_tell("")

    def _work(self) -> None:
        told = ""
        while not self._is_over.wait(self._every_s):
            told = self._write_or_tell(told)

    def _write_or_tell(self, told: str) -> str:
        """Write; tell why not unless that was told; give what was."""
        try:
            self._write()
        except SinkError as error:
            if str(error) != told:
                self._tell(f"prometheus: {error}")
            return str(error)
        return ""

    def _write(self) -> None:
        with WholeFile(self._path) as file:
            for line in self._text().splitlines():
                file.write(line)


class MetricsServer:
    """Answers ``GET /metrics`` from a thread of its own.

    Parameters
    ----------
    host : str
    port : int
        0: one that is free.
    text : callable
        Gives the answer.

    Attributes
    ----------
    port : int

    Raises
    ------
    SinkError
        The port cannot be had.
    """

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        try:
            self._server = _server(host, port, text)
        except OSError as error:
            raise SinkError(
                f"{host_port(host, port)}: {error.strerror or error}; "
                "name another port in sinks.prometheus.listen"
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="flowml-metrics-server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _server(host: str, port: int, text: Callable[[], str]) -> ThreadingHTTPServer:
    class Answer(BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT_S
        server_version, sys_version = "flowml", ""

        def do_GET(self) -> None:  # http.server finds it by this name
            if self.path != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = text().encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", _CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nobody wants a line for each scrape."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever asked went away before the answer."""

    return Server((host, port), Answer)
