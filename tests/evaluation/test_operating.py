from dataclasses import replace

import numpy as np
import pytest

from flowml.evaluation.metrics import Share
from flowml.evaluation.operating import AGES_S, ONE_IN, operating, render_operating
from tests.labelled import small_data_set


def test_recall_is_counted_at_a_threshold_that_no_benign_connection_reaches() -> None:
    labelled = small_data_set()
    probability = np.where(labelled.is_mining, 0.6, 0.5)
    result = operating("all", labelled, probability, 0.9)
    assert len(result.recall_at) == len(ONE_IN)
    assert all(share.value == 1.0 for share in result.recall_at)
    assert result.false_alarms.hits == 0


def test_one_benign_connection_above_all_miners_leaves_nothing_to_find() -> None:
    labelled = small_data_set()
    loud = labelled.connection == labelled.connection[~labelled.is_mining][0]
    probability = np.where(loud, 0.99, np.where(labelled.is_mining, 0.95, 0.1))
    result = operating("all", labelled, probability, 0.9)
    assert [share.hits for share in result.recall_at] == [0, 0, 0]
    assert result.false_alarms.hits == 1


def test_without_benign_connections_there_is_no_rate() -> None:
    labelled = small_data_set()
    mining = labelled.take(np.flatnonzero(labelled.is_mining))
    result = operating("all", mining, np.ones(len(mining)), 0.9)
    assert [share.total for share in result.recall_at] == [0, 0, 0]
    assert result.host_days == 0.0


def test_only_connections_that_lasted_count_at_an_age() -> None:
    labelled = small_data_set()
    short = replace(labelled, lasted_s=np.where(labelled.is_mining, 45.0, labelled.lasted_s))
    result = operating("all", short, np.ones(len(short)), 0.9)
    totals = dict(zip(AGES_S, (share.total for share in result.recall_by), strict=True))
    assert totals[30.0] == len(np.unique(labelled.connection[labelled.is_mining]))
    assert totals[60.0] == 0


def test_a_silence_of_hours_is_no_time_of_a_client() -> None:
    labelled = small_data_set()
    seen = labelled.observations
    later = np.where(labelled.connection % 2 == 0, 0, 400 * 86_400_000)
    moved = replace(
        labelled,
        observations=replace(
            seen,
            client_ip=np.full(len(seen), b"10.0.0.1", seen.client_ip.dtype),
            start_ms=seen.start_ms + later,
            end_ms=seen.end_ms + later,
        ),
    )
    assert operating("all", moved, np.zeros(len(moved)), 0.9).host_days < 1.0


def test_a_client_is_counted_from_its_first_to_its_last_packet() -> None:
    labelled = small_data_set()
    benign = labelled.take(np.flatnonzero(~labelled.is_mining))
    seen = benign.observations
    expected = 0.0
    for client in np.unique(seen.client_ip):
        its = seen.client_ip == client
        expected += float(seen.end_ms[its].max() - seen.start_ms[its].min()) / 86_400_000
    assert operating("all", labelled, np.zeros(len(labelled)), 0.9).host_days == pytest.approx(expected)


def test_no_false_alarm_is_told_with_what_it_excludes() -> None:
    result = replace(operating("all", small_data_set(), np.zeros(len(small_data_set())), 0.9), host_days=1.5)
    assert "0, below 2.0 with 95 % certainty" in render_operating([result])[-1]
    some = replace(result, false_alarms=Share(3, 100))
    assert render_operating([some])[-1].endswith("| 3 of 100 | 1.50 | 2.00 |")
