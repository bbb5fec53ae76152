import numpy as np

from flowml.training.weights import balanced_weights
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
