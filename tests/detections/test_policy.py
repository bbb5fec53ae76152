import numpy as np

from flowml.detections.policy import Conclusions, Policy
from flowml.detections.sentence import Sentence
from flowml.detections.verdict import Label, VerdictBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.flows.schedule import JudgingAges
from tests.builders import miner, slices


def observed() -> Observations:
    """A ten-minute connection, judged at 10, 30, 60, 120, 300 s and at its end."""
    ages = JudgingAges((10.0, 30.0, 60.0, 120.0, 300.0))
    table = ConnectionTable(ConnectionSettings(ages=ages))
    return Observations.concat([table.update(slices(miner(10, seed=2), range(0, 400, 10))), table.flush()])


def verdicts(*probabilities: float) -> VerdictBatch:
    probability = np.array(probabilities)
    return VerdictBatch(
        probability=probability,
        novelty=probability / 10,
        is_mining=probability >= 0.9,
        is_unsure=(probability >= 0.5) & (probability < 0.9),
        model="test 1",
    )


def policy() -> Policy:
    return Policy("capture.pcap", lambda seen: [(Sentence("it pushes jobs"),)] * len(seen))


def taken(one: Policy, seen: Observations, all_verdicts: list[float]) -> list[Conclusions]:
    """Give the observations one by one, as a sensor does."""
    return [one.take(seen.take(np.array([i])), verdicts(p)) for i, p in enumerate(all_verdicts)]


def test_a_connection_raises_one_alert_at_its_first_mining_verdict() -> None:
    seen = observed()
    conclusions = policy().take(seen, verdicts(0.1, 0.95, 0.99, 0.2, 0.97, 0.1))
    (alert,) = conclusions.alerts
    assert alert.verdict.age_s == 30
    assert alert.verdict.probability == 0.95
    assert alert.explanation == (Sentence("it pushes jobs"),)
    (ended,) = conclusions.ended
    assert ended.label is Label.MINING
    assert ended.probability == 0.99
    assert ended.detected_after_s == alert.verdict.detected_after_s == seen.reported_s[1]


def test_an_alert_carries_the_messages_that_were_seen_by_then() -> None:
    (alert,) = policy().take(observed(), verdicts(0.1, 0.95, 0.99, 0.2, 0.97, 0.1)).alerts
    strip = alert.evidence.strip
    assert strip[:2] == ((0.0, 500), (0.025, -420))
    assert strip[-1][0] <= 30
    assert {size for _, size in strip[2:]} <= {186, -64, -378}


def test_observations_one_by_one_or_together_give_the_same_end() -> None:
    seen, probabilities = observed(), [0.1, 0.6, 0.95, 0.2, 0.99, 0.3]
    together = policy().take(seen, verdicts(*probabilities))
    singly = taken(policy(), seen, probabilities)
    assert [a for c in singly for a in c.alerts] == together.alerts
    assert [e for c in singly for e in c.ended] == together.ended


def test_unsure_is_an_answer_and_has_no_detection_time() -> None:
    (ended,) = policy().take(observed(), verdicts(0.1, 0.6, 0.2, 0.7, 0.3, 0.1)).ended
    assert ended.label is Label.UNSURE
    assert ended.probability == 0.7
    assert ended.age_s == 120
    assert ended.detected_after_s is None


def test_a_benign_connection_raises_nothing_and_is_told_at_its_end() -> None:
    conclusions = policy().take(observed(), verdicts(*[0.01] * 6))
    assert conclusions.alerts == []
    assert [ended.label for ended in conclusions.ended] == [Label.BENIGN]
    assert conclusions.ended[0].source == "capture.pcap"


def test_what_ended_is_forgotten() -> None:
    one = policy()
    one.take(observed(), verdicts(*[0.95] * 6))
    again = one.take(observed(), verdicts(*[0.95] * 6))
    assert len(again.alerts) == 1
