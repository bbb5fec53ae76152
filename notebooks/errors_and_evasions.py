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
# # Errors and evasions
#
# Which connections are missed or falsely accused, what people said of alerts, and how miners that hide are
# found. The shipped model was fitted on the data sets of the repository, so it cannot be held against them:
# they are fitted again in the same way here, and each origin is judged by a classifier that did not see it.
# Real captures, which the shipped model was fitted on too, are not among them: threshold and figures differ
# from those of its card.
#
# * `FLOWML_DATASETS`: folder whose children are data sets; without it `datasets`.
# * `FLOWML_FEEDBACK`: folder of `flowml feedback export`; without it none is shown.
# * `FLOWML_EVASIONS`: the evasion matrix as CSV; without it `docs/evaluation/evasions.csv`.

# %%
# %matplotlib inline
import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display

from flowml.datasets.feedback import read_feedback
from flowml.datasets.manifest import MANIFEST, NO_EVASION, read_data_set
from flowml.evaluation.evasions import EvasionCell, draw_evasions, render_evasions
from flowml.evaluation.metrics import Share
from flowml.evaluation.mistakes import find_mistakes, mistake_strip
from flowml.evaluation.strips import message_strip
from flowml.registry.store import resolve
from flowml.training.collect import gather
from flowml.training.fit import TrainingSettings, fit

SHOWN, LONG_S = 5, 60.0
folder = Path(os.environ.get("FLOWML_DATASETS", "datasets"))

# %% [markdown]
# ## Fitted and judged, origins left out
#
# In five folds, each connection observed from the beginning of its capture.

# %%
captures = [
    capture for manifest in sorted(folder.glob(f"*/{MANIFEST}")) for capture in read_data_set(manifest.parent)
]
everything = gather(captures, (0.0,))
bundle, left_out = fit(everything, TrainingSettings())
probability = np.zeros(len(everything))  # what showed too little is not judged: not found
probability[left_out.rows] = left_out.probability
rows = np.flatnonzero(everything.evasion == NO_EVASION)
labelled = everything.take(rows)
threshold = bundle.thresholds.mining
mistakes = find_mistakes(labelled, probability[rows], threshold)
alarms = [mistake for mistake in mistakes if not mistake.is_mining]
missed = [mistake for mistake in mistakes if mistake.is_mining and mistake.lasted_s >= LONG_S]
Markdown(
    f"Threshold {threshold:.4f}: {len(alarms)} false alarms, {len(missed)} missed miners of 60 s or longer "
    f"that do not hide, among {len(np.unique(labelled.connection)):,} connections."
)


# %% [markdown]
# ### Which they are


# %%
def by_family(kind: str, made: list) -> Markdown:
    count = Counter((labelled.family[m.row], labelled.carrier[m.row]) for m in made)
    lines = [f"| {kind} | carrier | connections |", "|---|---|---:|"]
    lines += [f"| {family} | {carrier} | {n} |" for (family, carrier), n in count.most_common(15)]
    return Markdown("\n".join(lines))


display(by_family("falsely accused", alarms), by_family("missed", missed))

# %% [markdown]
# ### False alarms, the surest ahead

# %%
for mistake in alarms[:SHOWN]:
    display(mistake_strip(labelled, mistake))

# %% [markdown]
# ### Missed miners, the longest ahead

# %%
for mistake in missed[:SHOWN]:
    display(mistake_strip(labelled, mistake))

# %% [markdown]
# ## What people said
#
# Alerts of a site that somebody confirmed or called a false alarm, with what the shipped model says of them
# now.

# %%
if "FLOWML_FEEDBACK" in os.environ:
    said = read_feedback(Path(os.environ["FLOWML_FEEDBACK"]))
    now = resolve().bundle.judge(said.observations).probability
    for row in range(min(SHOWN, len(said))):
        title = f"{said.family[row]}, {said.origin[row]}: probability now {now[row]:.4f}"
        display(message_strip(said.observations.packets.take(np.array([row])), title))
else:
    display(Markdown("No feedback was given (`FLOWML_FEEDBACK`)."))

# %% [markdown]
# ## Miners that hide
#
# The matrix of `make evasions`, as it was last written: each miner judged by a classifier that did not
# see its pool. Shares are those of `docs/evaluation/evasions.md`; the CSV keeps only the
# median delay of each cell, so a delay here is the median of those.

# %%
path = Path(os.environ.get("FLOWML_EVASIONS", "docs/evaluation/evasions.csv"))
with path.open(encoding="utf-8", newline="") as lines:
    cells = [
        EvasionCell(
            *(line[name] for name in ("family", "carrier", "evasion", "strength")),
            Share(int(line["found"]), int(line["connections"])),
            Share(int(line["miners_found"]), int(line["miners"])),
            # the median of the cell alone is kept: medians over cells are medians of these
            np.array([float(line["delay_median_s"])] if line["delay_median_s"] else []),
        )
        for line in csv.DictReader(lines)
    ]
display(Markdown("\n".join(render_evasions(cells))))
display(draw_evasions(cells))
