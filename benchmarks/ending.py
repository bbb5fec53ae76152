"""Print how long `flowml live` takes from a signal to its end, and to notice a killed capture process.

python benchmarks/ending.py [INTERFACE]      (as root; loopback by default)
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

RUNS = 5
WORKING_S = 5  # from the first packet that it can see until the model is loaded


def main() -> None:
    interface = sys.argv[1] if len(sys.argv) > 1 else "lo"
    for number in (signal.SIGINT, signal.SIGTERM):
        _say(f"{number.name} to the end", [ended(interface, number) for _ in range(RUNS)])
    noticed, resumed = zip(*(killed(interface) for _ in range(RUNS)), strict=True)
    _say("capture process killed: told", list(noticed))
    _say("capture process killed: packets come again", list(resumed))


def _say(what: str, took: list[float]) -> None:
    print(f"{what}: median {statistics.median(took):.2f} s, longest {max(took):.2f} s of {len(took)} runs")


@contextmanager
def _sensor(interface: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "flowml.cli.main", "live", "-i", interface]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sensor:
        _until(sensor.stderr or (), "listening")
        time.sleep(WORKING_S)
        yield sensor
        sensor.kill()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _until(lines: Iterable[str], word: str) -> None:
    for line in lines:
        if word in line:
            return


def ended(interface: str, number: signal.Signals) -> float:
    """Seconds from a signal to the end of the last process."""
    with _sensor(interface) as sensor:
        start = time.monotonic()
        sensor.send_signal(number)
        sensor.communicate()  # until the last process that holds the outputs ends
        return time.monotonic() - start


def killed(interface: str) -> tuple[float, float]:
    """Seconds from the death of the capture process until it is told, and until the next one listens."""
    with _sensor(interface) as sensor:
        (spawner,) = _children(sensor.pid)
        (child,) = _children(spawner)
        start = time.monotonic()
        os.kill(child, signal.SIGKILL)
        _until(sensor.stdout or (), "INTERRUPTED")
        told = time.monotonic() - start
        _until(sensor.stdout or (), "RESUMED")
        return told, time.monotonic() - start


if __name__ == "__main__":
    main()
