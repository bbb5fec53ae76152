"""The live meter goes by the clock, survives what interfaces do, and refuses in one line."""

import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowml import schema
from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.inputs import RingSettings, open_file
from flowml.capture.live import LiveMeter
from flowml.capture.meter import Meter
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from tests.capture.frames import CLIENT, SERVER, End, arp, conversation, ethernet, pcap, segment
from tests.capture.network import Wire, wire

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled"),
]
RING = RingSettings(ring_bytes=4 << 20)
SETTINGS = MeterSettings(n_dissections=0, idle_timeout_s=2, snapshot_ages_s=(1,))


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire() as one:
        yield one


def _until(meter: LiveMeter, records: int, seconds: float = 10) -> FlowBatch:
    """Poll until so many records came."""
    batches, end = [FlowBatch.empty()], time.monotonic() + seconds
    while sum(len(batch) for batch in batches) < records and time.monotonic() < end:
        batches.append(meter.poll(0.2))
    return FlowBatch.concat(batches)


def _packets_seen(meter: LiveMeter, packets: int) -> FlowBatch:
    batches = [FlowBatch.empty()]
    end = time.monotonic() + 10
    while meter.counters.packets < packets and time.monotonic() < end:
        batches.append(meter.poll(0.2))
    return FlowBatch.concat(batches)


def test_a_flow_leaves_by_the_clock_when_no_packet_comes_any_more(cable: Wire, tmp_path: Path) -> None:
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        cable.send([*conversation(packets=4, gap_ms=1), (50, arp())], tmp_path)
        sent_ms = time.time() * 1000
        batch = _until(meter, 2)
        assert batch[schema.IS_FINAL].tolist() == [False, True]
        assert batch.packets.counts.tolist() == [4, 0]
        assert batch[schema.PACKETS].tolist() == [9, 9]
        assert time.time() * 1000 - sent_ms < (SETTINGS.idle_timeout_s + 2) * 1000  # the promise itself
        counters = meter.counters
        assert (counters.packets, counters.ignored, counters.open_flows) == (9, 1, 0)
        assert (counters.kernel_received, counters.kernel_drops) == (10, 0)


def test_poll_returns_with_nothing_and_with_a_batch_that_travels(cable: Wire) -> None:
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        batch = meter.poll(0.3)
    assert len(pickle.loads(pickle.dumps(batch))) == 0  # noqa: S301


def test_flush_gives_every_open_flow(cable: Wire, tmp_path: Path) -> None:
    frames = [(0, ethernet(segment(End("10.0.0.2", port), SERVER, b"x"))) for port in range(1, 101)]
    with LiveMeter([cable.tap], MeterSettings(n_dissections=0), RING) as meter:
        cable.send(frames, tmp_path, "--pps=20000")
        _packets_seen(meter, 100)
        flushed = FlowBatch.concat(list(meter.flush()))
        assert sorted(flushed[schema.SRC_PORT].tolist()) == list(range(1, 101))
        assert meter.counters.open_flows == 0
        assert (flushed[schema.COVERED_UNTIL_MS] <= time.time() * 1000).all()


def test_an_interface_may_go_down_and_come_up_again(cable: Wire, tmp_path: Path) -> None:
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        cable.link("down")
        assert len(meter.poll(0.3)) == 0
        cable.link("up")
        time.sleep(0.2)  # the carrier of the far end comes back
        cable.send(conversation(packets=2), tmp_path)
        _packets_seen(meter, 5)
        assert meter.counters.packets == 5


def test_an_interface_that_is_removed_is_an_error_and_its_flows_can_be_saved(
    cable: Wire, tmp_path: Path
) -> None:
    with LiveMeter([cable.tap], MeterSettings(n_dissections=0), RING) as meter:
        cable.send(conversation(packets=2), tmp_path)
        _packets_seen(meter, 5)
        subprocess.run(["ip", "link", "del", cable.tap], check=True)
        with pytest.raises(CaptureError, match=f"{cable.tap}: the interface is gone; bring it back"):
            meter.poll(2)
        assert len(FlowBatch.concat(list(meter.flush()))) == 1


def test_two_interfaces_feed_one_table(tmp_path: Path) -> None:
    ask = ethernet(segment(CLIENT, SERVER, b"ask"))
    answer = ethernet(segment(SERVER, CLIENT, b"answer"))
    settings = MeterSettings(n_dissections=0, idle_timeout_s=2, snapshot_ages_s=())
    with wire() as first, wire() as second, LiveMeter([first.tap, second.tap], settings, RING) as meter:
        first.send([(0, ask)], tmp_path)
        _packets_seen(meter, 1)
        second.send([(0, answer)], tmp_path)
        batch = _until(meter, 1)
    assert batch[schema.SRC_PACKETS].tolist() == [1]
    assert batch[schema.DST_PACKETS].tolist() == [1]


def test_any_takes_the_packets_of_every_interface(cable: Wire, tmp_path: Path) -> None:
    rare = End("198.51.100.77", 47_777)
    with LiveMeter(["any"], MeterSettings(n_dissections=0), RING, "host 198.51.100.77") as meter:
        cable.send([(0, ethernet(segment(rare, SERVER, b"hello")))], tmp_path)
        _packets_seen(meter, 1)
        flushed = FlowBatch.concat(list(meter.flush()))
        assert flushed[schema.SRC_IP].tolist() == [b"198.51.100.77"]
        assert meter.warnings == ()


def test_a_replayed_capture_has_the_packets_of_its_file(cable: Wire, tmp_path: Path) -> None:
    frames = conversation(packets=40, gap_ms=25)
    (tmp_path / "sent.pcap").write_bytes(pcap(frames))
    settings = MeterSettings(n_dissections=0)
    filed = FlowBatch.concat(list(Meter(settings).batches(tmp_path / "sent.pcap")))
    with LiveMeter([cable.tap], settings, RING) as meter:
        cable.replay(tmp_path / "sent.pcap", "--multiplier=1")
        _packets_seen(meter, len(frames))
        live = FlowBatch.concat(list(meter.flush()))
    assert live.packets.size_bytes.tolist() == filed.packets.size_bytes.tolist()
    assert live[schema.SRC_IP].tolist() == filed[schema.SRC_IP][-1:].tolist()


def test_without_the_compiled_loop_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowml.capture.loop.extension", lambda: None)
    with pytest.raises(CaptureError, match="live metering needs it; install a C compiler"):
        LiveMeter(["lo"], SETTINGS, RING)


def test_a_clock_that_was_set_back_ends_the_open_flows_and_goes_on(cable: Wire, tmp_path: Path) -> None:
    in_the_future = conversation(packets=2)
    path = tmp_path / "future.pcap"
    path.write_bytes(pcap([(10 * 365 * 86_400_000 + at, frame) for at, frame in in_the_future]))
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        engine = Engine()
        with closing(open_file(engine, str(path))) as capture:
            meter._loop.run_file(capture)  # what the meter saw before the clock was set back
        assert meter.counters.open_flows == 1
        _until(meter, 1)
        assert meter.counters.open_flows == 0
        cable.send(conversation(packets=2), tmp_path)
        again = _until(meter, 2)
        assert abs(int(again[schema.LAST_SEEN_MS][0]) - time.time() * 1000) < 60_000


def test_a_signal_ends_a_poll_early(cable: Wire) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
    try:
        with LiveMeter([cable.tap], SETTINGS, RING) as meter:
            timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGUSR1])
            timer.start()
            meter.poll(3600)  # returns at the signal, or the test hangs
            timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]
