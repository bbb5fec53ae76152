"""Alerts and ended connections: what leaves the pure part of flowml."""

import hashlib
from dataclasses import dataclass, field

from flowml.detections.sentence import Sentence
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
    strip_start_ms : int
        When the first of them was seen (epoch, ms).
    share_rate_per_min : float or None
        Estimate: client messages of nearly the usual size that were answered within 1 s, per minute; None
        where there are too few to say.
    resembles : str
        Mining family that it resembles most; empty: the model does not say.
    opened_before : tuple of str
        What the client opened in the minute before, as it named the servers, newest first: the page that
        started a miner in a browser is among them.
    """

    strip: tuple[tuple[float, int], ...] = ()
    strip_start_ms: int = 0
    share_rate_per_min: float | None = None
    resembles: str = ""
    opened_before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alert:
    """A connection that was called mining for the first time.

    Attributes
    ----------
    verdict : ConnectionVerdict
    raised_ms : int
        Packet time of the verdict (epoch, ms).
    explanation : tuple of Sentence
        What was seen, in the protocol's words.
    evidence : Evidence
    """

    verdict: ConnectionVerdict
    raised_ms: int
    explanation: tuple[Sentence, ...]
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def identifier(self) -> str:
        """The same for whoever hears of this alert twice: 32 hexadecimal digits.

        A digest of source, five-tuple and beginning of the connection.
        """
        key = self.verdict.key
        ends = (key.client_ip, key.client_port, key.server_ip, key.server_port, key.protocol)
        text = "\0".join(map(str, (self.verdict.source, *ends, self.verdict.start_ms)))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
