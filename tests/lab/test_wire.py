from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowml.lab.wire import Line, Link

_LOSSLESS = Link(delay_s=0.05, jitter_s=0.04, loss_ratio=0.0, rate_bps=1e8)


@given(st.lists(st.tuples(st.floats(0, 0.1), st.integers(60, 1514)), min_size=1), st.integers())
def test_packets_leave_a_line_in_the_order_in_which_they_entered(
    packets: list[tuple[float, int]], seed: int
) -> None:
    line, now_s, latest_s = Line(_LOSSLESS, random.Random(seed)), 0.0, 0.0
    for gap_s, n_bytes in packets:
        now_s += gap_s
        leaves_s = line.leaves_at(now_s, n_bytes)
        assert leaves_s is not None
        assert leaves_s > latest_s
        assert leaves_s >= now_s + _LOSSLESS.delay_s
        latest_s = leaves_s


def test_a_line_sends_no_faster_than_its_rate() -> None:
    line = Line(Link(0.0, 0.0, 0.0, rate_bps=1e6), random.Random(1))
    departures = [line.leaves_at(0.0, 1250) for _ in range(3)]
    assert departures == [0.01, 0.02, 0.03]


def test_a_line_loses_the_share_of_packets_that_it_is_told_to() -> None:
    line = Line(Link(0.0, 0.0, loss_ratio=0.1, rate_bps=1e9), random.Random(1))
    n_lost = sum(line.leaves_at(float(n), 100) is None for n in range(10_000))
    assert 900 < n_lost < 1100


def test_packets_that_take_a_detour_are_overtaken_and_the_others_keep_their_order() -> None:
    line = Line(Link(0.0, 0.0, 0.0, rate_bps=1e9, detour_ratio=0.1), random.Random(1))
    departures = [line.leaves_at(0.0001 * n, 100) or 0.0 for n in range(10_000)]
    n_overtaken = sum(here > there for here, there in pairwise(departures))
    assert 800 < n_overtaken < 1100
    in_time = [at for n, at in enumerate(departures) if at < 0.0001 * n + 2e-6]
    assert in_time == sorted(in_time)
    assert 8900 < len(in_time) < 9100
