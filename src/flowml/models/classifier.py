"""The classifier: gradient boosting on the features of observations of all ages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from flowml.models.trees import Splits, Trees

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


def build_classifier(seed: int) -> "HistGradientBoostingClassifier":
    """Build the unfitted classifier.

    Many small trees, each split chosen among a few random features: a detector meets protocols that it was
    not fitted on, so no single feature may carry it. Larger trees were surer of themselves and worse on
    origins left out. Undefined features (NaN) have a branch of their own.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=250,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=10.0,
        max_features=0.15,
        early_stopping=False,  # a random hold-out would hold observations of connections that were fitted on
        random_state=seed,
    )


@dataclass(frozen=True)
class BoostedTrees:
    """A fitted classifier's trees.

    Attributes
    ----------
    trees : Trees
    values : ndarray of float64, shape (n_nodes,)
        What each leaf adds to the logit.
    baseline : float
        The logit before the first tree.
    """

    trees: Trees
    values: NDArray[np.float64]
    baseline: float

    @classmethod
    def of(cls, classifier: Any) -> Self:
        """Take the trees of a fitted HistGradientBoostingClassifier, or of a stored one.

        Raises
        ------
        ValueError
            Not two classes, or features that are categories.
        """
        predictors = [predictor for (predictor,) in classifier._predictors]  # noqa: SLF001
        nodes = np.concatenate([predictor.nodes for predictor in predictors])
        if nodes["is_categorical"].any():
            raise ValueError("the classifier takes categories, expected numbers only")
        splits = Splits(
            sizes=[len(predictor.nodes) for predictor in predictors],
            left=nodes["left"],
            right=nodes["right"],
            feature=nodes["feature_idx"],
            threshold=nodes["num_threshold"],
            nan_goes_left=nodes["missing_go_to_left"] != 0,
            is_leaf=nodes["is_leaf"] != 0,
        )
        trees = Trees.of(splits, int(classifier.n_features_in_))
        baseline = float(np.asarray(classifier._baseline_prediction).item())  # noqa: SLF001
        return cls(trees, np.ascontiguousarray(nodes["value"]), baseline)

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows of features, shape (n, n_features), as `predict_proba` does: 0 to 1, shape (n,)."""
        logit = np.full(len(features), self.baseline)
        self.trees.add_leaves(features, self.values, logit)
        with np.errstate(over="ignore"):  # a logit of -1000 is a probability of 0
            return np.asarray(1.0 / (1.0 + np.exp(-logit)))
