"""How long after its first packet an alert of a miner on a tap is in each destination. As root.

    python -m benchmarks.alert_delay [SCENARIO] [--seconds N] [--seed N] [--model M]

The lab plays on a tap in network namespaces, `flowml live` watches it, and a file, a web server, a syslog
server over TCP and the incidents get its alerts. Prints, for each, the time from a connection's first packet
to the alert's arrival, and how much of it came after the age at which the verdict was given. What is judged
because the sensor ends is left out.
"""

import argparse
import io
import json
import socketserver
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from benchmarks.delivery import ANY_PORT, follow, logs, running, web

CONFIG = """[state]
folder = "state"
[sinks.eve]
file = "eve.json"
[sinks.syslog]
server = "tcp://127.0.0.1:{logs}"
[sinks.webhook]
url = "http://127.0.0.1:{web}/"
"""
LOOK_S = 0.05
ENDING_S = 4.0  # a sensor judges what is open within two seconds, on a busy machine a little longer
SINKS = ("eve", "syslog", "webhook", "incidents")

Arrivals = dict[str, dict[str, float]]
"""When an alert came (epoch, s), by destination and identifier."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default="demo")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    arrivals: Arrivals = defaultdict(dict)
    records: dict[str, dict[str, object]] = {}
    takes = {name: partial(note, arrivals[name], records) for name in SINKS}
    with (
        tempfile.TemporaryDirectory() as name,
        running(socketserver.ThreadingTCPServer(ANY_PORT, logs(takes["syslog"]))) as logs_port,
        running(ThreadingHTTPServer(ANY_PORT, web(takes["webhook"]))) as web_port,
    ):
        folder = Path(name)
        (folder / "eve.json").touch()
        (folder / "flowml.toml").write_text(CONFIG.format(logs=logs_port, web=web_port))
        for target, arguments in (
            (follow, (folder / "eve.json", takes["eve"])),
            (look, (folder / "state" / "incidents.db", arrivals["incidents"])),
        ):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        ended = play(folder / "flowml.toml", asked)
    left = {identifier for identifier, came in arrivals["eve"].items() if came < ended - ENDING_S}
    print(f"{asked.scenario}, {asked.seconds:g} s: {len(records)} alerts, {len(left)} of them before its end")
    for name in SINKS:
        say(name, {it: came for it, came in arrivals[name].items() if it in left}, records)


def play(config: Path, asked: argparse.Namespace) -> float:
    """Let the sensor watch the lab; gives when it ended (epoch, s)."""
    flowml = [sys.executable, "-P", "-c", "from flowml.cli.main import main; main()"]
    model = ["--model", asked.model] if asked.model else []
    sensor = [
        *flowml,
        "live",
        "-i",
        "{tap}",
        "--config",
        str(config),
        "--duration",
        str(asked.seconds),
        *model,
    ]
    timed = [
        "sh",
        "-c",
        '"$@"; code=$?; date +%s.%N > "$0"; exit $code',
        str(config.parent / "ended"),
        *sensor,
    ]
    lab = [*flowml, "lab", "play", asked.scenario, "--seed", str(asked.seed), "--", *timed]
    subprocess.run(lab, check=True, stdout=subprocess.DEVNULL)
    return float((config.parent / "ended").read_text())


def note(seen: dict[str, float], records: dict[str, dict[str, object]], line: bytes) -> None:
    record = json.loads(line)
    if record["event_type"] == "alert":
        identifier = record["flowml"]["identifier"]
        seen.setdefault(identifier, time.time())
        records[identifier] = record


def look(database: Path, seen: dict[str, float]) -> None:
    """Look into the incidents again and again."""
    while True:
        time.sleep(LOOK_S)
        with (
            suppress(sqlite3.OperationalError),  # it is not there yet
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection,
        ):
            for (identifier,) in connection.execute("SELECT identifier FROM alert"):
                seen.setdefault(identifier, time.time())


def say(name: str, seen: Mapping[str, float], records: Mapping[str, dict[str, object]]) -> None:
    after_s, late_s = [], []
    for identifier, arrived in seen.items():
        record = records[identifier]
        begun = datetime.fromisoformat(record["flow"]["start"]).timestamp()
        after_s.append(arrived - begun)
        late_s.append(arrived - begun - record["flowml"]["age_s"])
    out = io.StringIO()
    for what, values in (("first packet to arrival", after_s), ("after the verdict's age", late_s)):
        ordered = sorted(values)
        out.write(f"  {what}: median {statistics.median(ordered):.2f} s")
        out.write(f", 95 % {ordered[int(0.95 * len(ordered))]:.2f} s, longest {ordered[-1]:.2f} s;")
    print(f"{name:10} {len(seen)} alerts{out.getvalue()}")


if __name__ == "__main__":
    main()
