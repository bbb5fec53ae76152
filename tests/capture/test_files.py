"""A capture file's packets are accounted for, to the last one."""

import struct
from pathlib import Path

import pytest

from flowml.capture.files import CaptureFile, meter_file
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from tests.capture.frames import arp, block, conversation, ethernet, interface, packet, pcap, section

SETTINGS = MeterSettings(n_dissections=0)


def test_the_report_accounts_for_every_packet(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    frames = [
        *conversation(),
        (900, arp()),
        (901, ethernet(packet("1.2.3.4", "5.6.7.8", 17, b"x", fragment=9))),
    ]
    path.write_bytes(pcap([*frames, (100, frames[0][1])]))
    capture = CaptureFile(path, SETTINGS)
    with pytest.raises(ValueError, match="no report before"):
        _ = capture.report
    assert sum(len(batch) for batch in capture.batches()) == 1
    told = capture.report.lines()
    assert told[0] == f"{path}: 24 packets in the file, 22 metered"
    assert f"{path}: 1 left out: not IP (ARP, spanning tree and the like)" in told
    assert f"{path}: 1 left out: IP fragments after the first" in told
    assert any("time runs backwards: 1 packets are up to 0.801 s older" in line for line in told)


def test_a_cut_capture_is_refused_or_metered_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(conversation())[:-5])
    with pytest.raises(CaptureError, match="20 packets before it are intact"):
        list(meter_file(path, SETTINGS))
    capture = CaptureFile(path, SETTINGS, allow_partial=True)
    list(capture.batches())
    assert capture.report.metered == capture.report.packets == 20
    assert "nothing after it is metered" in capture.report.notes[0]


def test_a_capture_without_ip_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([(0, arp()), (1, arp())]))
    capture = CaptureFile(path, SETTINGS)
    assert list(capture.batches()) == []
    assert capture.report.metered == 0
    assert capture.report.ignored.keys() == {"not IP (ARP, spanning tree and the like)"}


def test_packets_that_the_engine_counts_against_the_rules_are_told(tmp_path: Path) -> None:
    ip_in_an_unknown_type = bytes(12) + b"\x88\xca" + conversation()[0][1][14:]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([(0, ip_in_an_unknown_type)]))
    capture = CaptureFile(path, SETTINGS)
    list(capture.batches())
    assert "1 of the packets that should be left out were metered" in capture.report.notes[0]


@pytest.mark.captures
def test_real_captures_add_up(captures: Path) -> None:
    paths = sorted((captures / "ndpi").glob("*.pcap*"))[::12]
    for path in paths:
        capture = CaptureFile(path, SETTINGS)
        list(capture.batches())
        assert "of unknown reason" not in capture.report.ignored, path


def test_times_that_no_clock_shows_are_told_and_freeze_nothing(tmp_path: Path) -> None:
    in_seconds = struct.pack("<HHB3x", 9, 1, 0)
    frame = conversation()[1][1]
    times = (2**63 // 1000, 2**62, 1_700_000_000)  # the first is just below the end of the engine's clock
    blocks = (
        block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFF_FFFF, len(frame), len(frame)) + frame)
        for time in times
    )
    path = tmp_path / "a.pcapng"
    path.write_bytes(section() + interface(options=in_seconds) + b"".join(blocks))
    capture = CaptureFile(path, SETTINGS)
    list(capture.batches())
    assert capture.report.metered == 3
    assert capture.report.notes[0].startswith("2 packets have no time, or one before 1970 or after 9999")
