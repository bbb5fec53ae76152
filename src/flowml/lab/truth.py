"""Ground truth: what each server of a recording was, written as the data set's manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from flowml.lab.actor import Parameters
    from flowml.lab.scenario import Instance


@dataclass(frozen=True, slots=True)
class ServerTruth:
    """What every TCP connection to one endpoint is."""

    ip: str
    port: int
    is_mining: bool
    family: str
    carrier: str
    origin: str
    """Split group: a server and its clients never stand on two sides of a split."""

    parameters: Parameters


@dataclass(frozen=True, slots=True)
class CaptureTruth:
    """A capture file of a data set."""

    file: Path
    n_packets: int
    duration_s: float
    servers: tuple[ServerTruth, ...]


def truth_of(instance: Instance) -> ServerTruth:
    """State what the connections to an instance's server are."""
    actor = instance.actor
    ip, port = instance.server
    return ServerTruth(
        ip, port, actor.is_mining, actor.family, actor.carrier, instance.origin, instance.parameters
    )


def manifest(name: str, made_with: str, captures: Sequence[CaptureTruth]) -> str:
    """Text of ``manifest.toml``; reads each capture for its digest."""
    head = {"name": name, "licence": "Apache-2.0", "made_with": made_with, "source": "flowml lab"}
    lines = _table(head)
    for capture in captures:
        digest = hashlib.sha256(capture.file.read_bytes()).hexdigest()
        of_file = {"file": capture.file.name, "sha256": digest, "packets": capture.n_packets}
        lines += ["", "[[captures]]", *_table({**of_file, "duration_s": capture.duration_s})]
        for server in capture.servers:
            lines += ["", "[[captures.servers]]", *_table(_record(server))]
    return "\n".join(lines) + "\n"


def _record(server: ServerTruth) -> dict[str, object]:
    return {
        "ip": server.ip,
        "port": server.port,
        "is_mining": server.is_mining,
        "family": server.family,
        "carrier": server.carrier,
        "origin": server.origin,
        "parameters": server.parameters,
    }


def _table(values: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items()]


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_table(value)) + " }" if value else "{}"
    if isinstance(value, float):
        return repr(round(value, 6))
    return json.dumps(value)  # strings, numbers and truth values are written alike in JSON and TOML
