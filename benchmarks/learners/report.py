"""The comparison as Markdown."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from outcomes import Outcome
from rounds import Material, Round

from flowml.evaluation.metrics import Share

Found = Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True)
class Cost:
    """Bytes of a fitted learner, pickled and compressed; observations that a processor scores a second."""

    n_bytes: int
    per_second: float


def report(
    of: Material, these: Sequence[Round], both: tuple[Found, Found], costs: Mapping[str, Cost]
) -> list[str]:
    """Of what was found at the budget of a model, and at a stricter one."""
    found, strict = both
    head = Path(__file__).with_name("learners.head.md").read_text(encoding="utf-8").splitlines()
    first = found[next(iter(found))]
    return [
        *head,
        "",
        (
            f"{np.count_nonzero(of.weight):,} observations to fit on, less those that a round leaves out; "
            f"{len(these)} rounds."
        ),
        "",
        "## Together",
        "",
        *_together(found),
        "",
        "A tenth of the lab's false alarms, and how far real benign connections stay from the threshold:",
        "",
        *_apart(found, strict),
        "",
        "## What each costs",
        "",
        "From packets to a score, features included, by the time of the process for 20,000 observations;",
        "bytes of what would be stored, pickled and compressed; medians of the rounds, with other programs",
        "beside them. A mean of several costs all of them, less the features that they share.",
        "",
        *_costs(costs),
        "",
        "## Plain and TLS, by family left out",
        "",
        *_families(these, found, [each.direct for each in first], lambda each: _percent(each.direct)),
        "",
        "## Other carriers, by family left out",
        "",
        *_families(these, found, [each.carried for each in first], lambda each: _percent(each.carried)),
        "",
        "## False alarms, by family left out",
        "",
        "In real captures, then in the lab.",
        "",
        *_families(
            these,
            found,
            [f"{each.real.total}, {each.lab.total}" for each in first],
            lambda each: f"{each.real.hits}, {each.lab.hits}",
        ),
    ]


def figures(these: Sequence[Round], found: Found) -> str:
    """Every figure as CSV: of each share the hits and the total."""
    names = [field.name for field in fields(Outcome) if field.type is Share]
    lines = [["learner", "left_out", *(f"{name}_{what}" for name in names for what in ("hits", "total"))]]
    for learner, results in found.items():
        for this, result in zip(these, results, strict=True):
            shares = [getattr(result, name) for name in names]
            lines.append(
                [learner, this.family, *(str(n) for each in shares for n in (each.hits, each.total))]
            )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _together(found: Found) -> list[str]:
    first = next(iter(found))
    lines = [
        (
            "| learner | plain and TLS | without miners that evade | other carriers | against the trees | "
            "false alarms, real | lab |"
        ),
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for name, results in found.items():
        real, lab = _sum([each.real for each in results]), _sum([each.lab for each in results])
        cells = [
            name,
            f"{_mean(results, _direct):.1%}",
            f"{_mean(results, lambda each: each.honest.value):.1%}",
            f"{_mean(results, lambda each: each.carried.value):.1%}",
            "" if name == first else _difference(results, found[first]),
            str(real),
            f"{lab} ({lab.value:.1%})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _apart(found: Found, strict: Found) -> list[str]:
    lines = [
        (
            "| learner | plain and TLS, 2 in 1,000 | other carriers, 2 in 1,000 | against the trees "
            "| false alarms, real | lab | highest real probability | threshold, median |"
        ),
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    first = next(iter(strict))
    for name, results in strict.items():
        real, lab = _sum([each.real for each in results]), _sum([each.lab for each in results])
        at_budget = found[name]
        cells = [
            name,
            f"{_mean(results, _direct):.1%}",
            f"{_mean(results, lambda each: each.carried.value):.1%}",
            "" if name == first else _difference(results, strict[first]),
            str(real),
            f"{lab} ({lab.value:.2%})",
            f"{max(each.highest for each in at_budget):.3f}",
            f"{np.median([each.threshold for each in at_budget]):.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _direct(each: Outcome) -> float:
    return each.direct.value


def _mean(results: Sequence[Outcome], value: Callable[[Outcome], float]) -> float:
    """Over families; those without such a connection are passed over."""
    return float(np.nanmean([value(each) for each in results]))


def _difference(results: Sequence[Outcome], first: Sequence[Outcome]) -> str:
    """Points of recall in plain and TLS, bootstrapped over families; how many families gain and lose."""
    points = 100 * np.array([_direct(a) - _direct(b) for a, b in zip(results, first, strict=True)])
    drawn = np.random.default_rng(0).choice(points, (10_000, len(points))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    better, worse = np.count_nonzero(points > 0), np.count_nonzero(points < 0)
    return f"{points.mean():+.1f} points ({low:+.1f} to {high:+.1f}); {better} better, {worse} worse"


def _sum(shares: Sequence[Share]) -> Share:
    return Share(sum(each.hits for each in shares), sum(each.total for each in shares))


def _costs(costs: Mapping[str, Cost]) -> list[str]:
    first = next(iter(costs.values()))
    lines = ["| learner | bytes | observations a second | of the trees' |", "|---|---:|---:|---:|"]
    lines += [
        (f"| {name} | {cost.n_bytes:,} | {cost.per_second:,.0f} | {cost.per_second / first.per_second:.2f} |")
        for name, cost in costs.items()
    ]
    return lines


def _families(
    these: Sequence[Round], found: Found, totals: Sequence[object], cell: Callable[[Outcome], str]
) -> list[str]:
    lines = [f"| left out | connections | {' | '.join(found)} |", "|---|---:|" + "---:|" * len(found)]
    for number, this in enumerate(these):
        of = totals[number]
        total = of.total if isinstance(of, Share) else of
        cells = " | ".join(cell(results[number]) for results in found.values())
        lines.append(f"| {this.family} | {total} | {cells} |")
    return lines


def _percent(share: Share) -> str:
    return f"{share.value:.0%}" if share.total else ""
