from dataclasses import replace

from flowml.detections.policy import Conclusions
from flowml.detections.verdict import Label
from flowml.service.tally import Tally
from tests.verdicts import BENIGN, MINING, alert


def test_a_run_is_summed_up_in_a_line() -> None:
    tally = Tally()
    tally.add(Conclusions([alert(), alert(detected_after_s=31.2)], [BENIGN]))
    tally.add(Conclusions([alert(detected_after_s=10.0)], [MINING, replace(MINING, label=Label.UNSURE)]))
    assert str(tally) == (
        "3 connections seen, 1 tagged as mining, 1 unsure; "
        "tagged 31 s after their first packet (median), 62 s at most"
    )


def test_nothing_found_is_said_plainly() -> None:
    assert str(Tally()) == "0 connections seen, 0 tagged as mining, 0 unsure"


def test_what_was_not_delivered_is_said() -> None:
    tally = Tally()
    tally.undelivered = 2
    assert str(tally).endswith("; 2 alerts or events not delivered")


def test_tallies_add_up() -> None:
    one, other = Tally(), Tally()
    one.add(Conclusions([alert()], [MINING]))
    other.add(Conclusions([], [BENIGN]))
    one.merge(other)
    assert str(one).startswith("2 connections seen, 1 tagged as mining")
