from __future__ import annotations

import struct

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from flowml.lab.carriers.tun import inside_address
from flowml.lab.carriers.wireguard import seal, unseal

_CIPHER = ChaCha20Poly1305(bytes(32))


def _packet(n_bytes: int) -> bytes:
    return b"\x45\x00" + struct.pack(">H", n_bytes) + bytes(n_bytes - 4)


@given(st.integers(20, 1420), st.integers(0, 2**32), st.integers(0, 2**32 - 1))
def test_a_packet_comes_out_as_it_went_in(n_bytes: int, counter: int, receiver: int) -> None:
    assert unseal(_CIPHER, seal(_CIPHER, receiver, counter, _packet(n_bytes))) == _packet(n_bytes)


@pytest.mark.parametrize(("n_bytes", "on_the_wire"), [(0, 32), (20, 64), (64, 96), (65, 112), (1420, 1452)])
def test_sizes_are_those_of_wireguard(n_bytes: int, on_the_wire: int) -> None:
    assert len(seal(_CIPHER, 1, 0, _packet(n_bytes) if n_bytes else b"")) == on_the_wire


def test_a_message_of_another_tunnel_is_not_read() -> None:
    with pytest.raises(InvalidTag):
        unseal(ChaCha20Poly1305(bytes(31) + b"x"), seal(_CIPHER, 1, 0, _packet(40)))


def test_each_host_has_its_own_address_in_the_tunnel() -> None:
    assert inside_address("10.77.3.250") == "10.78.3.250"
