"""How messages of one kind differ in size: not at all, by a digit, or by what people and programs put in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

SPREADS = ("constant", "digits", "uniform", "lognormal", "types", "heavy")
LARGEST_BYTES = 40_000
"""No message is larger: the wire of the lab is written in Python."""

_TYPES = (1.0, 1.0, 1.0, 0.4, 1.7, 3.1)  # one frequent type of message among rarer ones


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw between two bounds so that each order of magnitude is as likely as the next."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def size_of(n_bytes: int, spread: str, rng: Generator) -> int:
    """Draw the size of a message, in bytes.

    Parameters
    ----------
    n_bytes
        The usual size.
    spread
        One of ``SPREADS``: ``digits`` adds what counters and numbers written out add, ``types`` has a
        few constant sizes, ``heavy`` now and then something many times as large.
    rng
        The generator of the side that sends.
    """
    if spread == "digits":
        return n_bytes + int(rng.choice([0, 0, 0, 1, 1, 2, 3]))
    if spread == "uniform":
        return int(n_bytes * rng.uniform(0.7, 1.5))
    if spread == "types":
        return int(n_bytes * rng.choice(_TYPES))
    if spread in {"lognormal", "heavy"}:
        sigma = 0.4 if spread == "lognormal" else 1.2
        return min(int(n_bytes * rng.lognormal(0.0, sigma)), LARGEST_BYTES)
    return n_bytes
