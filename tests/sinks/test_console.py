import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.detections.alert import ConnectionVerdict
from flowml.flows.key import FlowKey
from flowml.sinks.console import ConsoleLog, PlainConsole, tagged_lines, tagged_table
from tests.verdicts import MINING, alert, event

foreign = st.text(st.characters(exclude_categories=()))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log(*alerts: object, file: io.StringIO | None = None) -> str:
    file = io.StringIO() if file is None else file
    ConsoleLog(PlainConsole(file)).emit(alerts)  # type: ignore[arg-type]
    return file.getvalue()


def test_an_alert_is_one_line_that_says_who_how_sure_and_why() -> None:
    assert log(alert("The server pushes 378 bytes.", "Each is answered.")) == (
        "2023-11-14T22:14:21.500Z MINING 10.0.0.2:40000 -> 198.51.100.7:3333 62 s after its start, "
        "probability 0.988, novelty 0.25, TLS pool.example: The server pushes 378 bytes. Each is answered.\n"
    )


def test_an_event_is_one_line_whatever_its_message_holds() -> None:
    file = io.StringIO()
    ConsoleLog(PlainConsole(file)).report(event("eth0: gone\n\x1b[2J"))
    assert file.getvalue() == "2023-11-14T22:14:21.500Z RESUMED eth0: gone\\n\\x1b[2J\n"


def test_an_ipv6_address_is_told_from_its_port() -> None:
    assert "[2001:db8::2]:40000 -> " in log(alert(key=FlowKey("2001:db8::2", 40000, "2001:db8::7", 443)))


def test_colour_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31mMINING\x1b[0m" in log(alert(), file=Terminal())
    assert "\x1b" not in log(alert())


@given(foreign, foreign)
def test_no_name_from_a_packet_breaks_the_line(server: str, application: str) -> None:
    written = log(alert(server_name=server, application_name=application))
    assert written.endswith("\n")
    assert written[:-1].isprintable()


def test_what_ndpi_does_not_know_is_not_named() -> None:
    assert "Unknown" not in log(alert(application_name="Unknown"))


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "[red]x[/red]" in log(alert(server_name="[red]x[/red]"))


def table(*verdicts: ConnectionVerdict, file: io.StringIO | None = None) -> list[str]:
    file = io.StringIO() if file is None else file
    PlainConsole(file).print(tagged_table(verdicts), soft_wrap=False)
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]


@given(foreign, foreign)
def test_no_name_breaks_the_table(server: str, source: str) -> None:
    lines = table(replace(MINING, server_name=server, source=source), MINING)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@given(foreign, foreign)
def test_the_plain_lines_are_what_rich_writes_into_a_pipe(server: str, source: str) -> None:
    verdicts = [replace(MINING, server_name=server, source=source), MINING, replace(MINING, probability=0.5)]
    for some in (verdicts, verdicts[1:]):
        file = io.StringIO()
        PlainConsole(file).print(tagged_table(some), soft_wrap=False)
        assert "".join(f"{line}\n" for line in tagged_lines(some)) == file.getvalue()


def test_the_table_says_who_when_and_how_sure() -> None:
    head, row = table(MINING)
    assert head.split() == ["client", "server", "start", "(UTC)", "lasted", "tagged", "sure", "seen", "as"]
    assert row.split() == [
        *("10.0.0.2:40000", "198.51.100.7:3333", "11-14", "22:13:20"),
        *("61", "s", "62", "s", "0.988", "TLS", "pool.example"),
    ]


def test_the_file_is_told_where_there_are_several() -> None:
    assert "capture.pcap" not in "".join(table(MINING))
    assert "capture.pcap" in "".join(table(MINING, replace(MINING, source="other.pcap")))


def test_addresses_stay_whole_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    lines = table(MINING, file=Terminal())
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines[1:]] == [
        ["10.0.0.2:40000", "198.51.100.7:3333", "11-14", "22:13:20", "61", "s", "62", "s", "0.988", "TLS"],
        ["pool.example"],
    ]


def test_the_table_stands_in_the_order_of_time() -> None:
    early = replace(MINING, start_ms=MINING.start_ms - 60_000, key=FlowKey("10.0.0.9", 1, "10.0.0.8", 2))
    assert [row.split(":")[0] for row in table(MINING, early)[1:]] == ["10.0.0.9", "10.0.0.2"]
