"""Slimming: the same verdicts from a smaller file."""

from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.ensemble import ExtraTreesClassifier

from flowml.models.classifier import RandomisedTrees
from flowml.models.slimming import slim


def grown() -> tuple[ExtraTreesClassifier, np.ndarray]:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(20_000, 8))
    rows[rng.random(rows.shape) < 0.05] = -1.0
    truth = rows[:, 0] + rng.normal(size=20_000) > 0.3
    classifier = ExtraTreesClassifier(5, max_leaf_nodes=1600, random_state=1, n_jobs=1)
    return classifier.fit(rows, truth, sample_weight=rng.uniform(0.5, 2.0, len(rows))), rows


def test_every_row_reaches_the_leaf_it_reached_before() -> None:
    classifier, rows = grown()
    before, leaves = classifier.predict_proba(rows)[:, 1], classifier.apply(rows)
    slim(classifier)
    assert (classifier.apply(rows) == leaves).all()
    assert np.abs(classifier.predict_proba(rows)[:, 1] - before).max() < 1 / 8192
    np.testing.assert_allclose(
        RandomisedTrees.of(classifier).score(rows), classifier.predict_proba(rows)[:, 1], rtol=1e-12
    )


def test_a_value_on_a_threshold_goes_the_way_it_went() -> None:
    classifier, rows = grown()
    thresholds = np.concatenate([tree.tree_.threshold for tree in classifier.estimators_])
    on_them = np.resize(thresholds, rows.shape)
    leaves = classifier.apply(on_them)
    slim(classifier)
    assert (classifier.apply(on_them) == leaves).all()


def test_the_file_is_much_smaller() -> None:
    classifier, _ = grown()

    def size() -> int:
        return len(skops.io.dumps(classifier, compression=ZIP_DEFLATED, compresslevel=9))

    whole = size()
    slim(classifier)
    assert size() < 0.7 * whole
