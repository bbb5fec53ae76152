"""Truth meets observations: by endpoint, whichever end that is, and with all that the truth says."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from flowml.datasets.labels import LabelledObservations, label
from flowml.datasets.manifest import LabelledCapture, ServerTruth
from tests.labelled import small_data_set

_TUNNEL = ServerTruth(
    "198.51.0.3", 3333, True, "monero", "wireguard", "test/tunnel", evasion="multiplexing", strength="weak"
)


def _capture(*servers: ServerTruth) -> LabelledCapture:
    return LabelledCapture(Path("t.pcap"), "t", "Apache-2.0", True, True, None, None, servers)


def test_a_label_says_carrier_evasion_and_strength() -> None:
    labelled = label(_capture(_TUNNEL), small_data_set().observations)
    assert len(labelled)
    for name in ("family", "carrier", "evasion", "strength", "origin"):
        assert set(getattr(labelled, name).tolist()) == {getattr(_TUNNEL, name)}


def test_a_server_that_was_taken_for_the_client_keeps_its_label() -> None:
    seen = small_data_set().observations
    turned = replace(
        seen,
        client_ip=seen.server_ip,
        client_port=seen.server_port,
        server_ip=seen.client_ip,
        server_port=seen.client_port,
    )
    straight, other = label(_capture(_TUNNEL), seen), label(_capture(_TUNNEL), turned)
    assert len(straight) == len(other) > 0
    np.testing.assert_array_equal(straight.connection, other.connection)


def test_taking_and_joining_keep_every_column() -> None:
    labelled = small_data_set()
    half = np.arange(len(labelled) // 2)
    joined = LabelledObservations.concat([labelled.take(half), labelled.take(half)])
    assert len(joined) == 2 * len(half)
    assert joined.carrier.tolist() == [*labelled.carrier[half].tolist()] * 2
    n_connections = len(np.unique(labelled.connection[half]))
    assert len(np.unique(joined.connection)) == 2 * n_connections
