"""flowml evaluate: fit on what may be fitted on, judge all the rest, write the report."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flowml.training.holdout import Holdout
    from flowml.training.leave_out import GroupLeftOut, LeftOutResults


@click.command()
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="REPORT.md",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report there too.",
)
@click.option(
    "--leave-out",
    "kinds",
    metavar="KIND",
    multiple=True,
    type=click.Choice(["families", "carriers", "evasions", "benign"]),
    help="Judge what a fit left out, one by one: families, carriers, evasions or benign.",
)
@click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what was metered there, for the next evaluation of the same captures.",
)
def evaluate(datasets: Sequence[Path], output: Path | None, kinds: Sequence[str], cache: Path | None) -> None:
    """Evaluate flowml on data sets: folders with a manifest.toml and labelled captures.

    A model is fitted on the captures whose manifest allows it. Those that took part are judged by
    classifiers that did not see their origin, all others by the model. The report is Markdown.
    """
    from flowml.cli.metering import tell_if_slow
    from flowml.cli.progress import telling
    from flowml.training.experiment import LATE_S
    from flowml.training.fit import TrainingSettings
    from flowml.training.holdout import run_holdout
    from flowml.training.leave_out import run_leave_out

    tell_if_slow()
    command = shlex.join(["flowml", *sys.argv[1:]])
    with telling() as tell:
        if kinds:
            found = run_leave_out(datasets, kinds, TrainingSettings(), LATE_S, tell, cache)
            lines = _left_out_report(found, command)
        else:
            holdout = run_holdout(datasets, TrainingSettings(), LATE_S, tell, cache)
            lines = _report(holdout, command)
            if output is not None:
                lines += _draw(holdout, output)
    text = "\n".join([*lines, ""])
    click.echo(text, nl=False)
    if output is not None:
        _write(output, text)


def _report(holdout: "Holdout", command: str) -> list[str]:
    from flowml.evaluation.doubts import render_doubts
    from flowml.evaluation.operating import render_operating
    from flowml.evaluation.report import render_results

    thresholds, folds = holdout.bundle.thresholds, holdout.fold_false_alarms
    by_fold = (
        f"False alarms of these {len(folds)} classifiers on the benign sources that are never part of a fit: "
        f"{', '.join(map(str, folds))}."
    )
    return [
        "# Evaluation",
        "",
        f"Made by `{command}`.",
        "",
        f"Threshold {thresholds.mining:.4f}, chosen on origins left out of the fit and on nothing below.",
        "",
        "## Never part of a fit",
        "",
        *render_results(holdout.never_seen),
        "",
        *_alarms(holdout),
        (
            f"Unsure: a probability of {thresholds.unsure:.4f} or more, or more novel than every benign "
            "connection of the fit."
        ),
        "",
        *render_doubts(holdout.doubts),
        "",
        "## Fitted on, each origin judged by a classifier that did not see it",
        "",
        *render_results(holdout.left_out),
        "",
        by_fold,
        "",
        "## Operating points",
        "",
        *render_operating(holdout.operating),
        "",
        "## Calibration",
        "",
        (
            f"Brier score {holdout.brier:.4f} over {len(holdout.scores.labelled):,} observations of origins "
            "left out, weighted as in the fit."
        ),
    ]


def _draw(holdout: "Holdout", output: Path) -> list[str]:
    """Draw the reliability curve beside the report; the line that shows it there."""
    from flowml.errors import DataError
    from flowml.evaluation.plots import reliability_diagram

    scores = holdout.scores
    learnt = scores.weight > 0
    figure = reliability_diagram(
        scores.labelled.is_mining[learnt], scores.probability[learnt], scores.weight[learnt]
    )
    picture = output.with_name(f"{output.stem}-calibration.png")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(picture)
    except OSError as error:
        raise DataError(f"{picture}: cannot be written: {error.strerror or error}") from error
    return ["", f"![Reliability curve of origins left out]({picture.name})"]


def _left_out_report(found: "LeftOutResults", command: str) -> list[str]:
    lines = [
        "# Left out",
        "",
        f"Made by `{command}`.",
        "",
        (
            "Each group is judged by a classifier that was fitted without it, at the calibration and the "
            f"threshold ({found.bundle.thresholds.mining:.4f}) of the model that was fitted on everything."
        ),
    ]
    for kind, groups in found.groups.items():
        lines += ["", f"## {kind.capitalize()}", "", *_left_out_tables(kind, groups)]
    return lines


def _left_out_tables(kind: str, groups: "list[GroupLeftOut]") -> list[str]:
    from flowml.evaluation.groups import render_alarms, render_found, render_unseen
    from flowml.evaluation.operating import render_operating

    if kind == "benign":
        return render_alarms([left.group for left in groups])
    by_carrier = [] if kind == "carriers" else [part for left in groups for part in left.by_carrier]
    direct = [left.direct for left in groups if kind == "families" and left.direct is not None]
    return [
        *render_found([left.group for left in groups]),
        "",
        *(["Of these plain and in TLS, not evading:", "", *render_found(direct), ""] if direct else []),
        *(["The same by carrier:", "", *render_found(by_carrier), ""] if by_carrier else []),
        *render_operating([left.operating for left in groups if left.operating is not None]),
        "",
        "What the same classifiers called mining among benign origins that they did not see either:",
        "",
        *render_unseen([(left.group.name, left.real, left.emulated) for left in groups]),
    ]


def _alarms(holdout: "Holdout") -> list[str]:
    if not holdout.alarms:
        return []
    lines = ["False alarms, each to be looked at:", "", "| file | connection | probability | lasted |"]
    lines.append("|---|---|---|---|")
    lines += [
        f"| {alarm.file} | {alarm.connection} | {alarm.probability:.4f} | {alarm.lasted_s:.0f} s |"
        for alarm in holdout.alarms
    ]
    return [*lines, ""]


def _write(path: Path, text: str) -> None:
    from flowml.errors import DataError
    from flowml.whole_files import unfinished_beside

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_beside(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
