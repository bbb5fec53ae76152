"""PostgreSQL itself: workers that ask again and again, and listeners that are notified."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowml.errors import LabError
from flowml.lab.actor import Actor, Parameters, Program, over_tls
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from flowml.lab.site import Site

_VERSIONS = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root; in a user namespace root has another number and keeps its files.
_AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
_PREPARATION = b"PREPARE work AS SELECT n, $2::text FROM generate_series(1, $1::int) AS n;\n"


def _draw(rng: Generator) -> Parameters:
    return {
        **draw_rhythm(rng, [1.0, 3.0, 10.0, 30.0, 60.0]),
        "listeners_ratio": float(rng.uniform(0.1, 0.6)),
        "notify_ratio": float(rng.choice([0.1, 0.5, 1.0])),
        "payload_bytes": int(log_uniform(rng, 4, 1500)),
        "payload_spread_bytes": int(rng.choice([0, 0, 20, 400])),
        "rows": int(rng.choice([0, 1, 1, 10, 50])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    programs = sorted(_VERSIONS.glob("*/bin"))
    if not programs:
        raise LabError(f"lab: no PostgreSQL in {_VERSIONS}; run: apt-get install postgresql")
    data = site.folder / "data"
    await site.run(*_AS_NOBODY, programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "lab", "--no-sync")
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 trust\n")
    host, port = site.server
    settings = [f"listen_addresses={host}", f"port={port}", "unix_socket_directories=", "fsync=off"]
    if site.certificate:
        key = data / "server.key"
        shutil.copy(site.certificate.key, key)
        key.chmod(0o600)  # it wants it so
        settings += ["ssl=on", f"ssl_cert_file={site.certificate.chain}", f"ssl_key_file={key}"]
        settings.append(f"ssl_max_protocol_version=TLSv{site.parameters['tls_version']}")
    words = [word for setting in settings for word in ("-c", setting)]
    await site.run_server(*_AS_NOBODY, programs[-1] / "postgres", "-D", data, *words)


async def _visit(site: Site, rng: Generator) -> None:
    drawn, (host, port) = site.parameters, site.server
    mode = "require" if site.certificate else "disable"
    where = f"host={host} port={port} user=lab dbname=postgres sslmode={mode} gssencmode=disable"
    listens = rng.random() < drawn["listeners_ratio"]
    while not (site.folder / "data" / "postmaster.pid").exists():  # making a database takes its time
        await asyncio.sleep(0.2)
    async with site.program("psql", "-X", "-q", "-A", "-t", where) as client:
        if listens:
            await client.type(b"LISTEN jobs;\n")
            await client.process.wait()
        await client.type(_PREPARATION)
        while not listens:
            await client.type(_statement(drawn, rng).encode())
            await pause(drawn, rng)
    await asyncio.sleep(1.0)


def _statement(drawn: Mapping[str, Any], rng: Generator) -> str:
    payload = text_of(drawn["payload_bytes"], drawn["payload_spread_bytes"], rng)
    if rng.random() < drawn["notify_ratio"]:
        return f"NOTIFY jobs, '{payload}';\n"
    return f"EXECUTE work({drawn['rows']}, '{payload}');\n"


_POSTGRES = Actor(
    "postgres",
    "database",
    _draw,
    _serve,
    _visit,
    ports=(5432,),
    requires=(Program("pg_ctlcluster", "postgresql"), Program("psql", "postgresql-client")),
    clients=(3, 6),
)
ACTORS = (_POSTGRES, over_tls(_POSTGRES, (5432, 6432)))
