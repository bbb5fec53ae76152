"""Sizes are those of the encrypted frames: 22 bytes of header, the payload, 16 bytes of authentication."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import numpy as np
import pytest

from flowml.lab.mining.stratum_v2 import Kind, frame, read_frame
from flowml.lab.peer import Peer

_STANDARD: dict[str, Any] = {
    "is_extended": False,
    "device_bytes": 60,
    "user_bytes": 20,
    "prefix_bytes": 8,
    "extranonce_bytes": 8,
    "reason_bytes": 11,
    "coinbase_bytes": 200,
    "merkle_branches": 12,
}
_RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("kind", "n_bytes"),
    [
        (Kind.SHARE, 62),
        (Kind.SHARE_SUCCESS, 58),
        (Kind.SET_TARGET, 74),
        (Kind.SET_PREVIOUS_HASH, 86),
        (Kind.JOB, 83),
    ],
)
def test_frames_have_the_sizes_of_the_specification(kind: Kind, n_bytes: int) -> None:
    assert len(frame(kind, _STANDARD, _RNG)) == n_bytes


@pytest.mark.parametrize(
    ("kind", "n_bytes"),
    [
        (Kind.SHARE, 71),  # 24 and 9 of extranonce, in a frame
        (Kind.SHARE_SUCCESS, 58),
        (Kind.OPEN_CHANNEL, 101),
        (Kind.OPEN_CHANNEL_SUCCESS, 89),
        (Kind.JOB, 19 + 200 + 12 * 32 + 38),
    ],
)
def test_frames_of_an_extended_channel_have_the_sizes_of_the_specification(kind: Kind, n_bytes: int) -> None:
    assert len(frame(kind, {**_STANDARD, "is_extended": True}, _RNG)) == n_bytes


def test_a_job_of_an_extended_channel_grows_with_its_merkle_path() -> None:
    extended = {**_STANDARD, "is_extended": True}
    longer = {**extended, "merkle_branches": 13}
    assert len(frame(Kind.JOB, longer, _RNG)) - len(frame(Kind.JOB, extended, _RNG)) == 32


@pytest.mark.parametrize("kind", list(Kind))
def test_a_frame_is_read_back_whole(kind: Kind) -> None:
    async def read() -> tuple[Kind, float]:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        with theirs:
            theirs.sendall(frame(kind, _STANDARD, _RNG, 1234.5))
        result = await read_frame(Peer(reader, writer))
        assert await reader.read() == b""
        writer.close()
        return result

    assert asyncio.run(read()) == (kind, 1234.5)
