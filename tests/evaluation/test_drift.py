import math

from flowml.evaluation.drift import LEAST, stability_index


def test_the_same_distribution_has_no_drift() -> None:
    assert stability_index([100, 300, 600], [200, 600, 1200]) == 0.0


def test_the_index_is_the_sum_of_both_divergences() -> None:
    expected = (0.6 - 0.4) * math.log(0.6 / 0.4) + (0.4 - 0.6) * math.log(0.4 / 0.6)
    assert math.isclose(stability_index([400, 600], [600, 400]), expected)


def test_too_little_says_nothing() -> None:
    assert stability_index([LEAST - 1, 0], [0, 10 * LEAST]) == 0.0


def test_a_bin_that_was_empty_does_not_make_it_infinite() -> None:
    assert 1 < stability_index([1000, 0], [0, 1000]) < 100
