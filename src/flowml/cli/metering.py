"""What every command that meters files says first, where the fast meter is missing."""

import click


def tell_if_slow() -> None:
    """Say once on standard error that metering will be slow, if it will be."""
    from flowml.capture.extension import extension
    from flowml.capture.files import SLOW

    if not extension():
        click.echo(f"flowml: {SLOW}", err=True)
