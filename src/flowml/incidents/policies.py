"""Policies of authorised mining: which hosts may mine, and until when."""

import ipaddress
from collections.abc import Iterable

from flowml.detections.incident import Policy


def authorising(policies: Iterable[Policy], host: str, now_ms: int) -> Policy | None:
    """Find the policy that allows a host to mine at a time (epoch, ms); None: it may not."""
    address = ipaddress.ip_address(host)
    for policy in policies:
        if policy.until_ms > now_ms and address in ipaddress.ip_network(policy.network):
            return policy
    return None
