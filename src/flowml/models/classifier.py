"""The classifier: gradient boosting on the features of observations of all ages."""

from sklearn.ensemble import HistGradientBoostingClassifier


def build_classifier(seed: int) -> HistGradientBoostingClassifier:
    """Build the unfitted classifier.

    Small trees on random halves of the features: a detector meets protocols that it was not fitted on, so no
    single feature may carry it. Undefined features (NaN) have a branch of their own.
    """
    return HistGradientBoostingClassifier(
        max_iter=250,
        learning_rate=0.06,
        max_leaf_nodes=12,
        min_samples_leaf=20,
        l2_regularization=2.0,
        max_features=0.3,
        early_stopping=False,  # a random hold-out would hold observations of connections that were fitted on
        random_state=seed,
    )
