import numpy as np

from flowml.evaluation.mistakes import find_mistakes, mistake_strip
from tests.evaluation.test_plots import drawn
from tests.labelled import small_data_set


def test_a_detector_that_is_right_makes_no_mistake() -> None:
    labelled = small_data_set()
    assert find_mistakes(labelled, labelled.is_mining.astype(float), 0.5) == []


def test_false_alarms_come_first_by_probability_then_missed_miners_by_length() -> None:
    labelled = small_data_set()
    probability = np.where(labelled.is_mining, 0.1, 0.0)
    benign = np.unique(labelled.connection[~labelled.is_mining])[:2]
    for connection, value in zip(benign, (0.7, 0.9), strict=True):
        probability[np.flatnonzero(labelled.connection == connection)[0]] = value
    mistakes = find_mistakes(labelled, probability, 0.5)
    assert [made.probability for made in mistakes[:2]] == [0.9, 0.7]
    assert [made.is_mining for made in mistakes].index(True) == 2
    lengths = [made.lasted_s for made in mistakes[2:]]
    assert lengths == sorted(lengths, reverse=True)
    assert len(lengths) == len(np.unique(labelled.connection[labelled.is_mining]))


def test_a_strip_says_what_was_wrong_and_where() -> None:
    labelled = small_data_set()
    (mistake, *_) = find_mistakes(labelled, np.zeros(len(labelled)), 0.5)
    figure = mistake_strip(labelled, mistake)
    title = figure.axes[0].get_title(loc="left")
    assert title.startswith("missed: probability 0.0000 at ")
    assert "test/test.pcap" in title
    assert "monero" in title
    assert drawn(figure)
