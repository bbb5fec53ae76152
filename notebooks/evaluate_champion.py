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
# # The champion, and what it gets wrong
#
# Loads the champion from MLflow, lets it judge a data set, and shows its mistakes one by one: what the model
# saw of the connection, message by message.
#
# * `FLOWML_DATASET`: folder with a `manifest.toml` and labelled captures. Figures mean something only if the
#   champion was not fitted on it.
# * `FLOWML_MODEL`: another model than `models:/flowml@champion`.
# * `MLFLOW_TRACKING_URI`: the MLflow store; without it `mlflow.db` in this directory.

# %%
# %matplotlib inline
import os
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import read_data_set
from flowml.evaluation.metrics import connection_outcomes
from flowml.evaluation.mistakes import find_mistakes, mistake_strip
from flowml.evaluation.plots import detection_delay, recall_at_low_alarms
from flowml.evaluation.report import LONG_S, evaluate_source, render_results
from flowml.registry.store import resolve
from flowml.training.collect import collect

SHOWN = 10
dataset = Path(os.environ["FLOWML_DATASET"])

# %% [markdown]
# ## The model
#
# Fetched from the registry and checked against the digest of its version before anything of it is loaded.

# %%
resolved = resolve(os.environ.get("FLOWML_MODEL", "models:/flowml@champion"))
model = resolved.bundle
Markdown((resolved.folder / "card.md").read_text())

# %% [markdown]
# ## The data set

# %%
collected = collect(read_data_set(dataset))
labelled = LabelledObservations.concat([part.labelled for part in collected if part.labelled is not None])
n_connections = len(np.unique(labelled.connection))
f"{len(collected)} captures, {n_connections:,} connections, {len(labelled):,} observations"

# %% [markdown]
# ## What was found
#
# By source; a mining connection of 60 seconds or longer is what a detector is held to.

# %%
verdicts = model.judge(labelled.observations)
threshold = model.thresholds.mining
results = []
for source in np.unique(labelled.source):
    rows = np.flatnonzero(labelled.source == source)
    results += evaluate_source(source, labelled.take(rows), verdicts.probability[rows], threshold)[0]
Markdown("\n".join(render_results(results)))

# %%
outcomes = connection_outcomes(
    labelled.connection, verdicts.probability, labelled.observations.reported_s, threshold
)
is_mining = labelled.is_mining[outcomes.row]
if 0 < is_mining.sum() < len(is_mining):
    display(recall_at_low_alarms(is_mining, outcomes.probability, threshold))

# %%
is_long = labelled.lasted_s[outcomes.row] >= LONG_S
if (is_mining & is_long).any():
    kind = f"mining connections of {LONG_S:.0f} s or longer"
    display(detection_delay(outcomes.detected_after_s[is_mining & is_long], kind))

# %% [markdown]
# ## False alarms and missed miners, one by one
#
# Each strip is what the model saw when it came closest to calling the connection mining: time against message
# size, up is the client, down is the server. A miner shows jobs (down, of one size, unasked for) and shares
# (up, of one size, answered at once by something small).

# %%
mistakes = find_mistakes(labelled, verdicts.probability, threshold)
alarms = [mistake for mistake in mistakes if not mistake.is_mining]
missed = [mistake for mistake in mistakes if mistake.is_mining]
f"{len(alarms)} false alarms, {len(missed)} missed miners; up to {SHOWN} of each are shown"

# %%
for mistake in alarms[:SHOWN]:
    display(mistake_strip(labelled, mistake))

# %%
for mistake in missed[:SHOWN]:
    display(mistake_strip(labelled, mistake))
