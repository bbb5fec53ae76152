"""MQTT without a program: devices that report and are told what to do, applications that listen to all.

MQTT 3.1.1 (OASIS): a fixed head of 2 to 3 bytes; PINGREQ and PINGRESP of 2, sent when a client said nothing
for its keep-alive (10 s to 20 min); PUBACK and CONNACK of 4; SUBACK of 5. A PUBLISH is its topic, a number
with quality 1, and what is told. What one device tells, the broker pushes to all who listen.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = (
    *(0x10, 0x20, 0x30, 0x40),
    *(0x82, 0x90, 0xC0, 0xD0),
)
_ONCE_AT_LEAST = 0x02
"""Quality 1, in the head of a PUBLISH: it is confirmed."""

_WANTS_ALL = b"#"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 5.0, 10.0, 30.0, 60.0, 300.0]),
        "topic_bytes": int(rng.integers(8, 70)),
        "told_bytes": int(log_uniform(rng, 2, 600)),
        "told_spread": str(rng.choice(["constant", "digits", "digits", "types", "lognormal"])),
        "quality": int(rng.choice([0, 1, 1])),
        "keepalive_s": float(rng.choice([10.0, 15.0, 30.0, 60.0, 60.0, 300.0, 1200.0])),
        "listeners_ratio": round(float(rng.uniform(0.0, 0.6)), 2),
        "order_s": float(rng.choice([0.0, 60.0, 300.0, 900.0])),
        "order_bytes": int(log_uniform(rng, 4, 200)),
    }


def packet(kind: int, body: bytes = b"") -> bytes:
    """Build a control packet; its length is a number of one byte for each seven bits (2.2.3)."""
    length, left = b"", len(body)
    while not length or left:
        length += bytes([left & 127 | (128 if left > 127 else 0)])
        left >>= 7
    return bytes([kind]) + length + body


def published(topic_bytes: int, told_bytes: int, quality: int, rng: Generator) -> bytes:
    """Build a PUBLISH."""
    topic = topic_bytes.to_bytes(2, "big") + b"t" * topic_bytes
    number = rng.bytes(2) if quality else b""
    return packet(PUBLISH | (_ONCE_AT_LEAST if quality else 0), topic + number + rng.bytes(told_bytes))


async def read_packet(peer: Peer) -> tuple[int, bytes]:
    """Read a control packet: its first byte, and what stands behind its length."""
    kind = (await peer.exactly(1))[0]
    n_bytes, shift, more = 0, 0, True
    while more:
        byte = (await peer.exactly(1))[0]
        n_bytes, shift, more = n_bytes | (byte & 127) << shift, shift + 7, byte > 127
    return kind, await peer.exactly(n_bytes)


@dataclass(slots=True)
class _Broker:
    drawn: Mapping[str, Any]
    rng: Generator
    listeners: set[Peer] = field(default_factory=set)

    async def attend(self, peer: Peer) -> None:
        """Serve a client until it leaves."""
        try:
            await together(self._answer(peer), self._order(peer))
        finally:
            self.listeners.discard(peer)

    async def _answer(self, peer: Peer) -> None:
        answers = {
            CONNECT: packet(CONNACK, bytes(2)),
            SUBSCRIBE: packet(SUBACK, bytes(3)),
            PINGREQ: packet(PINGRESP),
        }
        while True:
            kind, body = await read_packet(peer)
            if kind in answers:
                await peer.send(answers[kind])
            if kind == SUBSCRIBE and body.endswith(_WANTS_ALL):
                self.listeners.add(peer)
            if kind & 0xF0 == PUBLISH:
                if kind & _ONCE_AT_LEAST:
                    await peer.send(packet(PUBACK, bytes(2)))
                for listener in self.listeners - {peer}:
                    listener.writer.write(packet(kind, body))

    async def _order(self, peer: Peer) -> None:
        while self.drawn["order_s"]:
            await asyncio.sleep(self.rng.exponential(self.drawn["order_s"]))
            order = published(
                self.drawn["topic_bytes"], self.drawn["order_bytes"], self.drawn["quality"], self.rng
            )
            await peer.send(order)


async def _serve(site: Site, rng: Generator) -> None:
    await site.listen(_Broker(site.parameters, rng).attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    listens = rng.random() < drawn["listeners_ratio"]
    topic = _WANTS_ALL if listens else b"t" * drawn["topic_bytes"]
    async with site.connected() as peer:
        await peer.send(packet(CONNECT, rng.bytes(int(rng.integers(20, 120)))))
        await read_packet(peer)
        await peer.send(packet(SUBSCRIBE, bytes(4) + topic))
        own = [] if listens else [_report(peer, drawn, rng)]
        await together(_listen(peer), _ping(peer, drawn["keepalive_s"]), *own)


async def _report(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await pause(drawn, rng)
        told_bytes = size_of(drawn["told_bytes"], drawn["told_spread"], rng)
        await peer.send(published(drawn["topic_bytes"], told_bytes, drawn["quality"], rng))


async def _listen(peer: Peer) -> None:
    while True:
        kind, _ = await read_packet(peer)
        if kind == PUBLISH | _ONCE_AT_LEAST:
            await peer.send(packet(PUBACK, bytes(2)))


async def _ping(peer: Peer, keepalive_s: float) -> None:
    """Ask by the clock, as simple clients do, whatever else was said."""
    while True:
        await asyncio.sleep(keepalive_s)
        await peer.send(packet(PINGREQ))


_DEVICES = Actor("mqtt-devices", "mqtt", _draw, _serve, _visit, ports=(1883,), clients=(3, 8))
ACTORS = (_DEVICES, over_tls(_DEVICES, (8883, 443)))
