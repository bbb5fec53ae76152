"""Padding: messages get sizes that are not theirs.

To buckets: a frame grows to the next multiple of 64 bytes (weak), 256 bytes (middle) or to 1,024 bytes
(strong), so that a share, its answer and a job look alike. At random: it grows by up to 64, 256 or 1,024
bytes, drawn anew for each. With JSON a miner could do the same alone, with spaces that every pool skips;
sizes would differ by the frame's header.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flowml.lab.evasions.disguise import Disguise, disguised, suits_streams
from flowml.lab.evasions.evasion import Evasion

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.actor import Actor

_BYTES = {"weak": 64, "middle": 256, "strong": 1024}


def to_bucket(bucket_bytes: int, n_bytes: int, rng: Generator) -> int:
    """Padding up to the next multiple."""
    del rng
    return -n_bytes % bucket_bytes


def at_random(most_bytes: int, n_bytes: int, rng: Generator) -> int:
    """Padding that says nothing about the size."""
    del n_bytes
    return int(rng.integers(0, most_bytes + 1))


def _pad_to_buckets(actor: Actor, strength: str) -> Actor:
    return disguised(actor, Disguise(pad=partial(to_bucket, _BYTES[strength])))


def _pad_at_random(actor: Actor, strength: str) -> Actor:
    return disguised(actor, Disguise(pad=partial(at_random, _BYTES[strength])))


EVASIONS = (
    Evasion("padding-buckets", _pad_to_buckets, suits_streams),
    Evasion("padding-random", _pad_at_random, suits_streams),
)
