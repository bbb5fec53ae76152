"""The live meter goes by the clock, survives what interfaces do, and refuses in one line."""

import os
import pickle
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowml import schema
from flowml.capture import census
from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.inputs import RingSettings, open_file
from flowml.capture.live import LiveMeter
from flowml.capture.meter import Meter
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from tests.capture.frames import CLIENT, SERVER, End, arp, conversation, ethernet, packet, pcap, segment
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


def _handled(meter: LiveMeter, packets: int) -> None:
    """Poll until so many packets were metered or left out."""
    end = time.monotonic() + 10
    while meter.counters.packets + meter.counters.ignored < packets and time.monotonic() < end:
        meter.poll(0.2)


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


V6 = ("fd00::2", "fd00::9")
UDP_BODY = struct.pack("!HHHH", 1, 2, 208, 0) + bytes(200)
LEFT_OUT = {
    census.NOT_IP: [arp(), bytes(12) + b"\x00\x26\x42\x42\x03" + bytes(40)],
    census.SERVICE_VLAN: [ethernet(segment(CLIENT, SERVER), vlan=5, tag=0x88A8)],
    census.FRAGMENT: [
        ethernet(packet("10.0.0.2", "10.0.0.9", 17, UDP_BODY, fragment=100)),
        ethernet(packet(*V6, 44, struct.pack("!BBHI", 17, 0, 80, 1) + UDP_BODY)),
        ethernet(packet("10.0.0.2", "10.0.0.9", 17, UDP_BODY, fragment=7), vlan=5),
    ],
    census.TRUNCATED: [ethernet(packet(*V6, 17, UDP_BODY))[:100]],
    census.SHORT: [
        ethernet(segment(CLIENT, SERVER))[:27],
        ethernet(packet("10.0.0.2", "10.0.0.9", 17, b"a")),
    ],
    census.MALFORMED: [ethernet(b"\x45\x00\x00\x00" + segment(CLIENT, SERVER)[4:])],
}


def test_every_packet_that_is_left_out_is_counted_by_its_reason(cable: Wire, tmp_path: Path) -> None:
    frames = [(0, frame) for kind in LEFT_OUT.values() for frame in kind]
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        cable.send([*conversation(packets=2), *frames], tmp_path)
        _handled(meter, 5 + len(frames))
        counters = meter.counters
    assert counters.ignored_by_reason == {reason: len(kind) for reason, kind in LEFT_OUT.items()}
    assert (counters.packets, counters.ignored) == (5, len(frames))
    assert counters.figures()[census.FRAGMENT] == 3
    assert set(LEFT_OUT) == set(census.REASONS)


def test_a_snapshot_length_that_cuts_leaves_out_six_and_meters_four(cable: Wire, tmp_path: Path) -> None:
    four = ethernet(segment(CLIENT, SERVER, bytes(1000)))
    six = ethernet(segment(End(V6[0], 1), End(V6[1], 2), bytes(1000)))
    ring = RingSettings(ring_bytes=4 << 20, snapshot_bytes=96)
    with LiveMeter([cable.tap], SETTINGS, ring) as meter:
        cable.send([(0, four), (1, six)], tmp_path)
        _handled(meter, 2)
        counters = meter.counters
        flushed = FlowBatch.concat(list(meter.flush()))
    assert counters.ignored_by_reason == {census.TRUNCATED: 1}
    assert flushed[schema.SRC_BYTES].tolist() == [1000]


def test_more_left_out_packets_than_are_told_at_once_are_all_told(cable: Wire, tmp_path: Path) -> None:
    with LiveMeter([cable.tap], SETTINGS, RING) as meter:
        cable.send([(0, arp())] * 10_000, tmp_path, "--pps=100000")
        _handled(meter, 10_000)
        assert meter.counters.ignored_by_reason == {census.NOT_IP: 10_000}


def test_any_says_the_reasons_too(cable: Wire, tmp_path: Path) -> None:
    with LiveMeter(["any"], SETTINGS, RING, "arp") as meter:
        before = meter.counters.ignored
        cable.send([(0, arp())] * 3, tmp_path)
        _handled(meter, before + 3)
        counters = meter.counters
    assert counters.ignored_by_reason == {census.NOT_IP: counters.ignored}


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


def test_a_short_snapshot_length_keeps_the_sizes_of_packets(cable: Wire, tmp_path: Path) -> None:
    ring = RingSettings(ring_bytes=4 << 20, snapshot_bytes=96)
    with LiveMeter([cable.tap], MeterSettings(n_dissections=0), ring) as meter:
        cable.send([(0, ethernet(segment(CLIENT, SERVER, bytes(1000))))], tmp_path)
        drained = FlowBatch.concat([*meter.drain(), *meter.flush()])
    assert drained.packets.size_bytes.tolist() == [1000]


def test_what_the_kernel_still_holds_is_metered_when_the_ring_is_drained(cable: Wire, tmp_path: Path) -> None:
    with LiveMeter([cable.tap], MeterSettings(n_dissections=0), RING) as meter:
        cable.send(conversation(packets=4, gap_ms=1), tmp_path)
        assert meter.counters.packets == 0  # nobody has read yet
        drained = FlowBatch.concat([*meter.drain(), *meter.flush()])
        cable.send(conversation(packets=4, gap_ms=1), tmp_path)
        assert len(meter.poll(0.3)) == 0
        counters = meter.counters
    assert drained[schema.PACKETS].tolist() == [9]
    assert (counters.packets, counters.kernel_received) == (9, 9)


def test_a_replayed_capture_has_the_packets_of_its_file(cable: Wire, tmp_path: Path) -> None:
    frames = conversation(packets=40, gap_ms=25)
    (tmp_path / "sent.pcap").write_bytes(pcap(frames))
    settings = MeterSettings(n_dissections=0)
    filed = FlowBatch.concat(list(Meter(settings).batches(tmp_path / "sent.pcap")))
    with LiveMeter(
        [cable.tap], settings
    ) as meter:  # nobody reads while it is sent: a small ring is soon full
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
