import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from flowml.detections.alert import Alert
from flowml.detections.policy import Policy
from flowml.detections.verdict import VerdictBatch
from flowml.errors import SinkError
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from flowml.service.runner import Scorer, deliver, run
from tests.traffic import by_port
from tests.verdicts import alert


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts

    def close(self) -> None:
        pass


class Full:
    """A sink that takes nothing."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        raise SinkError("eve.json: cannot be written: No space left on device")

    def close(self) -> None:
        pass


def scorer() -> Scorer:
    policy = Policy("here", lambda observations: [("why",)] * len(observations))
    return Scorer(ConnectionTable(ConnectionSettings()), by_port, policy)


def test_a_replay_is_scored_to_its_end(capture: Path) -> None:
    kept = Kept()
    with CaptureFeed(CaptureTask(replay=str(capture), speed=1000), print) as feed:
        tally = run(feed, scorer(), [kept], print)
        feed.check()
    assert str(tally).startswith("2 connections seen, 1 tagged as mining, 0 unsure")
    assert [alert.verdict.key.server_port for alert in kept.alerts] == [3333]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_open_connections_are_judged(
    capture: Path, number: signal.Signals
) -> None:
    kept = Kept()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    task = CaptureTask(replay=str(capture), speed=1000, duration_s=60)
    with CaptureFeed(task, print) as feed:
        judged = iter([True])

        def judge_and_interrupt(observations: Observations) -> VerdictBatch:
            if next(judged, False):
                os.kill(os.getpid(), number)
            return by_port(observations)

        tally = run(feed, replace(scorer(), judge=judge_and_interrupt), [kept], print)
        feed.check()
    assert tally.ended.total() == 2
    assert len(kept.alerts) == 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_second_signal_ends_at_once(capture: Path) -> None:
    def interrupt(text: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    task = CaptureTask(replay=str(capture), speed=0.001)
    with CaptureFeed(task, interrupt) as feed, pytest.raises(KeyboardInterrupt):
        run(feed, scorer(), [], print)


def test_a_failing_sink_keeps_no_alert_from_the_others_and_is_told() -> None:
    kept = Kept()
    told: list[str] = []
    assert deliver(alert(), [Full(), kept, Full()], told.append) == 2
    assert len(kept.alerts) == 1
    assert told == ["alert not delivered: eve.json: cannot be written: No space left on device"] * 2


def test_alerts_that_were_not_delivered_are_counted(capture: Path) -> None:
    with CaptureFeed(CaptureTask(replay=str(capture), speed=1000), print) as feed:
        tally = run(feed, scorer(), [Full()], print)
    assert tally.undelivered == 1
