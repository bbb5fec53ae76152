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
# # Training, and how the models compare
#
# Every `flowml train` is a run in MLflow: what it was fitted on, with which settings, and the figures of
# origins that it did not see. Here the runs stand side by side, and after them learners of other kinds.
# Nothing is fitted.
#
# * `MLFLOW_TRACKING_URI`: the MLflow store; without it `mlflow.db` in this directory.
# * `FLOWML_LEARNERS`: the comparison of learners as CSV; without it `docs/evaluation/learners.csv`.
#
# Runs on other data sets have other origins left out: their figures say how each does at home, and more data
# makes the task harder. Which of two models is better, captures say that neither has seen: `flowml evaluate`.

# %%
# %matplotlib inline
import csv
import os
from collections import defaultdict
from pathlib import Path

import mlflow
import numpy as np
from IPython.display import Markdown, display
from matplotlib import pyplot as plt

from flowml.registry.connection import connect, tracking_uri
from flowml.registry.tracking import EXPERIMENT

NEWEST, MARKERS = 8, "osD^vP*X"
uri = tracking_uri(None)
client = connect(uri)
experiment = client.get_experiment_by_name(EXPERIMENT)
runs = client.search_runs(
    [experiment.experiment_id], order_by=["attributes.start_time DESC"], max_results=NEWEST
)
runs = runs[::-1]

# %% [markdown]
# ## The runs, oldest first
#
# Each connection is judged by a classifier that did not see its origin. Found: of the mining connections of
# 60 seconds or longer. Both are to be read together: a lower threshold raises both.

# %%
WORDS = {
    "left_out.mining_connections": ("mining", "{:,.0f}"),
    "left_out.benign_connections": ("benign", "{:,.0f}"),
    "left_out.recall_long": ("found", "{:.1%}"),
    "left_out.false_alarm_share": ("false alarms", "{:.2%}"),
    "left_out.detection_delay_median_s": ("median delay, s", "{:.0f}"),
    "left_out.brier": ("Brier score", "{:.3f}"),
    "left_out.family_named_right": ("family named right", "{:.0%}"),
}


def row(run: "mlflow.entities.Run") -> str:
    """A line of the table."""
    fitted_on = ", ".join(given.dataset.name for given in run.inputs.dataset_inputs)
    figures = [form.format(run.data.metrics.get(name, np.nan)) for name, (_, form) in WORDS.items()]
    threshold = float(run.data.params["threshold.mining"])
    return f"| {' | '.join([run.info.run_name, fitted_on, f'{threshold:.3f}', *figures])} |"


head = ["run", "fitted on", "threshold", *(word for word, _ in WORDS.values())]
Markdown("\n".join([f"| {' | '.join(head)} |", "|---|---|" + "---:|" * (len(WORDS) + 1), *map(row, runs)]))

# %% [markdown]
# ## What the threshold costs
#
# To the left and up is better.

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
alarms = np.array([run.data.metrics.get("left_out.false_alarm_share", np.nan) for run in runs])
found = np.array([run.data.metrics.get("left_out.recall_long", np.nan) for run in runs])
axes.scatter(alarms * 100, found * 100, s=60, color="#2b6cb0")
for run, x, y in zip(runs, alarms * 100, found * 100, strict=True):
    axes.annotate(run.info.run_name, (x, y), xytext=(6, 6), textcoords="offset points")
axes.set(xlabel="benign connections called mining, %", ylabel="miners of 60 s or longer found, %")
axes.set_xlim(left=0)
axes.margins(x=0.15, y=0.15)
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
plt.close(figure)
display(figure)

# %% [markdown]
# ## Settings that differ

# %%
settings = {name for run in runs for name in run.data.params} - {"digest"}
values = {name: [run.data.params.get(name, "") for run in runs] for name in sorted(settings)}
differing = {name: each for name, each in values.items() if len(set(each)) > 1}
head = ["setting", *(run.info.run_name for run in runs)]
lines = [f"| {' | '.join([name, *each])} |" for name, each in differing.items()]
Markdown("\n".join([f"| {' | '.join(head)} |", "|---|" + "---|" * len(runs), *lines]))

# %% [markdown]
# ## The pictures of the oldest and the newest of them

# %%
compared = runs[:1] if len(runs) == 1 else [runs[0], runs[-1]]
for artifact in client.list_artifacts(compared[-1].info.run_id, "figures"):
    figure, panels = plt.subplots(1, len(compared), figsize=(6 * len(compared), 4), squeeze=False)
    for run, axes in zip(compared, panels[0], strict=True):
        local = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=artifact.path, tracking_uri=uri
        )
        axes.imshow(plt.imread(local))
        axes.set_title(run.info.run_name)
        axes.axis("off")
    figure.tight_layout()
    plt.close(figure)
    display(figure)

# %% [markdown]
# ## Other learners, on families that they were not fitted on
#
# Why randomised trees ship: each learner was fitted without one mining family after the other, and its
# threshold chosen by the same rule on benign origins left out (`make learners`;
# [what each is](../evaluation/learners.md)). Found: connections of the family left out, of 300 s or longer;
# means over families. Boosted trees find as many, no mean of learners clearly more, and at a tenth of the
# false alarms randomised trees are ahead of each other kind: the report and
# [decision 12](../decisions/0012-randomised-trees.md) have those figures.

# %%
path = Path(os.environ.get("FLOWML_LEARNERS", "docs/evaluation/learners.csv"))
rounds_of = defaultdict(list)
with path.open(encoding="utf-8", newline="") as lines:
    for line in csv.DictReader(lines):
        rounds_of[line["learner"]].append(line)


def recall(rounds: list[dict[str, str]], kind: str) -> np.ndarray:
    """Share found in each round, NaN where the family has no such connection."""
    hits, totals = (
        np.array([float(each[f"{kind}_{what}"]) for each in rounds]) for what in ("hits", "total")
    )
    return np.divide(hits, totals, out=np.full(len(rounds), np.nan), where=totals > 0)


def alarms_of(rounds: list[dict[str, str]], kind: str) -> str:
    """False alarms of all rounds."""
    hits, total = (sum(int(each[f"{kind}_{what}"]) for each in rounds) for what in ("hits", "total"))
    return f"{hits} of {total:,}"


head = ["learner", "plain and TLS", "without miners that evade", "other carriers"]
head += ["false alarms, real captures", "lab"]
lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
for name, rounds in rounds_of.items():
    means = [f"{np.nanmean(recall(rounds, kind)):.1%}" for kind in ("direct", "honest", "carried")]
    lines.append(f"| {' | '.join([name, *means, alarms_of(rounds, 'real'), alarms_of(rounds, 'lab')])} |")
Markdown("\n".join(lines))

# %%
figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
alone = {name: rounds for name, rounds in rounds_of.items() if "+" not in name}
for number, (name, rounds) in enumerate(alone.items()):
    marker = MARKERS[number % len(MARKERS)]
    families = [each["left_out"] for each in rounds]
    axes.plot(recall(rounds, "direct") * 100, families, marker, alpha=0.8, label=name)
axes.set(xlabel="found in plain and TLS, %", ylabel="family left out")
axes.invert_yaxis()
axes.grid(alpha=0.3)
axes.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside upper center", ncols=3, frameon=False)
plt.close(figure)
display(figure)
