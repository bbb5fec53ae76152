import numpy as np

from flowml.evaluation.groups import GroupResult, group_result, render_alarms, render_found
from flowml.evaluation.metrics import Share
from tests.labelled import small_data_set


def test_connections_are_counted_by_their_length() -> None:
    labelled = small_data_set()
    miners = labelled.take(np.flatnonzero(labelled.is_mining))
    lasted = np.where(miners.connection % 2 == 0, 30.0, 400.0)
    changed = type(miners)(**{**vars(miners), "lasted_s": lasted})
    probability = np.where(changed.connection % 4 == 0, 0.99, 0.1)
    result = group_result("monero", changed, probability, 0.9)
    n = len(np.unique(miners.connection))
    assert result.every == Share(len(np.unique(miners.connection[miners.connection % 4 == 0])), n)
    assert result.lasting.hits == 0
    assert result.long == result.lasting
    assert result.short.hits == result.every.hits
    assert result.short.total + result.lasting.total == n


def test_what_raises_most_false_alarms_stands_first() -> None:
    none = Share(0, 1)
    quiet, loud = (
        GroupResult(name, False, none, none, none, Share(hits, 100), np.zeros(0))
        for name, hits in (("a", 0), ("b", 3))
    )
    assert render_alarms([quiet, loud])[2].startswith("| b | 3 of 100 |")
    assert render_found([quiet])[-1].endswith("|  |  |")
