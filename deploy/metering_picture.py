"""Draw the picture of docs/metering.md: the table of open flows, slices and snapshots, and the two clocks.

PYTHONPATH=. python deploy/metering_picture.py docs/pictures/metering.svg

The middle panel is no sketch: the meter itself makes its records of the packets that are drawn.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tests.capture.frames import EPOCH_S, SERVER, End, ethernet, pcap, segment

from flowml import schema
from flowml.capture.meter import Meter
from flowml.capture.settings import MeterSettings
from flowml.flows.batch import FlowBatch

SETTINGS = MeterSettings(
    idle_timeout_s=30, active_timeout_s=60, snapshot_ages_s=(10, 30), snapshot_packets=(4,), n_dissections=0
)
WEB = End("10.0.0.8", 443)
# seconds at which the client and the server of each flow send
FLOWS = {
    "a miner": (End("10.0.0.2", 40_000), SERVER, (0, 6, 21, 33, 47, 72, 85), (1, 14, 22, 40, 55, 64, 80, 86)),
    "a browser": (End("10.0.0.3", 40_001), WEB, (12, 12.4, 15), (12.2, 13, 15.3)),
    "one packet of a scan": (End("10.0.0.4", 40_002), WEB, (50,), ()),
}
SLICES, CLIENT, SERVER_SIDE, SNAPSHOT, QUIET = (
    ("#cfe1f5", "#f5dfc9"),
    "#1f5f9f",
    "#b8402a",
    "#2d7d46",
    "#555555",
)


def _records() -> FlowBatch:
    frames = []
    for client, server, asked_s, answered_s in FLOWS.values():
        frames += [(round(at * 1000), ethernet(segment(client, server, bytes(100)))) for at in asked_s]
        frames += [(round(at * 1000), ethernet(segment(server, client, bytes(80)))) for at in answered_s]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pcap"
        path.write_bytes(pcap(sorted(frames)))
        return FlowBatch.concat(list(Meter(SETTINGS).batches(path)))


def _draw_table(axes: Axes) -> None:
    """The list in its order of use: what an idle timeout and a full table take, and what a packet does."""
    axes.set(
        xlim=(0, 100), ylim=(0, 10), title="Table of open flows: a list in the order of their last packet"
    )
    names = ("port scan", "DNS", "browser", "mail", "MQTT", "miner")
    for place, name in enumerate(names):
        axes.text(
            16 + 13.5 * place, 5, name, ha="center", va="center", fontsize=10,
            bbox={"boxstyle": "round,pad=0.5", "fc": SLICES[0], "ec": CLIENT},
        )  # fmt: skip
    axes.plot((16, 83.5), (5, 5), color=QUIET, zorder=0)
    axes.text(16, 8.2, "least recently used", ha="center", color=QUIET)
    axes.text(83.5, 8.2, "newest packet", ha="center", color=QUIET)
    axes.annotate(
        "leaves here: idle timeout,\nor one too many (counted)", (10.5, 4.4), (0, 0.2), color=SERVER_SIDE,
        arrowprops={"arrowstyle": "<-", "color": SERVER_SIDE},
    )  # fmt: skip
    axes.annotate(
        "",
        (88.5, 4),
        (43, 4),
        arrowprops={"arrowstyle": "->", "color": CLIENT, "connectionstyle": "arc3,rad=0.3"},
    )
    axes.text(66, 2.0, "a packet brings its flow to this end", ha="center", color=CLIENT)
    axes.axis("off")


def _draw_records(axes: Axes, batch: FlowBatch) -> None:
    """Packets as ticks, slices as bars, snapshots and last records as marks."""
    for row in range(len(batch)):
        place = -int(batch[schema.UID][row])
        until_s, last_s, first_s = (
            int(batch[column][row]) / 1000 - EPOCH_S
            for column in (schema.COVERED_UNTIL_MS, schema.LAST_SEEN_MS, schema.FIRST_SEEN_MS)
        )
        if batch[schema.IS_FINAL][row]:
            colour = SLICES[int(batch[schema.SLICE][row]) % 2]
            axes.barh(place, until_s - first_s, 0.62, first_s, color=colour, zorder=1)
            axes.plot(until_s, place, "s", color="black", ms=7, zorder=4)
        else:
            at_count = last_s == until_s
            axes.plot(until_s, place + 0.42, "^" if at_count else "v", color=SNAPSHOT, ms=9, zorder=4)
            axes.vlines(until_s, place - 0.31, place + 0.31, SNAPSHOT, ":", zorder=2)
        mine = batch.packets.take(np.array([row]))
        for time_ms, size in zip(mine.time_ms, mine.size_bytes, strict=True):
            side, colour = (0.25, CLIENT) if size > 0 else (-0.25, SERVER_SIDE)
            axes.vlines(int(time_ms) / 1000 - EPOCH_S, place, place + side, colour, lw=2.2, zorder=3)
    for mark, colour, words in (
        ("|", CLIENT, "payload packet of the client"), ("|", SERVER_SIDE, "... of the server"),
        ("^", SNAPSHOT, "snapshot at the 4th payload packet"),
        ("v", SNAPSHOT, "snapshot at its age of 10, 30, 60 s"),
        ("s", "black", "last record of a slice: complete until here"),
    ):  # fmt: skip
        axes.plot([], [], mark, color=colour, ms=9, label=words, lw=0)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    axes.set(
        title="Slices and snapshots (active timeout 60 s: another colour, the same flow; idle timeout 30 s)",
        xlabel="seconds", xlim=(-2, 118), ylim=(-2.6, 0.75), yticks=(0, -1, -2), yticklabels=list(FLOWS),
    )  # fmt: skip


def _draw_clocks(axes: Axes) -> None:
    """The later of packet time and wall clock less 1.5 s."""
    packets_s, wall_s = np.array([0, 2, 3, 5, 6, 7, 8, 20, 21, 22, 24]), np.linspace(0, 24, 481)
    newest_s = packets_s[np.searchsorted(packets_s, wall_s, side="right") - 1]
    axes.plot(wall_s, wall_s - 1.5, "--", color=QUIET, label="wall clock less 1.5 s")
    axes.plot(wall_s, newest_s, color=CLIENT, label="packet time")
    axes.plot(
        wall_s,
        np.maximum(newest_s, wall_s - 1.5),
        color=SNAPSHOT,
        lw=5,
        alpha=0.35,
        label="the meter's clock",
    )
    axes.plot(packets_s, np.full(len(packets_s), -2.2), "|", color=CLIENT, ms=10)
    axes.annotate(
        "no packet comes:\nflows leave all the same", (15, 13.5), (15.5, 4), color=SERVER_SIDE,
        arrowprops={"arrowstyle": "->", "color": SERVER_SIDE},
    )  # fmt: skip
    axes.legend(loc="upper left", frameon=False)
    axes.set(
        title="Two clocks, on an interface",
        xlabel="seconds by the wall",
        ylabel="seconds of the clock",
        xlim=(0, 24),
    )


def main() -> None:
    """Write the SVG."""
    mpl.rcParams["svg.hashsalt"] = "flowml"  # the same file each time
    figure = Figure(figsize=(11, 11.5), layout="constrained")
    table, records, clocks = figure.subplots(3, height_ratios=(1, 2.2, 2))
    _draw_table(table)
    _draw_records(records, _records())
    _draw_clocks(clocks)
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
