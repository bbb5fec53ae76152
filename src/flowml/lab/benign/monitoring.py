"""Monitoring over HTTP: servers that are scraped, and agents that report.

Prometheus scrapes every 15 to 60 s and is answered with all series, of nearly the same size each time, here
within what is compressed. Telegraf and InfluxDB, Datadog-like and OpenTelemetry agents post what they
gathered every 10 to 60 s and are answered with 204 or a few bytes (InfluxDB line protocol; OTLP/HTTP).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign.http_messages import request, response
from flowml.lab.benign.jsonrpc import text_of
from flowml.lab.benign.sizes import log_uniform, size_of
from flowml.lab.rhythm import draw_rhythm, pause

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.peer import Peer
    from flowml.lab.site import Site


def _draw(rng: Generator) -> Parameters:
    scrapes = bool(rng.random() < 0.5)
    return {
        **draw_rhythm(rng, [5.0, 10.0, 15.0, 15.0, 30.0, 60.0], ("steady", "steady", "jittered")),
        "fields_bytes": int(log_uniform(rng, 30, 600)),
        "question_bytes": 0 if scrapes else int(log_uniform(rng, 150, 9000)),
        "question_spread": str(rng.choice(["constant", "digits", "uniform", "lognormal"])),
        "answer_bytes": int(log_uniform(rng, 500, 30_000)) if scrapes else int(rng.choice([0, 0, 2, 16, 60])),
        "answer_spread": "uniform" if scrapes and rng.random() < 0.2 else "digits",
        "think_s": round(log_uniform(rng, 0.001, 0.3), 4),
        "requests_per_connection": int(rng.choice([30, 10_000, 10_000])),
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(peer: Peer) -> None:
        while True:
            await peer.http_body()
            await asyncio.sleep(rng.exponential(drawn["think_s"]))
            body = rng.bytes(size_of(drawn["answer_bytes"], drawn["answer_spread"], rng))
            await peer.send(response(body, status="200 OK" if body else "204 No Content"))

    await site.listen(attend)


async def _visit(site: Site, rng: Generator) -> None:
    drawn, host = site.parameters, site.server_name()
    fields = f"Authorization: {text_of(drawn['fields_bytes'], 0, rng)}\r\n"
    method, path = ("POST", "/api/v2/write") if drawn["question_bytes"] else ("GET", "/metrics")
    async with site.connected() as peer:
        for _ in range(drawn["requests_per_connection"]):
            body = rng.bytes(size_of(drawn["question_bytes"], drawn["question_spread"], rng))
            await peer.send(request(method, host, path, body, fields))
            await peer.http_body()
            await pause(drawn, rng)


_MONITORING = Actor(
    "monitoring", "monitoring", _draw, _serve, _visit, ports=(9100, 8086, 9090, 4318), clients=(2, 5)
)
ACTORS = (_MONITORING, over_tls(_MONITORING, (443,)))
