"""Packets are found in pcap and pcapng files of every flavour, and damage is told with its place."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.capture import framing
from flowml.capture.framing import PcapWalker
from flowml.capture.pcapng import PcapngWalker
from tests.capture.frames import EPOCH_S, block, enhanced, interface, pcap, section

FRAMES = [(0, b"a" * 60), (1500, b"b" * 61), (1501, b"")]


def _walk(walker: PcapWalker | PcapngWalker) -> list[tuple[int, bytes]]:
    return [
        (time // 1000 - EPOCH_S * 1000, run.data[start : start + captured].tobytes())
        for run in walker.runs()
        for start, captured, time in zip(run.starts, run.captured_bytes, run.time_us, strict=True)
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_a_pcap_file_of_either_byte_order_and_precision_is_walked(order: str, nanoseconds: bool) -> None:
    walker = PcapWalker(io.BytesIO(pcap(FRAMES, order=order, nanoseconds=nanoseconds)))
    assert _walk(walker) == FRAMES
    assert walker.damage is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcapng_file_of_either_byte_order_is_walked(order: str) -> None:
    data = section(order) + interface(order=order) + b"".join(enhanced(f, t, order=order) for t, f in FRAMES)
    walker = PcapngWalker(io.BytesIO(data))
    assert _walk(walker) == FRAMES
    assert walker.damage is None


def test_every_interface_of_a_pcapng_file_has_its_own_clock() -> None:
    nanoseconds = struct.pack("<HHB3x", 9, 1, 9)
    one_hour_on = struct.pack("<HHq", 14, 8, 3600)
    data = (
        section() + interface() + interface(options=nanoseconds) + interface(options=one_hour_on)
        + enhanced(b"x", 5) + enhanced(b"y", 6, number=1, unit=1_000_000) + enhanced(b"z", 7, number=2)
    )  # fmt: skip
    assert _walk(PcapngWalker(io.BytesIO(data))) == [(5, b"x"), (6, b"y"), (3_600_007, b"z")]


def test_packet_blocks_without_time_and_of_the_old_kind_are_counted() -> None:
    simple = block(3, struct.pack("<I", 3) + b"abc")
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 0, 2, 2) + b"de")
    walker = PcapngWalker(io.BytesIO(section() + interface() + simple + block(77, b"skipped") + old))
    assert [frame for _, frame in _walk(walker)] == [b"abc", b"de"]
    assert walker.damage is None


@given(cut=st.integers(24, 24 + 3 * 16 + 121), small_chunks=st.integers(1, 200))
def test_a_cut_pcap_file_gives_its_whole_packets_and_the_place_of_the_cut(
    cut: int, small_chunks: int
) -> None:
    data = pcap(FRAMES)
    boundaries = [24, 24 + 76, 24 + 76 + 77, len(data)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "CHUNK_BYTES", small_chunks)
        walker = PcapWalker(io.BytesIO(data[:cut]))
        whole = sum(boundary <= cut for boundary in boundaries) - 1
        assert _walk(walker) == FRAMES[:whole]
    expected = None if cut in boundaries else boundaries[whole]
    assert (walker.damage.offset if walker.damage else None) == expected


def test_a_lost_byte_in_a_pcap_file_is_noticed_at_the_next_header() -> None:
    data = pcap(FRAMES)
    walker = PcapWalker(io.BytesIO(data[:50] + data[51:]))
    assert len(_walk(walker)) == 1
    assert walker.damage is not None
    assert "claims" in walker.damage.what


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (struct.pack("<II", 6, 30) + bytes(40), "claims 30 bytes"),
        (struct.pack("<II", 6, 32) + bytes(40), "two lengths differ"),
        (enhanced(b"x", 0, number=4), "names interface 4 of 1"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99) + b"short..."), "claims 99 captured bytes"),
        (block(6, bytes(8)), "packet block has 20 bytes"),
        (section(">"), "another byte order"),
        (struct.pack("<III", 0x0A0D0D0A, 28, 5) + bytes(16), "no byte order mark"),
        (struct.pack("<II", 6, 320) + bytes(40), "cut after 48 bytes"),
    ],
)
def test_what_is_wrong_with_a_pcapng_block_is_said(broken: bytes, words: str) -> None:
    good = section() + interface() + enhanced(b"good", 0)
    walker = PcapngWalker(io.BytesIO(good + broken))
    assert [frame for _, frame in _walk(walker)] == [b"good"]
    assert walker.damage is not None
    assert words in walker.damage.what
    assert walker.damage.offset == len(good)


BLOCKS = st.one_of(
    st.builds(
        enhanced, st.binary(max_size=40), st.integers(0, 5000), number=st.sampled_from([0, 0, 0, 1, 2, 3])
    ),
    st.builds(block, st.sampled_from([3, 2, 5, 77]), st.binary(max_size=60)),
    st.just(interface()),
    st.just(interface(options=struct.pack("<HHB3x", 9, 1, 0x94))),
    st.just(section() + interface()),
    st.binary(max_size=60),
)


def _everything(walker: PcapWalker | PcapngWalker) -> tuple[list[list[int]], object, object]:
    runs = [
        row for run in walker.runs()
        for row in np.stack([run.captured_bytes, run.time_us]).T.tolist()
    ]  # fmt: skip
    return runs, walker.damage, walker.interfaces


@given(blocks=st.lists(BLOCKS, max_size=12), chunk=st.integers(1, 400))
def test_the_fast_walk_and_the_plain_one_see_the_same_in_pcapng(blocks: list[bytes], chunk: int) -> None:
    _assert_same_walk(PcapngWalker, section() + interface() + interface() + b"".join(blocks), chunk)


@given(rest=st.binary(max_size=300), chunk=st.integers(1, 400), nanoseconds=st.booleans())
def test_the_fast_walk_and_the_plain_one_see_the_same_in_pcap(
    rest: bytes, chunk: int, nanoseconds: bool
) -> None:
    _assert_same_walk(PcapWalker, pcap(FRAMES, nanoseconds=nanoseconds) + rest, chunk)


def _assert_same_walk(kind: type[PcapWalker] | type[PcapngWalker], data: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "CHUNK_BYTES", chunk)
        fast = _everything(kind(io.BytesIO(data)))
        patch.setattr(framing, "extension", lambda: None)
        assert fast == _everything(kind(io.BytesIO(data)))


@given(data=st.binary(max_size=400))
def test_any_bytes_behind_a_header_give_packets_or_damage_and_no_error(data: bytes) -> None:
    for walker in (
        PcapWalker(io.BytesIO(pcap([]) + data)),
        PcapngWalker(io.BytesIO(section() + interface() + data)),
    ):
        packets = _walk(walker)
        assert packets or walker.damage or len(data) == 0 or isinstance(walker, PcapngWalker)
