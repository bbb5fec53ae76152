"""Campaigns: what the hosts of several incidents have in common, said with the evidence for it."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from flowml.detections.alert import Alert
from flowml.detections.sentence import Figure, Sentence, say
from flowml.flows.key import host_port
from flowml.incidents.asking import IncidentDetail, read_alert
from flowml.incidents.store import IncidentStore

SAME_INSTANT_MS = 50
"""One server hands a job to all its miners within a turn of its loop; paths differ by some milliseconds."""
UNASKED_MS = (
    1000  # what comes later than this after a client's message is no answer, as the features count it
)
MIN_TOGETHER = 3
MIN_TOGETHER_SHARE = 0.8
PROXY_HOSTS = 2
WORKERS_RATE_PER_MIN = 20.0
"""Pools set the difficulty for a share every few seconds to every minute of one connection; more comes of
many workers behind one address, or of a difficulty that somebody fixed too low."""
_AT_ADDRESS = "peer >= ? AND peer < ? AND host <> ?"
LOOKED_AT = 50
_LISTED = 5  # hosts that a sentence names
FINDINGS: Mapping[str, str] = {
    "campaign.same_peer": "One campaign: {hosts} mine at {peer} too.",
    "campaign.same_peer_more": "One campaign: {hosts} and {more} more mine at {peer} too.",
    "campaign.same_instant": (
        "One campaign: {server} sent work to {host} in the same instants ({together} of {comparable} within "
        "{within_ms} ms)."
    ),
    "campaign.proxy": "A mining proxy: {hosts} mine at {host}, which itself mines at {peer}.",
    "campaign.proxy_more": (
        "A mining proxy: {hosts} and {more} more mine at {host}, which itself mines at {peer}."
    ),
    "campaign.behind_proxy": "Its pool {server} is an internal host that itself mines at {peer}.",
    "campaign.many_workers": (
        "Perhaps a proxy: {shares} shares a minute in one connection are more than one worker is asked for "
        "by most pools."
    ),
}
"""Every sentence about what connects incidents, in English."""


def findings(store: IncidentStore, detail: IncidentDetail) -> tuple[Sentence, ...]:
    """Say what connects an incident with others, a sentence for each finding.

    Looks at 50 alerts of the incident and of those that are compared with it at most.

    Parameters
    ----------
    store : IncidentStore
    detail : IncidentDetail
        The incident.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    with store.database.reading() as connection:
        (peer,) = connection.execute(
            "SELECT peer FROM incident WHERE number = ?", (detail.incident.number,)
        ).fetchone()
        host, alerts = detail.incident.host, detail.alerts[:LOOKED_AT]
        return (
            *_same_peer(connection, host, peer),
            *_same_instant(alerts, _alerts_of_server(connection, host, peer)),
            *_serves_miners(connection, host, peer),
            *_is_served_by(connection, peer),
            *_many_workers(alerts),
        )


def _say(key: str, **figures: Figure) -> Sentence:
    return say(FINDINGS, f"campaign.{key}", **figures)


def _say_of(key: str, hosts: Sequence[str], **figures: Figure) -> Sentence:
    """A sentence that names some hosts, and how many there are beside them."""
    shown, more = ", ".join(hosts[:_LISTED]), len(hosts) - _LISTED
    if more > 0:
        return _say(f"{key}_more", hosts=shown, more=more, **figures)
    return _say(key, hosts=shown, **figures)


def _same_peer(connection: sqlite3.Connection, host: str, peer: str) -> list[Sentence]:
    others = _hosts(connection, "WHERE peer = ? AND host <> ?", (peer, host))
    return [_say_of("same_peer", others, peer=peer)] if others else []


def _same_instant(own: Sequence[Alert], others: Sequence[Alert]) -> list[Sentence]:
    """Hosts that were sent work in the same instants by one server, whatever its port."""
    said: dict[str, Sentence] = {}
    pushed = [(other.verdict.key.client_ip, push_times_ms(other)) for other in others]
    for alert in own:
        pushes_ms = push_times_ms(alert)
        for who, others_ms in pushed:
            if who in said:
                continue
            together, comparable = together_count(pushes_ms, others_ms)
            if together >= MIN_TOGETHER and together >= MIN_TOGETHER_SHARE * comparable:
                said[who] = _say(
                    "same_instant",
                    server=alert.verdict.key.server_ip,
                    host=who,
                    together=together,
                    comparable=comparable,
                    within_ms=SAME_INSTANT_MS,
                )
    return list(said.values())


@lru_cache(maxsize=256)
def push_times_ms(alert: Alert) -> NDArray[np.int64]:
    """When the server sent something of its own accord, as far as the strip shows it (epoch, ms)."""
    strip = alert.evidence.strip
    if not strip:
        return np.zeros(0, np.int64)
    seconds, sizes = (np.array(column) for column in zip(*strip, strict=True))
    times = np.round(seconds * 1000).astype(np.int64)
    number = np.arange(len(times))
    asked = np.maximum.accumulate(np.where(sizes > 0, number, -1))
    since = np.where(asked >= 0, times - times[asked], UNASKED_MS)
    first = np.diff(times, prepend=times[0] - UNASKED_MS) >= UNASKED_MS / 2  # segments of one message are one
    pushes = times[(sizes < 0) & (since >= UNASKED_MS) & first] + alert.evidence.strip_start_ms
    pushes.setflags(write=False)
    return np.asarray(pushes)


def together_count(one: NDArray[np.int64], other: NDArray[np.int64]) -> tuple[int, int]:
    """Count the pushes to one side that the other had in the same instant, of how many they could have."""
    if not len(one) or not len(other):
        return 0, 0
    start, end = max(one[0], other[0]) - SAME_INSTANT_MS, min(one[-1], other[-1]) + SAME_INSTANT_MS
    if start > end:  # most connections are of another day
        return 0, 0
    inside, against = (times[(times >= start) & (times <= end)] for times in (one, other))
    fewer, more = sorted((inside, against), key=len)
    if not len(fewer):
        return 0, 0
    right = np.clip(np.searchsorted(more, fewer), 0, len(more) - 1)
    left = np.maximum(right - 1, 0)
    apart = np.minimum(np.abs(more[right] - fewer), np.abs(more[left] - fewer))
    return int(np.count_nonzero(apart <= SAME_INSTANT_MS)), len(more)


def _serves_miners(connection: sqlite3.Connection, host: str, peer: str) -> list[Sentence]:
    served = _hosts(connection, f"WHERE {_AT_ADDRESS}", (*_range(host), host))
    return [_say_of("proxy", served, host=host, peer=peer)] if len(served) >= PROXY_HOSTS else []


def _is_served_by(connection: sqlite3.Connection, peer: str) -> list[Sentence]:
    server = _address(peer)
    upstream = connection.execute(
        "SELECT peer FROM incident WHERE host = ? ORDER BY last_seen_ms DESC LIMIT 1", (server,)
    ).fetchone()
    return [] if upstream is None else [_say("behind_proxy", server=server, peer=upstream[0])]


def _many_workers(alerts: Sequence[Alert]) -> list[Sentence]:
    rates = [alert.evidence.share_rate_per_min for alert in alerts]
    highest = max((rate for rate in rates if rate is not None), default=0.0)
    return [_say("many_workers", shares=round(highest))] if highest >= WORKERS_RATE_PER_MIN else []


def _hosts(connection: sqlite3.Connection, where: str, values: Iterable[str | int]) -> list[str]:
    rows = connection.execute(f"SELECT DISTINCT host FROM incident {where} ORDER BY host", tuple(values))
    return [host for (host,) in rows]


def _alerts_of_server(connection: sqlite3.Connection, host: str, peer: str) -> list[Alert]:
    """Newest alerts of other hosts with the server at any port."""
    return _alerts(
        connection,
        f"WHERE incident IN (SELECT number FROM incident WHERE {_AT_ADDRESS} "
        f"ORDER BY last_seen_ms DESC LIMIT {LOOKED_AT})",
        (*_range(_address(peer)), host),
    )


def _range(address: str) -> tuple[str, str]:
    """Where the index has all ports of an address."""
    return host_port(address, 0)[:-1], host_port(address, 0)[:-1] + "~"


def _address(peer: str) -> str:
    return peer.rpartition(":")[0].strip("[]")


def _alerts(connection: sqlite3.Connection, where: str, values: Iterable[str | int]) -> list[Alert]:
    rows = connection.execute(
        f"SELECT body FROM alert {where} ORDER BY raised_ms DESC LIMIT {LOOKED_AT}", tuple(values)
    )
    return [read_alert(body) for (body,) in rows]
