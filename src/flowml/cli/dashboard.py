"""flowml dashboard: serves the dashboard, and says who may use it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.cli.config_file import sensor_config_option

if TYPE_CHECKING:
    from flowml.config.reader import Settings

_role_option = click.option(
    "--role",
    type=click.Choice(["viewer", "analyst", "admin"]),
    default="analyst",
    show_default=True,
    help="viewers read, analysts work on incidents, admins also authorise mining and read the audit log.",
)


@click.group(invoke_without_command=True)
@sensor_config_option
@click.pass_context
def dashboard(context: click.Context, config_file: Path) -> None:
    """Show incidents, health and models to people, in a browser.

    A process of its own: it may be started and ended while the sensor runs, and without it.
    """
    from flowml.config.reader import read_settings

    context.obj = read_settings(config_file)
    if context.invoked_subcommand is None:
        _serve(context.obj, config_file)


@dashboard.command("add-user")
@click.argument("name")
@_role_option
@click.pass_obj
def add_user(settings: "Settings", name: str, role: str) -> None:
    """Let NAME log in. Asks for the password, or reads it from standard input if that is no terminal."""
    from flowml.api.passwords import hash_password
    from flowml.api.users import ROLES, User, add

    path = _users_file(settings)
    password = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else None
    )
    add(path, User(name, ROLES[role], hash_password(_checked(password or sys.stdin.readline().rstrip("\n")))))
    click.echo(f"{name} is {role}: {path}")


@dashboard.command("add-token")
@click.argument("name")
@_role_option
@click.pass_obj
def add_token(settings: "Settings", name: str, role: str) -> None:
    """Let the program NAME use the API; prints its token, once."""
    from flowml.api.passwords import hash_token, new_token
    from flowml.api.users import ROLES, User, add

    path, token = _users_file(settings), new_token()
    add(path, User(name, ROLES[role], hash_token(token)))
    click.echo(token)
    click.echo(f"{name} is {role}: {path}; send it as Authorization: Bearer TOKEN", err=True)


@dashboard.command("remove-user")
@click.argument("name")
@click.pass_obj
def remove_user(settings: "Settings", name: str) -> None:
    """Let NAME, a user or a program, in no more; sessions end at once."""
    from flowml.api.users import remove

    path = _users_file(settings)
    remove(path, name)
    click.echo(f"{name} is gone: {path}")


def _users_file(settings: "Settings") -> Path:
    from flowml.errors import ConfigError

    if settings.dashboard.users is None:
        raise ConfigError('dashboard.users: not set; add users = "users" to [dashboard], a path for the file')
    return settings.dashboard.users


def _checked(password: str) -> str:
    from flowml.api.passwords import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS
    from flowml.errors import ConfigError

    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        raise ConfigError(
            f"password: got {len(password)} characters, expected {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS}"
        )
    return password


def _serve(settings: "Settings", config_file: Path) -> None:
    from flowml.api.application import Dashboard
    from flowml.api.server import listen, serve
    from flowml.config.shown import shown
    from flowml.errors import ConfigError

    settings.dashboard.check()
    if settings.state.folder is None:
        raise ConfigError(
            f"{config_file}: state.folder is not set, so no incidents are kept; "
            'set it, such as folder = "/var/lib/flowml" in [state], for the sensor and the dashboard'
        )
    with (
        Dashboard(
            settings.state.folder, settings.dashboard, shown(settings), settings.evidence.folder
        ) as running,
        listen(settings.dashboard) as opened,
    ):
        for line in running.greeting(opened.getsockname()[1]):
            click.echo(line)
        sys.stdout.flush()
        serve(running.app, settings.dashboard, opened, running.leave)
