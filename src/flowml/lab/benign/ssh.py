"""SSH with OpenSSH: typing at a prompt, watching a log, and long silences with keep-alives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, Program

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_COMMANDS = ("ls -l /usr/bin | head -20", "uptime", "df -h", "cat /proc/meminfo", "date", "ps | head", "id")
_PRIVILEGE_SEPARATION = Path("/run/sshd")


def _draw(rng: Generator) -> Parameters:
    return {
        "server_alive_s": int(rng.choice([0, 15, 30, 60])),
        "typing_s": float(rng.uniform(0.08, 0.35)),
        "thinking_s": float(rng.choice([5.0, 20.0, 90.0])),
        "watch_s": float(rng.choice([1.0, 2.0, 10.0, 30.0])),
        "watchers_ratio": 0.3,
        "idlers_ratio": 0.3,
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    folder = site.folder
    for name in ("host", "user"):
        await site.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    (folder / "user.pub").chmod(0o600)
    _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    configuration = folder / "sshd_config"
    options = {
        "ListenAddress": f"{site.server[0]}:{site.server[1]}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "PermitRootLogin": "yes",
        "UsePAM": "no",
        "PrintLastLog": "no",
    }
    configuration.write_text("".join(f"{key} {value}\n" for key, value in options.items()))
    await site.run_server("/usr/sbin/sshd", "-D", "-e", "-f", configuration)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    options.append(f"ServerAliveInterval={drawn['server_alive_s']}")
    words = [word for option in options for word in ("-o", option)]
    words += ["-i", str(site.folder / "user"), "-p", str(site.server[1]), f"root@{site.server[0]}"]
    if rng.random() < drawn["idlers_ratio"]:  # a tunnel that is held open: only keep-alives pass
        await site.run("ssh", "-N", *words)
    elif rng.random() < drawn["watchers_ratio"]:
        await site.run("ssh", *words, f"while true; do uptime; sleep {drawn['watch_s']}; done")
    else:
        await _type(site, words, rng)


async def _type(site: Site, words: list[str], rng: Generator) -> None:
    drawn = site.parameters
    async with site.program("ssh", "-tt", *words, "sh -i") as session:
        while True:
            for key in f"{rng.choice(_COMMANDS)}\r":
                await session.type(key.encode())
                await asyncio.sleep(rng.exponential(drawn["typing_s"]) + 0.03)
            await asyncio.sleep(rng.exponential(drawn["thinking_s"]))


ACTORS = (
    Actor(
        "ssh",
        "ssh",
        _draw,
        _serve,
        _visit,
        ports=(22, 2222),
        requires=(Program("sshd", "openssh-server"), Program("ssh", "openssh-client")),
        clients=(1, 3),
    ),
)
