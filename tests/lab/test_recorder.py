from __future__ import annotations

import io
import socket
import struct
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import zstandard

from flowml.errors import LabError
from flowml.lab.namespaces import ip, require_root
from flowml.lab.recorder import RecorderSettings, record_while

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CABLE = ("flowml-rt0", "flowml-rt1")


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    require_root()
    ip([f"link add {_CABLE[0]} type veth peer name {_CABLE[1]}"])
    try:
        ip([f"link set {end} arp off addrgenmode none up" for end in _CABLE])
        yield _CABLE
    finally:
        ip([f"link del {_CABLE[0]}"])


def _send(interface: str, frames: list[bytes]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as plug:
        plug.bind((interface, 0))
        for frame in frames:
            plug.send(frame)


def _packets(path: Path) -> list[tuple[int, int, bytes]]:
    file = io.BytesIO(zstandard.ZstdDecompressor().decompress(path.read_bytes()))
    assert struct.unpack("<IHHiIII", file.read(24)) == (0xA1B2C3D4, 2, 4, 0, 0, 64, 1)
    packets = []
    while header := file.read(16):
        seconds, microseconds, n_kept, n_bytes = struct.unpack("<IIII", header)
        packets.append((seconds * 1_000_000 + microseconds, n_bytes, file.read(n_kept)))
    return packets


@pytest.mark.root
def test_every_packet_stands_once_in_order_and_cut_to_the_snapshot_length(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    frames = [b"\x02" * 12 + b"\x88\xb5" + struct.pack(">I", n) * (10 + n % 300) for n in range(3000)]
    path = tmp_path / "x.pcap.zst"
    n_packets = record_while(
        lambda: _send(cable[0], frames), cable[1], path, RecorderSettings(snaplen_bytes=64)
    )
    packets = _packets(path)
    assert n_packets == len(packets) == len(frames)
    assert [kept for _, _, kept in packets] == [frame[:64] for frame in frames]
    assert [n_bytes for _, n_bytes, _ in packets] == [len(frame) for frame in frames]
    stamps = [stamp for stamp, _, _ in packets]
    assert stamps == sorted(stamps)
    assert [file.name for file in tmp_path.iterdir()] == ["x.pcap.zst"]


@pytest.mark.root
def test_what_comes_before_the_start_is_not_recorded(cable: tuple[str, str], tmp_path: Path) -> None:
    settings = RecorderSettings(snaplen_bytes=64, not_before_s=time.time() + 3600.0)
    path = tmp_path / "x.pcap.zst"
    assert record_while(lambda: _send(cable[0], [bytes(60)] * 5), cable[1], path, settings) == 0
    assert _packets(path) == []


@pytest.mark.root
def test_a_recording_with_dropped_packets_fails_and_leaves_no_file(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    frames = [b"\x02" * 12 + b"\x88\xb5" + bytes(1400)] * 20_000
    settings = RecorderSettings(buffer_bytes=1)
    with pytest.raises(LabError, match=r"x\.pcap\.zst: the kernel dropped \d+ of \d+ packets"):
        record_while(lambda: _send(cable[0], frames), cable[1], tmp_path / "x.pcap.zst", settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.root
def test_an_exception_while_recording_leaves_no_file(cable: tuple[str, str], tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_while(fail, cable[1], tmp_path / "x.pcap.zst")
    assert not list(tmp_path.iterdir())


@pytest.mark.root
def test_a_missing_interface_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no-such-tap cannot be recorded: No such device"):
        record_while(lambda: None, "no-such-tap", tmp_path / "x.pcap.zst")


@pytest.mark.root
def test_a_full_disk_names_the_file_and_leaves_none(cable: tuple[str, str], tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=True)
    try:
        frames = [b"\x02" * 12 + b"\x88\xb5" + bytes(1400)] * 2000
        with pytest.raises(LabError, match=r"x\.pcap\.zst\.raw any longer: No space left on device"):
            record_while(lambda: _send_and_settle(cable[0], frames), cable[1], tmp_path / "x.pcap.zst")
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def _send_and_settle(interface: str, frames: list[bytes]) -> None:
    _send(interface, frames)
    time.sleep(0.5)


@pytest.mark.root
def test_an_interface_that_vanishes_is_one_clear_line(cable: tuple[str, str], tmp_path: Path) -> None:
    def take_down() -> None:
        ip([f"link set {cable[1]} down"])
        time.sleep(0.5)

    with pytest.raises(LabError, match=f"{cable[1]} cannot be written .* Network is down"):
        record_while(take_down, cable[1], tmp_path / "x.pcap.zst")
    assert not list(tmp_path.iterdir())
