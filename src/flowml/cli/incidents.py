"""flowml incidents: what the sensor has found, and what people did with it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowml.cli.config_file import sensor_config_option
from flowml.cli.state import moment, now_ms, opened, who
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from flowml.detections.alert import Alert
    from flowml.detections.incident import Incident
    from flowml.detections.sentence import Sentence
    from flowml.incidents.asking import IncidentDetail
    from flowml.incidents.store import IncidentStore

STATES = ("new", "acknowledged", "confirmed", "closed", "false_alarm", "authorised")
_PAGE = 500
_filters = (
    click.option("--state", type=click.Choice(STATES), help="Only these."),
    click.option("--search", default="", help="Part of host, name, server or owner."),
    click.option("--host", default="", metavar="ADDRESS", help="Only of this host."),
)


def _filtered(command: Any) -> Any:
    for option in reversed(_filters):
        command = option(command)
    return sensor_config_option(command)


@click.group()
def incidents() -> None:
    """List, show, change and export incidents."""


@incidents.command("list")
@_filtered
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True)
def list_incidents(state: str | None, search: str, host: str, limit: int, config_file: Path) -> None:
    """List incidents, newest first."""
    with opened(config_file) as store:
        page = store.incidents(_asked(state, search, host), limit, 0)
    for incident in page.incidents:
        click.echo(_line(incident))
    click.echo(f"{len(page.incidents)} of {page.total} incidents")


@incidents.command()
@click.argument("number", type=click.IntRange(min=1))
@sensor_config_option
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
def show(number: int, as_json: bool, config_file: Path) -> None:
    """Show incident NUMBER: what was seen, what it has to do with others, what was done."""
    from flowml.incidents.campaigns import findings

    with opened(config_file) as store:
        detail = _detail(store, number)
        found = findings(store, detail)
    if as_json:
        click.echo(json.dumps(_facts(detail, found), indent=1))
        return
    click.echo(_line(detail.incident))
    for sentence in found:
        click.echo(f"  {printable(sentence.text, 500)}")
    for alert in detail.alerts:
        _show_alert(alert)
    for step in detail.steps:
        words = f"{step.before} -> {step.after}" if step.what != "note" else step.after
        click.echo(f"  {moment(step.time_ms)}  {printable(step.who)}: {step.what}: {printable(words, 500)}")


@incidents.command("slice")
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "-o", "--output", metavar="FILE.pcap", type=click.Path(path_type=Path), required=True, help="Written."
)
@sensor_config_option
def slice_incident(number: int, output: Path, config_file: Path) -> None:
    """Cut the packets of incident NUMBER out of the headers that [evidence] keeps."""
    from flowml.capture.header_slice import Cut, write_slice
    from flowml.config.reader import read_settings
    from flowml.errors import CaptureError, ConfigError
    from flowml.incidents.telemetry import audit

    folder = read_settings(config_file).evidence.folder
    if folder is None:
        raise ConfigError(
            f"{config_file}: names no evidence.folder, so nothing of any packet is kept; add it"
        )
    with opened(config_file) as store:
        seen = [alert.verdict for alert in _detail(store, number).alerts]
        audit(store, who(), "slice of capture", str(number), now_ms())
    packets = write_slice(folder, [Cut(one.source, one.key, one.start_ms) for one in seen], output)
    if not packets:
        raise CaptureError(
            f"{folder}: no packet of incident {number} is kept any more; enlarge evidence.size_mib"
        )
    click.echo(f"{packets} packets")


@incidents.command("set")
@click.argument("numbers", metavar="NUMBER...", type=click.IntRange(min=1), nargs=-1, required=True)
@click.option("--state", type=click.Choice(STATES), help="confirmed and false_alarm become feedback.")
@click.option("--owner", help="Who handles it.")
@click.option("--note", help="What to remember.")
@sensor_config_option
def set_incidents(
    numbers: Sequence[int], state: str | None, owner: str | None, note: str | None, config_file: Path
) -> None:
    """Change incidents, all of them or none."""
    from flowml.detections.incident import Change, IncidentState
    from flowml.incidents.telemetry import audit

    if state is None and owner is None and note is None:
        raise click.UsageError("what to change? --state, --owner or --note")
    wanted = Change(None if state is None else IncidentState(state), owner, note)
    with opened(config_file) as store:
        try:
            changed = store.change(numbers, wanted, who(), now_ms())
        except LookupError as error:
            raise click.UsageError(f"{error}; nothing was changed") from None
        told = ", ".join(map(str, numbers)) + (f": {state}" if state else "")
        audit(store, who(), "change incident", told, now_ms())
    click.echo(f"{changed} changed")


@incidents.command()
@_filtered
def export(state: str | None, search: str, host: str, config_file: Path) -> None:
    """Write incidents with all that is known of them as JSON lines on standard output."""
    from flowml.incidents.campaigns import findings

    with opened(config_file) as store:
        asked, number = _asked(state, search, host), 0
        while page := store.incidents(asked, _PAGE, number).incidents:
            for incident in page:
                detail = _detail(store, incident.number)
                click.echo(json.dumps(_facts(detail, findings(store, detail))))
            number += len(page)


def _asked(state: str | None, search: str, host: str) -> Any:
    from flowml.detections.incident import IncidentState
    from flowml.incidents.asking import IncidentFilter

    return IncidentFilter(None if state is None else IncidentState(state), search, host)


def _detail(store: "IncidentStore", number: int) -> "IncidentDetail":
    detail = store.incident(number)
    if detail is None:
        raise click.UsageError(f"no incident {number}; flowml incidents list shows all")
    return detail


def _count(alerts: int) -> str:
    return "1 alert" if alerts == 1 else f"{alerts} alerts"


def _line(incident: "Incident") -> str:
    host = f"{incident.host} ({printable(incident.name)})" if incident.name else incident.host
    owner = f"  {printable(incident.owner)}" if incident.owner else ""
    return (
        f"{incident.number}  {incident.state}  {host} -> {printable(incident.server)}  "
        f"{_count(incident.alerts)}  {incident.probability:.3f}  {moment(incident.last_seen_ms)}{owner}"
    )


def _show_alert(alert: "Alert") -> None:
    verdict, evidence = alert.verdict, alert.evidence
    click.echo(
        f"  {moment(alert.raised_ms)}  {verdict.key.community_id}  probability {verdict.probability:.3f} at "
        f"{verdict.age_s:.0f} s, novelty {verdict.novelty:.3f}, {verdict.client_bytes} bytes up, "
        f"{verdict.server_bytes} down"
    )
    for sentence in alert.explanation:
        click.echo(f"    {printable(sentence.text, 1000)}")
    if evidence.share_rate_per_min is not None:
        click.echo(f"    About {evidence.share_rate_per_min:.1f} shares a minute.")
    if evidence.resembles:
        click.echo(f"    Resembles {printable(evidence.resembles)} most.")
    if evidence.opened_before:
        click.echo(f"    Opened in the minute before: {', '.join(map(printable, evidence.opened_before))}.")


def _facts(detail: "IncidentDetail", found: "Sequence[Sentence]") -> dict[str, Any]:
    alerts = [
        {
            "identifier": alert.identifier,
            "community_id": alert.verdict.key.community_id,
            **asdict(alert),
            "explanation": [sentence.text for sentence in alert.explanation],
        }
        for alert in detail.alerts
    ]
    return {
        **asdict(detail.incident),
        "findings": [sentence.text for sentence in found],
        "alerts": alerts,
        "history": [asdict(step) for step in detail.steps],
        "related": [related.number for related in detail.related],
    }
