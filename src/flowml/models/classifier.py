"""The classifier: extremely randomised trees on the scaled features of observations of all ages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.models.trees import Splits, Trees, tree_state

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier


def build_classifier(seed: int) -> "ExtraTreesClassifier":
    """Build the unfitted classifier.

    A detector meets protocols that it was not fitted on, so no single feature and no exact threshold may
    carry it: features and thresholds of each split are drawn at random (Geurts, Ernst and Wehenkel 2006).
    Gradient boosting finds as many of the families that were left out of its fit, and fewer where hardly a
    false alarm is allowed (docs/decisions/0012). Depth and leaves bound the size of the model and the time of
    a verdict.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=50,
        max_features=0.3,
        max_leaf_nodes=3800,
        max_depth=30,
        min_samples_leaf=5,
        n_jobs=-1,
        random_state=seed,
    )


@dataclass(frozen=True)
class RandomisedTrees:
    """A fitted classifier's trees.

    Attributes
    ----------
    trees : Trees
    values : ndarray of float64, shape (n_nodes,)
        Share of mining, by weight, in each leaf.
    """

    trees: Trees
    values: NDArray[np.float64]

    @classmethod
    def of(cls, classifier: Any) -> Self:
        """Take the trees of a fitted ExtraTreesClassifier, or of a stored one.

        Raises
        ------
        ValueError
            Not two classes.
        """
        states = [tree_state(estimator.tree_) for estimator in classifier.estimators_]
        weights = np.concatenate([np.asarray(values)[:, 0, :] for _, values in states])
        if weights.shape[1] != 2:
            raise ValueError(f"the classifier tells {weights.shape[1]} classes apart, expected 2")
        splits = Splits.of([nodes for nodes, _ in states])
        trees = Trees.of(splits, int(classifier.n_features_in_))
        return cls(trees, np.ascontiguousarray(weights[:, 1] / weights.sum(axis=1)))

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score scaled rows, shape (n, n_features), as `predict_proba` does: 0 to 1, shape (n,)."""
        sums = np.zeros(len(rows))
        self.trees.add_leaves(rows, self.values, sums)
        return sums / len(self.trees.roots)
