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
# origins that it did not see. Here the runs stand side by side. Nothing is fitted.
#
# * `MLFLOW_TRACKING_URI`: the MLflow store; without it `mlflow.db` in this directory.
#
# Runs on other data sets have other origins left out: their figures say how each does at home, and more data
# makes the task harder. Which of two models is better, captures say that neither has seen: `flowml evaluate`.

# %%
# %matplotlib inline
import mlflow
import numpy as np
from IPython.display import Markdown, display
from matplotlib import pyplot as plt

from flowml.registry.connection import connect, tracking_uri
from flowml.registry.tracking import EXPERIMENT

NEWEST = 8
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
