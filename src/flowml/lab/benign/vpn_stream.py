"""VPNs whose packets go through TCP: office tunnels in TLS, OpenVPN where UDP is shut.

Each packet stands behind a head: AnyConnect's CSTP 8 bytes, which are also all of a dead-peer question (every
20 to 90 s, each side), its answer and a keep-alive (every 20 s; draft-mavrogiannopoulos-openconnect-04);
SSTP 4 and PPP's 4, with an echo of 8 (MS-SSTP) after silence; OpenVPN 2 of length and 8 before a tag of 16,
and a ping of 16 bytes whenever a side said nothing for 10 s. Inside is a machine that is used for a while
and then left alone: names asked, mail looked for by the clock, connections kept alive, pages, downloads.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_DATA, _ASK, _ANSWER, _ALIVE = range(4)
_HEAD = struct.Struct(">HBB")
"""The lab's own: size of the whole, what it is, packets that answer it; within the smallest real head."""

_LARGEST_BYTES = 1350
_ACK_BYTES = (40, 52)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Sizes of a tunnel's messages: around a packet, of a question whether one is there, of a keep-alive."""

    head_bytes: int
    ask_bytes: int
    alive_bytes: int


TUNNELS = {
    "cstp": Tunnel(8, 8, 8),
    "sstp": Tunnel(8, 8, 8),
    "ppp": Tunnel(8, 16, 16),
    "openvpn": Tunnel(26, 42, 42),
}


def _draw(rng: Generator, kinds: tuple[str, ...] = ("cstp", "cstp", "sstp", "ppp")) -> Parameters:
    kind = str(rng.choice(kinds))
    pings = kind == "openvpn"  # it asks nothing: both sides only say that they are there
    return {
        "kind": kind,
        "ask_s": 0.0 if pings else float(rng.choice([10.0, 20.0, 30.0, 30.0, 60.0, 90.0])),
        "server_ask_s": 0.0 if pings else float(rng.choice([0.0, 10.0, 30.0, 60.0])),
        "alive_s": float(rng.choice([10.0, 10.0, 15.0, 60.0] if pings else [0.0, 20.0, 20.0, 30.0])),
        "only_when_silent": pings or bool(rng.random() < 0.4),
        "use_s": round(log_uniform(rng, 15.0, 900.0), 1),
        "exchanges": float(rng.choice([2.0, 10.0, 50.0])),
        "asked_bytes": int(log_uniform(rng, 50, 500)),
        "packets": float(rng.choice([1.0, 3.0, 12.0])),
        "habit_s": float(rng.choice([15.0, 30.0, 60.0, 180.0])),
        "habit_bytes": int(log_uniform(rng, 41, 400)),
        "habit_exchanges": int(rng.choice([1, 1, 2, 4])),
    }


def _draw_openvpn(rng: Generator) -> Parameters:
    return _draw(rng, ("openvpn",))


@dataclass(slots=True)
class _End:
    """One end of a tunnel."""

    peer: Peer
    tunnel: Tunnel
    rng: Generator
    n_sent: int = 0

    async def send(self, kind: int, packet_bytes: int = 0, wanted: int = 0) -> None:
        """Send a packet in its head, or a message of the tunnel's own."""
        own = {_DATA: self.tunnel.head_bytes + packet_bytes, _ALIVE: self.tunnel.alive_bytes}
        n_bytes = own.get(kind, self.tunnel.ask_bytes)
        self.n_sent += 1
        await self.peer.send(_HEAD.pack(n_bytes, kind, wanted) + self.rng.bytes(n_bytes - _HEAD.size))

    async def listen(self) -> None:
        """Answer what asks whether one is there, and packets that want packets."""
        async with asyncio.TaskGroup() as answers:
            while True:
                n_bytes, kind, wanted = _HEAD.unpack(await self.peer.exactly(_HEAD.size))
                await self.peer.exactly(n_bytes - _HEAD.size)
                if kind == _ASK:
                    await self.send(_ANSWER)
                elif wanted:
                    answers.create_task(self._answer(wanted))
                elif n_bytes >= self.tunnel.head_bytes + _LARGEST_BYTES:
                    await self.send(_DATA, int(self.rng.choice(_ACK_BYTES)))

    async def _answer(self, wanted: int) -> None:
        await asyncio.sleep(self.rng.exponential(0.03))
        for left in range(wanted, 0, -1):
            await self.send(_DATA, _LARGEST_BYTES if left > 1 else int(self.rng.integers(52, _LARGEST_BYTES)))

    async def repeat(self, kind: int, period_s: float, *, only_when_silent: bool) -> None:
        """Send a message of the tunnel's own by the clock; with a period of 0, none."""
        while period_s:
            before = self.n_sent
            await asyncio.sleep(period_s)
            if self.n_sent == before or not only_when_silent:
                await self.send(kind)


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.send(rng.bytes(len(await peer.line()) + 400))  # it may come in, and so are its settings
        end = _End(peer, TUNNELS[drawn["kind"]], rng)
        beats = end.repeat(_ASK, drawn["server_ask_s"], only_when_silent=drawn["only_when_silent"])
        pings_s = drawn["alive_s"] if drawn["kind"] == "openvpn" else 0.0
        await together(end.listen(), beats, end.repeat(_ALIVE, pings_s, only_when_silent=True))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    n_bytes = int(rng.integers(150, 700))
    async with site.connected() as peer:
        await peer.send(b"c" * n_bytes + b"\n")
        await peer.exactly(n_bytes + 401)
        end = _End(peer, TUNNELS[drawn["kind"]], rng)
        silent = drawn["only_when_silent"]
        await together(
            end.listen(),
            end.repeat(_ASK, drawn["ask_s"], only_when_silent=silent),
            end.repeat(_ALIVE, drawn["alive_s"], only_when_silent=silent),
            _use(end, drawn),
            _do_by_habit(end, drawn),
        )


async def _use(end: _End, drawn: Mapping[str, Any]) -> None:
    rng = end.rng
    while True:
        await asyncio.sleep(rng.exponential(drawn["use_s"]))
        for _ in range(int(rng.geometric(1.0 / drawn["exchanges"]))):
            n_bytes = min(int(drawn["asked_bytes"] * rng.lognormal(0.0, 0.6)), _LARGEST_BYTES - 1)
            await end.send(_DATA, max(n_bytes, 40), min(int(rng.geometric(1.0 / drawn["packets"])), 255))
            await asyncio.sleep(rng.exponential(0.3))


async def _do_by_habit(end: _End, drawn: Mapping[str, Any]) -> None:
    """Do what programs do when nobody is there: the same small packets by the clock."""
    while True:
        await asyncio.sleep(drawn["habit_s"])
        for _ in range(drawn["habit_exchanges"]):
            await end.send(_DATA, drawn["habit_bytes"], 1)
            await asyncio.sleep(end.rng.exponential(0.1))


ACTORS = (
    over_tls(Actor("vpn-stream", "vpn", _draw, _serve, _visit, ports=(443,), clients=(2, 5)), (443, 4443)),
    Actor("openvpn-tcp", "vpn", _draw_openvpn, _serve, _visit, ports=(1194, 443), clients=(2, 4)),
)
