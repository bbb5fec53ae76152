import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.schema import IS_FINAL, PACKETS
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from tests.processes import children, eventually, is_alive, start_python


def slow(capture: Path) -> CaptureTask:
    """A replay that does not end while a test runs."""
    return CaptureTask(replay=str(capture), speed=0.001)


def test_a_replay_arrives_whole_and_ends_in_order(capture: Path) -> None:
    told: list[str] = []
    with CaptureFeed(CaptureTask(replay=str(capture), speed=1000), told.append) as feed:
        batch = FlowBatch.concat([metered.batch for metered in feed])
        feed.check()
    assert told == [f"listening to {capture}"]
    assert int(batch[PACKETS].sum(where=batch[IS_FINAL])) == feed.counters["packets"]


def test_a_capture_that_cannot_be_read_is_told_after_the_end(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    with CaptureFeed(CaptureTask(replay=str(tmp_path / "empty.pcap")), print) as feed:
        assert list(feed) == []
        with pytest.raises(CaptureError, match=r"empty\.pcap: empty"):
            feed.check()


def test_a_feed_that_is_told_to_stop_ends_in_order(capture: Path) -> None:
    with CaptureFeed(slow(capture), print) as feed:
        for _ in feed:
            feed.stop()
        feed.check()
    assert not is_alive(feed.pid)


def test_a_capture_process_that_is_killed_is_noticed_and_said(capture: Path) -> None:
    with CaptureFeed(slow(capture), print) as feed:
        for _ in feed:
            os.kill(feed.pid, signal.SIGKILL)
        with pytest.raises(CaptureError, match=r"the capture process was killed by signal 9"):
            feed.check()


def test_a_capture_process_that_does_not_end_is_ended_by_force(capture: Path) -> None:
    told: list[str] = []
    with CaptureFeed(slow(capture), told.append) as feed:
        for _ in feed:
            os.kill(feed.pid, signal.SIGSTOP)
            feed.stop()
        feed.check()
    assert told[-1] == "the capture process did not end in time; what it still held is lost"
    assert not is_alive(feed.pid)


def test_leaving_the_block_ends_the_process(capture: Path) -> None:
    with CaptureFeed(slow(capture), print) as feed:
        next(iter(feed))
        assert is_alive(feed.pid)
    assert not is_alive(feed.pid)


def test_the_capture_process_dies_with_its_scorer(capture: Path) -> None:
    program = f"""
from flowml.schema import IS_FINAL, PACKETS
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
task = CaptureTask(replay={str(capture)!r}, speed=0.001)
with CaptureFeed(task, lambda text: print(text, flush=True)) as feed:
    list(feed)
"""
    scorer = start_python("-c", program)
    assert scorer.stdout is not None
    assert "listening" in scorer.stdout.readline()
    (child,) = children(scorer.pid)
    scorer.kill()
    scorer.communicate()
    assert eventually(lambda: not is_alive(child))


def test_the_capture_process_has_no_machine_learning_in_it(capture: Path) -> None:
    with CaptureFeed(slow(capture), print) as feed:
        next(iter(feed))
        mapped = Path(f"/proc/{feed.pid}/maps").read_text()
    assert "numpy" in mapped
    assert "sklearn" not in mapped


def with_message(capture: Path, data: bytes) -> CaptureFeed:
    """A feed whose process is gone and has left these bytes in the pipe."""
    feed = CaptureFeed(slow(capture), print)
    os.kill(feed.pid, signal.SIGKILL)
    ours, theirs = os.pipe()
    os.write(theirs, data)
    os.close(theirs)
    feed._pipe.close()
    feed._pipe = Connection(ours, writable=False)
    return feed


def test_a_message_that_breaks_off_is_an_end_like_any_other(capture: Path) -> None:
    with with_message(capture, b"\0\0\1\0half") as feed:
        assert list(feed) == []
        with pytest.raises(CaptureError, match="killed by signal 9"):
            feed.check()


def test_what_is_no_message_is_refused(capture: Path) -> None:
    with with_message(capture, b"\0\0\0\3bad") as feed:
        assert list(feed) == []
        with pytest.raises(CaptureError, match="sent what is no message"):
            feed.check()
