import numpy as np
import pytest

from flowml.errors import DataError
from flowml.evaluation.metrics import connection_outcomes
from flowml.training.fit import TrainingSettings, choose_thresholds, fit
from tests.labelled import small_data_set


def test_a_fitted_detector_finds_miners_of_origins_it_did_not_see() -> None:
    labelled = small_data_set()
    seen = np.flatnonzero(np.char.rpartition(labelled.origin, "-")[:, 2].astype(int) < 8)
    left = np.setdiff1d(np.arange(len(labelled)), seen)
    bundle, _ = fit(labelled.take(seen), TrainingSettings(seed=1))
    others = labelled.take(left)
    verdicts = bundle.judge(others.observations)
    outcomes = connection_outcomes(
        others.connection, verdicts.probability, others.observations.reported_s, bundle.thresholds.mining
    )
    np.testing.assert_array_equal(outcomes.is_detected, others.is_mining[outcomes.row])


def test_left_out_scores_come_from_classifiers_that_did_not_see_the_origin() -> None:
    labelled = small_data_set()
    noise = np.random.default_rng(0).permutation(len(np.unique(labelled.origin))) % 2 == 0
    _, number = np.unique(labelled.origin, return_inverse=True)
    shuffled = type(labelled)(**{**vars(labelled), "is_mining": noise[number]})
    _, left_out = fit(shuffled, TrainingSettings(seed=1))
    right = np.average((left_out.probability > 0.5) == left_out.labelled.is_mining, weights=left_out.weight)
    assert right < 0.75  # labels drawn by origin can only be known by who saw the origin


def test_too_few_origins_are_refused() -> None:
    labelled = small_data_set()
    only_miners = labelled.take(np.flatnonzero(labelled.is_mining))
    with pytest.raises(DataError, match="0 origins of benign connections, expected at least 5"):
        fit(only_miners, TrainingSettings())


def test_no_benign_connection_of_the_fit_is_above_the_threshold() -> None:
    labelled = small_data_set()
    probability = np.where(labelled.is_mining, 0.99, 0.9)
    thresholds = choose_thresholds(labelled, probability, TrainingSettings(), n_real=48)
    assert 0.9 < thresholds.mining < 0.91
    assert thresholds.unsure == pytest.approx(thresholds.mining / 2)


def test_the_same_seed_gives_the_same_model() -> None:
    labelled = small_data_set()
    one, _ = fit(labelled, TrainingSettings(seed=5))
    other, _ = fit(labelled, TrainingSettings(seed=5))
    np.testing.assert_array_equal(
        one.judge(labelled.observations).probability, other.judge(labelled.observations).probability
    )


def test_the_budgets_of_real_traffic_and_of_lookalikes_are_kept_apart() -> None:
    labelled = small_data_set()
    emulated = type(labelled)(**{**vars(labelled), "is_emulated": np.ones(len(labelled), bool)})
    first = emulated.connection == emulated.connection[~emulated.is_mining][0]
    probability = np.where(first, 0.95, 0.1)  # one of 48 look-alikes
    strict, loose = (TrainingSettings(lookalike_alarm_share=share) for share in (0.01, 0.05))
    assert choose_thresholds(emulated, probability, strict, n_real=48).mining > 0.95
    assert choose_thresholds(emulated, probability, loose, n_real=48).mining == loose.lowest_threshold
    assert choose_thresholds(labelled, probability, loose, n_real=48).mining > 0.95


def test_the_budget_of_real_traffic_counts_those_that_showed_too_little_to_be_judged() -> None:
    labelled = small_data_set()
    highest = labelled.connection == labelled.connection[~labelled.is_mining][0]
    probability = np.where(highest, 0.95, 0.1)
    settings = TrainingSettings(false_alarm_share=3e-4)  # one of 3,334
    assert choose_thresholds(labelled, probability, settings, n_real=48).mining > 0.95
    assert choose_thresholds(labelled, probability, settings, n_real=3400).mining == settings.lowest_threshold
