from pathlib import Path

import pytest

from flowml.detections.sentence import Sentence
from flowml.incidents.scores import (
    HOUR_MS,
    Agreement,
    add_agreement,
    add_scores,
    agreement,
    scored_hours,
    scores,
)
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import HealthState, health, record_check, record_health

NOW_MS = 500_000 * HOUR_MS + 5


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path)


def test_scores_of_an_hour_add_up_and_models_are_kept_apart(store: IncidentStore) -> None:
    add_scores(store, "a", [1, 0, 2], NOW_MS)
    add_scores(store, "a", [1, 0, 0], NOW_MS + 1)
    add_scores(store, "b", [9, 9, 9], NOW_MS)
    add_scores(store, "a", [0, 5, 0], NOW_MS - 2 * HOUR_MS)
    assert scores(store, "a", 3, NOW_MS - HOUR_MS, NOW_MS + HOUR_MS) == [2, 0, 2]
    assert scores(store, "a", 3, 0, NOW_MS + HOUR_MS) == [2, 5, 2]
    assert scored_hours(store, "a", 0) == 2


def test_agreement_adds_up_for_a_pair_of_models(store: IncidentStore) -> None:
    for _ in range(2):
        add_agreement(store, "a", "b", Agreement(10, 3, 1, 0), NOW_MS)
    add_agreement(store, "a", "c", Agreement(10, 0, 0, 9), NOW_MS)
    assert agreement(store, "a", "b", NOW_MS - HOUR_MS) == Agreement(20, 6, 2, 0)
    assert agreement(store, "b", "a", 0) == Agreement(0, 0, 0, 0)


KASPA = Sentence("not seen: kaspa", "checked.selftest", (("missed", "kaspa"),))


def test_the_blindness_check_outlives_the_sensors_own_states(store: IncidentStore) -> None:
    record_check(store, "bad", Sentence("not seen: monero"), 1)
    record_check(store, "bad", KASPA, 2)
    record_health(store, [HealthState("clock", "ok", Sentence("even"), 1, 3)])
    record_health(store, [HealthState("model", "ok", Sentence("flowml 1"), 1, 4)])
    assert health(store) == [
        HealthState("model", "ok", Sentence("flowml 1"), 1, 4),
        HealthState("selftest", "bad", KASPA, 1, 2),
    ]
    record_check(store, "ok", Sentence("all"), 5)
    assert health(store)[1] == HealthState("selftest", "ok", Sentence("all"), 5, 5)
