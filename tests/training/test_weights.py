import numpy as np
import pytest

from flowml.training.weights import EVADING_SHARE, balanced_weights, fit_weights
from tests.labelled import small_data_set


def test_both_classes_weigh_the_same() -> None:
    labelled = small_data_set()
    weight = balanced_weights(labelled)
    assert abs(weight[labelled.is_mining].sum() - weight[~labelled.is_mining].sum()) < 1e-9


def test_judging_a_connection_more_often_does_not_make_it_heavier() -> None:
    labelled = small_data_set()
    often = np.concatenate(
        [np.arange(len(labelled)), np.repeat(np.flatnonzero(labelled.connection == 0), 50)]
    )
    before, after = balanced_weights(labelled), balanced_weights(labelled.take(often))
    share = before[labelled.connection == 0].sum() / before.sum()
    repeated = labelled.connection[often] == 0
    assert abs(after[repeated].sum() / after.sum() - share) < 1e-9


def test_miners_that_evade_weigh_little_and_multiplexed_ones_nothing() -> None:
    labelled = small_data_set()
    evades = labelled.is_mining & (labelled.connection % 2 == 0)
    hidden = evades & (labelled.connection % 4 == 0)
    evasion = np.where(hidden, "multiplexing", np.where(evades, "delay", "none"))
    weight = fit_weights(type(labelled)(**{**vars(labelled), "evasion": evasion}))
    np.testing.assert_array_equal(weight == 0, hidden)
    evading, others = weight[evades].sum(), weight[labelled.is_mining & ~evades].sum()
    assert evading == pytest.approx(EVADING_SHARE * others)
    assert others == pytest.approx(weight[~labelled.is_mining].sum())
    assert weight[weight > 0].mean() == pytest.approx(1.0)
    np.testing.assert_allclose(fit_weights(labelled), balanced_weights(labelled))


def test_real_benign_captures_count_as_much_as_what_is_benign_of_the_lab() -> None:
    labelled = small_data_set()
    emulated = type(labelled)(**{**vars(labelled), "is_emulated": np.ones(len(labelled), bool)})
    few = np.flatnonzero(~labelled.is_mining)[::5]
    both = type(labelled).concat([emulated, labelled.take(few)])
    weight, benign = balanced_weights(both), ~both.is_mining
    of_lab, of_captures = (
        weight[benign & (both.is_emulated == is_emulated)].sum() for is_emulated in (True, False)
    )
    assert of_lab == pytest.approx(of_captures)
    assert weight[both.is_mining].sum() == pytest.approx(of_lab + of_captures)
