"""Terminals: keys that are echoed one by one, output in bursts, minutes of nothing but signs of life.

What SSH and consoles of machines have in common, without their programs. A key is a packet of one size, 36
to 64 bytes by cipher and MAC (RFC 4253, section 6), its echo another, a command's output some hundreds or
thousands of bytes. Either side asks every 15 to 300 s whether the other is there (ssh_config(5),
ServerAliveInterval; sshd_config(5), ClientAliveInterval) and is answered. Passwords are typed, and a wrong
one is refused after 2 s. A window that shows load or the end of a log prints by the clock, unasked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.framing import marked, read_framed
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site

_KEY_BYTES = (36, 36, 44, 48, 52, 64)
_KEY, _ENTER, _THERE, _HERE, _OUTPUT, _AGAIN = b"k", b"e", b"?", b"!", b"o", b"a"
_AGREEMENT_UP_BYTES, _AGREEMENT_DOWN_BYTES = (21, 1400, 48, 16, 44, 68), (21, 1080, 452, 44, 60, 76)
_REFUSED_AFTER_S = 2.0


def _draw(rng: Generator) -> Parameters:
    watches = bool(rng.random() < 0.3)
    return {
        "key_bytes": int(rng.choice(_KEY_BYTES)),
        "password_bytes": int(rng.choice([84, 100, 144, 144, 148])),
        "wrong_ratio": float(rng.choice([0.0, 0.2, 0.6])),
        "typing_s": round(float(rng.uniform(0.08, 0.4)), 3),
        "keys": float(rng.choice([3.0, 12.0, 30.0])),
        "think_s": round(log_uniform(rng, 3.0, 200.0), 1),
        "output_bytes": int(log_uniform(rng, 60, 3000)),
        "alive_s": float(rng.choice([0.0, 0.0, 15.0, 30.0, 60.0, 240.0])),
        "server_alive_s": float(rng.choice([0.0, 0.0, 0.0, 30.0, 120.0])),
        "print_s": float(rng.choice([1.0, 2.0, 3.0, 10.0])) if watches else 0.0,
        "print_bytes": int(log_uniform(rng, 60, 2500)),
        "print_spread": str(rng.choice(["digits", "uniform", "lognormal"])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await _let_in(peer, drawn, rng)
        beats = _keep(peer, drawn["server_alive_s"], drawn, rng)
        await together(_answer(peer, drawn, rng), _print(peer, drawn, rng), beats)

    await site.listen(attend)


async def _let_in(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    """Agree on keys, begun by the other side, refuse wrong passwords, and greet."""
    for n_bytes in _AGREEMENT_DOWN_BYTES:
        await read_framed(peer)
        await peer.send(marked(_HERE, n_bytes, rng))
    while rng.random() < drawn["wrong_ratio"]:
        await read_framed(peer)
        await asyncio.sleep(_REFUSED_AFTER_S)
        await peer.send(marked(_AGAIN, 80, rng))
    await read_framed(peer)
    await peer.send(marked(_HERE, int(rng.integers(100, 700)), rng))


async def _answer(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        kind = (await read_framed(peer))[:1]
        if kind == _THERE:
            await peer.send(marked(_HERE, drawn["key_bytes"], rng))
        elif kind != _HERE:
            await peer.send(marked(_KEY, drawn["key_bytes"], rng))
        if kind == _ENTER:
            await asyncio.sleep(rng.exponential(0.02))
            await peer.send(marked(_OUTPUT, size_of(drawn["output_bytes"], "heavy", rng), rng))


async def _print(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while drawn["print_s"]:
        await asyncio.sleep(drawn["print_s"])
        await peer.send(marked(_OUTPUT, size_of(drawn["print_bytes"], drawn["print_spread"], rng), rng))


async def _keep(peer: Peer, period_s: float, drawn: Mapping[str, Any], rng: Generator) -> None:
    while period_s:
        await asyncio.sleep(period_s)
        await peer.send(marked(_THERE, drawn["key_bytes"] + 16, rng))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        for n_bytes in _AGREEMENT_UP_BYTES:
            await peer.send(marked(_HERE, n_bytes, rng))
            await read_framed(peer)
        is_in = False
        while not is_in:
            await asyncio.sleep(rng.exponential(2.0))  # somebody types it
            await peer.send(marked(_HERE, drawn["password_bytes"], rng))
            is_in = (await read_framed(peer))[:1] != _AGAIN
        beats = _keep(peer, drawn["alive_s"], drawn, rng)
        await together(_type(peer, drawn, rng), _read(peer, drawn, rng), beats)


async def _type(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        await asyncio.sleep(rng.exponential(drawn["think_s"]))
        for _ in range(int(rng.geometric(1.0 / drawn["keys"]))):
            await peer.send(marked(_KEY, drawn["key_bytes"], rng))
            await asyncio.sleep(rng.exponential(drawn["typing_s"]))
        await peer.send(marked(_ENTER, drawn["key_bytes"], rng))


async def _read(peer: Peer, drawn: Mapping[str, Any], rng: Generator) -> None:
    while True:
        if (await read_framed(peer))[:1] == _THERE:
            await peer.send(marked(_HERE, drawn["key_bytes"], rng))


_TERMINAL = Actor("terminal", "ssh", _draw, _serve, _visit, ports=(22, 2222, 22022), clients=(2, 4))
ACTORS = (_TERMINAL, over_tls(_TERMINAL, (443, 9022)))
