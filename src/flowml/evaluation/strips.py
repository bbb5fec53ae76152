"""Message strips: a connection as a person reads it, time against size, client up and server down."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter
from numpy.typing import NDArray

from flowml.evaluation.plots import BENIGN_COLOUR, MINING_COLOUR
from flowml.features.messages import join_messages
from flowml.flows.packets import PacketSequences

_SMALLEST_BYTES = 10
"""Up to here sizes are drawn on a linear scale; a payload message is rarely smaller."""

_SIZES_BYTES = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def message_strip(packets: PacketSequences, title: str) -> Figure:
    """Draw the messages of one connection.

    Parameters
    ----------
    packets : PacketSequences
        Of one connection; positive sizes are the client's. The first is zero of the time axis: of a long
        connection only the last packets are remembered.
    title : str
        What the reader should know of it; may hold several lines. Taken as it is: no mathematics in it.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        It is not one connection.
    """
    if len(packets) != 1:
        raise ValueError(f"expected the packets of one connection, got those of {len(packets)}")
    messages = join_messages(packets)
    at_s = (messages.time_ms - messages.time_ms[:1]) / 1000.0
    size = np.where(messages.from_client, messages.size_bytes, -messages.size_bytes)
    figure = Figure(figsize=(9.0, 2.9), dpi=110, layout="constrained")
    axes = figure.subplots()
    for up, colour in ((True, MINING_COLOUR), (False, BENIGN_COLOUR)):
        which = messages.from_client == up
        axes.vlines(at_s[which], 0, size[which], color=colour, linewidth=1.1)
        axes.plot(at_s[which], size[which], "." if len(messages) < 400 else ",", color=colour, markersize=4)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_yscale("symlog", linthresh=_SMALLEST_BYTES)
    ticks = _ticks(size)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(FixedLocator([]))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(ticks, [_bytes(abs(tick)) for tick in ticks])
    axes.set_ylim(1.6 * ticks[0], 1.6 * ticks[-1])
    span_s = max(float(at_s.max(initial=0.0)), 1.0)  # an exchange of a moment is to look like one
    axes.set_xlim(-0.02 * span_s, 1.02 * span_s)
    axes.set_ylabel("server ↓   message   client ↑")
    axes.set_xlabel(f"seconds since the first packet shown ({len(messages):,} messages)")
    axes.set_title(title, loc="left", fontsize=9, parse_math=False)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _ticks(size: NDArray[np.int64]) -> list[int]:
    """Round sizes on both sides, just far enough for the largest message of either."""
    largest = int(np.abs(size).max(initial=_SMALLEST_BYTES))
    up = [tick for tick in _SIZES_BYTES if tick < 10 * largest]
    return [*(-tick for tick in reversed(up)), 0, *up]


def _bytes(size: int) -> str:
    for step, unit in ((1_000_000, "MB"), (1_000, "kB")):
        if size >= step:
            return f"{size // step} {unit}"
    return f"{size} B"
