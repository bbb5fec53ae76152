"""The two helpers of a disguise over real connections within this process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowml.lab.evasions.batching import until_next
from flowml.lab.evasions.cover import page, request
from flowml.lab.evasions.disguise import Disguise, Line
from flowml.lab.evasions.frames import HEADER_BYTES
from flowml.lab.evasions.padding import at_random, to_bucket
from flowml.lab.peer import Peer
from flowml.lab.relay import local_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

_MESSAGES = [f"message {number}".encode() for number in range(40)]


async def _peers() -> tuple[Peer, Peer]:
    away, here = await local_pair()
    return Peer(*await asyncio.open_connection(sock=away)), here


async def _carried(disguise: Disguise, messages: Sequence[bytes]) -> bytes:
    """What the pool hears of a miner's messages."""
    connections = [await _peers() for _ in range(disguise.n_connections)]
    rng = np.random.default_rng(4)
    near, far = (Line([pair[end] for pair in connections], disguise, rng) for end in (0, 1))
    (miner, miners_helper), (pool, pools_helper) = await _peers(), await _peers()
    ends = asyncio.gather(
        near.exchange(miners_helper, disguise.hold_s),
        far.exchange(pools_helper, Disguise().hold_s),
        return_exceptions=True,
    )
    for message in messages:
        await miner.send(message)
        await asyncio.sleep(0)
    heard = await pool.exactly(sum(map(len, messages)))
    ends.cancel()
    with suppress(asyncio.CancelledError):
        await ends
    for peer in (miner, pool, miners_helper, pools_helper, *(peer for pair in connections for peer in pair)):
        peer.close()
        with suppress(OSError):
            await peer.writer.wait_closed()
    return heard


@pytest.mark.parametrize(
    "disguise",
    [
        Disguise(),
        Disguise(pad=partial(at_random, 512)),
        Disguise(hold_s=lambda now_s, rng: float(rng.uniform(0.0, 0.02))),
        Disguise(hold_s=lambda now_s, rng: until_next(0.05, now_s, rng)),
        Disguise(n_connections=6),
    ],
    ids=["bare", "padded", "delayed", "batched", "split"],
)
def test_the_pool_hears_every_message_in_order(disguise: Disguise) -> None:
    assert asyncio.run(_carried(disguise, _MESSAGES)) == b"".join(_MESSAGES)


def test_padding_to_buckets_leaves_no_other_size() -> None:
    rng = np.random.default_rng(1)
    sizes = {n_bytes + to_bucket(256, n_bytes, rng) for n_bytes in range(1, 600)}
    assert sizes == {256, 512, 768}


def test_what_is_batched_is_due_at_the_same_instant() -> None:
    rng = np.random.default_rng(1)
    assert {round(now_s + until_next(30.0, now_s, rng), 6) for now_s in (1.0, 13.5, 29.9)} == {30.0}


def test_a_cover_request_is_one_of_http_and_so_is_its_answer() -> None:
    rng = np.random.default_rng(1)
    asked = request(rng)
    assert asked.startswith(b"GET /")
    assert asked.endswith(b"\r\n\r\n")
    head, _, body = b"".join(page(asked, rng)).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert all(len(piece) <= 2**16 - 1 - HEADER_BYTES for piece in page(asked, rng))
