from collections.abc import Sequence
from pathlib import Path

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.incidents.authorised import Authorisations
from flowml.incidents.store import IncidentStore
from flowml.sinks.filtered import Filtered
from tests.incidents.seen import START, seen
from tests.verdicts import event

FOREVER = START + 10_000_000


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.said: list[Alert | SensorEvent] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.said += alerts

    def report(self, told: SensorEvent) -> None:
        self.said.append(told)

    def close(self) -> None:
        self.said.clear()


def test_nobody_hears_of_authorised_mining_but_of_all_else(tmp_path: Path) -> None:
    store, heard, told = IncidentStore(tmp_path), Heard(), list[str]()
    sink = Filtered(heard, Authorisations(tmp_path, told.append).others)
    allowed, other = seen("10.0.0.2"), seen("10.1.0.2")
    sink.emit([allowed, other])
    policy = store.add_policy("10.0.0.0/16", "research", "sato", FOREVER)  # as the dashboard does
    sink.emit([allowed, other])
    store.end_policy(policy.number, START)
    sink.emit([allowed])
    sink.report(event())
    assert heard.said == [allowed, other, other, allowed, event()]
    assert told == []


def test_policies_that_cannot_be_read_allow_nothing(tmp_path: Path) -> None:
    IncidentStore(tmp_path).add_policy("10.0.0.0/16", "research", "sato", FOREVER)
    told = list[str]()
    authorisations = Authorisations(tmp_path, told.append)
    IncidentStore(tmp_path).database._connection.execute("DROP TABLE policy")
    assert authorisations.others([seen()]) == [seen()]
    assert "reported like any other" in told[0]
