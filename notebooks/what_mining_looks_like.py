# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What mining looks like
#
# The data sets, counted, and one connection of every mining family beside the benign one that lies nearest
# to it
# in the model's features.
#
# * `FLOWML_DATASETS`: folder whose children are data sets; without it `datasets`. No model is needed.

# %%
# %matplotlib inline
import os
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import MANIFEST, NO_EVASION, read_data_set
from flowml.evaluation.strips import message_strip
from flowml.features.evidence import shows_enough
from flowml.features.matrix import feature_matrix
from flowml.models.scaling import scaled
from flowml.training.collect import gather

LONG_S = 60.0
folder = Path(os.environ.get("FLOWML_DATASETS", "datasets"))

# %% [markdown]
# ## The data sets
#
# Captures become flow records, flow records connections, and each connection is observed at several ages.
# Kept here
# is the oldest observation of each connection.

# %%
data_sets = sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}"))
captures = [capture for data_set in data_sets for capture in read_data_set(data_set)]
everything = gather(captures, (0.0,))
by_age = np.lexsort((everything.observations.age_s, everything.connection))
is_oldest = np.append(np.diff(everything.connection[by_age]) != 0, True)
connections = everything.take(by_age[is_oldest])
Markdown(f"{len(data_sets)} data sets, {len(captures)} captures, {len(connections):,} connections")


# %% [markdown]
# ### Connections by family and carrier
#
# The carrier is what lies between the protocol and the wire. Miners that evade are counted too.


# %%
def counted(of: LabelledObservations) -> Markdown:
    carriers = np.unique(of.carrier)
    lines = [
        f"| family | {' | '.join(carrier or 'unknown' for carrier in carriers)} | all | 60 s or longer |",
        "|---|" + "---:|" * (len(carriers) + 2),
    ]
    for family in np.unique(of.family):
        inside = of.family == family
        counts = [int(np.count_nonzero(inside & (of.carrier == carrier))) for carrier in carriers]
        counts += [sum(counts), int(np.count_nonzero(inside & (of.lasted_s >= LONG_S)))]
        lines.append(f"| {family} | {' | '.join(f'{count:,}' for count in counts)} |")
    return Markdown("\n".join(lines))


# %% [markdown]
# Mining:

# %%
counted(connections.take(np.flatnonzero(connections.is_mining)))

# %% [markdown]
# Benign:

# %%
counted(connections.take(np.flatnonzero(~connections.is_mining)))

# %% [markdown]
# ## Message sequences
#
# Time against message size: up is the client, down is the server; zero is the first packet shown, of the
# last 128 at most that are kept of a connection. Of each mining family stands here the connection of a
# middling number of packets, among
# those that do not hide and lasted 60 seconds or longer; plain or in TLS where there are such. Below it
# stands the
# benign connection nearest to it, another one each time.
#
# What to see in a miner:
#
# * Jobs: messages of the server of one size, or few, that nobody asked for, at the beat of blocks and
# templates.
# * Shares: messages of the client of one size, at random times, since each is the end of a search.
# * Answers: each share is answered at once by something small, of one size as well.
# * It goes on so as long as the connection lasts.
#
# What to see in those that look like it: a clock where a miner has chance (telemetry, keep-alives), questions
# where a miner has shares (every message of the server is an answer), or sizes that vary with what is said.

# %%
can_be_judged = shows_enough(connections.observations) & (connections.lasted_s >= LONG_S)
features = scaled(feature_matrix(connections.observations))
spread = features[can_be_judged].std(axis=0)
features /= np.where(spread > 0, spread, 1.0)
n_packets = connections.observations.packets.counts


def typical(family: str) -> int | None:
    """Row of the connection with a middling number of packets; None where none shows enough."""
    rows = np.flatnonzero(
        can_be_judged
        & connections.is_mining
        & (connections.family == family)
        & (connections.evasion == NO_EVASION)
    )
    bare = rows[np.isin(connections.carrier[rows], ("plain", "tls"))]
    rows = bare if len(bare) else rows
    if not len(rows):
        return None
    return int(rows[np.argsort(n_packets[rows], kind="stable")[len(rows) // 2]])


def nearest(row: int, shown: set[int]) -> int | None:
    """Row of the benign connection, not shown so far, that lies nearest in the features."""
    rows = np.flatnonzero(can_be_judged & ~connections.is_mining)
    rows = rows[~np.isin(rows, list(shown))]
    if not len(rows):
        return None
    return int(rows[np.abs(features[rows] - features[row]).sum(axis=1).argmin()])


def show(row: int) -> None:
    seen = connections.observations
    kind = "mining" if connections.is_mining[row] else "benign"
    packets = seen.packets.take(np.array([row]))
    from_ms = int(packets.time_ms[0])
    title = (
        f"{kind}: {connections.family[row]}, {connections.carrier[row]}   "
        f"{connections.source[row]}/{connections.file[row]}, lasted {connections.lasted_s[row]:,.0f} s, "
        f"shown from {(from_ms - seen.start_ms[row]) / 1000:,.0f} s on"
    )
    display(message_strip(packets, title))


# %%
shown: set[int] = set()
for family in np.unique(connections.family[connections.is_mining]):
    miner = typical(family)
    if miner is None:
        continue
    display(Markdown(f"### {family}"))
    show(miner)
    benign = nearest(miner, shown)
    if benign is not None:
        shown.add(benign)
        show(benign)
