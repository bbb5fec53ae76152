"""``flowml lab``: record labelled traffic in network namespaces."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flowml.lab.truth import CaptureTruth


def _summary(capture: CaptureTruth) -> str:
    n_mining = sum(server.is_mining for server in capture.servers)
    return (
        f"{capture.file}: {capture.n_packets} packets in {capture.duration_s:g} s, "
        f"{len(capture.servers)} servers, {n_mining} of them pools"
    )


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
    """Record SCENARIO as root: a capture and manifest.toml with the truth.

    A scenario that comes in parts (full) makes a capture for each, one after the other.
    """
    from flowml.lab.record import record as record_parts
    from flowml.lab.scenario import parts_of
    from flowml.lab.scenarios import scenarios

    # An ordinary end of the process, so that the network is taken down.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    parts = parts_of(scenarios(), scenario)
    for capture in record_parts(scenario, parts, folder, seed, duration_s or parts[0].duration_s):
        click.echo(_summary(capture))


@lab.command()
@click.argument("scenario")
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder to write."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of everything drawn.")
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(min=1.0),
    help="Simulated seconds; else the scenario's own.",
)
def simulate(scenario: str, folder: Path, seed: int, duration_s: float | None) -> None:
    """Play SCENARIO in simulated time: a capture and manifest.toml with the truth, without root.

    The actors and their TLS are the lab's own, the network below them is a model: see docs/lab.md.
    """
    from flowml.cli.progress import progress_bar
    from flowml.lab.scenario import by_name
    from flowml.lab.scenarios import scenarios
    from flowml.lab.simulation.stage import simulate as play_simulated

    chosen = by_name(scenarios(), scenario)
    length_s = duration_s or chosen.duration_s
    with progress_bar() as bar:
        task = bar.add_task("simulated seconds", total=round(chosen.lead_s + length_s))
        capture = play_simulated(
            chosen, folder, seed, length_s, lambda now_s: bar.update(task, completed=round(now_s))
        )
    click.echo(_summary(capture))


@lab.command()
@click.argument("scenario")
def check(scenario: str) -> None:
    """Say whether this machine can play SCENARIO: exit code 0, or 2 and what is missing."""
    from flowml.lab.namespaces import require_root
    from flowml.lab.scenario import parts_of, require_programs
    from flowml.lab.scenarios import scenarios

    for part in parts_of(scenarios(), scenario):
        require_programs(part)
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
@click.option(
    "--keep",
    "keep_ratio",
    type=click.FloatRange(min=0.0, min_open=True, max=1.0),
    default=1.0,
    show_default=True,
    help="Share of the servers to keep, with all their connections.",
)
def pack(recording: Path, folder: Path, keep_ratio: float) -> None:
    """Make a data set of flow tables from a RECORDING, a tenth of its size.

    Each capture is metered into a Parquet table, and the manifest names the tables instead.
    """
    from flowml.lab.packing import pack_recording

    for path in pack_recording(recording, folder, keep_ratio):
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


@lab.command()
@click.argument(
    "recordings", metavar="RECORDING...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--against",
    "reference",
    metavar="CAPTURES/FOLDER",
    type=click.Path(path_type=Path),
    required=True,
    help="Real captures: one folder of a collection with a manifest.toml.",
)
@click.option(
    "--family", default="monero", show_default=True, help="What is compared; plain connections alone."
)
def realism(recordings: tuple[Path, ...], reference: Path, family: str) -> None:
    """Say how well a classifier tells RECORDINGs from real captures by message sizes and gaps.

    The area under the ROC curve is 0.5 where nobody could tell them apart. It is told for the half of the
    captures that the lab may be fitted to (every second file by name, from the first), for the other half,
    and for all.
    """
    from flowml.training.realism import HALVES, measure_realism

    for name, files in HALVES.items():
        found = measure_realism(recordings, reference, family, files=files)
        click.echo(
            f"{name}: AUC {found.auc:.3f} (spread {found.auc_spread:.3f}); {found.n_real} real windows of "
            f"{found.n_real_origins} captures, {found.n_emulated} of {found.n_emulated_origins} servers"
        )
        for feature, cost in found.telling:
            click.echo(f"  {feature:40} {cost:.3f}")
