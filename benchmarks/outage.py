"""Print what becomes of alerts while a web server is down and the disk of the spool is full for a minute.

python benchmarks/outage.py [SECONDS]      (as root: it mounts a small disk; 600 s unless told otherwise)

Five alerts a second are handed out from the beginning to the end; the server is there only after it.
"""

import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowml.errors import SinkError
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings, WebhookSettings
from flowml.sinks.trial import trial_alert

DOWN_S = 600.0
FULL_S = 60.0
DISK = "16m"
PAUSE_S = 0.2
CATCH_UP_S = 120.0


def main() -> None:
    down_s = float(sys.argv[1]) if len(sys.argv) > 1 else DOWN_S
    with small_disk() as disk, tempfile.TemporaryDirectory() as name:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Web, bind_and_activate=False)
        server.server_bind()  # the port is ours, and refuses until it listens
        settings = SinksSettings(
            eve=EveSettings(Path(name) / "eve.json"),
            webhook=WebhookSettings(f"http://127.0.0.1:{server.server_address[1]}/"),
        )
        outlets = Outlets(settings, io.StringIO(), disk / "spool", tell)
        accepted = hand_out(outlets, down_s, disk / "filler")
        server.server_activate()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        back_at = time.monotonic()
        while (
            any(figures.waiting for figures in outlets.figures()) and time.monotonic() < back_at + CATCH_UP_S
        ):
            time.sleep(0.05)
        caught_up_s = time.monotonic() - back_at
        outlets.close(time.monotonic())
        in_file = len((Path(name) / "eve.json").read_text().splitlines())
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{len(accepted)} alerts accepted in {down_s:g} s; {in_file} in the EVE file")
    print(
        f"webhook: {len(accepted & Web.taken)} of them taken, {caught_up_s:.1f} s after the server was back"
    )
    print(f"{mebibytes} MiB of memory at most")


def hand_out(outlets: Outlets, down_s: float, filler: Path) -> set[str]:
    """Hand out alerts for a while, with a full disk in the middle; give the times of those accepted."""
    accepted: set[str] = set()
    start = time.monotonic()
    for number in range(int(down_s / PAUSE_S)):
        passed_s = time.monotonic() - start
        if down_s / 2 <= passed_s < down_s / 2 + min(FULL_S, down_s / 4):
            fill(filler)
        else:
            filler.unlink(missing_ok=True)
        alert = trial_alert(number)
        try:
            for sink in outlets.sinks:
                sink.emit([alert])
            accepted.add(str(number))
        except SinkError as error:
            tell(str(error))
        time.sleep(PAUSE_S)
    filler.unlink(missing_ok=True)
    return accepted


def fill(filler: Path) -> None:
    """Take what room there is, like a log that grows without end."""
    try:
        with filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass  # full


def tell(text: str) -> None:
    print(f"  told: {text}", flush=True)


class Web(BaseHTTPRequestHandler):
    """Takes alerts; the time of an alert stands for its number."""

    taken: set[str] = set()  # noqa: RUF012  # one server, one set

    def do_POST(self) -> None:
        stamp = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["timestamp"]
        minutes, seconds = int(stamp[14:16]), float(stamp[17:26])
        Web.taken.add(str(60_000 * minutes + round(1000 * seconds)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "flowml", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


if __name__ == "__main__":
    main()
