"""A small data set on disk, as the lab would have recorded it: a capture and its manifest."""

import hashlib
import json
from pathlib import Path

from tests.builders import Ends, Packet, miner
from tests.labelled import telemetry, web_client
from tests.traffic import write_capture

MAKERS = {"monero": lambda seed: miner(5, seed=seed), "web": web_client, "telemetry": telemetry}


def record_data_set(folder: Path, n_origins: int = 6) -> Path:
    """Write a data set with `n_origins` servers of each kind, two clients each."""
    folder.mkdir(parents=True, exist_ok=True)
    traffic: dict[Ends, list[Packet]] = {}
    servers = []
    for kind, (family, make) in enumerate(MAKERS.items()):
        for number in range(n_origins):
            server = {"ip": f"198.51.{kind}.{number + 1}", "port": 3333}
            truth = {"is_mining": family == "monero", "family": family, "carrier": "plain"}
            servers.append({**server, **truth, "origin": f"{folder.name}/{family}-{number}"})
            for client in range(2):
                ends = Ends(f"10.{kind}.{number}.{client + 1}", 40_000, f"198.51.{kind}.{number + 1}", 3333)
                traffic[ends] = make(100 * kind + 2 * number + client)
    capture = write_capture(folder / "small.pcap", traffic)
    lines = [
        f'name = "{folder.name}"',
        'licence = "Apache-2.0"',
        'made_with = "tests/recorded.py"',
        'source = "flowml lab"',
        "[[captures]]",
        f'file = "{capture.name}"',
        f'sha256 = "{hashlib.sha256(capture.read_bytes()).hexdigest()}"',
    ]
    for server in servers:
        lines += ["[[captures.servers]]", *(f"{key} = {json.dumps(value)}" for key, value in server.items())]
    (folder / "manifest.toml").write_text("\n".join(lines) + "\n")
    return folder
