"""Policies of authorised mining: which hosts may mine, and until when."""

import ipaddress
import sqlite3
from collections.abc import Iterable

from flowml.detections.incident import Policy


def authorising(policies: Iterable[Policy], host: str, now_ms: int) -> Policy | None:
    """Find the policy that allows a host to mine at a time (epoch, ms); None: it may not."""
    address = ipaddress.ip_address(host)
    for policy in policies:
        if policy.until_ms > now_ms and address in ipaddress.ip_network(policy.network):
            return policy
    return None


def stored_policies(connection: sqlite3.Connection) -> tuple[Policy, ...]:
    """Give all policies, newest first."""
    rows = connection.execute(
        "SELECT number, network, reason, owner, until_ms, suppressed FROM policy ORDER BY number DESC"
    )
    return tuple(Policy(*row) for row in rows)
