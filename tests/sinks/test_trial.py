from flowml.sinks.console import alert_line
from flowml.sinks.eve import eve_record
from flowml.sinks.trial import trial_alert


def test_a_trial_says_everywhere_that_it_is_one() -> None:
    said = trial_alert(1_700_000_000_000)
    record = eve_record(said)
    assert record["flowml"]["explanation"][0].startswith("TEST: ")
    assert record["flowml"]["source"] == "flowml sinks test"
    assert record["flowml"]["server_name"] == "test.invalid"
    assert "TEST" in alert_line(said).plain
