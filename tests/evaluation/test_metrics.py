import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.evaluation.metrics import Share, brier_score, connection_outcomes, threshold_for


def test_a_connection_counts_once_with_its_first_alarm() -> None:
    outcomes = connection_outcomes(
        connection=np.array([7, 7, 7, 3, 3]),
        probability=np.array([0.2, 0.9, 0.95, 0.1, 0.3]),
        reported_s=np.array([10.0, 31.0, 60.0, 10.0, 30.0]),
        threshold=0.9,
    )
    assert outcomes.connection.tolist() == [3, 7]
    assert outcomes.probability.tolist() == [0.3, 0.95]
    assert outcomes.row.tolist() == [4, 2]
    assert outcomes.is_detected.tolist() == [False, True]
    assert outcomes.detected_after_s[1] == 31


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.floats(0, 0.5))
def test_a_threshold_keeps_to_its_budget(probabilities: list[float], share: float) -> None:
    values = np.array(probabilities)
    threshold = threshold_for(values, share)
    assert threshold >= 0.5
    assert np.count_nonzero(values >= threshold) <= share * len(values)


def test_wilson_interval_matches_published_values() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263 and 0 of 20
    low, high = Share(81, 263).interval(1.959964)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = Share(0, 20).interval(1.959964)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)


def test_brier_score_of_certainty() -> None:
    weight = np.ones(2)
    assert brier_score(np.array([1.0, 0.0]), np.array([True, False]), weight) == 0
    assert brier_score(np.array([1.0, 0.0]), np.array([False, False]), weight) == pytest.approx(0.5)
