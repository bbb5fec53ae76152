"""The packet loop gives NFStreamer's every field, to the last bit."""

import itertools
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.sources import open_capture
from flowml.errors import CaptureError
from tests.capture.frames import CLIENT, SERVER, SYN, End, arp, ethernet, packet, pcap, segment
from tests.capture.parity import CASES, Case, differences, loop_rows, whole_engine
from tests.capture.traffic import WRAPPINGS, traffic

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")

DISSECTIONS, MODES, SPLT = (0, 20), (0, 3), (0, 32, 255)
TIMEOUTS_S = ((8, 15), (120, 1800))
FILTERS = ("", "ip6", "tcp port 3333 or udp")
# with fewer captured bytes than its headers have, the engine reads ports that were not captured
CUT = st.one_of(
    st.tuples(traffic(wrapped=True), st.sampled_from([65_535, 200])),
    st.tuples(traffic(), st.sampled_from([60, 54])),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return whole_engine()


@st.composite
def ways_of_metering(draw: st.DrawFn) -> Case:
    """Any of the settings that must not make a difference."""
    idle_s, active_s = draw(st.sampled_from(TIMEOUTS_S))
    return Case(
        n_dissections=draw(st.sampled_from(DISSECTIONS)),
        accounting_mode=draw(st.sampled_from(MODES)),
        splt_packets=draw(st.sampled_from(SPLT)),
        idle_timeout_s=idle_s,
        active_timeout_s=active_s,
        bpf_filter=draw(st.sampled_from(FILTERS)),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=CUT, case=ways_of_metering())
def test_random_traffic_has_the_same_flows(
    tmp_path: Path, engine: Engine, cut: tuple[list[tuple[int, bytes]], int], case: Case
) -> None:
    frames, snapshot = cut
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames, snapshot=snapshot))
    assert differences(path, case, engine) == []


SIX_CLIENT, SIX_SERVER = End("fd00::2", 40_000), End("fd00::9", 443)
HELLO = b"GET / HTTP/1.1\r\nHost: pool.example.org\r\n\r\n"


def _every_kind() -> list[tuple[int, bytes]]:
    """Talk over every tag and tunnel, in both directions and for longer than the short timeouts."""
    wrappings: dict[str, Callable[[bytes], bytes]] = {
        **WRAPPINGS,
        "plain": ethernet,
        "VLAN": partial(ethernet, vlan=5),
    }
    frames = []
    for place, (_, wrap) in enumerate(sorted(wrappings.items())):
        for client, server in ((CLIENT, SERVER), (SIX_CLIENT, SIX_SERVER)):
            here = End(client.address, client.port + place)
            said = [(0, here, server, b""), (3, here, server, HELLO), (1, server, here, bytes(700))]
            said += [(20_000, server, here, bytes(40)), (4000 * place, here, server, b"again")]
            for udp in (False, True):
                at = 40_000
                for gap_ms, source, target, payload in said:
                    at += gap_ms
                    flags = {} if payload else {"flags": SYN}
                    frames.append((at, wrap(segment(source, target, payload, udp=udp, **flags))))
    return [(0, arp()), (0, ethernet(packet("10.0.0.2", "10.0.0.9", 1, b"12345678pinged"))), *frames]


@pytest.mark.parametrize("snapshot", [65_535, 140])
@pytest.mark.parametrize(
    ("n_dissections", "accounting_mode", "splt_packets", "timeouts_s"),
    list(itertools.product(DISSECTIONS, MODES, SPLT, TIMEOUTS_S)),
)
def test_every_kind_of_packet_has_the_same_flows_in_every_way_of_metering(
    tmp_path: Path,
    engine: Engine,
    n_dissections: int,
    accounting_mode: int,
    splt_packets: int,
    timeouts_s: tuple[int, int],
    snapshot: int,
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(_every_kind(), snapshot=snapshot))
    case = Case(n_dissections, accounting_mode, splt_packets, *timeouts_s)
    rows = loop_rows(path, case, engine)
    assert {row["tunnel_id"] for row in rows} == {0, 1}  # 1 is nDPI's number of GTP
    assert {row["vlan_id"] for row in rows} == {0, 5, 7}
    assert differences(path, case, engine) == []


@pytest.mark.parametrize("bpf_filter", ["ip6", "tcp port 3333 or udp", "vlan", "not port 443", "less 100"])
def test_a_packet_filter_leaves_the_same_flows(tmp_path: Path, engine: Engine, bpf_filter: str) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(_every_kind()))
    every = len(loop_rows(path, Case(), engine))
    assert 0 < len(loop_rows(path, Case(bpf_filter=bpf_filter), engine)) < every
    assert differences(path, Case(n_dissections=20, bpf_filter=bpf_filter), engine) == []


@pytest.mark.captures
@pytest.mark.parametrize("case", CASES)
def test_a_sample_of_real_captures_has_the_same_flows(captures: Path, engine: Engine, case: Case) -> None:
    folders = ("ndpi", "protocol_samples", "cj_sniffer", "mqtt")
    for path in [path for folder in folders for path in sorted((captures / folder).iterdir())[3::120]]:
        try:
            with open_capture(path, allow_partial=True) as source:
                assert differences(source.readable_path, case, engine) == [], path
        except CaptureError:
            continue  # a link layer that neither meters
