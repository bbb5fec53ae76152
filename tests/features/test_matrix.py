import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowml.features.matrix import feature_matrix
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.schema import FEATURE_COLUMNS
from tests.builders import Packet, miner, slices

T0 = 1_700_000_000_000


def observed(packets: list[Packet]) -> Observations:
    table = ConnectionTable(ConnectionSettings())
    return Observations.concat([table.update(slices(packets, [len(packets) // 2])), table.flush()])


def features(packets: list[Packet]) -> dict[str, float]:
    """Features of the whole connection."""
    row = feature_matrix(observed(packets))[-1]
    return dict(zip([column.name for column in FEATURE_COLUMNS], row.tolist(), strict=True))


def talk(*steps: tuple[float, int]) -> list[Packet]:
    return [Packet(T0 + round(s * 1000), size > 0, abs(size), "AP") for s, size in steps]


@given(
    st.lists(
        st.tuples(st.integers(0, 900_000), st.booleans(), st.integers(0, 65535)), min_size=1, max_size=80
    )
)
@settings(max_examples=150, deadline=None)
def test_every_feature_is_finite_or_a_declared_nan(rows: list[tuple[int, bool, int]]) -> None:
    packets = [Packet(T0 + t, c, s) for t, c, s in sorted(rows)]
    matrix = feature_matrix(observed(packets))
    assert matrix.shape[1] == len(FEATURE_COLUMNS)
    assert not np.isinf(matrix).any()
    counts = [c.name for c in FEATURE_COLUMNS].index("client_messages")
    assert np.isfinite(matrix[:, counts]).all()


def test_no_observation_gives_no_row() -> None:
    assert feature_matrix(observed(talk((0, 5)))).shape == (0, len(FEATURE_COLUMNS))


def test_segments_of_one_message_are_joined() -> None:
    got = features(talk((0, 1448), (0.001, 1430), (0.1, -36), (10, 1448), (10.002, 1430), (10.1, -36)))
    assert got["client_messages"] == 2
    assert got["client_size_median_bytes"] == 2878
    assert got["client_packets_per_message_ratio"] == 2
    assert got["answer_size_median_bytes"] == 36
    assert got["answer_delay_median_ms"] == 98.5  # from the end of each request to its answer


def test_a_job_that_nobody_asked_for_is_a_push() -> None:
    got = features(talk((0, 100), (0.05, -50), (30, -378), (60, -378), (95, -378)))
    assert got["push_share_ratio"] == 0.75
    assert got["late_push_share_ratio"] == 0.75
    assert got["push_size_constant_ratio"] == 1
    assert got["push_gap_median_ms"] == 32_500
    assert got["push_answered_ratio"] == 0


def test_shares_that_are_accepted_at_once_are_answered_requests() -> None:
    got = features(talk(*[(t + d, s) for t in range(0, 100, 10) for d, s in ((0, 186), (0.04, -64))]))
    assert got["answered_ratio"] == 1
    assert got["client_unasked_ratio"] == 1
    assert got["client_gap_regular_ratio"] == 1
    assert got["turn_taking_ratio"] == 1
    assert got["client_size_entropy_bits"] == 0
    assert abs(got["client_bytes_share_ratio"] - 186 / 250) < 1e-12


def test_a_clock_is_regular_and_a_poisson_process_is_not() -> None:
    clock = features(talk(*[(10 * i, s) for i, s in enumerate([100, -50] * 30)]))
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.exponential(10, 60))
    random = features(talk(*[(t, s) for t, s in zip(times, [100, -50] * 30, strict=True)]))
    assert clock["burstiness_ratio"] == -1
    assert abs(random["burstiness_ratio"]) < 0.25
    assert clock["client_gap_regular_ratio"] > 0.9 > random["client_gap_regular_ratio"]


def test_features_do_not_change_when_the_connection_is_shifted_in_time() -> None:
    early, late = miner(5), miner(5, start_ms=T0 + 86_400_000)
    np.testing.assert_array_equal(feature_matrix(observed(early)), feature_matrix(observed(late)))


def test_rows_do_not_depend_on_their_neighbours() -> None:
    seen = observed(miner(10))
    together = feature_matrix(seen)
    alone = np.vstack([feature_matrix(seen.take(np.array([row]))) for row in range(len(seen))])
    np.testing.assert_array_equal(together, alone)
