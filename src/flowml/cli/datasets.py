"""``flowml datasets``: captures that others made, and what data sets hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowml.datasets.labels import LabelledObservations

_PATH = click.Path(path_type=Path)
_LIST = Path("datasets/public.toml")
_AGES_S = (20, 60, 300)


@click.group()
def datasets() -> None:
    """Fetch and check public captures that a model may be fitted on; count what data sets hold."""


@datasets.command()
@click.argument("sources", metavar="[SOURCES.toml]", type=_PATH, default=_LIST)
@click.option("-o", "--output", "folder", type=_PATH, required=True, help="Folder to write.")
def fetch(sources: Path, folder: Path) -> None:
    """Fetch the public captures that SOURCES.toml lists, verify them, and write their manifest.

    What was fetched before stays; a file that broke off goes on where it did. The folder is a data set then:
    flowml train takes it. Sources whose files are no longer as they were used are named and left out.
    """
    from flowml.cli.progress import bytes_bar
    from flowml.datasets.fetching import fetch as fetch_file
    from flowml.datasets.public import read_public, write_collection
    from flowml.errors import DataError

    listed = read_public(sources)
    there = [source for source in listed if source.is_public]
    with bytes_bar() as bar:
        task = bar.add_task("", total=None)
        for source in there:
            try:
                (folder / source.name).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DataError(
                    f"{folder}: cannot be made: {error.strerror}; choose another folder"
                ) from error
            for number, file in enumerate(source.files, 1):
                bar.update(task, description=f"{source.name} {number} of {len(source.files)}")
                fetch_file(file, folder / source.name, lambda n_bytes: bar.advance(task, n_bytes))
    write_collection(folder, there)
    for source in listed:
        if source.is_public:
            click.echo(f"{folder / source.name}: {len(source.files)} captures, verified")
        else:
            click.echo(
                f"{source.name}: {len(source.files)} captures of {source.about['source']} were cut before "
                "they were used and have no public address; take them from a folder",
                err=True,
            )


@datasets.command()
@click.argument("folder", type=_PATH)
@click.argument("sources", metavar="[SOURCES.toml]", type=_PATH, default=_LIST)
def check(folder: Path, sources: Path) -> None:
    """Hold the captures in FOLDER against the checksums that SOURCES.toml lists."""
    from flowml.datasets.public import check as check_source
    from flowml.datasets.public import read_public

    for source in read_public(sources):
        n_there = check_source(source, folder)
        click.echo(
            f"{source.name}: {n_there} of {len(source.files)} listed captures are there, and as listed"
        )


@datasets.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=_PATH)
def count(folders: tuple[Path, ...]) -> None:
    """Count the labelled connections of data sets, by label and by how long they were seen."""
    from flowml.datasets.labels import LabelledObservations
    from flowml.datasets.manifest import read_data_set
    from flowml.training.collect import collect

    for folder in folders:
        collected = collect(read_data_set(folder), n_jobs=1)
        parts = [part.labelled for part in collected if part.labelled is not None]
        if parts:
            for line in _counted(LabelledObservations.concat(parts)):
                click.echo(f"{folder}: {line}")


def _counted(labelled: LabelledObservations) -> Iterator[str]:
    """One line for each label."""
    import numpy as np

    _, first = np.unique(labelled.connection, return_index=True)
    for is_mining, name in ((True, "mining"), (False, "benign")):
        lasted_s = labelled.lasted_s[first][labelled.is_mining[first] == is_mining]
        longer = ", ".join(f"{np.count_nonzero(lasted_s >= age_s)} of {age_s} s" for age_s in _AGES_S)
        yield f"{name} {len(lasted_s)} connections, at least {longer}"
