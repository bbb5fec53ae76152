"""An alert that says of itself that it is a test."""

from flowml.detections.alert import Alert, ConnectionVerdict
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import Label
from flowml.flows.key import FlowKey

_WORDS = "TEST: flowml sinks test sent this to try the way of an alert; nobody mines."


def trial_alert(now_ms: int) -> Alert:
    """Make an alert about a connection that cannot exist: both addresses are set aside for documentation.

    Parameters
    ----------
    now_ms : int
        Time of the alert (epoch, ms).
    """
    verdict = ConnectionVerdict(
        key=FlowKey("192.0.2.1", 50_000, "198.51.100.1", 3333),  # RFC 5737
        start_ms=now_ms - 60_000,
        end_ms=now_ms,
        label=Label.MINING,
        probability=1.0,
        novelty=0.0,
        age_s=60.0,
        detected_after_s=60.0,
        client_bytes=0,
        server_bytes=0,
        client_packets=0,
        server_packets=0,
        saw_start=True,
        application_name="TEST",
        server_name="test.invalid",  # RFC 2606
        model="TEST",
        source="flowml sinks test",
    )
    return Alert(verdict, now_ms, (Sentence(_WORDS),))
