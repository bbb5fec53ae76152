"""How probable mining was, by the hour; and how often champion and challenger agreed."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import KEPT_MS

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Agreement:
    """What two models made of the same observations.

    Attributes
    ----------
    judged, both, champion_only, challenger_only : int
        Observations; called mining by both, or by one alone.
    """

    judged: int
    both: int
    champion_only: int
    challenger_only: int


def add_scores(store: IncidentStore, model: str, counts: Sequence[int], now_ms: int) -> None:
    """Add connections by bin of their gravest probability to those of this hour."""
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    rows = [(hour_ms, model, number, count) for number, count in enumerate(counts) if count]
    if not rows:
        return
    with store.database.writing() as connection:
        connection.execute("DELETE FROM score WHERE hour_ms < ?", (now_ms - KEPT_MS,))
        connection.executemany(
            "INSERT INTO score VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET connections = connections + excluded.connections",
            rows,
        )


def scores(store: IncidentStore, model: str, n_bins: int, since_ms: int, until_ms: int) -> list[int]:
    """Give the connections of some hours, by bin."""
    counts = [0] * n_bins
    with store.database.reading() as connection:
        for number, count in connection.execute(
            "SELECT bin, SUM(connections) FROM score "
            "WHERE model = ? AND hour_ms >= ? AND hour_ms < ? GROUP BY bin",
            (model, since_ms, until_ms),
        ):
            counts[number] = count
    return counts


def scored_hours(store: IncidentStore, model: str, since_ms: int) -> int:
    """Give the number of hours since a time of which there are scores of a model."""
    with store.database.reading() as connection:
        row = connection.execute(
            "SELECT COUNT(DISTINCT hour_ms) FROM score WHERE model = ? AND hour_ms >= ?", (model, since_ms)
        ).fetchone()
    return int(row[0])


def add_agreement(
    store: IncidentStore, champion: str, challenger: str, counted: Agreement, now_ms: int
) -> None:
    """Add to what two models agreed on in this hour; both are named by their digests."""
    with store.database.writing() as connection:
        connection.execute("DELETE FROM agreement WHERE hour_ms < ?", (now_ms - KEPT_MS,))
        connection.execute(
            "INSERT INTO agreement VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "judged = judged + excluded.judged, both = both + excluded.both, "
            "champion_only = champion_only + excluded.champion_only, "
            "challenger_only = challenger_only + excluded.challenger_only",
            (
                now_ms // HOUR_MS * HOUR_MS,
                champion,
                challenger,
                counted.judged,
                counted.both,
                counted.champion_only,
                counted.challenger_only,
            ),
        )


def agreement(store: IncidentStore, champion: str, challenger: str, since_ms: int) -> Agreement:
    """Give what two models agreed on since a time."""
    with store.database.reading() as connection:
        row = connection.execute(
            "SELECT TOTAL(judged), TOTAL(both), TOTAL(champion_only), TOTAL(challenger_only) "
            "FROM agreement WHERE champion = ? AND challenger = ? AND hour_ms >= ?",
            (champion, challenger, since_ms),
        ).fetchone()
    return Agreement(*map(int, row))
