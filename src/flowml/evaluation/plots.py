"""Pictures of a model's quality. Arrays in, a matplotlib figure out; nothing global is touched.

Every picture says how many connections it rests on: a curve of twelve connections must not look like one of
twelve thousand.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MINING_COLOUR = "#b8402a"
BENIGN_COLOUR = "#2a6fb8"
_QUIET = "#777777"
_SIZE_IN = (7.0, 4.4)
_DPI = 110
_SECONDS_TICKS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
_BINS = 10
_Z95 = 1.96


def recall_at_low_alarms(is_mining: Bools, probability: Floats, threshold: float) -> Figure:
    """Draw recall against false alarms per benign connection, on a logarithmic axis.

    A linear axis hides the only part that matters: a sensor sees a hundred thousand benign connections a
    day, so what happens above one false alarm in a thousand is of no use to anybody.

    Parameters
    ----------
    is_mining : ndarray of bool, shape (n,)
        The truth, at least one of each kind.
    probability : ndarray of float64, shape (n,)
    threshold : float
        Probability from which a connection is called mining: marked on the curve.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        One of the kinds is missing.
    """
    n_mining, n_benign = _counts(is_mining)
    benign, mining = probability[~is_mining], probability[is_mining]
    cut = np.unique(np.append(probability, threshold))[::-1]
    false_alarms, recall = _at_least(benign, cut), _at_least(mining, cut) / n_mining
    # No false alarm among n benign connections says "rarer than 1 in n" and no more: a decade of its own.
    none_at = 10.0**-0.5 / n_benign
    rate = np.where(false_alarms > 0, false_alarms / n_benign, none_at)
    best = np.append(np.diff(rate) > 0, True)
    figure, axes = _figure()
    axes.axvspan(0.1 / n_benign, 1 / n_benign, color=_QUIET, alpha=0.12, linewidth=0)
    axes.text(none_at, 0.02, "no false alarm", ha="center", va="bottom", color=_QUIET, rotation=90)
    axes.step(
        np.append(np.maximum(rate[best] * (rate[best] > none_at), 0.1 / n_benign), 1.0),
        np.append(recall[best], recall[best][-1]),
        where="post",
        color=MINING_COLOUR,
        linewidth=2,
    )
    chosen = int(np.flatnonzero(cut == threshold)[0])
    words = f"threshold {threshold:.3g}: recall {recall[chosen]:.1%}, {false_alarms[chosen]:,} false alarms"
    axes.plot(rate[chosen], recall[chosen], "o", color="black", markersize=7)
    above = 14 if recall[chosen] < 0.3 else -16
    axes.annotate(words, (rate[chosen], recall[chosen]), (14, above), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_xlim(0.1 / n_benign, 1.0)
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel(f"false alarms per benign connection (of {n_benign:,})")
    axes.set_ylabel(f"recall (share of {n_mining:,} mining connections)")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title("Mining found at low false-alarm rates")
    return figure


def reliability_diagram(is_mining: Bools, probability: Floats, weight: Floats) -> Figure:
    """Draw how often observations were of mining against the probability they were given.

    Parameters
    ----------
    is_mining : ndarray of bool, shape (n,)
    probability : ndarray of float64, shape (n,)
    weight : ndarray of float64, shape (n,)
        Those with which the probabilities were calibrated.

    Returns
    -------
    Figure
        Above, the weighted share in ten bins with 95 % Wilson intervals for the effective number (Kish 1965)
        of observations; below, how many fell into each.
    """
    which = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    filled, where = np.unique(which, return_inverse=True)
    total = np.bincount(where, weight)
    share = np.bincount(where, weight * is_mining) / total
    said = np.bincount(where, weight * probability) / total
    low, high = _wilson(share, total**2 / np.bincount(where, weight**2))
    figure = Figure(figsize=(_SIZE_IN[0], 5.6), dpi=_DPI, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    axes.plot((0, 1), (0, 1), color=_QUIET, linestyle="--", label="perfectly calibrated")
    errors = np.maximum(np.stack([share - low, high - share]), 0.0)
    axes.errorbar(
        said, share, errors, fmt="o", color=MINING_COLOUR, capsize=3, label="observed, 95 % interval"
    )
    axes.set_ylabel("share that was mining (weighted)")
    axes.legend(loc="upper left")
    axes.set_title(f"Calibration over {len(probability):,} observations")
    below.bar(
        filled / _BINS, np.bincount(where), 1 / _BINS, align="edge", color=BENIGN_COLOUR, edgecolor="white"
    )
    below.set_yscale("symlog", linthresh=1)
    below.yaxis.set_minor_formatter(NullFormatter())
    below.set_ylabel("observations")
    below.set_xlabel("probability of mining that the model gave")
    below.set_xlim(-0.02, 1.02)
    for each in (axes, below):
        _tidy(each)
    return figure


def detection_delay(detected_after_s: Floats, kind: str) -> Figure:
    """Draw which share of mining connections was found by which age.

    Parameters
    ----------
    detected_after_s : ndarray of float64, shape (n,)
        Of every mining connection: seconds from its first packet to the verdict, NaN if it was never found.
    kind : str
        Which connections they are, for the title.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        There is no connection.
    """
    if not len(detected_after_s):
        raise ValueError("expected at least one mining connection, got none")
    found = np.sort(detected_after_s[~np.isnan(detected_after_s)])
    share = np.arange(1, len(found) + 1) / len(detected_after_s)
    first, last = (found[0], found[-1]) if len(found) else (10.0, 300.0)
    left, right = max(first, 0.1) / 2, max(last, 60.0) * 2
    figure, axes = _figure()
    axes.step([left, *found, right], [0.0, *share, len(found) / len(detected_after_s)], where="post",
              color=MINING_COLOUR, linewidth=2)  # fmt: skip
    if len(found):
        median = float(np.median(found))
        axes.axvline(median, color=_QUIET, linestyle="--")
        axes.annotate(f"median {median:.0f} s", (median, 0.04), (6, 0), textcoords="offset points")
    axes.set_xscale("log")
    ticks = [tick for tick in _SECONDS_TICKS if left <= tick <= right]
    axes.set_xticks(ticks, [_duration(tick) for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(left, right)
    axes.set_ylim(0.0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("time from the first packet of the connection")
    axes.set_ylabel("share found")
    axes.set_title(f"Found {len(found):,} of {len(detected_after_s):,} {kind}, by age")
    return figure


def importance_chart(names: Sequence[str], importance: Floats, most: int = 20) -> Figure:
    """Draw how much worse the model becomes when a feature is shuffled.

    Parameters
    ----------
    names : sequence of str
        n features.
    importance : ndarray of float64, shape (n, n_repeats)
        Increase of the logarithmic loss in each repetition.
    most : int
        How many of the largest are drawn.

    Returns
    -------
    Figure
    """
    mean, spread = importance.mean(axis=1), importance.std(axis=1)
    order = np.argsort(mean)[::-1][:most][::-1]
    figure = Figure(figsize=(_SIZE_IN[0], 1.2 + 0.26 * len(order)), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.barh([names[i] for i in order], mean[order], xerr=spread[order], color=BENIGN_COLOUR, capsize=2)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.margins(y=0.01)
    axes.set_xlabel("increase of log loss when shuffled (mean and standard deviation)")
    axes.set_title(f"Permutation importance, {len(order)} of {len(names)} features")
    _tidy(axes)
    return figure


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    _tidy(axes)
    return figure, axes


def _tidy(axes: Axes) -> None:
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _counts(is_mining: Bools) -> tuple[int, int]:
    n_mining = int(is_mining.sum())
    n_benign = len(is_mining) - n_mining
    if not n_mining or not n_benign:
        raise ValueError(f"expected both kinds, got {n_mining} mining and {n_benign} benign")
    return n_mining, n_benign


def _at_least(values: Floats, cuts: Floats) -> NDArray[np.int64]:
    """How many values reach each cut."""
    return len(values) - np.searchsorted(np.sort(values), cuts, side="left")


def _wilson(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """95 % interval of shares of n (Wilson 1927), which also holds near 0 and 1."""
    centre = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 / (1 + _Z95**2 / n) * np.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n**2))
    return centre - half, centre + half


def _duration(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"
