from typing import Any

import pytest

from flowml.flows.key import FlowKey
from tests.verdicts import alert

OTHER = FlowKey("10.0.0.2", 40_001, "198.51.100.7", 3333)


def test_an_alert_is_the_same_whatever_is_thought_of_its_connection_later() -> None:
    assert alert("one").identifier == alert("other", probability=0.5, end_ms=0).identifier


@pytest.mark.parametrize("change", [{"start_ms": 1}, {"source": "eth1"}, {"key": OTHER}])
def test_another_connection_is_another_alert(change: dict[str, Any]) -> None:
    assert alert(**change).identifier != alert().identifier
