from __future__ import annotations

import numpy as np
import pytest

from flowml.lab.carriers.openvpn import CARRIERS, data_message, handshake


@pytest.mark.parametrize(("n_bytes", "on_the_wire"), [(0, 42), (52, 78), (1500, 1526)])
def test_sizes_are_those_of_openvpn_with_its_length_before_them(n_bytes: int, on_the_wire: int) -> None:
    assert len(data_message(b"\x45" * n_bytes)) == on_the_wire


def test_a_handshake_begins_with_the_resets_and_ends_with_the_servers_options() -> None:
    (carrier,) = CARRIERS
    for seed in range(20):
        drawn = carrier.draw(np.random.default_rng(seed))
        around = int(drawn["openvpn_control_bytes"])
        course = handshake(drawn)
        assert course[:2] == [(True, 14 + around), (False, 26 + around)]
        assert course[-1][0] is False
        assert max(n_bytes for _, n_bytes in course) <= 1300
