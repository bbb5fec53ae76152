"""Alerts and ended connections: what leaves the pure part of flowml."""

from dataclasses import dataclass, field

from flowml.detections.verdict import Label
from flowml.flows.key import FlowKey


@dataclass(frozen=True)
class ConnectionVerdict:
    """What was concluded about one connection, at its alert or at its end.

    Attributes
    ----------
    key : FlowKey
        Five-tuple, client first.
    start_ms, end_ms : int
        First and last packet so far (epoch, ms).
    label : Label
    probability, novelty : float
        Of the observation that decided.
    age_s : float
        Age of the connection at that observation, seconds.
    detected_after_s : float or None
        Seconds of packet time from the first packet to the verdict that raised the alert; None unless mining.
    client_bytes, server_bytes, client_packets, server_packets : int
        Payload so far.
    saw_start : bool
        False: the connection was there before the sensor.
    application_name, server_name : str
        Evidence for people.
    model : str
        Which model judged.
    source : str
        Capture file or interface.
    was_interrupted : bool
        Capture was interrupted while it was open: packets of it may be missing.
    """

    key: FlowKey
    start_ms: int
    end_ms: int
    label: Label
    probability: float
    novelty: float
    age_s: float
    detected_after_s: float | None
    client_bytes: int
    server_bytes: int
    client_packets: int
    server_packets: int
    saw_start: bool
    application_name: str
    server_name: str
    model: str
    source: str
    was_interrupted: bool = False


@dataclass(frozen=True)
class Evidence:
    """What a person can look at beside the words.

    Attributes
    ----------
    strip : tuple of (float, int)
        The last payload packets, 128 at most: seconds since the first of them, and the payload's size in
        bytes, positive from the client.
    """

    strip: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class Alert:
    """A connection that was called mining for the first time.

    Attributes
    ----------
    verdict : ConnectionVerdict
    raised_ms : int
        Packet time of the verdict (epoch, ms).
    explanation : tuple of str
        Sentences in the protocol's words.
    evidence : Evidence
    """

    verdict: ConnectionVerdict
    raised_ms: int
    explanation: tuple[str, ...]
    evidence: Evidence = field(default_factory=Evidence)
