"""rsyslog itself, over TLS: forwarders on each host, and a collector that never answers (RFC 5425)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.errors import LabError
from flowml.lab.actor import Actor, Parameters, Program, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_TLS_DRIVER = "*/rsyslog/lmnsd_gtls.so"
_COLLECTOR = """
global(workDirectory="{folder}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{chain}"
       defaultNetstreamDriverCertFile="{chain}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="{host}" port="{port}")
action(type="omfile" file="/dev/null")
"""
_FORWARDER = """
global(workDirectory="{folder}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{chain}")
module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="{socket}" rateLimit.interval="0")
action(type="omfwd" target="{host}" port="{port}" protocol="tcp" streamDriver="gtls" streamDriverMode="1"
       streamDriverAuthMode="anon")
"""


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [0.5, 2.0, 10.0, 60.0]),
        "line_bytes": int(log_uniform(rng, 20, 600)),
        "line_spread_bytes": int(rng.choice([0, 3, 200])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    if not list(Path("/usr/lib").glob(_TLS_DRIVER)):
        raise LabError("lab: rsyslog has no driver for TLS; run: apt-get install rsyslog-gnutls")
    await site.run_server("rsyslogd", *_options(site, "collector", _COLLECTOR))


async def _visit(site: Site, rng: Generator) -> None:
    name = f"forwarder-{text_of(12, 0, rng)}"
    inbox = site.folder / f"{name}.socket"
    async with site.program("rsyslogd", *_options(site, name, _FORWARDER, str(inbox))) as program:
        while not inbox.exists() and program.process.returncode is None:
            await asyncio.sleep(0.2)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.connect(str(inbox))
            while True:
                line = text_of(site.parameters["line_bytes"], site.parameters["line_spread_bytes"], rng)
                log.send(f"<13>app[{rng.integers(1, 65536)}]: {line}".encode())
                await pause(site.parameters, rng)


def _options(site: Site, name: str, template: str, inbox: str = "") -> tuple[str | Path, ...]:
    files = site.certificate
    if files is None:
        raise TypeError("rsyslog is played over TLS alone; the actor syslog is plain")
    host, port = site.server
    configuration = site.folder / f"{name}.conf"
    configuration.write_text(
        template.format(
            folder=site.folder, chain=files.chain, key=files.key, host=host, port=port, socket=inbox
        )
    )
    return ("-n", "-f", configuration, "-i", site.folder / f"{name}.pid")


_RSYSLOG = Actor(
    "rsyslog",
    "logs",
    _draw,
    _serve,
    _visit,
    ports=(6514,),
    requires=(Program("rsyslogd", "rsyslog-gnutls"),),
    clients=(1, 3),
)
ACTORS = (over_tls(_RSYSLOG, (6514,)),)
