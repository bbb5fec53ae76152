import click
import pytest

from flowml.cli.span import SPAN


def test_spans_are_minutes_hours_and_days() -> None:
    assert [SPAN.convert(text, None, None) for text in ("30m", "24h", "7d")] == [1800, 86_400, 604_800]


@pytest.mark.parametrize("text", ["", "7", "0h", "000d", "-1h", "1.5h", "24 h", "123456m"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a span such as 30m"):
        SPAN.convert(text, None, None)
