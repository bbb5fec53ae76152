import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.detections.policy import Policy
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import VerdictBatch
from flowml.errors import SinkError
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.service.capture_task import CaptureTask
from flowml.service.runner import run
from flowml.service.scoring import Judge, Scorer
from flowml.service.supervisor import Supervisor
from flowml.sinks.distribution import Distribution
from tests.traffic import by_port


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.events: list[SensorEvent] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts

    def report(self, event: SensorEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


class Full:
    """A sink that takes nothing."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        raise SinkError("eve.json: cannot be written: No space left on device")

    def report(self, event: SensorEvent) -> None:
        raise SinkError("eve.json: cannot be written: No space left on device")

    def close(self) -> None:
        pass


def scorers(judge: Judge = by_port) -> Callable[[str], Scorer]:
    def new(source: str) -> Scorer:
        policy = Policy(source, lambda observations: [(Sentence("why"),)] * len(observations))
        return Scorer(ConnectionTable(ConnectionSettings()), judge, policy)

    return new


def replay(capture: Path, speed: float = 1000) -> list[CaptureTask]:
    return [CaptureTask(replay=str(capture), speed=speed)]


def test_a_replay_is_scored_to_its_end(capture: Path) -> None:
    kept = Kept()
    with Supervisor(replay(capture), print) as supervisor:
        tally = run(supervisor, scorers(), Distribution([kept], print))
        supervisor.check()
    assert str(tally).startswith("2 connections seen, 1 tagged as mining, 0 unsure")
    assert [alert.verdict.key.server_port for alert in kept.alerts] == [3333]
    assert kept.events == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_open_connections_are_judged(
    capture: Path, number: signal.Signals
) -> None:
    kept = Kept()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    judged = iter([True])

    def judge_and_interrupt(observations: Observations) -> VerdictBatch:
        if next(judged, False):
            os.kill(os.getpid(), number)
        return by_port(observations)

    with Supervisor(replay(capture), print) as supervisor:
        tally = run(supervisor, scorers(judge_and_interrupt), Distribution([kept], print))
        supervisor.check()
    assert tally.ended.total() == 2
    assert len(kept.alerts) == 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_second_signal_ends_at_once(capture: Path) -> None:
    def interrupt(text: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with Supervisor(replay(capture, 0.001), interrupt) as supervisor, pytest.raises(KeyboardInterrupt):
        run(supervisor, scorers(), Distribution([], print))


def test_alerts_that_were_not_delivered_are_counted(capture: Path) -> None:
    with Supervisor(replay(capture), print) as supervisor:
        tally = run(supervisor, scorers(), Distribution([Full()], print))
    assert tally.undelivered == 1
