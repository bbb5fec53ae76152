import numpy as np

from flowml.detections.verdict import Thresholds, VerdictBatch
from flowml.evaluation.doubts import doubts, render_doubts
from tests.labelled import small_data_set


def test_a_connection_counts_once_and_novelty_only_where_probability_says_nothing() -> None:
    labelled = small_data_set()
    connections = np.unique(labelled.connection)
    probability, novelty = np.full(len(labelled), 0.1), np.full(len(labelled), 0.5)
    rows = [np.flatnonzero(labelled.connection == connection)[0] for connection in connections]
    probability[rows[0]] = 0.95
    novelty[rows[0]] = 1.0
    probability[rows[1]] = 0.6
    novelty[rows[1]] = 1.0
    novelty[rows[2]] = 1.0
    unused = np.zeros(len(labelled), bool)
    found = doubts(
        "all", labelled, VerdictBatch(probability, novelty, unused, unused, "none"), Thresholds(0.9, 0.5, 1.0)
    )
    n = len(connections)
    assert render_doubts([found])[-1] == f"| all | 1 of {n} | 1 of {n} | 1 of {n} |"
