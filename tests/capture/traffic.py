"""Random traffic: a few connections that interleave, with every oddity that a meter must bear."""

from hypothesis import strategies as st

from tests.capture.frames import ACK, PUSH_ACK, RST, SYN, End, arp, ethernet, packet, segment

ENDS = [End("10.0.0.2", 40_000), End("10.0.0.9", 3333), End("10.0.0.9", 40_000), End("192.168.7.7", 53)]
SIX = [End("fd00::2", 40_000), End("::", 3333), End("fd00::9", 443)]
GAPS_MS = [0, 0, 1, 2, 7, 30, 400, 999, 1000, 1001, 5000, 9999, 10_000, 10_001, 21_000, -1, -300, -12_000]


@st.composite
def _frame(draw: st.DrawFn) -> bytes:
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
    return ethernet(segment(source, target, payload, flags, udp=draw(st.booleans())), vlan)


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Frames with their time in ms, up to 150 of them; time may run backwards."""
    frames = draw(st.lists(st.tuples(st.sampled_from(GAPS_MS), _frame()), min_size=1, max_size=150))
    now, timed = 15_000, []
    for gap, frame in frames:
        now = max(0, now + gap)
        timed.append((now, frame))
    return timed
