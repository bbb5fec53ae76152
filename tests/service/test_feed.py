import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from flowml.flows.batch import FlowBatch
from flowml.schema import IS_FINAL, PACKETS
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
from flowml.service.scoring import Metered
from flowml.service.wire import Message, Opened
from tests.processes import children, eventually, is_alive, start_python


def slow(capture: Path) -> CaptureTask:
    """A replay that does not end while a test runs."""
    return CaptureTask(replay=str(capture), speed=0.001)


def heard(feed: CaptureFeed) -> list[Message]:
    """All that a feed tells until its end."""
    messages = []
    while (message := feed.hear()) is not None:
        messages.append(message)
    return messages


def test_a_replay_arrives_whole_and_ends_in_order(capture: Path) -> None:
    with CaptureFeed(CaptureTask(replay=str(capture), speed=1000)) as feed:
        first, *rest = heard(feed)
        assert feed.failure() is None
    batch = FlowBatch.concat([message.batch for message in rest if isinstance(message, Metered)])
    assert first == Opened()
    assert int(batch[PACKETS].sum(where=batch[IS_FINAL])) == feed.counters["packets"]


def test_a_capture_that_cannot_be_read_is_told_after_the_end(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    with CaptureFeed(CaptureTask(replay=str(tmp_path / "empty.pcap"))) as feed:
        heard(feed)
        assert "empty.pcap: empty" in str(feed.failure())


def test_a_feed_that_is_told_to_stop_ends_in_order(capture: Path) -> None:
    with CaptureFeed(slow(capture)) as feed:
        assert feed.hear() == Opened()
        feed.stop()
        heard(feed)
        assert feed.failure() is None
        assert not is_alive(feed.pid)


def test_a_capture_process_that_is_killed_is_noticed_and_said(capture: Path) -> None:
    with CaptureFeed(slow(capture)) as feed:
        assert feed.hear() == Opened()
        os.kill(feed.pid, signal.SIGKILL)
        heard(feed)
        assert "the capture process was killed by signal 9" in str(feed.failure())


def test_leaving_the_block_ends_the_process(capture: Path) -> None:
    with CaptureFeed(slow(capture)) as feed:
        assert feed.hear() == Opened()
        assert is_alive(feed.pid)
    assert not is_alive(feed.pid)


def test_the_capture_process_dies_with_its_scorer(capture: Path) -> None:
    program = f"""
from flowml.service.capture_task import CaptureTask
from flowml.service.feed import CaptureFeed
with CaptureFeed(CaptureTask(replay={str(capture)!r}, speed=0.001)) as feed:
    print(feed.hear(), flush=True)
    while feed.hear() is not None:
        pass
"""
    scorer = start_python("-c", program)
    assert scorer.stdout is not None
    assert "Opened" in scorer.stdout.readline()
    (child,) = children(scorer.pid)
    scorer.kill()
    scorer.communicate()
    assert eventually(lambda: not is_alive(child))


def test_the_capture_process_has_no_machine_learning_in_it(capture: Path) -> None:
    with CaptureFeed(slow(capture)) as feed:
        assert feed.hear() == Opened()
        mapped = Path(f"/proc/{feed.pid}/maps").read_text()
    assert "numpy" in mapped
    assert "sklearn" not in mapped


def with_message(capture: Path, data: bytes) -> CaptureFeed:
    """A feed whose process is gone and has left these bytes in the pipe."""
    feed = CaptureFeed(slow(capture))
    os.kill(feed.pid, signal.SIGKILL)
    ours, theirs = os.pipe()
    os.write(theirs, data)
    os.close(theirs)
    feed.pipe.close()
    feed.pipe = Connection(ours, writable=False)
    return feed


def test_a_message_that_breaks_off_is_an_end_like_any_other(capture: Path) -> None:
    with with_message(capture, b"\0\0\1\0half") as feed:
        assert heard(feed) == []
        assert "killed by signal 9" in str(feed.failure())


def test_what_is_no_message_is_refused(capture: Path) -> None:
    with with_message(capture, b"\0\0\0\3bad") as feed:
        assert heard(feed) == []
        assert "sent what is no message" in str(feed.failure())
