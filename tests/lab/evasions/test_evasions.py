"""Every evasion with real miners, for a few seconds."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zstandard

from flowml.lab.casting import actor_named, all_actors, all_evasions, dressed, fits
from flowml.lab.evasions.evasion import STRENGTHS
from flowml.lab.record import record
from flowml.lab.scenario import Cast, Scenario
from tests.lab.test_record import conversations

if TYPE_CHECKING:
    from pathlib import Path

_ACTORS = ("monero", "stratum-v2", "browser-mining", "getwork-tls")


@pytest.mark.root
def test_every_evasion_plays_with_every_kind_of_protocol_and_stands_in_the_manifest(tmp_path: Path) -> None:
    known = all_actors()
    pairs = [(known[name], evasion) for name in _ACTORS for evasion in all_evasions().values()]
    casts = [Cast(dressed(a, None, e, "strong")) for a, e in pairs if fits(a, None, e, "strong")]
    scenario = Scenario("evading", "", tuple(casts), 8.0, lead_s=3.0, early_ratio=1.0)
    record("evading", [scenario], tmp_path, seed=1, duration_s=8.0)
    (capture,) = tomllib.loads((tmp_path / "manifest.toml").read_text())["captures"]
    packets = tmp_path / "packets.pcap"
    packets.write_bytes(zstandard.ZstdDecompressor().decompress((tmp_path / capture["file"]).read_bytes()))
    seen = conversations(packets)
    spoke = {server["evasion"] for server in capture["servers"] if (server["ip"], server["port"]) in seen}
    assert spoke == set(all_evasions()) - {"multiplexing"}
    assert all(server["is_mining"] and server["strength"] == "strong" for server in capture["servers"])


@pytest.mark.parametrize("strength", STRENGTHS)
def test_high_difficulty_is_fixed_and_above_the_pools_own(strength: str) -> None:
    open_, evading = (actor_named(name) for name in ("monero", f"monero+high-difficulty-{strength}"))
    before, after = (actor.draw(np.random.default_rng(3)) for actor in (open_, evading))
    assert float(after["start_difficulty"]) > float(before["hashes_per_s"]) * float(before["target_s"])
    assert after["vardiff"] is False


def test_a_throttled_miner_hashes_slower_and_is_the_same_else() -> None:
    before, after = (
        actor_named(name).draw(np.random.default_rng(3)) for name in ("zcash", "zcash+throttle-middle")
    )
    assert float(after["hashes_per_s"]) == pytest.approx(0.2 * float(before["hashes_per_s"]))
    assert {**after, "hashes_per_s": 0} == {**before, "hashes_per_s": 0}


def test_a_rotating_miner_has_several_doors_at_one_origin() -> None:
    assert actor_named("monero/socks5+rotation-strong").n_doors == 5


def test_no_benign_actor_evades() -> None:
    benign = [actor for actor in all_actors().values() if not actor.is_mining]
    assert not any(fits(a, None, e, "weak") for a in benign for e in all_evasions().values())
