"""Alerts come in: each goes into the incident of its host that it fits."""

import sqlite3
from dataclasses import replace

from flowml.detections.alert import Alert
from flowml.detections.incident import IncidentState, server_of
from flowml.flows.key import FlowKey, host_port
from flowml.incidents.asking import OPEN_WORDS
from flowml.incidents.packing import packed
from flowml.incidents.policies import authorising, stored_policies
from flowml.sinks.records import to_record
from flowml.sinks.text import encodable


def take_alert(connection: sqlite3.Connection, alert: Alert, name: str) -> bool:
    """Store one new alert; whether an incident began with it."""
    verdict, server = alert.verdict, encodable(server_of(alert))
    host, peer = verdict.key.client_ip, peer_of(verdict.key)
    policy = authorising(stored_policies(connection), host, alert.raised_ms)
    number = fitting_incident(connection, verdict.key, is_authorised=policy is not None)
    begun = number is None
    if number is None:
        state = IncidentState.NEW if policy is None else IncidentState.AUTHORISED
        number = connection.execute(
            "INSERT INTO incident (state, host, name, server, peer, owner, alerts, probability, "
            "first_seen_ms, last_seen_ms) VALUES (?, ?, '', ?, ?, ?, 0, 0, ?, ?)",
            (
                state,
                host,
                server,
                peer,
                "" if policy is None else policy.owner,
                verdict.start_ms,
                verdict.end_ms,
            ),
        ).lastrowid
    if policy is not None:
        connection.execute("UPDATE policy SET suppressed = suppressed + 1 WHERE number = ?", (policy.number,))
    connection.execute(
        "UPDATE incident SET alerts = alerts + 1, probability = MAX(probability, ?), server = ?, peer = ?, "
        "first_seen_ms = MIN(first_seen_ms, ?), last_seen_ms = MAX(last_seen_ms, ?), "
        "name = COALESCE(NULLIF(?, ''), name) WHERE number = ?",
        (verdict.probability, server, peer, verdict.start_ms, verdict.end_ms, encodable(name), number),
    )
    connection.execute(
        "INSERT INTO alert (identifier, incident, raised_ms, body) VALUES (?, ?, ?, ?)",
        (alert.identifier, number, alert.raised_ms, packed(to_record(_bounded(alert)))),
    )
    return begun


def peer_of(key: FlowKey) -> str:
    """Name the server of a connection by its address and port."""
    return host_port(key.server_ip, key.server_port)


def _bounded(alert: Alert) -> Alert:
    """No name from a packet takes more room than a name needs."""
    verdict = alert.verdict
    words = tuple(replace(said, text=said.text[:1000]) for said in alert.explanation[:20])
    named = replace(
        verdict, server_name=verdict.server_name[:255], application_name=verdict.application_name[:64]
    )
    evidence = replace(
        alert.evidence,
        strip=alert.evidence.strip[-128:],
        resembles=alert.evidence.resembles[:64],
        opened_before=tuple(name[:255] for name in alert.evidence.opened_before[:5]),
    )
    return replace(alert, verdict=named, explanation=words, evidence=evidence)


def fitting_incident(connection: sqlite3.Connection, key: FlowKey, *, is_authorised: bool) -> int | None:
    """Find the incident that an alert about a connection belongs to; None: it begins one.

    An open one of the host; while mining is authorised, one that says so; or a false alarm about the very
    same server, which somebody has looked at already.
    """
    states = ", ".join([f"'{IncidentState.AUTHORISED}'"] if is_authorised else [OPEN_WORDS])
    row = connection.execute(
        "SELECT number FROM incident "
        f"WHERE host = ? AND (state IN ({states}) OR state = 'false_alarm' AND peer = ?) "
        "ORDER BY last_seen_ms DESC, number DESC LIMIT 1",
        (key.client_ip, peer_of(key)),
    ).fetchone()
    return None if row is None else int(row[0])
