"""The model card: what a bundle is, for a person who has to trust it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowml.detections.verdict import Thresholds
from flowml.features.evidence import MIN_MESSAGES, MIN_SPAN_S


@dataclass(frozen=True)
class CardFacts:
    """What the card tells.

    Attributes
    ----------
    name, version, created : str
    thresholds : Thresholds
    data : sequence of mapping
        One per source: source, licence, captures, mining and benign connections.
    metrics : mapping of str to str
        Figure and its words.
    evaluated_by : str
        The command that prints them.
    """

    name: str
    version: str
    created: str
    thresholds: Thresholds
    data: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, str]
    evaluated_by: str


def render_card(facts: CardFacts) -> str:
    """Write the card as Markdown."""
    return "\n".join([*_head(facts), *_data(facts), *_metrics(facts), *_limits(), ""])


def _head(facts: CardFacts) -> list[str]:
    return [
        f"# {facts.name} {facts.version}",
        "",
        (
            f"Made {facts.created}. Finds cryptomining in TCP connections from the sizes, directions and "
            "times of their payload packets. It sees no payload, address, port or name."
        ),
        "",
        "| answer | when |",
        "|---|---|",
        f"| mining | calibrated probability of at least {facts.thresholds.mining:.4f} at any age |",
        (
            f"| unsure | probability of at least {facts.thresholds.unsure:.4f}, "
            f"or novelty of at least {facts.thresholds.novelty:.4f} |"
        ),
        "| benign | everything else |",
        "",
        (
            "Probabilities are calibrated on origins (captures, pools, servers) that the classifier was not "
            "fitted on, with both classes weighing the same: 0.5 means as typical of the one as of the "
            "other, not that every second such connection of a real network is a miner."
        ),
        "",
    ]


def _data(facts: CardFacts) -> list[str]:
    lines = ["## Fitted on", "", "| source | licence | captures | mining | benign |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['source']} | {row['licence']} | {row['captures']} | {row['mining']} | {row['benign']} |"
        for row in facts.data
    ]
    return [*lines, "", "Counts are of connections with payload in both directions.", ""]


def _metrics(facts: CardFacts) -> list[str]:
    lines = ["## Figures of the fit, on origins left out", "", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts.metrics.items()]
    return [*lines, "", f"Printed by `{facts.evaluated_by}`.", ""]


def _limits() -> list[str]:
    return [
        "## What it cannot do",
        "",
        "* Mining inside a tunnel that carries other traffic too does not look like mining from outside.",
        (
            f"* A connection is judged once it has shown {MIN_MESSAGES} messages over {MIN_SPAN_S:g} seconds;"
            " a miner that leaves before it sent a share has shown next to nothing."
        ),
        "* In the first five minutes of a connection its probability is held back: less was seen.",
        "* Families that it was not fitted on are found as far as they resemble those it was.",
        "* A verdict is evidence for a person, not proof. Mining may be authorised.",
    ]
