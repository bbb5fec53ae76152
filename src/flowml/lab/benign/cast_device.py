"""Cast devices on the local network: a ping and a pong every 5 s for as long as anybody looks.

Messages are protocol buffers behind a length of 32 bits, each with the names of both ends and of its channel
(CASTV2; Chromium, components/media_router/common/providers/cast/channel/cast_channel.proto and
keep_alive_handler: PING after 5 s). A ping has 88 bytes, as a pong has. Receivers tell all who look when
the volume, the application or the film changes; a sender asks for the status now and then, and every second
or ten while a film runs. Each telephone, browser and speaker of a household has such a connection.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_CHANNELS = "urn:x-cast:com.google.cast."
HEARTBEAT, CONNECTION = f"{_CHANNELS}tp.heartbeat", f"{_CHANNELS}tp.connection"
_RECEIVER, _MEDIA = f"{_CHANNELS}receiver", f"{_CHANNELS}media"
_SENDERS = ("sender-0", "sender-0", "sender-e9c1b4f0", "gms_cast_mrp-412")
_LENGTH = struct.Struct(">I")


def _draw(rng: Generator) -> Parameters:
    return {
        "ping_s": float(rng.choice([5.0, 5.0, 5.0, 10.0, 20.0])),
        "server_pings": bool(rng.random() < 0.3),
        "sender": str(rng.choice(_SENDERS)),
        "status_bytes": int(log_uniform(rng, 120, 700)),
        "status_spread_bytes": int(rng.choice([0, 1, 4])),
        "ask_s": float(rng.choice([0.0, 0.0, 10.0, 30.0, 60.0])),
        "change_s": round(log_uniform(rng, 20.0, 900.0), 1),
        "film_ratio": float(rng.choice([0.0, 0.0, 0.3])),
        "film_ask_s": float(rng.choice([1.0, 5.0, 10.0])),
    }


def message(channel: str, body: Mapping[str, Any], sender: str = "sender-0") -> bytes:
    """Build a message of a channel, from the sender to the receiver or back (both names are in it)."""
    fields = b"\x08\x00" + _text(2, sender) + _text(3, "receiver-0") + _text(4, channel) + b"\x28\x00"
    packed = fields + _text(6, json.dumps(body, separators=(",", ":")))
    return _LENGTH.pack(len(packed)) + packed


def _text(field: int, text: str) -> bytes:
    data = text.encode()
    n_bytes = len(data)
    length = bytes([n_bytes]) if n_bytes < 128 else bytes([n_bytes & 127 | 128, n_bytes >> 7])
    return bytes([field << 3 | 2]) + length + data


async def _read(peer: Peer) -> bytes:
    (n_bytes,) = _LENGTH.unpack(await peer.exactly(_LENGTH.size))
    return await peer.exactly(n_bytes)


def _status(drawn: Mapping[str, Any], rng: Generator, channel: str = _RECEIVER) -> bytes:
    told = text_of(drawn["status_bytes"], drawn["status_spread_bytes"], rng)
    return message(channel, {"type": "STATUS", "status": told, "requestId": 0}, drawn["sender"])


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        pings = [_ping(peer, drawn)] if drawn["server_pings"] else []
        await together(_answer(peer, drawn, rng), _tell(peer, drawn, rng), *pings)

    await site.listen(attend)


async def _answer(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        asked = await _read(peer)
        if b'"PING"' in asked:
            await peer.send(message(HEARTBEAT, {"type": "PONG"}, drawn["sender"]))
        elif b'"GET_STATUS"' in asked:
            await asyncio.sleep(rng.exponential(0.01))
            await peer.send(_status(drawn, rng, _MEDIA if _MEDIA.encode() in asked else _RECEIVER))


async def _tell(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    """Tell of changes: several in a row when somebody turns the volume."""
    while True:
        await asyncio.sleep(rng.exponential(drawn["change_s"]))
        for _ in range(int(rng.geometric(0.4))):
            await peer.send(_status(drawn, rng))
            await asyncio.sleep(rng.exponential(0.4))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.send(message(CONNECTION, {"type": "CONNECT"}, drawn["sender"]))
        await peer.send(message(_RECEIVER, {"type": "GET_STATUS", "requestId": 1}, drawn["sender"]))
        has_film = rng.random() < drawn["film_ratio"]
        channel, period_s = (_MEDIA, drawn["film_ask_s"]) if has_film else (_RECEIVER, drawn["ask_s"])
        await together(_listen(peer, drawn), _ping(peer, drawn), _ask(peer, channel, period_s, drawn))


async def _listen(peer: Peer, drawn: Mapping[str, Any]) -> None:
    while True:
        if b'"PING"' in await _read(peer):
            await peer.send(message(HEARTBEAT, {"type": "PONG"}, drawn["sender"]))


async def _ping(peer: Peer, drawn: Mapping[str, Any]) -> None:
    while True:
        await asyncio.sleep(drawn["ping_s"])
        await peer.send(message(HEARTBEAT, {"type": "PING"}, drawn["sender"]))


async def _ask(peer: Peer, channel: str, period_s: float, drawn: Mapping[str, Any]) -> None:
    number = 1
    while period_s:
        await asyncio.sleep(period_s)
        number += 1
        await peer.send(message(channel, {"type": "GET_STATUS", "requestId": number}, drawn["sender"]))


_CAST = Actor("cast-device", "iot", _draw, _serve, _visit, ports=(8009,), clients=(2, 6))
ACTORS = (over_tls(_CAST, (8009,)),)
