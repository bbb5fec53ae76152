"""Messages of nodes that do not mine, against what their specifications and programs say."""

from __future__ import annotations

import asyncio

import pytest

from flowml.lab.benign import bitcoin_node, ethereum_node, monero_node
from flowml.lab.benign.node import Form, Kind
from flowml.lab.peer import Peer


def test_a_bitcoin_ping_has_32_bytes_and_an_announcement_of_three_133() -> None:
    assert len(bitcoin_node.framed(Kind.PING, bytes(8))) == 32
    assert len(bitcoin_node.framed(Kind.INVENTORY, bytes(1 + 3 * 36))) == 133


def test_a_sealed_bitcoin_ping_has_29_bytes_as_in_bip_324() -> None:
    assert len(bitcoin_node.sealed(Kind.PING, bytes(8))) == 3 + 1 + 1 + 8 + 16


def test_a_levin_header_has_33_bytes() -> None:
    assert len(monero_node.framed(Kind.SYNC, b"")) == 33


def test_the_least_rlpx_frame_has_64_bytes_and_frames_grow_by_16() -> None:
    assert len(ethereum_node.sealed(Kind.PING, bytes(3))) == 64
    assert {len(ethereum_node.sealed(Kind.INVENTORY, bytes(n))) % 16 for n in range(40)} == {0}


@pytest.mark.parametrize(
    "form", [bitcoin_node._PLAIN, bitcoin_node._SEALED, monero_node._FORM, ethereum_node._FORM]
)
@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.PING, Kind.TRANSACTION, Kind.BLOCK])
def test_what_a_node_writes_another_reads(form: Form, kind: Kind) -> None:
    async def read() -> tuple[Kind, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(form.pack(kind, b"x" * 37))
        return await form.read(Peer(reader, None))  # type: ignore[arg-type]

    assert asyncio.run(read()) == (kind, b"x" * 37)
