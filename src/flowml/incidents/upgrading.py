"""Databases of an earlier flowml become those of today, in the transaction that opens them."""

import ipaddress
import sqlite3

from flowml.flows.key import host_port
from flowml.incidents.packing import packed

ALERT = """CREATE TABLE alert (
    number INTEGER PRIMARY KEY, identifier TEXT NOT NULL UNIQUE,
    incident INTEGER NOT NULL REFERENCES incident, raised_ms INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX alert_incident ON alert (incident, raised_ms DESC);
CREATE INDEX alert_raised ON alert (raised_ms)"""
"""The table of alerts. Its rows have numbers of their own: in a table that is ordered by another key, SQLite
gives what is longer than a quarter of a page a page of its own."""


def from_first(connection: sqlite3.Connection) -> None:
    """Version 1 had alerts as text, IPv6 servers without brackets, and words of health alone."""
    connection.create_function("packed", 1, lambda body: packed(body.encode()), deterministic=True)
    connection.create_function("bracketed", 1, _bracketed, deterministic=True)
    connection.execute("ALTER TABLE alert RENAME TO alert_of_version_1")
    for index in ("alert_incident", "alert_raised"):
        connection.execute(f"DROP INDEX {index}")
    for statement in ALERT.split(";\n"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO alert (identifier, incident, raised_ms, body) "
        "SELECT identifier, incident, raised_ms, packed(body) FROM alert_of_version_1 ORDER BY raised_ms"
    )
    connection.execute("DROP TABLE alert_of_version_1")
    connection.execute("UPDATE incident SET peer = bracketed(peer), server = bracketed(server)")
    connection.execute("ALTER TABLE health ADD COLUMN key TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE health ADD COLUMN figures TEXT NOT NULL DEFAULT '[]'")
    connection.execute("PRAGMA user_version = 2")


def _bracketed(server: str) -> str:
    """Name a server as it is named today; names are as they were."""
    address, _, port = server.rpartition(":")
    try:
        return host_port(str(ipaddress.IPv6Address(address)), int(port))
    except ValueError:
        return server
