"""flowml models: what is registered, and which of it is at work."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from flowml.cli.config_file import sensor_config_option
from flowml.cli.span import SPAN

if TYPE_CHECKING:
    from flowml.registry.store import ResolvedModel
    from flowml.registry.versions import ModelRegistry, RegisteredVersion

_uri_option = click.option(
    "--tracking-uri", metavar="URI", help="MLflow store; else MLFLOW_TRACKING_URI, else mlflow.db."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
_name_option = click.option("--name", default="flowml", show_default=True, help="Registered model.")
_alias_option = click.option("--alias", default="champion", show_default=True, help="Alias to move.")

_role_option = click.option(
    "--role", type=click.Choice(["champion", "challenger"]), default="champion", show_default=True
)


@click.group()
def models() -> None:
    """List, show, promote and roll back registered models."""


@models.command("list")
@_uri_option
@_json_option
def list_models(tracking_uri: str | None, as_json: bool) -> None:
    """List all versions of all registered models."""
    listed = _registry(tracking_uri).versions()
    if as_json:
        _print_json([_version_facts(version) for version in listed])
        return
    table = Table("model", "version", "aliases", "bundle", "made (UTC)", "digest")
    for version in listed:
        table.add_row(
            version.name,
            str(version.version),
            ", ".join(version.aliases),
            version.bundle_version,
            f"{version.created:%Y-%m-%d %H:%M}",
            (version.digest or "none: cannot be loaded")[:24],
        )
    Console(highlight=False).print(table)


@models.command()
@click.argument("reference", metavar="[MODEL]", required=False)
@_uri_option
@_json_option
def show(reference: str | None, tracking_uri: str | None, as_json: bool) -> None:
    """Show the card of MODEL: models:/NAME@ALIAS, models:/NAME/VERSION or a folder.

    Without one, of the model that came with flowml. The model is fetched and checked.
    """
    from flowml.models.bundle_files import CARD
    from flowml.registry.store import resolve

    resolved = resolve(reference, tracking_uri)
    if as_json:
        _print_json(_bundle_facts(resolved))
        return
    console = Console(highlight=False)
    console.print(Markdown((resolved.folder / CARD).read_text(encoding="utf-8")))
    console.print(f"\n{resolved.folder}\ndigest {resolved.bundle.digest}", markup=False, soft_wrap=True)


@models.command()
@click.argument("version", type=click.IntRange(min=1))
@_name_option
@_alias_option
@_uri_option
def promote(version: int, name: str, alias: str, tracking_uri: str | None) -> None:
    """Let an alias point to VERSION, after fetching and checking it."""
    from flowml.registry.promotion import promote as move_alias
    from flowml.registry.reference import RegisteredReference
    from flowml.registry.store import cache_folder, fetch

    registry = _registry(tracking_uri)
    found = registry.find(RegisteredReference(name, version=version))
    fetch(registry, found, cache_folder())  # what cannot be loaded must not go to work
    move_alias(registry, found, alias)
    _say_target(name, alias, found)


@models.command()
@_name_option
@_alias_option
@_uri_option
def rollback(name: str, alias: str, tracking_uri: str | None) -> None:
    """Let an alias point to the version it pointed to before."""
    from flowml.registry.promotion import rollback as move_back

    _say_target(name, alias, move_back(_registry(tracking_uri), name, alias))


@models.command()
@click.argument("reference", metavar="MODEL", required=False)
@sensor_config_option
@_role_option
@_uri_option
def deploy(reference: str | None, config_file: Path, role: str, tracking_uri: str | None) -> None:
    """Let a running sensor use MODEL: models:/NAME@ALIAS, models:/NAME/VERSION or a folder.

    It is fetched, checked and copied into models.folder of the configuration; the sensor loads it within
    seconds and keeps all connections. With --role challenger it runs in the shadow of the champion.
    """
    from flowml.models.deployment import deploy as put_to_work
    from flowml.registry.store import resolve

    resolved = resolve(reference, tracking_uri)
    put_to_work(resolved.folder, resolved.bundle.digest, _models_folder(config_file), role)
    click.echo(f"{role}: {resolved.bundle.reference}")


@models.command()
@sensor_config_option
@_role_option
def revert(config_file: Path, role: str) -> None:
    """Let a running sensor use the model that it used before."""
    from flowml.models.pointer import pointer_path
    from flowml.models.pointer import revert as go_back

    pointer = go_back(pointer_path(_models_folder(config_file), role))
    click.echo(f"{role}: digest {pointer.digest[:12]}")


@models.command()
@sensor_config_option
def withdraw(config_file: Path) -> None:
    """Let the challenger of a running sensor rest."""
    from flowml.models.pointer import CHALLENGER, pointer_path

    pointer_path(_models_folder(config_file), CHALLENGER).unlink(missing_ok=True)
    click.echo("no challenger")


@models.command()
@click.argument("champion", type=click.Choice(["champion"]))
@click.argument("challenger", type=click.Choice(["challenger"]))
@sensor_config_option
@click.option("--since", type=SPAN, default="24h", show_default=True, help="How far back: 30m, 24h, 7d.")
@_json_option
def compare(champion: str, challenger: str, config_file: Path, since: float, as_json: bool) -> None:
    """Say how often a sensor's champion and challenger agreed, and where they did not."""
    from flowml.cli.comparing import compared, shown
    from flowml.cli.stored import open_state

    with open_state(config_file) as store:
        found = compared(store, (champion, challenger), int((time.time() - since) * 1000))
    _print_json(found) if as_json else click.echo(shown(found))


def _models_folder(config_file: Path) -> Path:
    from flowml.config.reader import read_settings
    from flowml.errors import ConfigError

    folder = read_settings(config_file).models.folder
    if folder is None:
        raise ConfigError(f"{config_file}: no models.folder; name the folder that the sensor looks into")
    return folder


def _registry(uri: str | None) -> "ModelRegistry":
    from flowml.registry.connection import tracking_uri
    from flowml.registry.versions import ModelRegistry

    return ModelRegistry(tracking_uri(uri))


def _say_target(name: str, alias: str, version: "RegisteredVersion") -> None:
    click.echo(
        f"models:/{name}@{alias} is version {version.version} (bundle {version.bundle_version or '-'})"
    )


def _version_facts(version: "RegisteredVersion") -> dict[str, Any]:
    return {**asdict(version), "created": version.created.isoformat(timespec="seconds")}


def _bundle_facts(resolved: "ResolvedModel") -> dict[str, Any]:
    bundle = resolved.bundle
    return {
        "name": bundle.name,
        "version": bundle.version,
        "digest": bundle.digest,
        "folder": str(resolved.folder),
        "thresholds": asdict(bundle.thresholds),
        **bundle.facts,
    }


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
