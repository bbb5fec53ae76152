import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowml.errors import CaptureError
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from flowml.service.spawner import Spawner
from flowml.service.supervisor import Supervisor
from flowml.service.wire import Opened
from tests.processes import children, eventually, is_alive, start_python
from tests.service.test_feed import heard, slow


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    with Spawner() as one:
        yield one


def test_a_process_of_the_spawner_tells_what_any_other_would(spawner: Spawner, capture: Path) -> None:
    with CaptureFeed(CaptureTask(replay=str(capture), speed=1000), spawner.start) as feed:
        first, *rest = heard(feed)
        assert children(spawner.pid) in ([feed.pid], [])
        assert feed.failure() is None
    assert first == Opened()
    assert rest
    assert feed.counters["packets"] > 0


def test_the_spawner_tells_how_a_process_ended_and_starts_another(spawner: Spawner, capture: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGUSR1):
        with CaptureFeed(slow(capture), spawner.start) as feed:
            assert feed.hear() == Opened()
            os.kill(feed.pid, number)
            heard(feed)
            assert f"the capture process was killed by signal {number}" in str(feed.failure())
        assert not is_alive(feed.pid)


def test_a_process_of_the_spawner_ends_in_order_when_it_is_told_to(spawner: Spawner, capture: Path) -> None:
    with CaptureFeed(slow(capture), spawner.start) as feed:
        assert feed.hear() == Opened()
        feed.stop()
        heard(feed)
        assert feed.failure() is None


def test_signals_that_are_meant_for_all_do_not_end_the_spawner(spawner: Spawner, capture: Path) -> None:
    with CaptureFeed(slow(capture), spawner.start) as feed:
        assert feed.hear() == Opened()  # so its handlers are there
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(spawner.pid, number)
    with CaptureFeed(slow(capture), spawner.start) as feed:
        assert feed.hear() == Opened()


def test_a_sensor_whose_spawner_is_killed_ends_in_order_and_says_why(capture: Path) -> None:
    with Spawner() as spawner, Supervisor([slow(capture)], print, start=spawner.start) as supervisor:
        told = iter(supervisor)
        next(told)
        (pid,) = supervisor.pids.values()
        os.kill(spawner.pid, signal.SIGKILL)
        list(told)
        assert eventually(lambda: not is_alive(pid))
        with pytest.raises(CaptureError, match="the capture process was killed by signal 9"):
            supervisor.check()
        with pytest.raises(CaptureError, match="the process that starts it is gone; start the sensor again"):
            CaptureFeed(slow(capture), spawner.start)


def test_the_spawner_and_what_it_started_die_with_the_scorer(capture: Path) -> None:
    program = f"""
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from flowml.service.spawner import Spawner
task = CaptureTask(replay={str(capture)!r}, speed=0.001)
with Spawner() as spawner, CaptureFeed(task, spawner.start) as feed:
    print(feed.hear(), flush=True)
    while feed.hear() is not None:
        pass
"""
    scorer = start_python("-c", program)
    assert scorer.stdout is not None
    assert "Opened" in scorer.stdout.readline()
    (spawner,) = children(scorer.pid)
    (capturing,) = children(spawner)
    scorer.kill()
    scorer.communicate()
    assert eventually(lambda: not is_alive(spawner) and not is_alive(capturing))


def test_the_spawner_has_nothing_but_the_standard_library_in_it(spawner: Spawner, capture: Path) -> None:
    with CaptureFeed(slow(capture), spawner.start) as feed:
        assert feed.hear() == Opened()
        mapped = Path(f"/proc/{spawner.pid}/maps").read_text()
    assert "numpy" not in mapped
    assert "_lib_engine" not in mapped
