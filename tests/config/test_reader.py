import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml.capture.inputs import RingSettings
from flowml.config.keys import KEYS
from flowml.config.reader import Settings, _sections, read_settings
from flowml.errors import ConfigError
from flowml.service.settings import CaptureSettings
from flowml.sinks.settings import (
    EveSettings,
    PrometheusSettings,
    SinksSettings,
    StdoutSettings,
    SyslogSettings,
)


def read(folder: Path, text: str) -> Settings:
    path = folder / "flowml.toml"
    path.write_text(text)
    return read_settings(path)


def problem(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as told:
        read(folder, text)
    return str(told.value).removeprefix(f"{folder}/")


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings()


def test_what_the_file_says_is_what_the_sensor_gets(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        """
        [capture]
        interfaces = ["eth0", "eth1"]
        ring_mib = 8
        promiscuous = false
        [live]
        eve = "log/eve.json"
        model = "mine"
        [connections]
        max_connections = 1000
        silence_s = 600
        [meter]
        n_dissections = 0
        """,
    )
    assert got.capture.interfaces == ("eth0", "eth1")
    assert got.capture.ring == RingSettings(8 << 20, 65_535, is_promiscuous=False)
    assert got.live.eve == tmp_path / "log" / "eve.json"
    assert got.live.model == str(tmp_path / "mine")
    assert got.connections.max_connections == 1000
    assert got.connections.silence_s == 600.0
    assert got.meter.n_dissections == 0


def test_any_stands_for_all_interfaces(tmp_path: Path) -> None:
    assert read(tmp_path, '[capture]\ninterfaces = "any"').capture.interfaces == ("any",)


def test_a_reference_to_the_registry_is_no_path(tmp_path: Path) -> None:
    assert read(tmp_path, '[live]\nmodel = "models:/flowml@champion"').live.model == "models:/flowml@champion"


def test_all_problems_are_told_together_with_file_and_key(tmp_path: Path) -> None:
    told = problem(
        tmp_path,
        """
        [capture]
        interfaces = 7
        [live]
        modle = "x"
        [connections]
        silence_s = "20s"
        max_connections = 0
        [lvie]
        """,
    )
    assert told == (
        "flowml.toml: 5 problems: lvie: unknown section; did you mean live?; "
        'capture.interfaces: got 7, expected names of network interfaces, such as ["eth0", "eth1"], or "any";'
        " "
        "live.modle: unknown key; did you mean model?; "
        "connections.silence_s: got '20s', expected 60 to 86400 seconds as a number, such as 1800; "
        "connections.max_connections: got 0, expected a whole number of connections, 1 to 10000000"
    )


def test_a_key_without_its_unit_is_told_the_unit(tmp_path: Path) -> None:
    told = problem(tmp_path, '[connections]\nsilence = "20s"\n')
    assert "connections.silence: unknown key; expected silence_s: the unit is part of the name" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("live = 3", "live: got 3, expected a section [live]"),
        ('[capture]\ninterfaces = ["a/b"]', "capture.interfaces: got ['a/b'], expected names"),
        ('[capture]\ninterfaces = "eth0"', "capture.interfaces: got 'eth0', expected names"),
        ("[capture]\ninterfaces = []", "capture.interfaces: got [], expected names"),
        ('[capture]\ninterfaces = ["eth0", "eth0"]', "expected each interface once"),
        ('[capture]\ninterfaces = ["any", "eth0"]', 'and "any" alone'),
        ("[capture]\npromiscuous = 1", "capture.promiscuous: got 1, expected true or false"),
        ("[capture]\nring_mib = 0", "capture.ring_mib: got 0, expected a whole number of MiB, 1 to 4096"),
        ("[capture]\nsnaplen = 96", "capture.snaplen: unknown key; expected snaplen_bytes"),
        ("[connections]\nsilence_s = nan", "connections.silence_s: got nan"),
        ("[connections]\nmax_connections = true", "connections.max_connections: got true"),
        ("[connections]\nmax_connections = 10.5", "connections.max_connections: got 10.5"),
        (
            "[meter]\nidle_timeout_s = 0",
            "meter.idle_timeout_s: got 0, expected a whole number of seconds, 1 to",
        ),
        ("[live\n", "flowml.toml: not TOML: "),
        ("[live]\n[live]\n", "flowml.toml: not TOML: "),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(tmp_path, text)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "flowml.toml").write_bytes(b"[live]\n\xff")
    with pytest.raises(ConfigError, match=r"flowml\.toml: byte 7 is not UTF-8"):
        read_settings(tmp_path / "flowml.toml")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        read_settings(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_settings(tmp_path)


values = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["true", "[]", "{}", '"20s"', '""', '["eth0"]', "[[]]", '"any"']),
)
keys = st.sampled_from([(section, key) for section, known in KEYS.items() for key in [*known, "other"]])


@given(st.dictionaries(keys, values))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_file_gives_settings_or_one_line(tmp_path: Path, wanted: dict[tuple[str, str], str]) -> None:
    text = ""
    for section in KEYS:
        lines = [f"{key} = {value}" for (home, key), value in wanted.items() if home == section]
        text += "\n".join([f"[{section}]", *lines, ""])
    try:
        got: object = read(tmp_path, text)
    except ConfigError as error:
        got = str(error)
    assert isinstance(got, Settings) or len(str(got).splitlines()) == 1


def test_the_documented_file_is_sound_names_every_key_and_gives_the_defaults(
    repository: Path, tmp_path: Path
) -> None:
    documented = (repository / "docs" / "configuration.md").read_text()
    text = documented.split("```toml\n")[1].split("```")[0]
    got = read(tmp_path, text)
    assert {section: set(found) for section, found in _sections(tomllib.loads(text))} == {
        section: set(keys) for section, keys in KEYS.items()
    }
    assert (got.connections, got.meter) == (Settings().connections, Settings().meter)
    assert got.capture == CaptureSettings(interfaces=("eth0",))


def test_a_destination_is_one_that_has_a_section(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        """
        [state]
        folder = "state"
        [sinks]
        spool_mib = 8
        [sinks.stdout]
        format = "json"
        [sinks.eve]
        file = "eve.json"
        rotate_mib = 100
        [sinks.syslog]
        server = "tls://logs.example"
        ca_file = "ca.pem"
        [sinks.prometheus]
        """,
    )
    assert got.state.folder == tmp_path / "state"
    assert got.sinks == SinksSettings(
        spool_mib=8,
        stdout=StdoutSettings("json"),
        eve=EveSettings(tmp_path / "eve.json", 100),
        syslog=SyslogSettings("tls://logs.example", tmp_path / "ca.pem"),
        prometheus=PrometheusSettings(),
    )


def test_once_per_incident_needs_incidents(tmp_path: Path) -> None:
    asked = '[sinks.webhook]\nurl = "https://soc.example/"\nonce_per_incident = true\n'
    assert problem(tmp_path, asked) == (
        "flowml.toml: 1 problem: sinks.webhook.once_per_incident: needs state.folder, where incidents "
        "are kept"
    )
    (tmp_path / "flowml.toml").write_text(asked + '[state]\nfolder = "state"\n')
    assert read_settings(tmp_path / "flowml.toml").sinks.once_per_incident == {"webhook"}


def test_what_a_destination_needs_is_told(tmp_path: Path) -> None:
    assert problem(tmp_path, '[sinks.email]\nserver = "smtp://mail.example"\nsender = "no"') == (
        "flowml.toml: 2 problems: sinks.email.sender: got 'no', expected a mail address such as "
        '"soc@example.org"; sinks.email.recipients: missing; the section needs it'
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('[sinks.syslog]\nserver = "logs.example:514"', "expected udp://HOST:PORT or tcp://HOST:PORT or tls"),
        ('[sinks.syslog]\nserver = "tcp://a b:514"', "expected udp://HOST:PORT"),
        ('[sinks.syslog]\nserver = "tcp://logs:0"', "expected udp://HOST:PORT"),
        ("[sinks.syslog]\nserver = 514", "expected an address as text"),
        ('[sinks.webhook]\nurl = "ftp://a"', "expected a URL"),
        ('[sinks.webhook]\nurl = "https://me:secret@a/"', "without a user"),
        ('[sinks.webhook]\nurl = "https://a:99999/"', "expected a URL"),
        ('[sinks.prometheus]\nlisten = "0.0.0.0:9817"', "expected an address of this machine alone"),
        ('[sinks.prometheus]\ntextfile = "flowml.txt"', "ends in .prom"),
        ('[sinks.stdout]\nformat = "xml"', "expected 'text' or 'json'"),
        ("[sinks.slack]", "sinks.slack: unknown section"),
        ("[sinks]\neve = 7", "sinks.eve: got 7, expected a section [sinks.eve]"),
    ],
)
def test_a_wrong_destination_is_told(line: str, told: str, tmp_path: Path) -> None:
    assert told in problem(tmp_path, line)
