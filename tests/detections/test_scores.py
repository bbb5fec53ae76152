import numpy as np
import pytest

from flowml.detections.scores import N_BINS, bins_of, lower_edge, threshold_for


def test_a_probability_lies_at_or_above_the_edge_of_its_bin() -> None:
    probabilities = np.linspace(0, 1, 1001)
    bins = bins_of(probabilities)
    assert (np.diff(bins) >= 0).all()
    assert (bins.min(), bins.max()) == (0, N_BINS - 1)
    assert all(lower_edge(number) <= p for number, p in zip(bins.tolist(), probabilities, strict=True))


def test_the_threshold_is_the_lowest_that_keeps_the_budget() -> None:
    counts = np.zeros(N_BINS, int)
    counts[10], counts[50], counts[60] = 10_000, 100, 14
    assert threshold_for(counts, 7, 2) == lower_edge(51)
    assert threshold_for(counts, 7, 20) == lower_edge(11)


def test_a_budget_that_nothing_keeps_has_no_threshold() -> None:
    counts = np.full(N_BINS, 1000)
    assert threshold_for(counts, 1, 5) == 1.0


@pytest.mark.parametrize("number", [1, 32, N_BINS - 1])
def test_an_edge_is_in_its_own_bin_or_a_rounding_below(number: int) -> None:
    assert bins_of([lower_edge(number) + 1e-9])[0] == number
