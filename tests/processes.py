"""Processes as tests meet them: flowml as a program, and whether one is still there."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import flowml as package
from tests.conftest import REPOSITORY

FLOWML = (sys.executable, "-m", "flowml.cli.main")
# where the tests have flowml from, which need not be src: another build is tested by another PYTHONPATH
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{Path(package.__file__).resolve().parents[1]}:{REPOSITORY}",
    "PYTHONWARNINGS": "error",
}


def flowml(*arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run flowml to its end."""
    return subprocess.run(
        [*FLOWML, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=timeout,
        check=False,
    )


def start_python(*arguments: str) -> subprocess.Popen[str]:
    """Start Python with flowml and the tests at hand; both outputs are pipes."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def start_flowml(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start flowml; both outputs are pipes."""
    return start_python(*FLOWML[1:], *map(str, arguments))


def children(pid: int) -> list[int]:
    """The processes that a process has started and not yet buried."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listed.split()]


def capture_processes(sensor: int) -> list[int]:
    """The capture processes of a sensor, its own children or its spawner's."""
    begun = [pid for child in children(sensor) for pid in (child, *children(child))]
    return [pid for pid in begun if "flowml.service.capture_process" in command_of(pid)]


def command_of(pid: int) -> str:
    """The command line of a process; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs: a dead one that waits to be buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
