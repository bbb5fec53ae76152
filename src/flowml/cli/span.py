"""Spans of time on the command line: 30m, 24h, 7d."""

import re

import click

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,5})([mhd])")


class Span(click.ParamType[float]):
    """A span of time, in seconds."""

    name = "span"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Read a span."""
        found = _SPAN.fullmatch(str(value))
        if found is None or found[1].strip("0") == "":
            self.fail(f"got {value!r}, expected a span such as 30m, 24h or 7d", parameter, context)
        return float(int(found[1]) * _SECONDS[found[2]])


SPAN = Span()
