"""``flowml lab``: record labelled traffic in network namespaces."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import click


@click.group()
def lab() -> None:
    """Make labelled traffic: mining and benign actors on real TCP and TLS, recorded at a tap."""


@lab.command("list")
def list_scenarios() -> None:
    """List the scenarios."""
    from flowml.lab.scenarios import scenarios

    for scenario in scenarios():
        n_servers = sum(cast.n_servers for cast in scenario.casts)
        click.echo(
            f"{scenario.name:8} {scenario.duration_s:5.0f} s  {n_servers:3} servers  {scenario.summary}"
        )


@lab.command()
@click.argument("scenario")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of everything drawn.")
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=1.0), help="Seconds; else the scenario's own."
)
def record(scenario: str, folder: Path, seed: int, duration_s: float | None) -> None:
    """Record SCENARIO as root: a capture and manifest.toml with the truth."""
    from flowml.lab.record import record as record_scenario
    from flowml.lab.scenario import by_name
    from flowml.lab.scenarios import scenarios

    # An ordinary end of the process, so that the network is taken down.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = by_name(scenarios(), scenario)
    capture = record_scenario(chosen, folder, seed, duration_s or chosen.duration_s)
    n_mining = sum(server.is_mining for server in capture.servers)
    click.echo(
        f"{capture.file}: {capture.n_packets} packets in {capture.duration_s:g} s, "
        f"{len(capture.servers)} servers, {n_mining} of them pools"
    )


@lab.command()
@click.argument("scenario")
def check(scenario: str) -> None:
    """Say whether this machine can play SCENARIO: exit code 0, or 2 and what is missing."""
    from flowml.lab.namespaces import require_root
    from flowml.lab.scenario import by_name, require_programs
    from flowml.lab.scenarios import scenarios

    require_programs(by_name(scenarios(), scenario))
    require_root()


@lab.command()
@click.argument("scenario")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of everything drawn.")
def play(scenario: str, command: tuple[str, ...], seed: int) -> None:
    """Play SCENARIO as root while COMMAND runs; {tap} in it becomes the interface to listen on.

    For example: flowml lab play demo -- flowml live -i {tap} --duration 60
    """
    from flowml.lab.record import running
    from flowml.lab.scenario import by_name
    from flowml.lab.scenarios import scenarios

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with running(by_name(scenarios(), scenario), seed) as playing:
        n_mining = sum(server.is_mining for server in playing.truth)
        click.echo(
            f"{scenario}: {n_mining} pools and {len(playing.truth) - n_mining} other servers "
            f"with their clients, on {playing.tap_interface}",
            err=True,
        )
        words = [word.replace("{tap}", playing.tap_interface) for word in command]
        code = subprocess.run(words, check=False).returncode
    sys.exit(code)


@lab.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write."
)
def pack(recording: Path, folder: Path) -> None:
    """Make a data set of flow tables from a RECORDING, a tenth of its size.

    Each capture is metered into a Parquet table, and the manifest names the tables instead.
    """
    from flowml.lab.packing import pack_recording

    for path in pack_recording(recording, folder):
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
