import io
import json
import os

import pytest

from flowml.sinks.json_lines import JsonLines
from tests.sinks.test_connections import validator
from tests.verdicts import alert, event


def test_each_alert_and_event_is_a_line_of_the_contract() -> None:
    stream = io.StringIO()
    sink = JsonLines(stream)
    sink.emit([alert(), alert("why", server_name="a\nb\x1b")])
    sink.report(event())
    sink.close()
    first, second, third = stream.getvalue().splitlines()
    for line in (first, second):
        validator("alert.schema.json").validate(json.loads(line))
    validator("event.schema.json").validate(json.loads(third))
    assert stream.getvalue().replace("\n", "").isprintable()


def test_a_reader_that_went_away_is_noticed_at_once() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as stream:  # noqa: PTH123  # a descriptor has no path
        with pytest.raises(BrokenPipeError):
            JsonLines(stream).emit([alert()])
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what is still buffered
