"""Ground truth: what each server of a recording was, written as the data set's manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from flowml.lab.actor import Parameters
    from flowml.lab.scenario import Instance


@dataclass(frozen=True, slots=True)
class ServerTruth:
    """What every connection to one endpoint is: TCP, or the datagrams of a tunnel.

    A tunnel in which a miner is among others is mining, with the evasion "multiplexing".
    """

    ip: str
    port: int
    is_mining: bool
    family: str
    carrier: str
    evasion: str
    strength: str
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


def truth_of(instance: Instance) -> tuple[ServerTruth, ...]:
    """State what the connections to an instance's server are, for each of its doors."""
    actor = instance.actor
    what = (actor.is_mining, actor.family, actor.carrier, actor.evasion, actor.strength)
    return tuple(
        ServerTruth(ip, port, *what, instance.origin, instance.parameters) for ip, port in instance.servers
    )


def manifest(name: str, made_with: str, captures: Sequence[CaptureTruth]) -> str:
    """Text of ``manifest.toml``; reads each capture for its digest."""
    head = {"name": name, "licence": "Apache-2.0", "made_with": made_with, "source": "flowml lab"}
    listed = (
        {
            "file": capture.file.name,
            "sha256": hashlib.sha256(capture.file.read_bytes()).hexdigest(),
            "packets": capture.n_packets,
            "duration_s": capture.duration_s,
            "servers": [_record(server) for server in capture.servers],
        }
        for capture in captures
    )
    return render({**head, "captures": list(listed)})


def render(data_set: Mapping[str, Any]) -> str:
    """Text of a manifest with these entries; what TOML's reader gives can be written again."""
    lines = _table({key: value for key, value in data_set.items() if key != "captures"})
    for capture in data_set["captures"]:
        lines += ["", "[[captures]]"]
        lines += _table({key: value for key, value in capture.items() if key != "servers"})
        for server in capture["servers"]:
            lines += ["", "[[captures.servers]]", *_table(server)]
    return "\n".join(lines) + "\n"


def _record(server: ServerTruth) -> dict[str, object]:
    return {
        "ip": server.ip,
        "port": server.port,
        "is_mining": server.is_mining,
        "family": server.family,
        "carrier": server.carrier,
        "evasion": server.evasion,
        "strength": server.strength,
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
