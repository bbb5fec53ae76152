"""An SSH tunnel: real OpenSSH with a dynamic forward (ssh -D), a channel for each connection."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.lab.actor import Program
from flowml.lab.carriers.carrier import Carrier
from flowml.lab.carriers.socks5 import greet_proxy, request
from flowml.lab.namespaces import socket_in
from flowml.lab.rhythm import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.random import Generator

    from flowml.lab.actor import Parameters
    from flowml.lab.site import RunningProgram, Site

_PRIVILEGE_SEPARATION = Path("/run/sshd")
_READY_S = 30.0


def _draw(rng: Generator) -> Parameters:
    return {
        "ssh_alive_s": int(rng.choice([0, 15, 30, 60])),
        "ssh_compresses": bool(rng.random() < 0.1),
        "ssh_cipher": str(
            rng.choice(["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr"])
        ),
    }


@asynccontextmanager
async def _fronting(site: Site) -> AsyncIterator[Site]:
    folder = site.folder
    for name in ("tunnel-host", "tunnel-user"):
        await site.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    options = {
        "ListenAddress": f"{site.server[0]}:{site.server[1]}",
        "HostKey": folder / "tunnel-host",
        "AuthorizedKeysFile": folder / "tunnel-user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "PermitRootLogin": "yes",
        "UsePAM": "no",
        "PrintLastLog": "no",
        "MaxStartups": "100",
        "LogLevel": "ERROR",
    }
    configuration = folder / "tunnel_sshd_config"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in options.items()))
    async with background() as start:
        start(site.run_server("/usr/sbin/sshd", "-D", "-e", "-f", configuration))
        yield site.inside()


@asynccontextmanager
async def _carried(site: Site) -> AsyncIterator[Site]:
    door = _free_endpoint(site.namespace)
    drawn = site.parameters
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": drawn["ssh_alive_s"],
        "Ciphers": drawn["ssh_cipher"],
        "Compression": "yes" if drawn["ssh_compresses"] else "no",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    words += ["-i", str(site.folder / "tunnel-user"), "-p", str(site.server[1]), f"root@{site.server[0]}"]

    async def dial(endpoint: tuple[str, int]) -> socket.socket:
        link = await replace(site, server=door, dial=None).connected_socket()
        try:
            await greet_proxy(link)
            await request(link, *endpoint)
        except BaseException:
            link.close()
            raise
        return link

    async with site.program("ssh", "-N", "-D", f"{door[0]}:{door[1]}", *words) as program:
        await _until_open(replace(site, server=door), program)
        async with background() as start:
            start(_end_of(program))
            yield replace(site.inside(), dial=dial)


def _free_endpoint(namespace: str) -> tuple[str, int]:
    with socket_in(namespace, socket.AF_INET, socket.SOCK_STREAM) as link:
        link.bind(("127.0.0.1", 0))
        address, port = link.getsockname()
        return str(address), int(port)


async def _until_open(door: Site, program: RunningProgram) -> None:
    async with asyncio.timeout(_READY_S):
        while program.process.returncode is None:
            try:
                (await door.connected_socket()).close()
            except ConnectionRefusedError:
                await asyncio.sleep(0.2)
            else:
                return
    raise ConnectionError("ssh ended before its tunnel stood")


async def _end_of(program: RunningProgram) -> None:
    await program.process.wait()
    raise ConnectionError("ssh has ended")


CARRIERS = (
    Carrier(
        "ssh",
        (22, 2222, 443),
        _draw,
        _fronting,
        _carried,
        requires=(Program("sshd", "openssh-server"), Program("ssh", "openssh-client")),
        is_tunnel=True,
    ),
)
