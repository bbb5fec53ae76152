from __future__ import annotations

from pathlib import Path

import pytest

from flowml.datasets.labels import LabelledObservations, label
from flowml.datasets.manifest import LabelledCapture
from flowml.errors import DataError
from flowml.flows.connections import ConnectionSettings
from flowml.training.collect import observe
from flowml.training.realism import compare
from tests.builders import Ends, Packet, batch, miner, record


def _side(is_emulated: bool, n_origins: int, *, larger_by: int = 0, first_seed: int) -> LabelledObservations:
    """Miners of one side, each of an origin of its own, with larger messages where that is wanted."""
    parts = []
    for n in range(n_origins):
        packets = [
            Packet(p.time_ms, p.from_client, p.size_bytes + larger_by * (p.size_bytes > 0), p.flags)
            for p in miner(6.0, seed=first_seed + n)
        ]
        ends = Ends(client_port=40_000 + n)
        capture = LabelledCapture(
            path=Path(f"{is_emulated}-{n}.pcap"),
            source="lab" if is_emulated else "world",
            licence="",
            is_emulated=is_emulated,
            may_fit=True,
            sha256=None,
            is_mining=True,
            servers=(),
        )
        observed = observe([batch([(record(packets, ends), packets)])], ConnectionSettings())
        parts.append(label(capture, observed))
    return LabelledObservations.concat(parts)


def test_two_draws_of_one_process_cannot_be_told_apart() -> None:
    found = compare(_side(False, 12, first_seed=1), _side(True, 12, first_seed=1001))
    assert 0.3 < found.auc < 0.7
    assert found.n_real_origins == found.n_emulated_origins == 12


def test_other_sizes_are_found_and_named() -> None:
    found = compare(_side(False, 12, first_seed=1), _side(True, 12, larger_by=40, first_seed=1001))
    assert found.auc > 0.95
    assert "_size_" in found.telling[0][0]
    assert found.telling[0][1] > 0.1


def test_too_few_origins_are_no_comparison() -> None:
    with pytest.raises(DataError, match="4 origins of the lab"):
        compare(_side(False, 6, first_seed=1), _side(True, 4, first_seed=1001))
