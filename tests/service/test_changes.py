from flowml.detections.event import EventKind
from flowml.detections.sentence import Sentence
from flowml.service.changes import CALM_S, Changes
from flowml.service.health import BAD, OK, WARN, Finding

NOW_MS = 1_700_000_000_000


def told(changes: Changes, status: str, now_s: float, name: str = "losses eth0") -> list[tuple[str, str]]:
    found = changes.of([Finding(name, status, Sentence("words"))], now_s, NOW_MS)
    return [(event.before, event.status) for event in found]


def test_what_is_well_from_the_beginning_is_not_told() -> None:
    assert told(Changes(), OK, 0.0) == []


def test_what_gets_worse_is_told_at_once_and_once() -> None:
    changes = Changes()
    assert told(changes, WARN, 0.0) == [(OK, WARN)]
    assert told(changes, WARN, 10.0) == []
    assert told(changes, BAD, 20.0) == [(WARN, BAD)]


def test_what_gets_better_is_told_when_it_has_been_better_for_a_while() -> None:
    changes = Changes()
    told(changes, BAD, 0.0)
    assert told(changes, OK, 10.0) == []
    assert told(changes, OK, 10.0 + CALM_S) == [(BAD, OK)]
    assert told(changes, OK, 20.0 + CALM_S) == []


def test_what_comes_and_goes_is_one_event() -> None:
    changes = Changes()
    assert told(changes, BAD, 0.0) == [(OK, BAD)]
    for second in range(10, 600, 20):
        assert told(changes, OK, second) == []
        assert told(changes, BAD, second + 10) == []


def test_a_check_that_is_at_work_no_more_is_not_told_of() -> None:
    changes = Changes()
    told(changes, BAD, 0.0)
    assert changes.of([], 100.0, NOW_MS) == []


def test_an_event_says_what_was_looked_at_and_on_which_interface() -> None:
    (event,) = Changes().of([Finding("losses eth0", BAD, Sentence("2% are lost"), "eth0")], 0.0, NOW_MS)
    assert (event.kind, event.source, event.check) == (EventKind.HEALTH, "eth0", "losses eth0")
    assert event.message == "losses eth0: bad: 2% are lost"
    (event,) = Changes().of([Finding("clock", WARN, Sentence("set"))], 0.0, NOW_MS)
    assert event.source == "sensor"
