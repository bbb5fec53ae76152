"""No payload is kept, the disk is bounded, and no meter waits for it."""

import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.capture.extension import extension
from flowml.capture.header_ring import HEADER_BYTES, HeaderRing, HeaderRingSettings, files_of
from flowml.capture.inputs import RingSettings
from flowml.capture.live import LiveMeter
from flowml.capture.settings import MeterSettings
from tests.capture.frames import (
    CLIENT,
    EPOCH_S,
    SERVER,
    End,
    arp,
    conversation,
    ethernet,
    in_gre,
    in_gtp,
    in_ip,
    in_ppp,
    labelled,
    packet,
    segment,
)
from tests.capture.network import Wire, wire
from tests.processes import eventually

pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")
ETHERNET, RAW = 1, 101
PAYLOAD = b"\xee" * 200
CLIENT_6, SERVER_6 = End("2001:db8::2", 40_000), End("2001:db8::9", 3333)
TCP, TCP_6 = segment(CLIENT, SERVER, PAYLOAD), segment(CLIENT_6, SERVER_6, PAYLOAD)
UDP = segment(CLIENT, SERVER, PAYLOAD, udp=True)
IPV6_OPTIONS = packet(
    CLIENT_6.address,
    SERVER_6.address,
    0,
    struct.pack("!BB6x", 60, 0) + struct.pack("!BB14x", 6, 1) + TCP_6[40:],  # hop-by-hop, destination options
)


def header_length(frame: bytes, link_type: int = ETHERNET) -> int:
    from flowml.capture import _meter

    return _meter.header_length(frame, link_type)


# --- where the payload begins -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(TCP),
        ethernet(UDP),
        ethernet(TCP_6),
        ethernet(TCP, vlan=7),
        ethernet(TCP, vlan=7, tag=0x88A8),
        labelled(TCP),
        in_ppp(TCP_6),
        ethernet(in_ip(TCP)),
        ethernet(in_ip(TCP_6)),
        ethernet(IPV6_OPTIONS),
    ],
    ids=["tcp", "udp", "ipv6", "vlan", "service vlan", "mpls", "pppoe", "ip in ip", "6in4", "extensions"],
)
def test_a_packet_is_cut_where_its_payload_begins(frame: bytes) -> None:
    assert header_length(frame) == len(frame) - len(PAYLOAD)


def test_options_of_tcp_and_ip_are_headers() -> None:
    options = TCP[:20] + TCP[20:32] + b"\x80" + TCP[33:40] + b"\x01" * 12 + PAYLOAD
    assert header_length(options, RAW) == 20 + 32
    padded = b"\x46" + TCP[1:20] + b"\x01" * 4 + TCP[20:]
    assert header_length(padded, RAW) == 24 + 20


@pytest.mark.parametrize(
    ("frame", "kept"),
    [
        (ethernet(packet("10.0.0.2", "10.0.0.9", 6, PAYLOAD, fragment=100)), 34),
        (ethernet(packet("10.0.0.2", "10.0.0.9", 1, PAYLOAD)), 34),  # ICMP quotes other packets
        (ethernet(in_gre(TCP)), 34),
        (ethernet(in_gtp(TCP)), 42),
        (arp(), 14),
        (bytes(12) + b"\x12\x34" + PAYLOAD, 14),
    ],
    ids=["fragment", "icmp", "gre", "gtp", "arp", "unknown"],
)
def test_what_cannot_be_looked_into_is_cut_earlier(frame: bytes, kept: int) -> None:
    assert header_length(frame) == kept


def test_nothing_is_kept_of_an_unknown_link_layer() -> None:
    assert header_length(PAYLOAD, 127) == 0


@given(st.binary(max_size=150), st.sampled_from([1, 12, 101, 113, 127]))
def test_no_packet_is_cut_behind_its_end(frame: bytes, link_type: int) -> None:
    assert 0 <= header_length(frame, link_type) <= len(frame)


# --- the files --------------------------------------------------------------------------------------------


def records(count: int, number: int = 0) -> bytes:
    """Records of a pcap file with a frame of 54 bytes each."""
    frame = ethernet(segment(CLIENT, SERVER))
    return (struct.pack("=IIII", EPOCH_S + number, 0, len(frame), len(frame)) + frame) * count


def put(ring: HeaderRing, count: int, number: int = 0) -> None:
    """Put without losing any, as a slow meter would."""
    assert eventually(ring._waiting.empty)
    ring.put(count, records(count, number))


def sizes(folder: Path) -> dict[Path, int] | None:
    """Bytes of each file; None if one went while they were looked at."""
    try:
        return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    except FileNotFoundError:
        return None


def size_of(folder: Path) -> int:
    """Bytes of all files, at a moment at which none came, went or grew: the ring has a thread that writes."""
    before, now = None, sizes(folder)
    while now is None or now != before:
        before, now = now, sizes(folder)
    return sum(now.values())


def test_the_disk_is_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    settings = HeaderRingSettings(tmp_path, size_mib=1)
    for run in range(2):  # the next capture process goes on with the files of the one before
        with HeaderRing(settings, "eth0", ETHERNET) as ring:
            for number in range(50):
                put(ring, 600, 100 * run + number)
                assert size_of(tmp_path) <= 1 << 20
        assert ring.lost == 0
    assert size_of(tmp_path) > 9 << 16
    last = files_of(tmp_path, "eth0")[-1].read_bytes()
    assert last.endswith(records(1, 149))
    assert not any(path.read_bytes()[24:].startswith(records(1, 0)) for path in files_of(tmp_path, "eth0"))


def test_a_disk_that_does_not_keep_up_costs_headers_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = HeaderRing(HeaderRingSettings(tmp_path / "ring", size_mib=1), "eth0", ETHERNET)
    monkeypatch.setattr(ring, "_write", lambda records: time.sleep(0.05))
    for _ in range(20):
        ring.put(3, records(3))
    assert ring.lost >= 3 * 10
    assert "the disk is too slow" in ring.trouble
    ring.close()


def test_a_clock_that_is_set_back_does_not_cost_the_newest_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(3):
        monkeypatch.setattr(time, "time_ns", lambda turn=turn: (EPOCH_S - 3600 * turn) * 10**9)
        with HeaderRing(HeaderRingSettings(tmp_path, size_mib=1), "eth0", ETHERNET) as ring:
            for number in range(10):
                put(ring, 600, number + 10 * turn)
    assert files_of(tmp_path, "eth0")[-1].read_bytes().endswith(records(1, 29))


def test_what_waits_at_the_end_is_written_or_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = HeaderRing(HeaderRingSettings(tmp_path), "eth0", ETHERNET)
    ring.put(5, records(5))
    ring.close()
    assert sum(len(path.read_bytes()) - 24 for path in files_of(tmp_path, "eth0")) == len(records(5))
    hanging = threading.Event()
    monkeypatch.setattr("flowml.capture.header_ring._CLOSING_S", 0.05)
    slow = HeaderRing(HeaderRingSettings(tmp_path), "eth0", ETHERNET)
    monkeypatch.setattr(slow, "_write", lambda records: hanging.wait())
    slow.put(1, records(1))
    assert eventually(slow._waiting.empty)  # the disk has it, and does not come back
    slow.put(2, records(2))
    slow.close()
    assert slow.lost == 2
    hanging.set()


def test_a_folder_that_cannot_be_written_is_said_and_counted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with HeaderRing(HeaderRingSettings(tmp_path / "file"), "eth0", ETHERNET) as ring:
        ring.put(2, records(2))
        assert eventually(lambda: ring.lost == 2)
    assert "eth0: headers are not kept" in ring.trouble
    assert "Not a directory" in ring.trouble


@pytest.mark.root
def test_after_a_full_disk_another_file_begins(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "flowml-test", folder], check=True)
    try:
        with HeaderRing(HeaderRingSettings(folder, size_mib=1), "eth0", ETHERNET) as ring:
            (folder / "filler").write_bytes(bytes(150_000))
            for _ in range(3):
                put(ring, 600)
            assert eventually(lambda: ring.lost > 0)
            (folder / "filler").unlink()
            put(ring, 600)
            assert eventually(
                lambda: len(files_of(folder, "eth0")[-1].read_bytes()) == 24 + len(records(600))
            )
        assert "No space left on device" in ring.trouble
    finally:
        subprocess.run(["umount", folder], check=True)


# --- a meter ----------------------------------------------------------------------------------------------


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire() as one:
        yield one


def meter_all(meter: LiveMeter, packets: int) -> None:
    """Poll until so many packets were metered."""

    def are_there() -> bool:
        meter.poll(0.1)
        return meter.counters.packets == packets

    assert eventually(are_there)


def metered(cable: Wire, folder: Path, headers: HeaderRingSettings | None, frames: int) -> tuple[int, bytes]:
    """Meter a conversation on a cable; give what was kept of it."""
    settings = MeterSettings(n_dissections=0)
    with closing(LiveMeter([cable.tap], settings, RingSettings(4 << 20), headers=headers)) as meter:
        cable.send(conversation(size=300)[:frames], folder)
        meter_all(meter, frames)
        assert meter.link_type == ETHERNET
        return meter.take_headers()


@pytest.mark.root
def test_a_meter_keeps_headers_and_not_a_byte_of_payload(cable: Wire, tmp_path: Path) -> None:
    packets, kept = metered(cable, tmp_path, HeaderRingSettings(tmp_path), 21)
    assert packets == 21
    assert len(kept) == 21 * (16 + 54)


@pytest.mark.root
def test_by_default_a_meter_keeps_nothing(cable: Wire, tmp_path: Path) -> None:
    assert metered(cable, tmp_path, None, 21) == (0, b"")


@pytest.mark.root
def test_payload_is_kept_only_where_a_snapshot_length_asks_for_it(cable: Wire, tmp_path: Path) -> None:
    assert HEADER_BYTES == 96
    _, kept = metered(cable, tmp_path, HeaderRingSettings(tmp_path, snaplen_bytes=200), 2)
    assert len(kept) == 16 + 54 + 16 + 200


@pytest.mark.root
def test_a_meter_that_nobody_empties_loses_headers_and_counts_them(cable: Wire, tmp_path: Path) -> None:
    settings = MeterSettings(n_dissections=0)
    small = HeaderRingSettings(tmp_path, size_mib=1)
    with closing(LiveMeter([cable.tap], settings, RingSettings(4 << 20), headers=small)) as meter:
        cable.send(conversation(packets=500), tmp_path)
        meter_all(meter, 1001)
        packets, kept = meter.take_headers()
        assert len(kept) <= small.file_bytes
        assert packets + meter.counters.lost_headers == 1001
        assert meter.counters.lost_headers > 0


@pytest.mark.root
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_other_tools_read_the_ring(cable: Wire, tmp_path: Path) -> None:
    packets, kept = metered(cable, tmp_path, HeaderRingSettings(tmp_path), 21)
    with HeaderRing(HeaderRingSettings(tmp_path / "ring"), cable.tap, ETHERNET) as ring:
        ring.put(packets, kept)
    (path,) = files_of(tmp_path / "ring", cable.tap)
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "tcp.dstport", "-e", "frame.len"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    assert told[:2] == ["3333\t54", "3333\t354"]  # as long as it was, however little is kept
    assert len(told) == 22
