"""flowml threshold: from how many alerts a day are bearable to the probability that is called mining."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowml.cli.config_file import sensor_config_option
from flowml.cli.span import SPAN

if TYPE_CHECKING:
    from flowml.incidents.store import IncidentStore

_BUDGET = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(?:/day)?")


class Budget(click.ParamType[float]):
    """Alerts a day."""

    name = "budget"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Read a budget."""
        found = _BUDGET.fullmatch(str(value))
        if found is None:
            self.fail(f"got {value!r}, expected alerts a day, such as 5 or 5/day", parameter, context)
        return float(found[1])


@click.command()
@click.option("--budget", metavar="N", type=Budget(), required=True, help="Alerts a day, such as 5.")
@click.option(
    "--hosts",
    metavar="N",
    type=click.IntRange(min=1),
    help="The budget is for 1,000 hosts, and this network has so many.",
)
@click.option("--since", type=SPAN, default="7d", show_default=True, help="How far back scores are taken.")
@sensor_config_option
def threshold(budget: float, hosts: int | None, since: float, config_file: Path) -> None:
    """Propose a threshold: the lowest from which on this site had at most so many alerts a day.

    It is read from the scores that the sensor stored of the connections that ended, and told with what it
    costs in recall on the mining of the fit. Nothing is changed: models.threshold of the configuration is
    where the proposal goes.
    """
    from flowml.cli.stored import open_state

    if hosts is not None:
        budget *= hosts / 1000
    with open_state(config_file) as store:
        words, value, digest = _proposal(store, budget, int((time.time() - since) * 1000))
    click.echo("\n".join([words, *_cost(config_file, value, digest)]))


def _proposal(store: "IncidentStore", budget: float, since_ms: int) -> tuple[str, float, str]:
    """What to write into the configuration, the threshold, and the digest of the model that it is for."""
    from flowml.detections.scores import N_BINS, threshold_for
    from flowml.errors import DataError
    from flowml.incidents.scores import scored_hours, scores
    from flowml.incidents.telemetry import models_in_use

    champion = models_in_use(store).get("champion")
    hours = 0 if champion is None else scored_hours(store, champion.digest, since_ms)
    if champion is None or not hours:
        raise DataError(f"{store.database.path}: no scores of that time yet; let the sensor run first")
    counts = scores(store, champion.digest, N_BINS, since_ms, int(time.time() * 1000) + 1)
    value = threshold_for(counts, hours / 24, budget)
    if value >= 1.0:
        raise DataError(
            f"{store.database.path}: no threshold keeps {budget:g} alerts a day: in {hours} hours more "
            "connections than that scored highest; authorise those that may mine"
        )
    words = (
        f"{sum(counts)} connections in {hours} hours, judged by {champion.name} {champion.digest[:12]}\n"
        f"at most {budget:g} alerts a day from probability {value:.4f} on; to use it:\n"
        f"    [models]\n    threshold = {value:.4f}"
    )
    return words, value, champion.digest


def _cost(config_file: Path, value: float, digest: str) -> list[str]:
    """What the threshold costs in recall, as far as the model says."""
    from flowml.cli.judging import judging_of
    from flowml.registry.store import resolve

    judging = judging_of(config_file)
    bundle = resolve(judging.model).bundle
    if bundle.digest != digest:
        return [f"recall: not known here: {config_file} names another model, {bundle.reference}"]
    if bundle.recall is None:
        return ["recall: this model does not say; train it again"]
    before = bundle.thresholds.mining if judging.threshold is None else judging.threshold
    told = [
        f"recall on {part.connections} mining connections of the {name}: {part.recall(before):.1%} from "
        f"{before:.4f} on, as now, {part.recall(value):.1%} from {value:.4f} on"
        for name, part in bundle.recall.parts.items()
    ]
    return [
        *told,
        "each judged by a classifier that did not see its pool; the miners of this network may be others",
    ]
