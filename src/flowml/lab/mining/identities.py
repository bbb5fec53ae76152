"""What miners call themselves: wallets, workers, agents, drawn in the shapes that are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def hex_digits(n_digits: int, rng: Generator) -> str:
    """Random hexadecimal digits."""
    return rng.bytes((n_digits + 1) // 2).hex()[:n_digits]


def base58(n_characters: int, rng: Generator) -> str:
    """Random base58 characters, of which addresses consist."""
    return "".join(_BASE58[i] for i in rng.integers(0, len(_BASE58), n_characters))


def worker(rng: Generator) -> str:
    """Worker name, often none, seldom long."""
    return letters(int(rng.choice([0, 0, 3, 5, 6, 8, 12, 16])), rng)


def letters(n_characters: int, rng: Generator) -> str:
    """Random small letters and digits."""
    return "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), n_characters))
