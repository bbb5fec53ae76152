"""The option --config: which configuration file a command reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SENSOR_FILE = Path("/etc/flowml/flowml.toml")


def config_option(words: str, **more: Any) -> Callable[[_Command], _Command]:
    """Make the option, which comes as `config_file`; `more` is what click's options take."""
    return click.option(
        "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path), help=words, **more
    )


def sensor_config_option(command: _Command) -> _Command:
    """Add the option to a command that works on the sensor of this machine unless told otherwise."""
    return config_option("TOML file of the sensor.", default=_SENSOR_FILE, show_default=True)(command)
