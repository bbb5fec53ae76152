"""DNS with dnsmasq: questions of dig over UDP and TCP, resolvers that keep a TCP connection (RFC 7766)."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, Program
from flowml.lab.benign.sizes import log_uniform

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_N_NAMES = 40


def _draw(rng: Generator) -> Parameters:
    return {
        "period_s": round(log_uniform(rng, 1.0, 90.0), 2),
        "persistent_ratio": round(float(rng.uniform(0.2, 1.0)), 2),
    }


async def _serve(site: Site, rng: Generator) -> None:
    names = site.folder / "hosts"
    addresses = rng.integers(1, 255, size=(_N_NAMES, 2))
    names.write_text("".join(f"192.0.{a}.{b} {_name(n)}\n" for n, (a, b) in enumerate(addresses)))
    where = (f"--listen-address={site.server[0]}", f"--port={site.server[1]}", "--bind-interfaces")
    files = ("--no-resolv", "--no-hosts", f"--addn-hosts={names}", "--conf-file=/dev/null", "--pid-file=")
    await site.run_server("dnsmasq", "--keep-in-foreground", "--user=root", *where, *files)


async def _visit(site: Site, rng: Generator) -> None:
    if rng.random() < site.parameters["persistent_ratio"]:
        await _ask_on_one_connection(site, rng)
    else:
        transport = "+tcp" if rng.random() < 0.3 else "+notcp"
        where = (f"@{site.server[0]}", "-p", str(site.server[1]))
        await site.run("dig", "+short", transport, *where, _name(int(rng.integers(_N_NAMES))))
        await asyncio.sleep(rng.exponential(site.parameters["period_s"]))


async def _ask_on_one_connection(site: Site, rng: Generator) -> None:
    async with site.connected() as peer:
        while True:
            await peer.send(question(int(rng.integers(2**16)), _name(int(rng.integers(_N_NAMES)))))
            (n_bytes,) = struct.unpack(">H", await peer.exactly(2))
            await peer.exactly(n_bytes)
            await asyncio.sleep(rng.exponential(site.parameters["period_s"]))


def question(number: int, name: str) -> bytes:
    """Build a question for an address, with the length before it that TCP needs (RFC 1035 4.1, 4.2.2)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    return struct.pack(">H", len(message)) + message


def _name(number: int) -> str:
    return f"{'service' * (number % 4)}host-{number}.lab.example"


ACTORS = (
    Actor(
        "dns",
        "dns",
        _draw,
        _serve,
        _visit,
        ports=(53,),
        requires=(Program("dnsmasq", "dnsmasq-base"), Program("dig", "bind9-dnsutils")),
        clients=(2, 6),
    ),
)
