import numpy as np

from flowml.training.fit import TrainingSettings, fit
from flowml.training.leave_out import LeaveOut, names_of
from tests.labelled import small_data_set


def leaving() -> LeaveOut:
    labelled, settings = small_data_set(), TrainingSettings(seed=1)
    bundle, _ = fit(labelled, settings)
    return LeaveOut(labelled, bundle, settings)


def test_a_benign_kind_that_is_left_out_is_judged_whole() -> None:
    labelled = small_data_set()
    found = leaving().groups(labelled.family, is_mining=False)
    assert [left.group.name for left in found] == ["telemetry", "web"]
    assert [left.group.every.total for left in found] == [24, 24]
    assert all(left.real is None for left in found)


def test_a_mining_family_is_judged_by_a_classifier_that_knows_half_of_it_only() -> None:
    labelled = small_data_set()
    number = np.char.rpartition(labelled.origin, "-")[:, 2].astype(int)
    halves = np.where(number % 2 == 0, "even", "odd")
    found = leaving().groups(halves, is_mining=True)
    assert [left.group.name for left in found] == ["even", "odd"]
    assert [(left.group.lasting.hits, left.group.lasting.total) for left in found] == [(12, 12), (12, 12)]
    for left in found:
        assert left.real is not None
        assert left.real.every.hits == 0
        assert 0 < left.real.every.total < 48  # one part of the benign origins, unseen too


def test_observations_without_a_name_are_part_of_every_fit_and_of_no_group() -> None:
    labelled = small_data_set()
    names = np.where(labelled.family == "web", "web", "")
    assert [left.group.name for left in leaving().groups(names, is_mining=False)] == ["web"]


def test_miners_that_do_not_evade_are_in_no_group_of_evasions() -> None:
    labelled = small_data_set()
    number = np.char.rpartition(labelled.origin, "-")[:, 2].astype(int)
    evasion = np.where(number % 2 == 0, "delay", "none")
    evading = type(labelled)(**{**vars(labelled), "evasion": evasion})
    assert set(names_of(evading, "evasions")) == {"delay", ""}
    assert set(names_of(evading, "families")) == {"monero", "web", "telemetry"}
    assert set(names_of(evading, "carriers")) == {"plain"}


def test_what_hides_nothing_of_a_group_is_told_apart() -> None:
    labelled = small_data_set()
    number = np.char.rpartition(labelled.origin, "-")[:, 2].astype(int)
    evasion = np.where(labelled.is_mining & (number % 3 == 0), "delay", "none")
    carrier = np.where(labelled.is_mining & (number % 3 == 1), "ssh", labelled.carrier)
    hiding = type(labelled)(**{**vars(labelled), "evasion": evasion, "carrier": carrier})
    settings = TrainingSettings(seed=1)
    halves = np.where(number % 2 == 0, "even", "odd")
    found = LeaveOut(hiding, fit(hiding, settings)[0], settings).groups(halves, is_mining=True)
    assert [(left.group.every.total, left.direct.every.total) for left in found if left.direct] == [
        (12, 4),
        (12, 4),
    ]
