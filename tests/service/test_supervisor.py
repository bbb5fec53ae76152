"""Processes that are killed, interfaces that vanish: what a sensor with several sources makes of it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from flowml.capture.inputs import RingSettings
from flowml.capture.settings import MeterSettings
from flowml.detections.event import EventKind, SensorEvent
from flowml.detections.policy import Conclusions, Policy
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.schema import FIRST_SEEN_MS, UID
from flowml.service.capture_task import CaptureTask
from flowml.service.runner import run
from flowml.service.scoring import Metered, Scorer
from flowml.service.supervisor import Supervisor
from flowml.service.told import Closed, Interrupted, Resumed, Told
from flowml.sinks.distribution import Distribution
from tests.capture.network import Wire, wire
from tests.processes import is_alive
from tests.service.test_runner import Kept, scorers
from tests.traffic import both, by_port, write_capture

METER = MeterSettings(n_dissections=0, snapshot_ages_s=(1,))
RING = RingSettings(ring_bytes=4 << 20)


def listen(*names: str) -> list[CaptureTask]:
    return [CaptureTask(interface=name, meter=METER, ring=RING) for name in names]


def slow(capture: Path) -> list[CaptureTask]:
    return [CaptureTask(replay=str(capture), speed=0.001)]


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire() as one:
        yield one


@pytest.fixture
def other() -> Iterator[Wire]:
    with wire() as one:
        yield one


def until(supervisor: Iterator[Told], wanted: type, source: str) -> Told:
    """Hear what is told until a source tells what is waited for."""
    return next(told for told in supervisor if told.source == source and isinstance(told.what, wanted))


def records(told: Told) -> FlowBatch:
    assert isinstance(told.what, Metered)
    return told.what.batch


def until_records(supervisor: Iterator[Told]) -> FlowBatch:
    return next(
        records(told) for told in supervisor if isinstance(told.what, Metered) and len(told.what.batch)
    )


# --- one source -------------------------------------------------------------------------------------------


def test_a_process_that_does_not_end_is_ended_by_force(capture: Path) -> None:
    said: list[str] = []
    with Supervisor(slow(capture), said.append) as supervisor:
        told = iter(supervisor)
        next(told)
        (pid,) = supervisor.pids.values()
        os.kill(pid, signal.SIGSTOP)
        supervisor.stop()
        list(told)
        supervisor.check()
    late = [text for text in said if "did not end in time" in text]
    assert late == [said[-1]]  # once, however long it takes to hear what it sent before
    assert not is_alive(pid)


def test_a_replay_that_is_killed_is_no_gap_but_an_error(capture: Path) -> None:
    with Supervisor(slow(capture), print) as supervisor:
        told = iter(supervisor)
        next(told)
        os.kill(next(iter(supervisor.pids.values())), signal.SIGKILL)
        assert not [one for one in told if isinstance(one.what, Interrupted)]
        with pytest.raises(CaptureError, match="the capture process was killed by signal 9"):
            supervisor.check()


def test_its_time_ends_a_replay(capture: Path) -> None:
    with Supervisor(slow(capture), print, duration_s=0.2) as supervisor:
        list(supervisor)
        supervisor.check()


@pytest.mark.root
def test_a_killed_capture_process_comes_back_and_goes_on_with_other_identifiers(
    cable: Wire, tmp_path: Path
) -> None:
    path = write_capture(tmp_path / "short.pcap", both(1.0))
    with Supervisor(listen(cable.tap), print) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        cable.replay(path, "--multiplier=1")
        before = until_records(told)
        first = supervisor.pids[cable.tap]
        os.kill(first, signal.SIGKILL)
        interrupted = until(told, Interrupted, cable.tap).what
        assert isinstance(interrupted, Interrupted)
        assert "was killed by signal 9" in interrupted.reason
        assert "it starts again in 0.5 s" in interrupted.reason
        resumed = until(told, Resumed, cable.tap).what
        assert isinstance(resumed, Resumed)
        assert resumed.gap_s > 0.5
        assert supervisor.pids[cable.tap] != first
        cable.replay(path, "--multiplier=1")
        after = until_records(told)
        assert after[FIRST_SEEN_MS].min() > before[FIRST_SEEN_MS].max()
        assert not np.isin(after[UID], before[UID]).any()
        supervisor.stop()
        list(told)
        supervisor.check()


class Killing(Scorer):
    """A scorer that kills the capture process, once, as soon as it knows two connections."""

    victim = 0

    def take(self, metered: Metered) -> Conclusions | None:
        concluded = super().take(metered)
        if len(self.table) == 2 and self.victim:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
        return concluded


class Ending(Kept):
    """A sink that lets the sensor end when the traffic is over and capture was resumed."""

    def __init__(self, after: Callable[[], None]) -> None:
        super().__init__()
        self._after = after

    def report(self, event: SensorEvent) -> None:
        super().report(event)
        if event.kind is EventKind.RESUMED:
            self._after()


@pytest.mark.root
def test_a_connection_goes_on_after_the_interruption_and_says_that_it_was_interrupted(
    cable: Wire, tmp_path: Path
) -> None:
    path = write_capture(tmp_path / "long.pcap", both(6.0))
    command = ["ip", "netns", "exec", cable.namespace, "tcpreplay", "-q", "-i", cable.far, str(path)]
    senders = []

    def send(text: str) -> None:
        if "listening" in text:
            senders.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    with Supervisor(listen(cable.tap), send) as supervisor:

        def new(source: str) -> Scorer:
            policy = Policy(source, lambda observations: [()] * len(observations))
            scorer = Killing(ConnectionTable(ConnectionSettings()), by_port, policy)
            scorer.victim = supervisor.pids[source]
            return scorer

        def end() -> None:
            senders[0].wait()
            supervisor.stop()

        kept = Ending(end)
        tally = run(supervisor, new, Distribution([kept], print))
        supervisor.check()
    interrupted, resumed = kept.events
    assert (interrupted.kind, interrupted.connections) == (EventKind.INTERRUPTED, 2)
    assert (resumed.kind, resumed.connections) == (EventKind.RESUMED, 2)
    assert tally.ended.total() == 2  # not four: each went on as what it was
    (alert,) = kept.alerts
    assert alert.verdict.was_interrupted
    assert alert.verdict.source == cable.tap


@pytest.mark.root
def test_a_capture_process_that_somebody_else_ended_is_started_again(cable: Wire) -> None:
    with Supervisor(listen(cable.tap), print) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        os.kill(supervisor.pids[cable.tap], signal.SIGTERM)
        interrupted = until(told, Interrupted, cable.tap).what
        assert isinstance(interrupted, Interrupted)
        assert "the capture process ended with exit code 0" in interrupted.reason
        until(told, Resumed, cable.tap)


@pytest.mark.root
def test_a_capture_process_that_hangs_is_started_again(cable: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    with Supervisor(listen(cable.tap), print) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        os.kill(supervisor.pids[cable.tap], signal.SIGSTOP)
        monkeypatch.setattr("flowml.service.supervisor.SILENCE_S", 1.0)
        interrupted = until(told, Interrupted, cable.tap).what
        assert isinstance(interrupted, Interrupted)
        assert "the capture process told nothing for 1 s" in interrupted.reason
        monkeypatch.undo()
        until(told, Resumed, cable.tap)


@pytest.mark.root
def test_an_interface_that_is_removed_ends_a_sensor_that_has_no_other(cable: Wire) -> None:
    with Supervisor(listen(cable.tap), print) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        subprocess.run(["ip", "link", "del", cable.tap], check=True)
        list(told)
        with pytest.raises(CaptureError, match=f"{cable.tap}: the interface is gone"):
            supervisor.check()


# --- several sources --------------------------------------------------------------------------------------


@pytest.mark.root
def test_the_same_flow_on_two_interfaces_is_two_connections_with_an_alert_each(
    cable: Wire, other: Wire, tmp_path: Path
) -> None:
    path = write_capture(tmp_path / "short.pcap", both(2.0))
    kept, said = Kept(), []

    def send_when_both_listen(text: str) -> None:
        said.append(text)
        if sum("listening" in line for line in said) == 2 and "listening" in text:
            for one in (cable, other):
                one.replay(path, "--multiplier=2")
            supervisor.stop()  # what the kernel still holds must be judged

    with Supervisor(listen(cable.tap, other.tap), send_when_both_listen) as supervisor:
        tally = run(supervisor, scorers(), Distribution([kept], print))
        supervisor.check()
    assert tally.ended.total() == 4
    assert sorted(alert.verdict.source for alert in kept.alerts) == sorted([cable.tap, other.tap])
    keys = {alert.verdict.key.community_id for alert in kept.alerts}
    assert len(keys) == 1
    assert {
        name: counted["kernel_received"] for name, counted in supervisor.counters.items()
    } == dict.fromkeys((cable.tap, other.tap), supervisor.counters[cable.tap]["packets"])


@pytest.mark.root
def test_one_of_two_interfaces_may_go_and_come_back(cable: Wire, other: Wire) -> None:
    said: list[str] = []
    with Supervisor(listen(cable.tap, other.tap), said.append) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        until(told, Metered, other.tap)
        subprocess.run(["ip", "link", "del", other.tap], check=True)
        closed = until(told, Closed, other.tap).what
        assert isinstance(closed, Closed)
        assert "the interface is gone" in closed.reason
        until(told, Metered, cable.tap)
        peer = ("type", "veth", "peer", "name", f"{other.tap}x")
        subprocess.run(["ip", "link", "add", other.tap, *peer], check=True)
        subprocess.run(["ip", "link", "set", other.tap, "up"], check=True)
        until(told, Metered, other.tap)
        assert said.count(f"listening to {other.tap}") == 2
        supervisor.stop()
        list(told)
        supervisor.check()


@pytest.mark.root
def test_an_interface_that_is_missing_at_the_end_is_an_error(cable: Wire, other: Wire) -> None:
    with Supervisor(listen(cable.tap, other.tap), print) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        until(told, Metered, other.tap)
        subprocess.run(["ip", "link", "del", other.tap], check=True)
        until(told, Closed, other.tap)
        supervisor.stop()
        list(told)
        with pytest.raises(CaptureError, match=f"{other.tap}: the interface is gone"):
            supervisor.check()


@pytest.mark.root
def test_a_wrong_name_beside_a_right_one_is_an_error_at_once(cable: Wire) -> None:
    with Supervisor(listen(cable.tap, "absent0"), print) as supervisor:
        list(supervisor)
        with pytest.raises(CaptureError, match="absent0: no such interface"):
            supervisor.check()


@pytest.mark.root
def test_an_interface_that_is_down_after_an_interruption_is_waited_for(cable: Wire) -> None:
    said: list[str] = []

    def bring_up(text: str) -> None:
        said.append(text)
        if "is down" in text:
            cable.link("up")

    with Supervisor(listen(cable.tap), bring_up) as supervisor:
        told = iter(supervisor)
        until(told, Metered, cable.tap)
        cable.link("down")
        os.kill(supervisor.pids[cable.tap], signal.SIGKILL)
        until(told, Interrupted, cable.tap)
        until(told, Resumed, cable.tap)
        assert sum("is down; bring it up with" in line for line in said) == 1
        supervisor.stop()
        list(told)
        supervisor.check()
