"""Multiplexing: the miner shares a tunnel with benign traffic.

Beside it are the clients of 1 (weak), 2 (middle) or 4 (strong) benign servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowml.lab.benign.database import ACTORS as DATABASE
from flowml.lab.benign.http_api import ACTORS as HTTP_API
from flowml.lab.benign.jsonrpc import ACTORS as JSON_RPC
from flowml.lab.benign.websocket_chat import ACTORS as CHAT
from flowml.lab.company import in_company
from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_OTHERS = (HTTP_API[0], CHAT[0], DATABASE[0], JSON_RPC[0])
_N_OTHERS = {"weak": 1, "middle": 2, "strong": 4}


def _apply(actor: Actor, strength: str) -> Actor:
    return in_company(actor, _OTHERS[: _N_OTHERS[strength]])


EVASIONS = (Evasion("multiplexing", _apply, needs_tunnel=True),)
