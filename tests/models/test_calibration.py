"""Calibration: what it fits, and what it takes off while a connection is young."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from flowml.models.calibration import FULL_AGE_S, SigmoidCalibration, fit_calibration


def drawn(n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose logits are half as sure as they say, the truth about them, and weights."""
    rng = np.random.default_rng(4)
    logit = rng.normal(0.0, 3.0, n)
    truth = rng.random(n) < 1.0 / (1.0 + np.exp(-0.5 * logit + 0.3))
    return 1.0 / (1.0 + np.exp(-logit)), truth, rng.uniform(0.5, 1.5, n)


def test_without_a_discount_it_is_the_logistic_regression_of_a_library() -> None:
    score, truth, weight = drawn()
    fitted = fit_calibration(score, truth, weight, np.full(len(score), 30.0))
    logit = np.log(score / (1.0 - score))
    expected = LogisticRegression(C=1e3, tol=1e-10).fit(logit[:, None], truth, sample_weight=weight)
    assert fitted.slope == pytest.approx(expected.coef_[0, 0], abs=1e-4)
    assert fitted.intercept == pytest.approx(expected.intercept_[0], abs=1e-4)


def test_with_a_discount_it_is_right_on_average_over_all_ages() -> None:
    score, truth, weight = drawn()
    age_s = np.random.default_rng(5).uniform(10.0, 600.0, len(score))
    fitted = fit_calibration(score, truth, weight, age_s, early_discount=2.0)
    said = np.average(fitted.apply(score, age_s), weights=weight)
    assert said == pytest.approx(np.average(truth, weights=weight), abs=1e-6)


def test_scores_that_part_the_classes_give_a_finite_calibration() -> None:
    score = np.array([0.01, 0.02, 0.98, 0.99])
    fitted = fit_calibration(score, score > 0.5, np.ones(4), np.full(4, 300.0))
    assert np.isfinite([fitted.slope, fitted.intercept]).all()
    assert (fitted.apply(score)[2:] > 0.99).all()


def test_the_same_score_counts_for_more_the_longer_a_connection_was_watched() -> None:
    calibration = SigmoidCalibration(1.0, 0.0, early_discount=2.0)
    ages = np.array([0.0, 10.0, 30.0, 60.0, 120.0, FULL_AGE_S, 86400.0])
    probability = calibration.apply(np.full(len(ages), 0.9), ages)
    assert (np.diff(probability[1:-1]) > 0).all()
    assert probability[0] == probability[1]
    assert probability[-1] == probability[-2] == pytest.approx(0.9)
    assert np.log(probability[2] / (1 - probability[2])) == pytest.approx(np.log(9.0) - 2.0)


def test_an_older_model_takes_nothing_off() -> None:
    calibration = SigmoidCalibration(1.5, 0.2)
    score = np.array([0.2, 0.9])
    assert (calibration.apply(score, np.array([10.0, 30.0])) == calibration.apply(score)).all()
