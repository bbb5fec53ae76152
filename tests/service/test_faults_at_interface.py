"""A sensor at an interface whose processes are killed while packets pass, and how soon it is back."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.namespaces import Tap, tap
from tests.processes import ENVIRONMENT, FLOWML, capture_processes, eventually
from tests.traffic import both, write_capture

ROUNDS = max(1, int(os.environ.get("FLOWML_KILLS", "2")) // 2)  # two kills each; docs/reliability.md has more
UNIT = REPOSITORY / "deploy" / "systemd" / "flowml.service"
HANGS_S = 120.0
LONGEST_S = 1.0  # from the moment at which all is well to the kill


class Station:
    """A tap that packets pass without end, and the sensor at it."""

    def __init__(self, folder: Path, wire: Tap, sender: int) -> None:
        self.out, self.err, self.state = folder / "out", folder / "err", folder / "state"
        self._config = folder / "flowml.toml"
        self._config.write_text(
            f'[capture]\ninterfaces = ["{wire.interface}"]\nring_mib = 4\n[state]\nfolder = "state"\n'
            '[sinks.eve]\nfile = "eve.json"\n'
        )
        self._wire = wire
        self._net = Path(f"/proc/{sender}/net")
        told = subprocess.run(
            wire.inside("cat", f"/sys/class/net/{wire.interface}/ifindex"), stdout=subprocess.PIPE, check=True
        )
        self._index = told.stdout.decode().strip()
        self.sensor = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start a sensor; its outputs begin anew."""
        command = self._wire.inside(*FLOWML, "live", "--config", self._config)
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.sensor = subprocess.Popen(command, stdout=out, stderr=err, env=ENVIRONMENT)
        return self.sensor

    def wait_for(self, file: Path, text: str) -> None:
        """Wait until a text stands in one of the outputs."""
        there = eventually(lambda: text in file.read_text() or self.sensor.poll() is not None, HANGS_S)
        assert there, self.err.read_text()
        assert text in file.read_text(), self.err.read_text()

    def sockets(self) -> set[str]:
        """The packet sockets that are open at the tap, by inode."""
        rows = [line.split() for line in (self._net / "packet").read_text().splitlines()[1:]]
        return {row[8] for row in rows if row[4] == self._index}

    def passed(self) -> int:
        """How many packets have come to the tap."""
        (row,) = [row for row in (self._net / "dev").read_text().splitlines() if self._wire.interface in row]
        return int(row.partition(":")[2].split()[1])

    def kill_capture(self) -> tuple[float, float]:
        """Kill the capture process; give the seconds until the next has its socket, and until it is told."""
        before = self.sockets()
        (pid,) = capture_processes(self.sensor.pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: bool(self.sockets() - before), HANGS_S), self.err.read_text()
        opened = time.monotonic()
        self.wait_for(self.out, f"RESUMED {self._wire.interface}")
        return opened - began, time.monotonic() - began

    def kill_scorer(self) -> tuple[float, float]:
        """Kill the scorer and start it as systemd would; give the same."""
        before = self.sockets()
        began = time.monotonic()
        self.sensor.kill()
        self.sensor.wait()
        time.sleep(restart_s())
        self.start()
        assert eventually(lambda: bool(self.sockets() - before), HANGS_S), self.err.read_text()
        opened = time.monotonic()
        self.wait_for(self.err, "listening to")
        return opened - began, time.monotonic() - began


def restart_s() -> float:
    """How long systemd waits before it starts a sensor again."""
    found = re.search(r"^RestartSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    capture = write_capture(tmp_path / "sent.pcap", both(6.0))
    with tap() as wire:
        command = wire.inside("tcpreplay", "-q", "--loop=0", "-i", wire.sender, capture)
        sender = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        one = Station(tmp_path, wire, sender.pid)
        try:
            yield one
        finally:
            for process in (one.sensor, sender):
                process.kill()
                process.wait()


def say(what: str, took_s: Sequence[float]) -> None:
    """Print the figures of docs/reliability.md."""
    median, most = np.percentile(took_s, [50, 95])
    print(f"{what}: median {median:.2f} s, 95 % {most:.2f} s, longest {max(took_s):.2f} s of {len(took_s)}")


def require_sound(state: Path) -> None:
    """Look through the database after a kill."""
    with closing(sqlite3.connect(state / "incidents.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.root
@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_a_sensor_at_an_interface_is_back_after_any_kill_and_says_that_it_was_away(station: Station) -> None:
    drawn = random.Random()
    capture, scorer = [], []
    for _ in range(ROUNDS):
        station.wait_for(station.err, "listening to")
        time.sleep(drawn.uniform(0, LONGEST_S))  # any moment will do, and an event would not be any moment
        capture.append(station.kill_capture())
        time.sleep(drawn.uniform(0, LONGEST_S))
        scorer.append(station.kill_scorer())
        require_sound(station.state)
        station.wait_for(station.out, "RESUMED the sensor was ended by force")
    before = station.passed()
    assert eventually(lambda: station.passed() >= before + 20, HANGS_S)
    station.sensor.terminate()
    assert station.sensor.wait(HANGS_S) == 0, station.err.read_text()
    counted = re.search(r"(\d+) metered", station.err.read_text())
    assert counted is not None
    assert int(counted[1]) > 0, station.err.read_text()
    for what, took in (("capture process", capture), ("scorer", scorer)):
        opened, told = zip(*took, strict=True)
        say(f"{what} killed: packets are taken again", opened)
        say(f"{what} killed: and the scorer hears of them", told)
