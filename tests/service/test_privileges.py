"""What the processes of a sensor may do, as the kernel says."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.namespaces import tap
from tests.processes import ENVIRONMENT, FLOWML, capture_processes, children, command_of, eventually, is_alive

NOBODY = "65534"
NONE, NET_RAW = 0, 1 << 13
HANGS_S = 120.0
PROGRAM = """
from flowml.service.privileges import CAP_NET_RAW, keep_only
keep_only({kept})
for line in open("/proc/self/status"):
    if line.startswith(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")):
        print(int(line.split()[1], 16))
"""


def told(kept: str, *before: str) -> list[int]:
    """Inheritable, permitted, effective, bounding and ambient set, and whether no privilege can be gained."""
    command = [*before, sys.executable, "-c", PROGRAM.format(kept=kept)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    return [int(line) for line in done.stdout.splitlines()]


@pytest.mark.root
def test_root_keeps_one_capability_and_can_get_no_other() -> None:
    assert told("CAP_NET_RAW") == [NONE, NET_RAW, NET_RAW, NET_RAW, NONE, 1]


@pytest.mark.root
def test_root_can_give_up_all() -> None:
    assert told("") == [NONE, NONE, NONE, NONE, NONE, 1]


@pytest.mark.root
def test_who_has_none_gets_none() -> None:
    assert told("CAP_NET_RAW", "setpriv", "--bounding-set=-all", "--inh-caps=-all")[:3] == [NONE] * 3


UNPRIVILEGED = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all,+net_raw",
    "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw",
)  # fmt: skip


@pytest.mark.root
def test_what_is_handed_on_reaches_a_program_of_an_unprivileged_user() -> None:
    assert told("CAP_NET_RAW, hand_on=True", *UNPRIVILEGED) == [NET_RAW] * 5 + [1]
    assert told("CAP_NET_RAW", *UNPRIVILEGED) == [NONE, NET_RAW, NET_RAW, NET_RAW, NONE, 1]


# --- a running sensor -------------------------------------------------------------------------------------


def status_of_threads(pid: int) -> list[dict[str, str]]:
    """The kernel's words about each thread of a process."""
    files = Path(f"/proc/{pid}/task").glob("*/status")
    return [dict(line.split(":\t", 1) for line in file.read_text().splitlines()) for file in files]


def may(pid: int) -> set[tuple[int, ...]]:
    """Inheritable, permitted, effective and ambient set of the threads of a process."""
    sets = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    return {tuple(int(status[name], 16) for name in sets) for status in status_of_threads(pid)}


# packages of this environment, for another interpreter than that of the environment
ANYWHERE = {**ENVIRONMENT, "PYTHONPATH": f"{ENVIRONMENT['PYTHONPATH']}:{sysconfig.get_path('purelib')}"}


def python_for_nobody() -> str:
    """An interpreter that any user may run: that of the tests can lie in root's home."""
    for python in (sys.executable, "/usr/bin/python{}.{}".format(*sys.version_info)):
        # twice: what starts it first is still root
        command = f"import subprocess, flowml.cli.main; subprocess.run([{python!r}, '-c', ''], check=True)"
        tried = subprocess.run(
            [*UNPRIVILEGED, python, "-c", command], capture_output=True, env=ANYWHERE, check=False
        )
        if not tried.returncode:
            return python
    pytest.skip(
        "an unprivileged user can run no interpreter of this version, or cannot read this source tree"
    )


class Sensor:
    """A running sensor of a user who is nobody."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.err = folder / "err"
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=err, env={**ANYWHERE, "HOME": str(folder)}
            )

    def capture_process_but(self, former: int) -> int:
        """Wait until a capture process that is not the former listens, and give it."""

        def found() -> list[int]:
            return [pid for pid in capture_processes(self.process.pid) if pid != former]

        assert eventually(lambda: bool(found()) or self.process.poll() is not None, HANGS_S)
        assert self.process.poll() is None, self.err.read_text()
        return found()[0]


@pytest.fixture
def sensor() -> Iterator[Sensor]:
    """A sensor at a tap of its own, as a user with one capability, with a state folder and a destination."""
    command = [*UNPRIVILEGED, python_for_nobody(), *FLOWML[1:], "live", "--config"]
    with TemporaryDirectory() as name, tap() as wire:
        folder = Path(name)
        os.chown(folder, int(NOBODY), int(NOBODY))
        config = folder / "flowml.toml"
        config.write_text(
            f'[capture]\ninterfaces = ["{wire.interface}"]\nring_mib = 4\n[state]\nfolder = "state"\n'
            '[sinks.eve]\nfile = "eve.json"\n'
        )
        one = Sensor(wire.inside(*command, config), folder)
        try:
            yield one
        finally:
            one.process.kill()
            one.process.wait()


def require_least_privilege(sensor: Sensor, capturing: int) -> None:
    """Only the spawner may open interfaces; the capture process could, until its interface was open."""
    scorer = sensor.process.pid
    (spawner,) = children(scorer)
    assert "spawner_process" in command_of(spawner)
    assert children(spawner) == [capturing]
    assert eventually(lambda: may(capturing) == {(NONE,) * 4}, HANGS_S), may(capturing)
    assert may(scorer) == {(NONE,) * 4}
    assert may(spawner) == {(NET_RAW,) * 4}
    for pid in (scorer, spawner, capturing):
        for status in status_of_threads(pid):
            assert status["NoNewPrivs"] == "1"
            assert status["Uid"].split() == [NOBODY] * 4
            assert (
                int(status["CapBnd"], 16) == NET_RAW
            )  # to shrink it takes a capability that nobody has here


@pytest.mark.root
def test_only_the_spawner_keeps_the_capability_also_after_capture_was_killed(sensor: Sensor) -> None:
    capturing = sensor.capture_process_but(0)
    assert eventually(lambda: "listening to" in sensor.err.read_text(), HANGS_S), sensor.err.read_text()
    require_least_privilege(sensor, capturing)
    os.kill(capturing, signal.SIGKILL)
    another = sensor.capture_process_but(capturing)
    require_least_privilege(sensor, another)
    sensor.process.terminate()
    assert sensor.process.wait(HANGS_S) == 0, sensor.err.read_text()
    assert not is_alive(another)
