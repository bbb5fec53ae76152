import numpy as np

from flowml.detections.policy import Conclusions
from flowml.detections.verdict import VerdictBatch
from flowml.service.ledger import Ledger
from flowml.service.scoring import Metered
from flowml.service.told import Closed, Told
from tests.builders import miner, slices
from tests.verdicts import BENIGN, MINING, alert


def verdicts(*novelty: float) -> VerdictBatch:
    none = np.zeros(len(novelty), bool)
    return VerdictBatch(np.zeros(len(novelty)), np.array(novelty), none, none, "model")


def test_what_a_source_did_is_given_once() -> None:
    ledger, batch = Ledger(), slices(miner(5), [])
    ledger.hear(Told("eth0", Metered(batch)))
    ledger.judged("eth0", verdicts(0.2, 0.99, 1.0), 0.99)
    ledger.concluded("eth0", Conclusions([alert()], [MINING, BENIGN]))
    ((sight, work),) = ledger.collect()
    assert sight.source == "eth0"
    assert work.payload_bytes == int(np.abs(batch.packets.size_bytes.astype(int)).sum())
    assert (work.connections, work.scored, work.novel, work.alerts) == (2, 3, 2, 1)
    assert work.scores.sum() == 2
    ((_, nothing),) = ledger.collect()
    assert (nothing.connections, nothing.scored, nothing.scores.sum()) == (0, 0, 0)


def test_a_source_that_closed_is_no_longer_watched() -> None:
    ledger = Ledger()
    ledger.hear(Told("eth0", Metered(slices(miner(5), []))))
    ledger.hear(Told("eth0", Closed("eth0: gone")))
    assert [sight.is_watched for sight, _ in ledger.collect()] == [False]
