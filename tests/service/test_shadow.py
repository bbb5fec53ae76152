import numpy as np

from flowml.detections.verdict import VerdictBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.service.shadow import Shadow
from tests.builders import miner, slices


def observed() -> Observations:
    table = ConnectionTable(ConnectionSettings())
    return Observations.concat([table.update(slices(miner(5), [])), table.flush()])


def verdicts(n: int, probability: float) -> VerdictBatch:
    is_mining = np.full(n, probability >= 0.5)
    return VerdictBatch(np.full(n, probability), np.zeros(n), is_mining, ~is_mining & False, "model")


def test_a_connection_is_a_difference_once_however_often_it_is_judged() -> None:
    shadow, observations = Shadow(), observed()
    n = len(observations)
    assert n > 1
    shadow.compare(observations, verdicts(n, 0.9), verdicts(n, 0.1))
    compared, differences = shadow.collect()
    assert (compared.judged, compared.champion_only, compared.challenger_only) == (n, n, 0)
    assert [(found.champion, found.challenger) for found in differences] == [(0.9, 0.1)]
    assert differences[0].connection == "10.0.0.2:40000 -> 198.51.100.7:3333"


def test_what_was_collected_is_not_collected_again() -> None:
    shadow, observations = Shadow(), observed()
    shadow.compare(observations, verdicts(len(observations), 0.9), verdicts(len(observations), 0.9))
    assert shadow.collect()[0].both == len(observations)
    assert shadow.collect()[0].judged == 0
