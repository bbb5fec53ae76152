"""Every packet that the engine leaves out is counted under its reason."""

import io
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.capture import census as reasons
from flowml.capture.census import Census
from flowml.capture.framing import PcapWalker
from flowml.capture.sources import open_capture
from flowml.errors import CaptureError
from tests.capture.frames import CLIENT, SERVER, arp, conversation, ethernet, packet, pcap, segment

V6 = ("fd00::2", "fd00::9")
UDP_BODY = struct.pack("!HHHH", 1, 2, 208, 0) + bytes(200)


def _census(frames: list[tuple[int, bytes]], snapshot: int = 65_535, link_type: int = 1) -> Census:
    walker = PcapWalker(io.BytesIO(pcap(frames, snapshot=snapshot)))
    census = Census(link_type)
    for run in walker.runs():
        census.add(run)
    return census


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (arp(), reasons.NOT_IP),
        (bytes(12) + b"\x00\x26\x42\x42\x03" + bytes(40), reasons.NOT_IP),
        (ethernet(packet("10.0.0.2", "10.0.0.9", 17, UDP_BODY, fragment=100)), reasons.FRAGMENT),
        (ethernet(packet(*V6, 44, struct.pack("!BBHI", 17, 0, 80, 1) + UDP_BODY)), reasons.FRAGMENT),
        (ethernet(segment(CLIENT, SERVER), vlan=5, tag=0x88A8), reasons.SERVICE_VLAN),
        (ethernet(segment(CLIENT, SERVER))[:27], reasons.SHORT),
        (ethernet(packet("10.0.0.2", "10.0.0.9", 17, b"abc")), reasons.SHORT),
        (ethernet(packet(*V6, 17, UDP_BODY))[:100], reasons.TRUNCATED),
        (ethernet(b"\x45\x00\x00\x00" + segment(CLIENT, SERVER)[4:]), reasons.MALFORMED),
    ],
)
def test_a_packet_that_is_left_out_has_its_reason(frame: bytes, reason: str) -> None:
    assert _census([(0, frame)]).ignored == {reason: 1}


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(segment(CLIENT, SERVER)),
        ethernet(segment(CLIENT, SERVER, bytes(1000)))[:60],
        ethernet(segment(CLIENT, SERVER), vlan=5),
        ethernet(packet(*V6, 17, UDP_BODY)),
        ethernet(packet(*V6, 0, b"\x11\x00" + bytes(6) + UDP_BODY)),
        ethernet(packet("10.0.0.2", "10.0.0.9", 4, segment(CLIENT, SERVER))),
        ethernet(packet("10.0.0.2", "10.0.0.9", 47, bytes(30))),
    ],
)
def test_a_packet_that_is_metered_has_none(frame: bytes) -> None:
    assert not _census([(0, frame)]).ignored


def test_late_packets_are_counted_and_the_longest_way_back_is_known() -> None:
    frame = ethernet(segment(CLIENT, SERVER))
    census = _census([(1000, frame), (400, frame), (999, frame), (2000, frame), (1998, frame)])
    assert (census.late_packets, census.most_late_us) == (2, 600_000)


def test_a_link_layer_without_known_rules_is_counted_only() -> None:
    census = _census(conversation(), link_type=127)
    assert not census.is_classified
    assert census.meterable == census.packets == 21


FRAMES = [
    ethernet(segment(CLIENT, SERVER)),
    ethernet(segment(CLIENT, SERVER), vlan=5),
    ethernet(packet("10.0.0.2", "10.0.0.9", 17, struct.pack("!HHHH", 2152, 5, 208, 0) + bytes(200))),
    ethernet(packet("10.0.0.2", "10.0.0.9", 4, segment(CLIENT, SERVER))),
    ethernet(packet(*V6, 0, b"\x11\x00" + bytes(6) + UDP_BODY)),
    ethernet(packet(*V6, 44, struct.pack("!BBHI", 17, 0, 80, 1) + UDP_BODY)),
    ethernet(packet("10.0.0.2", "10.0.0.9", 41, packet(*V6, 17, UDP_BODY))),
    bytes(12) + b"\x88\x47" + bytes(3) + b"\x01" + segment(CLIENT, SERVER),
    bytes(12) + b"\x00\x26\xaa\xaa\x03\0\0\0\x08\0" + segment(CLIENT, SERVER),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    frame = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(0, 4))):
        frame[draw(st.integers(0, len(frame) - 1))] = draw(st.integers(0, 255))
    return bytes(frame[: draw(st.integers(0, len(frame)))])


@given(
    frames=st.lists(st.tuples(st.integers(0, 5000), mutated() | st.binary(max_size=90)), max_size=8),
    link_type=st.sampled_from([1, 12, 101, 113, 127, 228, 229]),
)
def test_the_fast_census_and_the_plain_one_agree_on_any_packet(
    frames: list[tuple[int, bytes]], link_type: int
) -> None:
    fast = _census(frames, link_type=link_type)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reasons, "extension", lambda: None)
        assert fast == _census(frames, link_type=link_type)


@pytest.mark.captures
def test_both_agree_on_real_captures(captures: Path) -> None:
    for path in sorted((captures / "ndpi").glob("*.pcap"))[::9]:
        with (
            suppress(CaptureError),  # link types that are not metered
            pytest.MonkeyPatch.context() as patch,
            open_capture(path, allow_partial=True) as source,
        ):
            patch.setattr(reasons, "extension", lambda: None)
            with open_capture(path, allow_partial=True) as again:
                assert source.census == again.census
