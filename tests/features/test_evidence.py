import numpy as np
import pytest

from flowml.features.evidence import shows_enough
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from tests.builders import Packet, slices

T0 = 1_700_000_000_000


def talk(*seconds: float) -> Observations:
    """Messages at the given seconds, the client and the server in turn, observed at their end."""
    packets = [Packet(T0 + round(s * 1000), n % 2 == 0, 100, "AP") for n, s in enumerate(seconds)]
    table = ConnectionTable(ConnectionSettings())
    seen = Observations.concat([table.update(slices(packets, [])), table.flush()])
    return seen.take(np.array([len(seen) - 1]))


@pytest.mark.parametrize(
    ("seconds", "enough"),
    [
        ((0, 2, 4, 6, 8, 10), True),
        ((0, 2, 4, 6, 8, 9.9), False),  # too short
        ((0, 2, 4, 6, 60), False),  # too few
        ((0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), False),  # a web page
    ],
)
def test_a_verdict_needs_six_messages_and_ten_seconds(seconds: tuple[float, ...], enough: bool) -> None:
    assert shows_enough(talk(*seconds)).tolist() == [enough]


def test_segments_of_one_message_count_once() -> None:
    assert shows_enough(talk(0, 5, 10)).tolist() == [False]


def test_nothing_shows_nothing() -> None:
    assert shows_enough(talk(0, 2).take(np.zeros(0, np.int64))).shape == (0,)
