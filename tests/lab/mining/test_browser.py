from __future__ import annotations

import json
import subprocess
import tomllib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard

from flowml.lab.mining.browser import draw, job, submit, typed
from flowml.lab.mining.chromium import ACTORS, page
from flowml.lab.record import record
from flowml.lab.scenario import Cast, Scenario, missing_programs

if TYPE_CHECKING:
    from pathlib import Path

_DRAWN: dict[str, Any] = {"job_id_digits": 15, "blob_digits": 152, "difficulty": 256.0}


def test_a_share_names_its_job_and_carries_nonce_and_result() -> None:
    message = json.loads(submit("123456789012345", np.random.default_rng(1)))
    assert message["type"] == "submit"
    assert {key: len(value) for key, value in message["params"].items()} == {
        "job_id": 15,
        "nonce": 8,
        "result": 64,
    }


def test_a_job_of_difficulty_256_has_the_compact_target_of_coinhive() -> None:
    assert json.loads(job(_DRAWN, np.random.default_rng(1)))["params"]["target"] == "00000001"


def test_accepted_hashes_are_told_in_the_pools_own_words() -> None:
    assert typed("hash_accepted", hashes=512) == '{"type":"hash_accepted","params":{"hashes":512}}'


def test_a_page_mines_at_the_rate_it_was_made_for() -> None:
    text = page(12.5, "k" * 32)
    assert '{"hashes_per_s": 12.5, "site_key": "' + "k" * 32 + '"}' in text
    assert 'location.host + "/proxy"' in text


@pytest.mark.root
def test_a_real_browser_opens_the_page_and_sends_shares(tmp_path: Path) -> None:
    casts = tuple(Cast(replace(actor, draw=_busy_page)) for actor in ACTORS)
    scenario = Scenario(
        "chromium", "a test", casts, duration_s=15.0, lead_s=2.0, early_ratio=0.0, arrivals_s=0.5
    )
    if missing_programs(scenario):
        pytest.skip(f"needs the packages {', '.join(missing_programs(scenario))}")
    record(scenario.name, [scenario], tmp_path, seed=3, duration_s=15.0)
    sent = _messages_to_servers(tmp_path / "chromium.pcap.zst")
    (capture,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["captures"]
    servers = [(server["ip"], server["port"]) for server in capture["servers"]]
    assert [server for server in servers if sent[server] < 6] == [], "page, handshake, login and shares"


def _messages_to_servers(capture: Path) -> Counter[tuple[str, int]]:
    packets = capture.with_suffix("")
    packets.write_bytes(zstandard.ZstdDecompressor().decompress(capture.read_bytes()))
    argv = ["tshark", "-n", "-r", str(packets), "-Y", "tcp.len > 0", "-T", "fields"]
    argv += ["-e", "ip.dst", "-e", "tcp.dstport"]
    listing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    ends = (line.split("\t") for line in listing.splitlines())
    return Counter((address, int(port)) for address, port in ends)


def _busy_page(rng: np.random.Generator) -> dict[str, Any]:
    return {**draw(rng), "hashes_per_s": 256.0, "difficulty": 256.0, "throttle": 0.0}
