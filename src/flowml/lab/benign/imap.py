"""IMAP with IDLE (RFC 2177): a login, a mailbox, then silence with a word from the server now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.jsonrpc import text_of

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    return {
        "mail_s": float(rng.choice([40.0, 120.0, 400.0])),
        "still_here_s": float(rng.choice([60.0, 120.0, 300.0])),
        "idle_s": float(rng.choice([120.0, 300.0, 540.0])),
        "mail_bytes": float(rng.lognormal(7.5, 1.0)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        await peer.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR IDLE LITERAL+ AUTH=PLAIN] ready.\r\n")
        n_mails = int(rng.integers(10, 5000))
        while True:
            tag, command, *_ = (await peer.line()).decode().split()
            if command == "IDLE":
                await peer.send(b"+ idling\r\n")
                n_mails += await _watch(peer, n_mails, drawn["mail_s"], drawn["still_here_s"], rng)
            elif command == "SELECT":
                await peer.send(f"* {n_mails} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 17]\r\n".encode())
            elif command == "FETCH":
                n_bytes = min(int(drawn["mail_bytes"] * rng.lognormal(0.0, 1.0)), 40_000)
                await peer.send(
                    f"* {n_mails} FETCH (BODY[] {{{n_bytes}}}\r\n".encode() + bytes(n_bytes) + b")\r\n"
                )
            await peer.send(
                f"{tag} OK {command} completed ({rng.uniform(0.001, 0.2):.3f} secs).\r\n".encode()
            )

    await site.listen(attend)


async def _watch(peer: Peer, n_mails: int, mail_s: float, still_here_s: float, rng: Generator) -> int:
    """Tell of new mail until the client says DONE; how many came."""
    done = asyncio.create_task(peer.line())
    n_new = 0
    try:
        while not done.done():
            to_mail_s = float(rng.exponential(mail_s))
            await asyncio.wait([done], timeout=min(to_mail_s, still_here_s))
            if not done.done() and to_mail_s < still_here_s:
                n_new += 1
                await peer.send(f"* {n_mails + n_new} EXISTS\r\n".encode())
            elif not done.done():
                await peer.send(b"* OK Still here\r\n")
        await done
    finally:
        done.cancel()
    return n_new


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with site.connected() as peer:
        await peer.line()
        for command in (f"LOGIN {text_of(6, 12, rng)} {text_of(8, 12, rng)}", "SELECT INBOX"):
            await _ask(peer, command)
        number = 0
        while True:
            number += 1
            await peer.send(f"i{number} IDLE\r\n".encode())
            is_mail = await _idle(peer, drawn["idle_s"])
            await peer.send(b"DONE\r\n")
            while not (await peer.line()).startswith(f"i{number} ".encode()):
                pass
            if is_mail:
                await _ask(peer, "FETCH 1 BODY[]")


async def _idle(peer: Peer, idle_s: float) -> bool:
    try:
        async with asyncio.timeout(idle_s):
            while not (await peer.line()).endswith(b"EXISTS\r\n"):
                pass
    except TimeoutError:
        return False
    return True


async def _ask(peer: Peer, command: str) -> None:
    await peer.send(f"a {command}\r\n".encode())
    while not (line := await peer.line()).startswith(b"a "):
        if line.endswith(b"}\r\n"):
            await peer.exactly(int(line.split(b"{")[1].split(b"}")[0]))


_IMAP = Actor("imap", "imap", _draw, _serve, _visit, ports=(143,), clients=(2, 5))
ACTORS = (_IMAP, over_tls(_IMAP, (993,)))
