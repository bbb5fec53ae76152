"""The property that every figure rests on: no origin stands on both sides of a split."""

import functools
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.models.bundle import ModelBundle
from flowml.training import fit as fitting
from flowml.training import leave_out as leaving
from flowml.training.fit import TrainingSettings, fit
from flowml.training.leave_out import LeaveOut
from tests.labelled import small_data_set


class OriginWatch:
    """A classifier whose only feature is the number of the origin: it notices one that it was fitted on."""

    estimators_ = ()  # no trees to slim

    def __init__(self) -> None:
        self.fitted: set[float] = set()

    def fit(self, features: NDArray[np.float64], *_: object, **__: object) -> "OriginWatch":
        self.fitted = set(features[:, 0].tolist())
        return self

    @staticmethod
    def of(classifier: "OriginWatch") -> "OriginWatch":
        """The trees of a classifier: here, itself."""
        return classifier

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        judged = set(features[:, 0].tolist())
        assert not judged & self.fitted, "an origin on both sides"
        return np.linspace(0.1, 0.9, len(features))


def with_origins(numbers: list[int]) -> LabelledObservations:
    """The small data set whose connections have these origins; an origin may hold both classes."""
    labelled = small_data_set()
    origin = np.array([f"origin-{numbers[c % len(numbers)]}" for c in labelled.connection.tolist()])
    return replace(labelled, origin=origin)


def watched(monkeypatch: pytest.MonkeyPatch, module: ModuleType, labelled: LabelledObservations) -> None:
    """Make the origin the only feature of the fits of a module."""
    number_of = {name: float(n) for n, name in enumerate(np.unique(labelled.origin).tolist())}
    origin_of = dict(zip(_keys(labelled.observations), labelled.origin.tolist(), strict=True))

    def features(observations: Any) -> NDArray[np.float64]:
        return np.array([[number_of[origin_of[key]]] for key in _keys(observations)])

    monkeypatch.setattr(module, "build_classifier", lambda _: OriginWatch())
    monkeypatch.setattr(module, "RandomisedTrees", OriginWatch)
    monkeypatch.setattr(module, "feature_matrix", features)


def _keys(observations: Any) -> list[bytes]:
    return list(observations.client_ip.tolist())


ORIGINS = st.lists(st.integers(0, 30), min_size=40, max_size=72).filter(
    lambda numbers: len(set(numbers[:24])) >= 12 and len(set(numbers)) >= 16
)


TEN_DRAWS = settings(
    max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@given(numbers=ORIGINS)
@TEN_DRAWS
def test_no_origin_is_fitted_on_and_judged_by_the_same_classifier(numbers: list[int]) -> None:
    labelled = with_origins(numbers)
    with pytest.MonkeyPatch.context() as monkeypatch:
        watched(monkeypatch, fitting, labelled)
        monkeypatch.setattr(fitting, "fit_novelty", lambda *_: None)
        _, left_out = fit(labelled, TrainingSettings())
    assert len(left_out.classifiers) == TrainingSettings().n_folds
    assert (left_out.score > 0).all()  # each was judged by one of them


@functools.cache
def small_bundle() -> ModelBundle:
    """A bundle whose threshold and calibration are of no matter here."""
    return fit(small_data_set(), TrainingSettings())[0]


@pytest.mark.parametrize("is_mining", [True, False])
@given(numbers=ORIGINS)
@TEN_DRAWS
def test_no_origin_of_a_group_left_out_is_fitted_on(is_mining: bool, numbers: list[int]) -> None:
    labelled, bundle = with_origins(numbers), small_bundle()
    with pytest.MonkeyPatch.context() as monkeypatch:
        watched(monkeypatch, leaving, labelled)
        groups = LeaveOut(labelled, bundle, TrainingSettings()).groups(labelled.family, is_mining=is_mining)
    assert [left.group.every.total for left in groups] == ([24] if is_mining else [24, 24])
