"""The evasion matrix: miners that hide, by family, carrier, evasion and strength."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import NO_EVASION
from flowml.evaluation.metrics import Share, connection_outcomes
from flowml.evaluation.plots import MINING_COLOUR

STRENGTHS = (NO_EVASION, "weak", "middle", "strong")
LONG_S, WITHIN_S = 60.0, 660.0
"""Least length of a connection that counts, and within which it is to be found: ten minutes, and the time
until a packet after that lets the meter tell of it."""

_FOUND_COLOUR = "#2f7d4f"
_EMPTY_COLOUR = "#eeeeee"


@dataclass(frozen=True)
class EvasionCell:
    """One cell of the matrix.

    Attributes
    ----------
    family, carrier, evasion, strength : str
    found : Share
        Connections of `LONG_S` or longer called mining within `WITHIN_S`.
    miners : Share
        Pools to which at least one connection, of any length, was called mining.
    delay_s : ndarray of float64
        From first packet to verdict of the connections found, seconds.
    """

    family: str
    carrier: str
    evasion: str
    strength: str
    found: Share
    miners: Share
    delay_s: NDArray[np.float64]


def evasion_cells(
    labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> list[EvasionCell]:
    """Count the cells in which there is a connection.

    Parameters
    ----------
    labelled : LabelledObservations
        n observations; benign ones are passed over.
    probability : ndarray of float64, shape (n,)
        From classifiers that did not see their origins.
    threshold : float
    """
    rows = np.flatnonzero(labelled.is_mining)
    mining = labelled.take(rows)
    outcomes = connection_outcomes(
        mining.connection, probability[rows], mining.observations.reported_s, threshold
    )
    of = mining.take(outcomes.row)
    names = np.stack([of.family, of.carrier, of.evasion, of.strength])
    cells, number = np.unique(names, axis=1, return_inverse=True)
    return [
        _cell(cell, of.lasted_s[inside], of.origin[inside], outcomes.detected_after_s[inside])
        for cell, inside in ((cells[:, n], number.ravel() == n) for n in range(cells.shape[1]))
    ]


def _cell(
    cell: NDArray[np.str_],
    lasted_s: NDArray[np.float64],
    origin: NDArray[np.str_],
    detected_after_s: NDArray[np.float64],
) -> EvasionCell:
    long, in_time = lasted_s >= LONG_S, detected_after_s <= WITHIN_S
    family, carrier, evasion, strength = cell.tolist()
    return EvasionCell(
        family,
        carrier,
        evasion,
        strength,
        Share(int(np.count_nonzero(long & in_time)), int(np.count_nonzero(long))),
        Share(len(np.unique(origin[~np.isnan(detected_after_s)])), len(np.unique(origin))),
        detected_after_s[long & in_time],
    )


def evasions_csv(cells: Sequence[EvasionCell]) -> str:
    """Write the cells as CSV, one a line; an empty delay: none was found."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "family",
            "carrier",
            "evasion",
            "strength",
            "connections",
            "found",
            "recall",
            "delay_median_s",
            "miners",
            "miners_found",
        ]
    )
    for cell in cells:
        delay = f"{np.median(cell.delay_s):.0f}" if len(cell.delay_s) else ""
        recall = f"{cell.found.value:.3f}" if cell.found.total else ""
        counts = [cell.found.total, cell.found.hits, recall, delay, cell.miners.total, cell.miners.hits]
        writer.writerow([cell.family, cell.carrier, cell.evasion, cell.strength, *counts])
    return text.getvalue()


def render_evasions(cells: Sequence[EvasionCell]) -> list[str]:
    """Render recall and delay of each evasion by strength, as Markdown lines."""
    lines = [
        "| evasion | strength | found | recall | 95 % interval | delay median | miners found |",
        "|---|---|---|---|---|---|---|",
    ]
    for evasion, strength in _hidden(cells):
        chosen = [cell for cell in cells if (cell.evasion, cell.strength) == (evasion, strength)]
        found, miners = (_together([getattr(cell, name) for cell in chosen]) for name in ("found", "miners"))
        low, high = found.interval()
        delays = np.concatenate([cell.delay_s for cell in chosen])
        delay = f"{np.median(delays):.0f} s" if len(delays) else ""
        recall = f"{found.value:.1%}" if found.total else ""
        lines.append(
            f"| {evasion} | {strength} | {found} | {recall} | {low:.0%} to {high:.0%} | {delay} | {miners} |"
        )
    return lines


def empty_cells(cells: Sequence[EvasionCell]) -> list[tuple[str, str, str]]:
    """List evasion, strength and carrier of which there is no connection of `LONG_S`."""
    filled = {(cell.evasion, cell.strength, cell.carrier) for cell in cells if cell.found.total}
    carriers = sorted({cell.carrier for cell in cells})
    return [
        (*way, carrier) for way in _hidden(cells) for carrier in carriers if (*way, carrier) not in filled
    ]


def draw_evasions(cells: Sequence[EvasionCell]) -> Figure:
    """Draw recall by evasion and strength, against carriers and against families.

    Each field says how many connections were found of how many, and the median delay below.
    """
    ways = _hidden(cells)
    sides = [sorted({getattr(cell, by) for cell in cells}) for by in ("carrier", "family")]
    wide = len(sides[0]) + len(sides[1])
    figure = Figure(figsize=(4.0 + 0.82 * wide, 2.2 + 0.43 * len(ways)), dpi=100, layout="constrained")
    both = figure.subplots(1, 2, sharey=True, width_ratios=[len(names) for names in sides])
    for axes, names, by in zip(both, sides, ("carrier", "family"), strict=True):
        _draw_side(axes, cells, ways, names, by)
    both[0].set_yticks(range(len(ways)), [_way(way) for way in ways])
    figure.suptitle(
        f"Hidden miners found within ten minutes (connections of {LONG_S:.0f} s or longer; median delay)"
    )
    return figure


def _draw_side(
    axes: Axes, cells: Sequence[EvasionCell], ways: Sequence[tuple[str, str]], names: Sequence[str], by: str
) -> None:
    colours: Colormap = LinearSegmentedColormap.from_list("recall", [MINING_COLOUR, "#f2d9a0", _FOUND_COLOUR])
    colours = colours.with_extremes(bad=_EMPTY_COLOUR)
    recall = np.full((len(ways), len(names)), np.nan)
    for row, way in enumerate(ways):
        for column, name in enumerate(names):
            inside = [c for c in cells if (c.evasion, c.strength) == way and getattr(c, by) == name]
            found = _together([cell.found for cell in inside])
            recall[row, column] = found.value
            if not found.total:
                continue
            delays = np.concatenate([cell.delay_s for cell in inside])
            words = f"{found.hits}/{found.total}" + (f"\n{np.median(delays):.0f} s" if len(delays) else "")
            dark = found.value < 0.25 or found.value > 0.8
            axes.text(column, row, words, ha="center", va="center", fontsize=7.5,
                      color="white" if dark else "black")  # fmt: skip
    axes.imshow(recall, cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_title(f"by {by}", fontsize=10)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    starts = [row for row in range(1, len(ways)) if ways[row][0] != ways[row - 1][0]]
    axes.hlines([row - 0.5 for row in starts], -0.5, len(names) - 0.5, color="white", linewidth=5)


def _hidden(cells: Sequence[EvasionCell]) -> list[tuple[str, str]]:
    """Evasions with their strengths, those who do not hide first."""
    ways = {(cell.evasion, cell.strength) for cell in cells}
    return sorted(ways, key=lambda way: (way[0] != NO_EVASION, way[0], STRENGTHS.index(way[1])))


def _way(way: tuple[str, str]) -> str:
    return "none" if way[0] == NO_EVASION else f"{way[0]}, {way[1]}"


def _together(shares: Sequence[Share]) -> Share:
    return Share(sum(share.hits for share in shares), sum(share.total for share in shares))
