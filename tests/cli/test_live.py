import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowml.capture.census import FRAGMENT, NOT_IP
from flowml.cli.live import _tell_packets
from flowml.cli.main import run
from tests.namespaces import Tap, tap
from tests.processes import (
    ENVIRONMENT,
    FLOWML,
    capture_processes,
    children,
    eventually,
    flowml,
    is_alive,
    start_flowml,
)
from tests.sinks.servers import free_port, http_server
from tests.sinks.test_connections import validator
from tests.traffic import POOL, both, hurried_miner, write_capture

HANGS_S = 30.0  # a sensor that has not ended by then never will


class Sensor:
    """A running `flowml live` with its outputs in files."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.out, self.err, self.eve = folder / "out", folder / "err", folder / "eve.json"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [*command, "--eve", str(self.eve)], stdout=out, stderr=err, env=ENVIRONMENT
            )

    @property
    def capture_process(self) -> int:
        """Process identifier of the capture process."""
        (pid,) = capture_processes(self.process.pid)
        return pid

    def wait_for(self, file: Path, text: str) -> None:
        """Wait until a text stands in one of the outputs."""
        arrived = eventually(lambda: text in file.read_text() or self.process.poll() is not None, 120)
        assert arrived, self.told()
        assert text in file.read_text(), self.told()

    def told(self) -> str:
        """Both outputs so far."""
        return self.out.read_text() + self.err.read_text()

    def wait_until_listening(self) -> None:
        """Wait until the interface is open; whoever sends before it sends in vain."""
        self.wait_for(self.err, "listening to ")

    def end(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end; benchmarks/ending.py says how long that takes."""
        child = self.capture_process
        self.process.send_signal(number)
        self.process.wait(HANGS_S)
        assert not is_alive(child)

    def alerts(self) -> list[dict[str, Any]]:
        """The records of the EVE file."""
        return [json.loads(line) for line in self.eve.read_text().splitlines()]


StartSensor = Callable[..., Sensor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartSensor]:
    """Starts sensors, and ends those that a failing test left behind."""
    started: list[Sensor] = []

    def start_one(*command: str) -> Sensor:
        folder = tmp_path / f"sensor-{len(started)}"
        folder.mkdir()
        started.append(Sensor(folder, *command))
        return started[-1]

    yield start_one
    for sensor in started:
        sensor.process.kill()
        sensor.process.wait()


@pytest.fixture
def wire() -> Iterator[Tap]:
    """A tap that traffic can be sent past."""
    with tap() as made:
        yield made


def live(wire: Tap, model: Path, *options: str) -> list[str]:
    """The command of a sensor at the tap."""
    return wire.inside(*FLOWML, "live", "-i", wire.interface, "--model", model, *options)


def packets_of(sensor: Sensor) -> tuple[int, int]:
    """Packets that the kernel had for a sensor, and those that it metered."""
    found = re.search(r"(\d+) packets, (\d+) metered", sensor.err.read_text())
    assert found is not None, sensor.told()
    return int(found[1]), int(found[2])


# --- replay: no root needed -------------------------------------------------------------------------------


def test_a_replay_tags_the_miner_and_sums_up(
    capture: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    eve = tmp_path / "eve.json"
    options = ["--speed", "100", "--model", str(model), "--eve", str(eve)]
    assert run(["live", "--replay", str(capture), *options]) == 0
    told = capfd.readouterr()
    line, summary = told.out.splitlines()
    assert "MINING 10.0.0.2:40000 -> 198.51.100.7:3333 30 s after its start" in line
    assert summary.startswith("2 connections seen, 1 tagged as mining, 0 unsure; tagged 30 s after")
    assert told.err == f"flowml: listening to {capture}\n"
    (record,) = (json.loads(text) for text in eve.read_text().splitlines())
    validator("alert.schema.json").validate(record)


def test_a_replay_gives_the_alerts_that_score_gives(capture: Path, model: Path, tmp_path: Path) -> None:
    replayed, scored = tmp_path / "replayed.json", tmp_path / "scored.json"
    arguments = ["--model", str(model), "--eve"]
    assert run(["live", "--replay", str(capture), "--speed", "100", *arguments, str(replayed)]) == 0
    assert run(["score", str(capture), *arguments, str(scored)]) == 0
    assert replayed.read_text() == scored.read_text()


def test_a_duration_ends_the_replay(capture: Path, model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--speed", "0.001", "--duration", "0.5", "--model", str(model)]
    assert run(["live", "--replay", str(capture), *options]) == 0
    assert capfd.readouterr().out == "0 connections seen, 0 tagged as mining, 0 unsure\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_replay_in_order(
    capture: Path, model: Path, start: StartSensor, number: signal.Signals
) -> None:
    sensor = start(*FLOWML, "live", "--replay", str(capture), "--speed", "0.01", "--model", str(model))
    sensor.wait_until_listening()
    sensor.end(number)
    assert sensor.process.returncode == 0
    assert sensor.out.read_text().startswith("0 connections seen")


def test_a_capture_that_cannot_be_read_is_one_line(
    tmp_path: Path, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.pcap").write_text("Dear diary, today I mined nothing at all.\n")
    assert run(["live", "--replay", str(tmp_path / "text.pcap"), "--model", str(model)]) == 2
    told = capfd.readouterr().err
    assert told.startswith(f"flowml: {tmp_path}/text.pcap: no capture")
    assert told.count("\n") == 1


def test_a_model_that_is_none_is_one_line_and_leaves_no_process(
    capture: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = children(os.getpid())
    assert run(["live", "--replay", str(capture), "--model", str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert children(os.getpid()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "what to watch?"),
        (["-i", "eth0", "--replay", "a.pcap"], "exclude each other"),
        (["-i", "eth0", "-i", "eth0"], "expected each interface once"),
        (["-i", "any", "-i", "eth0"], "alone"),
        (["-i", "a/b"], "expected names of network interfaces"),
        (["--replay", "a.pcap", "--speed", "0"], "--speed"),
        (["--replay", "a.pcap", "--duration", "soon"], "--duration"),
    ],
)
def test_contradicting_options_are_usage_errors(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["live", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_configuration_is_read_and_options_go_first(capture: Path, model: Path, tmp_path: Path) -> None:
    config = tmp_path / "flowml.toml"
    config.write_text(
        f'[capture]\ninterfaces = ["eth9"]\n[live]\nmodel = "{model}"\neve = "from-file.json"\n'
    )
    arguments = ["live", "--replay", str(capture), "--speed", "100", "--config", str(config)]
    assert run(arguments) == 0
    assert len((tmp_path / "from-file.json").read_text().splitlines()) == 1
    assert run([*arguments, "--eve", str(tmp_path / "option.json")]) == 0
    assert len((tmp_path / "option.json").read_text().splitlines()) == 1
    assert len((tmp_path / "from-file.json").read_text().splitlines()) == 1


def test_a_champion_on_disk_needs_no_registry(
    capture: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")  # nobody listens there
    config = tmp_path / "flowml.toml"
    config.write_text(
        '[live]\nmodel = "models:/flowml@champion"\neve = "eve.json"\n[models]\nfolder = "models"\n'
    )
    assert run(["models", "deploy", str(model), "--config", str(config)]) == 0
    assert run(["live", "--replay", str(capture), "--speed", "100", "--config", str(config)]) == 0
    assert len((tmp_path / "eve.json").read_text().splitlines()) == 1


def test_a_reader_that_goes_away_ends_the_sensor_quietly(capture: Path, model: Path) -> None:
    with start_flowml("live", "--replay", capture, "--speed", "100", "--model", model) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == f"flowml: listening to {capture}\n"
    assert process.returncode == 141


def test_alerts_go_wherever_the_configuration_says(
    capture: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "flowml.toml"
    with http_server() as web:
        config.write_text(
            f'[live]\nmodel = "{model}"\n[state]\nfolder = "state"\n[sinks.stdout]\nformat = "json"\n'
            f'[sinks.eve]\nfile = "eve.json"\n[sinks.webhook]\nurl = "{web.url}"\n'
            '[sinks.prometheus]\ntextfile = "flowml.prom"\n'
        )
        assert run(["live", "--replay", str(capture), "--speed", "100", "--config", str(config)]) == 0
    (record,) = (json.loads(text) for text in (tmp_path / "eve.json").read_text().splitlines())
    told = capfd.readouterr()
    assert json.loads(told.out) == record
    assert web.bodies() == [record]
    listening, summary = told.err.splitlines()
    assert listening == f"flowml: listening to {capture}"
    assert summary.startswith("flowml: 2 connections seen, 1 tagged as mining")
    assert 'flowml_sink_delivered_total{sink="webhook"} 1\n' in (tmp_path / "flowml.prom").read_text()


def test_a_destination_may_hear_once_per_incident(model: Path, tmp_path: Path) -> None:
    again = replace(POOL, client_port=POOL.client_port + 1)
    twice = {POOL: hurried_miner(seed=1), again: hurried_miner(seed=2)}
    capture = write_capture(tmp_path / "twice.pcap", twice)
    config = tmp_path / "flowml.toml"
    with http_server() as web:
        config.write_text(
            f'[live]\nmodel = "{model}"\n[state]\nfolder = "state"\n[sinks.eve]\nfile = "eve.json"\n'
            f'[sinks.webhook]\nurl = "{web.url}"\nonce_per_incident = true\n'
        )
        assert run(["live", "--replay", str(capture), "--speed", "100", "--config", str(config)]) == 0
    told = [json.loads(text) for text in (tmp_path / "eve.json").read_text().splitlines()]
    assert len(told) == 2
    assert web.bodies() == told[:1]


def test_without_a_state_folder_it_is_said_once_that_servers_may_miss_alerts(
    capture: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "flowml.toml"
    config.write_text(
        f'[live]\nmodel = "{model}"\n[sinks.webhook]\nurl = "http://127.0.0.1:{free_port()}/"\n'
    )
    assert run(["live", "--replay", str(capture), "--speed", "100", "--config", str(config)]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert sum(line.startswith("flowml: no state.folder: ") for line in lines) == 1
    assert "flowml: webhook: 1 alerts or events were not delivered" in lines
    assert lines[-1] == "flowml: 1 alerts or events were not delivered; the lines above say why"


def test_an_alert_that_was_accepted_survives_the_death_of_the_sensor(
    capture: Path, model: Path, tmp_path: Path, start: StartSensor
) -> None:
    config, port = tmp_path / "flowml.toml", free_port()
    config.write_text(
        f'[live]\nmodel = "{model}"\n[state]\nfolder = "state"\n'
        f'[sinks.webhook]\nurl = "http://127.0.0.1:{port}/"\n'
    )
    command = [*FLOWML, "live", "--replay", str(capture), "--config", str(config), "--speed"]
    sensor = start(*command, "20")
    sensor.wait_for(sensor.err, "webhook: not delivered")  # so it was accepted
    sensor.process.kill()
    sensor.process.wait()
    with http_server(port) as web:
        sensor = start(*command, "0.001")
        assert eventually(lambda: any("sensor" in body for body in web.bodies()), 120), sensor.told()
        sensor.wait_until_listening()
        sensor.end(signal.SIGTERM)
    *alerts, event = web.bodies()  # two, if the kill came before all destinations had accepted it
    assert {alert["src_ip"] for alert in alerts} == {"10.0.0.2"}
    assert len({alert["flowml"]["identifier"] for alert in alerts}) == 1
    assert event["sensor"]["event"] == "resumed"
    assert event["sensor"]["source"] == "sensor"
    assert "webhook: 1 alerts or events of an earlier run are delivered now" in sensor.err.read_text()


def test_a_change_of_health_reaches_every_destination(
    capture: Path, model: Path, start: StartSensor, tmp_path: Path
) -> None:
    config, models = tmp_path / "flowml.toml", tmp_path / "models"
    models.mkdir()
    (models / "champion.toml").write_text("damaged")
    with http_server() as web:
        config.write_text(
            f'[live]\nmodel = "{model}"\n[models]\nfolder = "{models}"\n'
            f'[state]\nfolder = "state"\n[sinks.webhook]\nurl = "{web.url}"\n'
        )
        sensor = start(*FLOWML, "live", "--replay", str(capture), "--speed", "0.001", "--config", str(config))
        sensor.wait_for(sensor.out, "HEALTH model: bad: champion refused")
        assert eventually(lambda: len(web.requests) > 0, 120)
        assert eventually(lambda: sensor.eve.stat().st_size > 0, 120)
        sensor.end(signal.SIGTERM)
    (record,) = sensor.alerts()
    validator("event.schema.json").validate(record)
    assert web.bodies() == [record]
    told = record["sensor"]
    assert (told["check"], told["before"], told["status"]) == ("model", "ok", "bad")
    assert "refused" in told["message"]


def test_the_eve_file_is_opened_again_on_sighup(capture: Path, model: Path, start: StartSensor) -> None:
    sensor = start(*FLOWML, "live", "--replay", str(capture), "--speed", "0.01", "--model", str(model))
    sensor.wait_until_listening()
    moved = sensor.eve.with_name("eve.json.1")
    sensor.eve.rename(moved)
    sensor.process.send_signal(signal.SIGHUP)
    assert eventually(sensor.eve.exists)
    sensor.end(signal.SIGTERM)
    assert sensor.process.returncode == 0


def test_what_became_of_the_packets_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    _tell_packets("a.pcap", {"packets": 7}, evicted=0)
    assert capsys.readouterr().err == ""
    counters = {"kernel_received": 30, "packets": 20, "ignored": 3, "kernel_drops": 7, NOT_IP: 5, FRAGMENT: 6}
    _tell_packets("eth0", {**counters, "evicted_flows": 8, "lost_records": 5}, evicted=9)
    assert capsys.readouterr().err.splitlines() == [
        "flowml: eth0: 30 packets, 20 metered, 3 left out, 7 lost before they could be metered",
        "flowml: eth0: 6 packets left out: IP fragments after the first",
        "flowml: eth0: 8 flows ended early: more were open than meter.max_flows",
        "flowml: eth0: 5 flow records were dropped: the scorer had too little time",
        "flowml: eth0: 9 connections ended early: more were open than connections.max_connections",
    ]


# --- interfaces -------------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_miner_on_the_wire_is_tagged_and_either_signal_ends_the_sensor_in_order(
    wire: Tap, capture: Path, model: Path, start: StartSensor, tmp_path: Path
) -> None:
    config = tmp_path / "flowml.toml"
    config.write_text('[state]\nfolder = "state"\n[evidence]\nfolder = "headers"\n')
    evidence = {signal.SIGINT: [], signal.SIGTERM: ["--config", str(config)]}
    sensors = {number: start(*live(wire, model, *options)) for number, options in evidence.items()}
    for sensor in sensors.values():
        sensor.wait_until_listening()
    with wire.replay(capture):
        for sensor in sensors.values():
            sensor.wait_for(sensor.out, "MINING 10.0.0.2:40000 -> 198.51.100.7:3333")
    for number, sensor in sensors.items():
        sensor.end(number)
        assert sensor.process.returncode == 0
        assert "2 connections seen, 1 tagged as mining" in sensor.out.read_text()
        (alert,) = sensor.alerts()
        validator("alert.schema.json").validate(alert)
        assert alert["flowml"]["source"] == wire.interface
        assert alert["flowml"]["detected_after_s"] < 40
    slice_ = tmp_path / "slice.pcap"
    assert run(["incidents", "slice", "1", "-o", str(slice_), "--config", str(config)]) == 0
    sent = both()[POOL]
    assert lengths(slice_) == [(54, 54 + packet.size_bytes) for packet in sent]  # headers, and nothing else
    assert [path.name for path in (tmp_path / "headers").iterdir()] == [wire.interface]


def lengths(path: Path) -> list[tuple[int, int]]:
    """Captured and original length of each packet of a file, as tshark reads it."""
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [(int(kept), int(sent)) for kept, sent in map(str.split, told.splitlines())]


@pytest.mark.root
def test_open_connections_are_judged_when_the_sensor_ends(
    wire: Tap, capture: Path, model: Path, start: StartSensor
) -> None:
    sensor = start(*live(wire, model))
    sensor.wait_until_listening()
    with wire.replay(capture, multiplier=2):  # over before the first judging age
        pass
    sensor.end(signal.SIGTERM)  # packets of the last moment are still in the kernel
    assert "2 connections seen" in sensor.out.read_text()
    sent, metered = packets_of(sensor)
    assert sent == metered > 0


# Concludes like a sensor, and writes down every connection as score does.
EVERY_CONNECTION = """
import signal, sys
from pathlib import Path
from flowml.detections.policy import Policy
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.models.bundle import load_bundle
from flowml.service.capture_task import CaptureTask
from flowml.service.scoring import Metered, conclude
from flowml.service.supervisor import Supervisor
from flowml.sinks.connections import connection_line

judge = load_bundle(Path(sys.argv[2])).judge
policy = Policy(sys.argv[1], lambda observations: [()] * len(observations))
def tell(text):
    print(text, file=sys.stderr, flush=True)

with Supervisor([CaptureTask(interface=sys.argv[1])], tell) as supervisor:
    signal.signal(signal.SIGTERM, lambda number, frame: supervisor.stop())
    metered = (told.what for told in supervisor if isinstance(told.what, Metered))
    for conclusions in conclude(metered, ConnectionTable(ConnectionSettings()), judge, policy):
        for verdict in conclusions.ended:
            print(connection_line(verdict))
    supervisor.check()
"""


@pytest.mark.root
def test_the_same_packets_give_the_same_verdicts_in_score_and_live(
    wire: Tap, capture: Path, model: Path, start: StartSensor, tmp_path: Path
) -> None:
    seen, scored = tmp_path / "seen.pcap", tmp_path / "scored.json"
    sensor = start(*live(wire, model))
    witness = subprocess.Popen(
        wire.inside(sys.executable, "-c", EVERY_CONNECTION, wire.interface, model),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    recorder = subprocess.Popen(
        wire.inside("tcpdump", "--immediate-mode", "-U", "-i", wire.interface, "-w", seen),
        stderr=subprocess.PIPE,
    )
    sensor.wait_until_listening()
    assert witness.stderr is not None
    assert "listening" in witness.stderr.readline()
    assert recorder.stderr is not None
    assert b"listening" in recorder.stderr.readline()
    with wire.replay(capture):
        sensor.wait_for(sensor.out, "MINING")
    # the same frames make a file of the same size
    assert eventually(lambda: seen.stat().st_size == capture.stat().st_size)
    for process in (recorder, witness):
        process.terminate()
    recorder.communicate()
    told, _ = witness.communicate()
    sensor.end(signal.SIGTERM)
    expected = connections(told)
    assert [record["verdict"] for record in expected] == ["benign", "mining"]
    # what was seen on the wire, to the last bit; what was sent, but for the moments at which it arrived
    for recording, same_times in ((seen, True), (capture, False)):
        out = tmp_path / "out.jsonl"
        outputs = ["--connections", str(out), "--eve", str(scored)]
        assert run(["score", str(recording), "--model", str(model), *outputs]) == 0
        assert [judged(record, same_times) for record in connections(out.read_text())] == [
            judged(record, same_times) for record in expected
        ]
        told_as = "flow" if same_times else "community_id"
        alerts = [json.loads(line)[told_as] for line in scored.read_text().splitlines()]
        assert alerts == [alert[told_as] for alert in sensor.alerts()]


def connections(text: str) -> list[dict[str, Any]]:
    """The records of a connections file, in an order of their own."""
    return sorted((json.loads(line) for line in text.splitlines()), key=lambda record: record["dest_port"])


def judged(record: dict[str, Any], same_times: bool) -> list[object]:
    """What must be equal."""
    names = ["community_id", "src_ip", "src_port", "dest_ip", "dest_port", "verdict"]
    times = ["start", "end", "probability", "novelty", "age_s"]
    return [record[name] for name in names + times * same_times]


@pytest.mark.root
def test_a_killed_capture_process_comes_back_and_goes_on_judging(
    wire: Tap, capture: Path, model: Path, start: StartSensor
) -> None:
    sensor = start(*live(wire, model))
    sensor.wait_until_listening()
    first = sensor.capture_process
    os.kill(first, signal.SIGKILL)
    sensor.wait_for(sensor.out, "INTERRUPTED")
    sensor.wait_for(sensor.out, "RESUMED")
    assert sensor.capture_process != first
    with wire.replay(capture, multiplier=10):
        pass
    sensor.end(signal.SIGTERM)
    assert sensor.process.returncode == 0
    assert "2 connections seen" in sensor.out.read_text()
    events = [record for record in sensor.alerts() if record["event_type"] == "sensor"]
    for event in events:
        validator("event.schema.json").validate(event)
    told = [event["sensor"]["event"] for event in events]
    assert [name for name in told if name != "health"] == ["interrupted", "resumed"]


@pytest.mark.root
def test_any_watches_interfaces_as_they_come_and_go(wire: Tap, model: Path, start: StartSensor) -> None:
    command = [*FLOWML, "live", "-i", "any", "--model", str(model)]
    sensor = start(*wire.inside(*command))
    sensor.wait_for(sensor.err, f"listening to {wire.interface}")
    sensor.wait_for(sensor.err, f"listening to {wire.sender}")
    wire.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
    wire.run("ip", "link", "set", "late0", "up")
    sensor.wait_for(sensor.err, "listening to late0")
    wire.run("ip", "link", "delete", "late0")
    sensor.wait_for(sensor.out, "CLOSED late0: the interface is gone")
    wire.run("ip", "link", "add", "br0", "type", "bridge")
    wire.run("ip", "link", "set", wire.sender, "master", "br0")
    wire.run("ip", "link", "set", "br0", "up")
    sensor.wait_for(sensor.out, f"CLOSED {wire.sender}: its packets are seen on another interface now")
    sensor.wait_for(sensor.err, "listening to br0")
    assert "listening to lo\n" not in sensor.err.read_text()
    assert len(capture_processes(sensor.process.pid)) == 2
    sensor.process.send_signal(signal.SIGTERM)
    assert sensor.process.wait(HANGS_S) == 0


@pytest.mark.root
def test_a_killed_sensor_leaves_no_orphan(wire: Tap, model: Path, start: StartSensor) -> None:
    sensor = start(*live(wire, model))
    sensor.wait_until_listening()
    child = sensor.capture_process
    sensor.process.kill()
    sensor.process.wait()
    assert eventually(lambda: not is_alive(child), HANGS_S)


@pytest.mark.root
def test_a_vanished_interface_is_one_line(wire: Tap, model: Path, start: StartSensor) -> None:
    sensor = start(*live(wire, model))
    sensor.wait_until_listening()
    before = len(sensor.err.read_text().splitlines())
    wire.run("ip", "link", "delete", wire.interface)
    assert sensor.process.wait(20) == 2
    (line,) = sensor.err.read_text().splitlines()[before:]
    assert line.startswith(f"flowml: {wire.interface}: the interface is gone")
    assert "0 connections seen" in sensor.out.read_text()


@pytest.mark.root
def test_a_missing_interface_is_one_line(model: Path) -> None:
    done = flowml("live", "-i", "nosuch0", "--model", model)
    assert done.stdout == ""
    assert done.returncode == 2
    assert done.stderr.startswith("flowml: nosuch0: ")
    assert done.stderr.count("\n") == 1


# root without any capability: it can still read the source tree and the model
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


@pytest.mark.root
def test_any_without_permission_ends_and_says_so(wire: Tap, model: Path) -> None:
    command = wire.inside(*POWERLESS, *FLOWML, "live", "-i", "any", "--model", model)
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    told = done.stderr.splitlines()
    assert len(told) == 2  # one for each interface
    assert all("CAP_NET_RAW" in line for line in told)


@pytest.mark.root
def test_any_with_nothing_to_watch_is_one_line(wire: Tap, model: Path) -> None:
    for end in (wire.interface, wire.sender):
        wire.run("ip", "link", "set", end, "down")
    command = wire.inside(*FLOWML, "live", "-i", "any", "--model", model)
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("flowml: any: no interface but loopback is up")
    assert done.stderr.count("\n") == 1


@pytest.mark.root
def test_missing_permission_is_one_line(model: Path) -> None:
    done = subprocess.run(
        [*POWERLESS, *FLOWML, "live", "-i", "lo", "--model", str(model)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("flowml: lo: ")
    assert "CAP_NET_RAW" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.root
def test_a_full_disk_keeps_no_alert_from_the_console_and_is_told(
    capture: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "flowml-test", folder], check=True)
    try:
        (folder / "filler").write_bytes(bytes(8 << 10))
        eve = folder / "eve.json"
        options = ["--speed", "100", "--model", str(model), "--eve", str(eve)]
        assert run(["live", "--replay", str(capture), *options]) == 2
        told = capfd.readouterr()
        assert "MINING" in told.out
        assert f"flowml: eve: not delivered: {eve}: cannot be written: No space left on device" in told.err
        assert told.err.endswith("flowml: 1 alerts or events were not delivered; the lines above say why\n")
        assert eve.read_text() == ""
    finally:
        subprocess.run(["umount", folder], check=True)
