"""Random traffic: a few connections that interleave, with every oddity that a meter must bear."""

from collections.abc import Callable

from hypothesis import strategies as st

from tests.capture.frames import (
    ACK,
    PUSH_ACK,
    RST,
    SYN,
    End,
    arp,
    ethernet,
    in_gre,
    in_gtp,
    in_ip,
    in_ppp,
    labelled,
    packet,
    segment,
)  # fmt: skip

ENDS = [End("10.0.0.2", 40_000), End("10.0.0.9", 3333), End("10.0.0.9", 40_000), End("192.168.7.7", 53)]
SIX = [End("fd00::2", 40_000), End("::", 3333), End("fd00::9", 443)]
GAPS_MS = [0, 0, 1, 2, 7, 30, 400, 999, 1000, 1001, 5000, 9999, 10_000, 10_001, 21_000, -1, -300, -12_000]
WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "GTP-U": lambda inner: ethernet(in_gtp(inner)),
    "IP in IP": lambda inner: ethernet(in_ip(inner)),
    "GRE": lambda inner: ethernet(in_gre(inner)),
    "GTP-U in a VLAN": lambda inner: ethernet(in_gtp(inner), 7),
    "MPLS": labelled,
    "PPPoE": in_ppp,
}


@st.composite
def _frame(draw: st.DrawFn, wrapped: bool) -> bytes:
    if draw(st.integers(0, 30)) == 0:
        fragment = packet("10.0.0.2", "10.0.0.9", 17, b"rest of it", fragment=7)
        return draw(
            st.sampled_from(
                [arp(), ethernet(fragment), ethernet(packet("10.0.0.2", "10.0.0.9", 1, b"12345678pinged"))]
            )
        )
    ends = draw(st.sampled_from([ENDS, ENDS, SIX]))
    source, target = draw(st.permutations(ends))[:2]
    payload = bytes(draw(st.sampled_from([0, 0, 1, 5, 120, 1400])))
    flags = draw(st.sampled_from([SYN, ACK, PUSH_ACK, RST]))
    vlan = draw(st.sampled_from([None, None, None, 7]))
    inner = segment(source, target, payload, flags, udp=draw(st.booleans()))
    if wrapped and draw(st.integers(0, 3)) == 0:
        return WRAPPINGS[draw(st.sampled_from(sorted(WRAPPINGS)))](inner)
    return ethernet(inner, vlan)


@st.composite
def traffic(draw: st.DrawFn, *, wrapped: bool = False) -> list[tuple[int, bytes]]:
    """Up to 150 frames with their time in ms, which may run backwards; some in tunnels if `wrapped`."""
    frames = draw(st.lists(st.tuples(st.sampled_from(GAPS_MS), _frame(wrapped)), min_size=1, max_size=150))
    now, timed = 15_000, []
    for gap, frame in frames:
        now = max(0, now + gap)
        timed.append((now, frame))
    return timed
