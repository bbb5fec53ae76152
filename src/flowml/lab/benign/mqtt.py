"""MQTT through mosquitto: publishers with small regular messages, subscribers that are pushed to."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from flowml.lab.actor import Actor, Parameters, Program, over_tls

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_TOPICS = ("home/kitchen", "plant/line1/temp", "fleet/truck-7/position", "meter/power")


def _draw(rng: Generator) -> Parameters:
    return {
        "period_s": float(rng.choice([1.0, 5.0, 10.0, 30.0, 60.0])),
        "jitter_ratio": float(rng.choice([0.0, 0.05, 0.5])),
        "message_bytes": int(rng.integers(4, 300)),
        "varies": bool(rng.random() < 0.5),
        "quality": int(rng.choice([0, 1])),
        "keepalive_s": int(rng.choice([15, 30, 60])),
        "subscribers_ratio": float(rng.uniform(0.2, 0.6)),
    }


async def _serve(site: Site, rng: Generator) -> None:
    del rng
    lines = [
        f"listener {site.server[1]} {site.server[0]}",
        "allow_anonymous true",
        "user root",
        "log_type error",
    ]
    if site.certificate:
        lines += [f"certfile {site.certificate.chain}", f"keyfile {site.certificate.key}"]
    configuration = site.folder / "mosquitto.conf"
    configuration.write_text("\n".join(lines) + "\n")
    await site.run_server("mosquitto", "-c", configuration)


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    where = ["-h", site.server[0], "-p", str(site.server[1]), "-k", str(drawn["keepalive_s"])]
    where += ["-q", str(drawn["quality"])]
    if site.certificate:
        where += ["--cafile", str(site.certificate.chain), "--insecure"]
    if rng.random() < drawn["subscribers_ratio"]:
        await site.run("mosquitto_sub", *where, "-t", "#")
        return
    async with site.program("mosquitto_pub", *where, "-t", str(rng.choice(_TOPICS)), "-l") as publisher:
        while True:
            await publisher.type(_reading(drawn["message_bytes"], drawn["varies"], rng))
            await asyncio.sleep(drawn["period_s"] * (1 + drawn["jitter_ratio"] * rng.random()))


def _reading(n_bytes: int, varies: bool, rng: Generator) -> bytes:
    values = {
        f"v{i}": round(float(rng.normal(20, 5)), 2 if varies else 0) for i in range(max(1, n_bytes // 10))
    }
    text = json.dumps(values)
    return (text if varies else text.ljust(n_bytes + 20)).encode() + b"\n"


_MQTT = Actor(
    "mqtt",
    "mqtt",
    _draw,
    _serve,
    _visit,
    ports=(1883,),
    requires=(Program("mosquitto", "mosquitto"), Program("mosquitto_pub", "mosquitto-clients")),
    clients=(3, 8),
)
ACTORS = (_MQTT, over_tls(_MQTT, (8883, 443)))
