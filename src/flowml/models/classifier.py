"""The classifier: gradient boosting on the features of observations of all ages."""

from sklearn.ensemble import HistGradientBoostingClassifier


def build_classifier(seed: int) -> HistGradientBoostingClassifier:
    """Build the unfitted classifier.

    Many small trees, each split chosen among a few random features: a detector meets protocols that it was
    not fitted on, so no single feature may carry it. Larger trees were surer of themselves and worse on
    origins left out. Undefined features (NaN) have a branch of their own.
    """
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
