"""flowml models: what is registered, and which of it is at work."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

if TYPE_CHECKING:
    from flowml.registry.store import ResolvedModel
    from flowml.registry.versions import ModelRegistry, RegisteredVersion

_uri_option = click.option(
    "--tracking-uri", metavar="URI", help="MLflow store; else MLFLOW_TRACKING_URI, else mlflow.db."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
_name_option = click.option("--name", default="flowml", show_default=True, help="Registered model.")
_alias_option = click.option("--alias", default="champion", show_default=True, help="Alias to move.")


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
    from flowml.models.bundle import CARD
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
