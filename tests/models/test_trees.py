"""The flat trees give what scikit-learn gives, compiled or not."""

from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, IsolationForest

from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.models import trees
from flowml.models.classifier import RandomisedTrees
from flowml.models.novelty import IsolationTrees
from flowml.models.scaling import scaled
from flowml.models.shipped import SHIPPED_NAME, SHIPPED_VERSION
from flowml.models.trees import Splits, Trees
from tests.labelled import small_data_set

N_FEATURES = 66
SHIPPED = Path("models") / SHIPPED_NAME / SHIPPED_VERSION / "estimators.skops"


def rows(seed: int, n: int = 700) -> NDArray[np.float64]:
    """Values of all magnitudes, some undefined."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(3, 4, (n, N_FEATURES))) * rng.choice([1.0, -1.0, 0.0], (n, N_FEATURES))
    return np.where(rng.random(values.shape) < 0.2, np.nan, values)


@pytest.fixture(scope="module")
def shipped(request: pytest.FixtureRequest) -> dict[str, object]:
    data = (request.config.rootpath / SHIPPED).read_bytes()
    found: dict[str, object] = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    return found


@pytest.fixture(params=["compiled", "plain"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(trees, "compiled", lambda: None)
    elif trees.compiled() is None:
        pytest.skip("the loop over trees is not compiled")


def assert_same(classifier: object, forest: object, features: NDArray[np.float64]) -> None:
    features = scaled(features)
    expected = classifier.predict_proba(features)[:, 1]  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        RandomisedTrees.of(classifier).score(features), expected, rtol=1e-12, atol=1e-15
    )
    unusual = -forest.score_samples(features)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(IsolationTrees.of(forest).unusualness(features), unusual)


@pytest.mark.usefixtures("either")
def test_the_shipped_model_judges_random_rows_as_scikit_learn_does(shipped: dict[str, object]) -> None:
    assert_same(shipped["classifier"], shipped["novelty_forest"], rows(1))


@pytest.mark.usefixtures("either")
def test_the_shipped_model_judges_connections_as_scikit_learn_does(shipped: dict[str, object]) -> None:
    seen = small_data_set().observations
    features = feature_matrix(seen.take(np.flatnonzero(shows_enough(seen))))
    assert_same(shipped["classifier"], shipped["novelty_forest"], features)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n", [1, 2, 40])
def test_small_fits_and_few_rows_are_judged_as_scikit_learn_does(n: int) -> None:
    features = rows(2, 60)
    truth = np.arange(60) % 3 == 0
    classifier = ExtraTreesClassifier(5, min_samples_leaf=3, random_state=1).fit(scaled(features), truth)
    forest = IsolationForest(n_estimators=7, max_samples=n, random_state=3).fit(scaled(features))
    for some in (features[:0], features[:1], features[:33]):
        if len(some):
            assert_same(classifier, forest, some)
        else:
            assert RandomisedTrees.of(classifier).score(some).shape == (0,)


def test_values_on_a_threshold_go_left() -> None:
    children, features = (np.array([1, 0, 0]), np.array([2, 0, 0])), np.zeros(3, int)
    leaf = np.array([False, True, True])
    grown = Splits([3], *children, features, np.array([5.0, 0, 0]), nan_goes_left=~leaf, is_leaf=leaf)
    sums = np.zeros(4)
    Trees.of(grown, 1).add_leaves(np.array([[5.0], [5.1], [np.nan], [-np.inf]]), np.array([0.0, 1, 2]), sums)
    assert sums.tolist() == [1, 2, 1, 1]


@given(
    left=st.lists(st.integers(-1, 4), min_size=4, max_size=4),
    right=st.lists(st.integers(-1, 4), min_size=4, max_size=4),
    feature=st.lists(st.integers(-1, 2), min_size=4, max_size=4),
)
def test_nodes_that_are_no_trees_are_refused_or_harmless(
    left: list[int], right: list[int], feature: list[int]
) -> None:
    columns = (np.array(left), np.array(right), np.array(feature), np.zeros(4), np.zeros(4, bool))
    is_leaf = np.array([False, False, True, True])
    try:
        made = Trees.of(Splits([4], *columns, is_leaf), 2)
    except ValueError as error:
        assert "no trees" in str(error)  # noqa: PT017  both endings are right
        return
    made.add_leaves(np.zeros((3, 2)), np.ones(4), sums := np.zeros(3))
    assert sums.tolist() == [1, 1, 1]


def test_rows_of_another_width_are_refused(shipped: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rows of shape"):
        RandomisedTrees.of(shipped["classifier"]).score(np.zeros((2, 5)))
