"""Statistics of many small groups at once: values in flat arrays, each with the number of its group."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_VALUE_BITS = 32
_VALUE_MASK = np.int64((1 << _VALUE_BITS) - 1)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Divide; NaN where the denominator is 0."""
    below = np.asarray(denominator, np.float64)
    result = np.full(below.shape, np.nan)
    np.divide(numerator, below, out=result, where=below != 0)
    return result


@dataclass(frozen=True)
class Groups:
    """Values sorted within their groups.

    Attributes
    ----------
    n_groups : int
    group : ndarray of int64, shape (n_values,)
        Not falling.
    value : ndarray of int64, shape (n_values,)
        Not negative, below 2**32; rising within a group.
    counts : ndarray of int64, shape (n_groups,)
    """

    n_groups: int
    group: Ints
    value: Ints
    counts: Ints

    @classmethod
    def of(cls, values: NDArray[Any], group: Ints, n_groups: int) -> Self:
        """Sort values within groups.

        Parameters
        ----------
        values : ndarray of integers, shape (n_values,)
            Clipped to 0 ... 2**32 - 1.
        group : ndarray of int64, shape (n_values,)
        n_groups : int
        """
        clipped = np.clip(values, 0, _VALUE_MASK).astype(np.int64)
        # One integer that sorts by group, then by value: much faster than sorting by two keys. Groups stand
        # in order already, which merge sort makes use of.
        both = np.sort((group << _VALUE_BITS) | clipped, kind="stable")
        group = both >> _VALUE_BITS
        return cls(n_groups, group, both & _VALUE_MASK, np.bincount(group, minlength=n_groups))

    @cached_property
    def starts(self) -> Ints:
        """Index of each group's smallest value, shape (n_groups,)."""
        return np.cumsum(self.counts) - self.counts

    def quantile(self, share: float) -> Floats:
        """Quantile with linear interpolation; NaN for an empty group. Shape (n_groups,)."""
        if not len(self.value):
            return np.full(self.n_groups, np.nan)
        position = share * np.maximum(self.counts - 1, 0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(self.counts - 1, 0))
        last = len(self.value) - 1
        below = self.value[np.minimum(self.starts + low, last)].astype(np.float64)
        above = self.value[np.minimum(self.starts + high, last)]
        return np.where(self.counts > 0, below + (position - low) * (above - below), np.nan)

    @cached_property
    def median(self) -> Floats:
        """Median of each group, shape (n_groups,)."""
        return self.quantile(0.5)

    @cached_property
    def mean(self) -> Floats:
        """Mean of each group, shape (n_groups,)."""
        return ratio(np.bincount(self.group, self.value, self.n_groups), self.counts)

    @cached_property
    def variation(self) -> Floats:
        """Standard deviation over mean of each group; NaN below two values. Shape (n_groups,)."""
        squares = np.bincount(self.group, self.value.astype(np.float64) ** 2, self.n_groups)
        variance = np.maximum(ratio(squares, self.counts) - self.mean**2, 0.0)
        return np.where(self.counts > 1, ratio(np.sqrt(variance), self.mean), np.nan)

    @cached_property
    def _runs(self) -> tuple[Ints, Ints]:
        """Group and length of each run of equal values."""
        if not len(self.value):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        change = (np.diff(self.value) != 0) | (np.diff(self.group) != 0)
        start = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(change) + 1])
        return self.group[start], np.diff(start, append=len(self.value))

    @cached_property
    def most_common_share(self) -> Floats:
        """Share of the most common value of each group, shape (n_groups,)."""
        group, length = self._runs
        longest = np.zeros(self.n_groups, np.int64)
        np.maximum.at(longest, group, length)
        return ratio(longest, self.counts)

    @cached_property
    def most_common(self) -> Floats:
        """The most common value of each group (the smallest of several), shape (n_groups,)."""
        group, length = self._runs
        order = np.argsort((group << _VALUE_BITS) - length, kind="stable")
        first = np.flatnonzero(np.diff(group[order], prepend=-1) != 0)
        result = np.full(self.n_groups, np.nan)
        run_start = np.cumsum(length) - length
        result[group[order[first]]] = self.value[run_start[order[first]]]
        return result

    @cached_property
    def entropy_bits(self) -> Floats:
        """Entropy of the values of each group, bits, shape (n_groups,)."""
        group, length = self._runs
        share = length / np.maximum(self.counts[group], 1)
        entropy = np.bincount(group, -share * np.log2(share), self.n_groups)
        return np.where(self.counts > 0, entropy, np.nan)

    def near_median_share(self, relative: float, absolute: float) -> Floats:
        """Share of values within ``absolute + relative * median`` of the median, shape (n_groups,)."""
        middle = self.median[self.group]
        near = np.abs(self.value - middle) <= absolute + relative * middle
        return ratio(np.bincount(self.group, near, self.n_groups), self.counts)
