"""Feedback: what people said of incidents, as labels of the connections in them."""

from collections.abc import Iterator

from flowml.datasets.feedback import LabelledAlert
from flowml.detections.incident import IncidentState
from flowml.incidents.asking import read_alert
from flowml.incidents.store import IncidentStore

TRUTH = {IncidentState.CONFIRMED: True, IncidentState.FALSE_ALARM: False}
"""States that say what the connections of an incident were; an authorised miner is confirmed by hand."""

_DECIDED = """SELECT incident.number, incident.state, step.who, step.time_ms, COALESCE(
    (SELECT after FROM step WHERE incident = incident.number AND what = 'note' ORDER BY number DESC LIMIT 1),
    '')
FROM incident JOIN step ON step.number =
    (SELECT MAX(number) FROM step WHERE incident = incident.number AND what = 'state')
WHERE incident.state IN (?, ?) ORDER BY incident.number"""


def feedback(store: IncidentStore) -> list[LabelledAlert]:
    """Give every connection of the incidents that are confirmed or a false alarm, in order of incidents.

    What was said last holds: an incident that somebody opened again has no truth any more.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    return list(_said(store))


def _said(store: IncidentStore) -> Iterator[LabelledAlert]:
    with store.database.reading() as connection:
        rows = connection.execute(_DECIDED, tuple(TRUTH)).fetchall()
        for number, state, who, when_ms, why in rows:
            is_mining = TRUTH[IncidentState(state)]
            bodies = connection.execute(
                "SELECT body FROM alert WHERE incident = ? ORDER BY raised_ms", (number,)
            )
            for (body,) in bodies:
                yield LabelledAlert(number, read_alert(body), is_mining, who, why, when_ms)
