"""What is cut out of a ring is a connection's packets, all of them, and nothing else."""

from pathlib import Path

import pytest

from flowml.capture.header_slice import Cut, write_slice
from flowml.errors import CaptureError
from flowml.flows.key import FlowKey
from tests.capture.frames import (
    CLIENT,
    EPOCH_S,
    SERVER,
    End,
    ethernet,
    in_ip,
    in_ppp,
    labelled,
    packet,
    pcap,
    segment,
)

CLIENT_6, SERVER_6 = End("2001:db8::2", 40_000), End("2001:db8::9", 3333)
OTHER = End(CLIENT.address, 40_001)
KEY = FlowKey(CLIENT.address, CLIENT.port, SERVER.address, SERVER.port)
KEY_6 = FlowKey(CLIENT_6.address, CLIENT_6.port, SERVER_6.address, SERVER_6.port)
START_MS = EPOCH_S * 1000


def keep(folder: Path, frames: list[tuple[int, bytes]], interface: str = "eth0", at_ms: int = 0) -> Path:
    """Write a file of a ring; `at_ms` is when it began, after `EPOCH_S`."""
    (folder / interface).mkdir(parents=True, exist_ok=True)
    path = folder / interface / f"{(START_MS + at_ms) * 1000:017d}.pcap"
    path.write_bytes(pcap(frames))
    return path


def cut(folder: Path, *cuts: Cut) -> bytes:
    """The slice as bytes; empty where nothing was written."""
    target = folder / "slice.pcap"
    packets = write_slice(folder / "ring", cuts, target)
    data = target.read_bytes() if target.exists() else b""
    assert bool(packets) == bool(data)
    return data


def wanted(key: FlowKey = KEY, since_ms: int = 0) -> Cut:
    return Cut("eth0", key, START_MS + since_ms)


def test_both_directions_of_a_connection_are_cut_and_no_other(tmp_path: Path) -> None:
    there, back = ethernet(segment(CLIENT, SERVER)), ethernet(segment(SERVER, CLIENT))
    others = [
        ethernet(segment(OTHER, SERVER)),  # another port
        ethernet(segment(End(SERVER.address, CLIENT.port), End(CLIENT.address, SERVER.port))),  # mirrored
        ethernet(segment(CLIENT, SERVER, udp=True)),
        ethernet(packet(CLIENT.address, SERVER.address, 6, b"", fragment=100)),
    ]
    frames = [(0, there), (1, back), *((2, frame) for frame in others), (3, there)]
    keep(tmp_path / "ring", frames)
    expected = pcap([(0, there), (1, back), (3, there)], snapshot=262_144, order="<")
    assert cut(tmp_path, wanted()) == expected


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(segment(CLIENT, SERVER), vlan=7),
        labelled(segment(CLIENT, SERVER)),
        in_ppp(segment(CLIENT, SERVER)),
        ethernet(in_ip(segment(CLIENT, SERVER))),
    ],
    ids=["vlan", "mpls", "pppoe", "ip in ip"],
)
def test_a_connection_is_found_behind_tags_and_tunnels(tmp_path: Path, frame: bytes) -> None:
    keep(tmp_path / "ring", [(0, frame)])
    assert cut(tmp_path, wanted()).endswith(frame)


def test_ipv6_is_found_and_its_other_ports_are_not(tmp_path: Path) -> None:
    frame = ethernet(segment(CLIENT_6, SERVER_6))
    keep(tmp_path / "ring", [(0, frame), (1, ethernet(segment(End(CLIENT_6.address, 1), SERVER_6)))])
    assert cut(tmp_path, wanted(KEY_6)) == pcap([(0, frame)], snapshot=262_144)


def test_what_used_the_ports_before_is_left_out(tmp_path: Path) -> None:
    frame = ethernet(segment(CLIENT, SERVER))
    keep(tmp_path / "ring", [(0, frame)], at_ms=0)
    keep(tmp_path / "ring", [(4000, frame), (5000, frame)], at_ms=3000)
    assert cut(tmp_path, wanted(since_ms=5000)) == pcap([(5000, frame)], snapshot=262_144)


def test_several_connections_are_merged_by_time_and_one_named_twice_is_there_once(tmp_path: Path) -> None:
    first, second = ethernet(segment(CLIENT, SERVER)), ethernet(segment(OTHER, SERVER))
    keep(tmp_path / "ring", [(1, first)])
    keep(tmp_path / "ring", [(0, second)], "eth1")
    other = Cut("eth1", FlowKey(OTHER.address, OTHER.port, SERVER.address, SERVER.port), START_MS)
    assert cut(tmp_path, wanted(), wanted(), other) == pcap([(0, second), (1, first)], snapshot=262_144)


def test_a_file_that_a_killed_sensor_did_not_end_is_read_up_to_there(tmp_path: Path) -> None:
    frame = ethernet(segment(CLIENT, SERVER))
    path = keep(tmp_path / "ring", [(0, frame), (1, frame)])
    path.write_bytes(path.read_bytes()[:-5])
    keep(tmp_path / "ring", [], at_ms=10)
    (tmp_path / "ring" / "eth0" / f"{(START_MS + 20) * 1000:017d}.pcap").touch()
    assert cut(tmp_path, wanted()) == pcap([(0, frame)], snapshot=262_144)


def test_addresses_in_the_payload_are_no_packets(tmp_path: Path) -> None:
    frame = ethernet(segment(OTHER, SERVER, segment(CLIENT, SERVER)[12:]))
    keep(tmp_path / "ring", [(0, frame)])
    assert cut(tmp_path, wanted()) == b""


def test_a_slice_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    keep(tmp_path / "ring", [(0, ethernet(segment(CLIENT, SERVER)))])
    with pytest.raises(CaptureError, match="No such file or directory"):
        write_slice(tmp_path / "ring", [wanted()], tmp_path / "absent" / "slice.pcap")


def test_nothing_is_found_where_nothing_was_kept(tmp_path: Path) -> None:
    assert cut(tmp_path, wanted()) == b""
