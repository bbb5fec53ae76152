"""Incidents: what a person handles, made of the alerts of one internal host."""

from dataclasses import dataclass
from enum import StrEnum

from flowml.detections.alert import Alert
from flowml.flows.key import host_port


class IncidentState(StrEnum):
    """How far somebody has come with an incident."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    AUTHORISED = "authorised"


OPEN = (IncidentState.NEW, IncidentState.ACKNOWLEDGED, IncidentState.CONFIRMED)
"""States in which an incident takes further alerts of its host."""


@dataclass(frozen=True)
class Incident:
    """Alerts of one internal host that belong together.

    Attributes
    ----------
    number : int
    state : IncidentState
    host : str
        Address of the internal host.
    name : str
        Name of the host; empty: unknown.
    server : str
        Where the newest connection went: name or address, and port.
    owner : str
        Who handles it; empty: nobody yet.
    hosts_of_server : int
        How many hosts have incidents with the same server.
    alerts : int
    probability : float
        Calibrated, of the gravest alert.
    first_seen_ms, last_seen_ms : int
        Beginning of the first connection, newest packet of the last one (epoch, ms).
    """

    number: int
    state: IncidentState
    host: str
    name: str
    server: str
    owner: str
    hosts_of_server: int
    alerts: int
    probability: float
    first_seen_ms: int
    last_seen_ms: int


@dataclass(frozen=True)
class Step:
    """What was done with an incident.

    Attributes
    ----------
    time_ms : int
    who : str
    what : str
        ``state``, ``owner`` or ``note``.
    before, after : str
    """

    time_ms: int
    who: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """What to change of an incident; None stays as it is."""

    state: IncidentState | None = None
    owner: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Policy:
    """Mining that is allowed.

    Attributes
    ----------
    number : int
    network : str
        CIDR.
    reason, owner : str
    until_ms : int
        When it ends (epoch, ms).
    suppressed : int
        Alerts that it has authorised.
    """

    number: int
    network: str
    reason: str
    owner: str
    until_ms: int
    suppressed: int


def server_of(alert: Alert) -> str:
    """Name where the connection went; its address where the name is not known."""
    key, name = alert.verdict.key, alert.verdict.server_name[:255]
    return f"{name}:{key.server_port}" if name else host_port(key.server_ip, key.server_port)
