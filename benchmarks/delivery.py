"""Print how long an alert takes from the scorer's hands to each destination, and what accepting it costs.

python benchmarks/delivery.py [FOLDER]      (where the spool is made; the system's folder for temporary files)

The web server and the syslog server are in this process, so their time counts too.
"""

import io
import json
import socketserver
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings, SyslogSettings, WebhookSettings
from flowml.sinks.trial import trial_alert

ALERTS = 200
PAUSE_S = 0.02  # between two alerts: each is delivered before the next one comes
WAIT_S = 30.0
ANY_PORT = ("127.0.0.1", 0)

Arrivals = dict[str, dict[int, float]]
Take = Callable[[bytes], object]
"""Given each record as it arrives."""


def main() -> None:
    arrivals: Arrivals = {"eve": {}, "syslog": {}, "webhook": {}}
    takes = {name: partial(note, seen) for name, seen in arrivals.items()}
    accepted, started = [], {}
    with (
        tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name,
        running(socketserver.ThreadingTCPServer(ANY_PORT, logs(takes["syslog"]))) as logs_port,
        running(ThreadingHTTPServer(ANY_PORT, web(takes["webhook"]))) as web_port,
    ):
        folder = Path(name)
        settings = SinksSettings(
            eve=EveSettings(folder / "eve.json"),
            syslog=SyslogSettings(f"tcp://127.0.0.1:{logs_port}"),
            webhook=WebhookSettings(f"http://127.0.0.1:{web_port}/"),
        )
        outlets = Outlets(settings, io.StringIO(), folder / "spool", print)
        distribution = outlets.distribution(outlets.sinks)
        threading.Thread(target=follow, args=(folder / "eve.json", takes["eve"]), daemon=True).start()
        for number in range(1, ALERTS + 1):
            alert = trial_alert(number)
            started[number] = time.perf_counter()
            distribution.emit([alert])
            accepted.append(time.perf_counter() - started[number])
            time.sleep(PAUSE_S)
        outlets.close(time.monotonic() + WAIT_S)
        distribution.close()
        deadline = time.monotonic() + WAIT_S
        while any(len(seen) < ALERTS for seen in arrivals.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
    say("accepted by all (on disk)", accepted)
    for destination, seen in arrivals.items():
        say(f"arrived at {destination}", [seen[number] - started[number] for number in seen])


def say(what: str, took: list[float]) -> None:
    ordered = sorted(1000 * seconds for seconds in took)
    late = ordered[int(0.95 * len(ordered))]
    print(
        f"{what}: median {statistics.median(ordered):.1f} ms, 95 % {late:.1f} ms, "
        f"longest {ordered[-1]:.1f} ms of {len(ordered)}"
    )


def note(seen: dict[int, float], record: bytes) -> None:
    """Note when a record came; its time stands for its number."""
    stamp = json.loads(record)["timestamp"]
    seen[round(float(stamp[17:26]) * 1000)] = time.perf_counter()


def follow(path: Path, take: Take) -> None:
    """Read a file of lines as it grows; for a thread that ends with the program."""
    with path.open("rb") as file:
        while True:
            line = file.readline()
            if line.endswith(b"\n"):
                take(line)
            else:
                file.seek(-len(line), 1)
                time.sleep(0.0005)


def logs(take: Take) -> type[socketserver.BaseRequestHandler]:
    class Logs(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (length := self._length()) is not None:
                take(self.rfile.read(length).partition(b" - ")[2])

        def _length(self) -> int | None:
            digits = b""
            while (byte := self.rfile.read(1)).isdigit():
                digits += byte
            return int(digits) if digits else None

    return Logs


def web(take: Take) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    return Web


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[int]:
    """Run a server; gives its port."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
