"""Mistakes one by one: the connections that a model got wrong, gravest first, for a person to look at."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.metrics import connection_outcomes
from flowml.evaluation.strips import message_strip
from flowml.flows.key import host_port


@dataclass(frozen=True)
class Mistake:
    """A connection that was called what it is not.

    Attributes
    ----------
    row : int
        Of the observation with its highest probability.
    is_mining : bool
        The truth: True is a miner that was missed, False a false alarm.
    probability : float
        The highest that any observation of it was given.
    lasted_s : float
        How long it lasted, seconds.
    """

    row: int
    is_mining: bool
    probability: float
    lasted_s: float


def find_mistakes(
    labelled: LabelledObservations, probability: NDArray[np.float64], threshold: float
) -> list[Mistake]:
    """List the connections that were called what they are not.

    Parameters
    ----------
    labelled : LabelledObservations
        n observations.
    probability : ndarray of float64, shape (n,)
    threshold : float
        From which a connection is called mining.

    Returns
    -------
    list of Mistake
        False alarms first, the surest ahead; then missed miners, the longest ahead.
    """
    outcomes = connection_outcomes(
        labelled.connection, probability, labelled.observations.reported_s, threshold
    )
    wrong = outcomes.is_detected != labelled.is_mining[outcomes.row]
    mistakes = [
        Mistake(row, bool(labelled.is_mining[row]), float(probability[row]), float(labelled.lasted_s[row]))
        for row in outcomes.row[wrong].tolist()
    ]
    return sorted(
        mistakes, key=lambda made: (made.is_mining, -made.lasted_s if made.is_mining else -made.probability)
    )


def mistake_strip(labelled: LabelledObservations, mistake: Mistake) -> Figure:
    """Draw what the model saw of a connection when it came closest to calling it mining.

    Parameters
    ----------
    labelled : LabelledObservations
        Those the mistake was found in.
    mistake : Mistake

    Returns
    -------
    Figure
    """
    row, seen = mistake.row, labelled.observations
    key = seen.key(row)
    name = seen.server_name[row].decode(errors="replace") or "no name"
    title = (
        f"{'missed' if mistake.is_mining else 'false alarm'}: probability {mistake.probability:.4f} at "
        f"{seen.age_s[row]:.0f} s of {mistake.lasted_s:.0f} s   {labelled.source[row]}/{labelled.file[row]}\n"
        f"{host_port(key.client_ip, key.client_port)} > {host_port(key.server_ip, key.server_port)}   "
        f"{labelled.family[row]}, {name}"
    )
    return message_strip(seen.packets.take(np.array([row])), title)
