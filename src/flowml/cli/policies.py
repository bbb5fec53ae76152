"""flowml policies: mining that somebody has allowed."""

from datetime import UTC, datetime
from pathlib import Path

import click

from flowml.cli.config_file import sensor_config_option
from flowml.cli.state import moment, now_ms, opened, who
from flowml.sinks.text import printable


@click.group()
def policies() -> None:
    """List, add and end authorised mining.

    Alerts of a network that may mine are stored and counted in incidents of state authorised; no other
    destination hears of them.
    """


@policies.command("list")
@sensor_config_option
def list_policies(config_file: Path) -> None:
    """List all policies, newest first, also those that ended."""
    with opened(config_file) as store:
        for policy in store.policies():
            ends = "until" if policy.until_ms > now_ms() else "ended"
            click.echo(
                f"{policy.number}  {policy.network}  {ends} {moment(policy.until_ms)}  "
                f"{policy.suppressed} alerts  {printable(policy.owner)}: {printable(policy.reason)}"
            )


@policies.command()
@click.argument("network", metavar="CIDR")
@click.option("--reason", required=True, help="Why it may mine.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option(
    "--until", required=True, type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="Its end, UTC."
)
@sensor_config_option
def add(network: str, reason: str, owner: str, until: datetime, config_file: Path) -> None:
    """Authorise the mining of the hosts in CIDR."""
    from flowml.incidents.telemetry import audit

    until_ms = int(until.replace(tzinfo=UTC).timestamp() * 1000)
    if until_ms <= now_ms():
        raise click.UsageError(f"--until {until:%Y-%m-%dT%H:%M} is in the past")
    with opened(config_file) as store:
        try:
            policy = store.add_policy(network, reason, owner, until_ms)
        except ValueError as error:
            raise click.UsageError(f"{error}; expected a network such as 10.2.0.0/16") from None
        audit(store, who(), "add policy", f"{policy.network}: {policy.reason}", now_ms())
    click.echo(f"policy {policy.number}: {policy.network} may mine until {moment(policy.until_ms)} UTC")


@policies.command()
@click.argument("number", type=click.IntRange(min=1))
@sensor_config_option
def end(number: int, config_file: Path) -> None:
    """End policy NUMBER now; what it has authorised stays so."""
    from flowml.incidents.telemetry import audit

    with opened(config_file) as store:
        try:
            policy = store.end_policy(number, now_ms())
        except LookupError as error:
            raise click.UsageError(f"{error}; flowml policies list shows all") from None
        audit(store, who(), "end policy", policy.network, now_ms())
    click.echo(f"policy {number}: ended; {policy.network} may not mine any more")
