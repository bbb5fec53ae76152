"""Champion and challenger of a sensor, compared on what both judged."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flowml.errors import ModelError
from flowml.sinks.text import printable

if TYPE_CHECKING:
    from flowml.incidents.store import IncidentStore

_SHOWN = 20


def compared(store: "IncidentStore", roles: tuple[str, str], since_ms: int) -> dict[str, Any]:
    """What two models made of the same observations since a time (epoch, ms).

    Raises
    ------
    ModelError
        One of the roles is nobody's.
    """
    from flowml.incidents.scores import agreement
    from flowml.incidents.telemetry import disagreements, models_in_use

    in_use = models_in_use(store)
    for role in roles:
        if role not in in_use:
            raise ModelError(f"{store.database.path}: no {role} is at work; use: flowml models deploy")
    names = {role: f"{in_use[role].name} {in_use[role].digest[:12]}" for role in roles}
    counted = agreement(store, in_use[roles[0]].digest, in_use[roles[1]].digest, since_ms)
    since_both = max(since_ms, *(in_use[role].since_ms for role in roles))
    found = disagreements(store, since_both, _SHOWN)
    return {**names, **asdict(counted), "disagreements": [asdict(row) for row in found]}


def shown(found: dict[str, Any]) -> str:
    """The same for people."""
    alone = f"by the champion alone {found['champion_only']}, by the challenger {found['challenger_only']}"
    lines = [
        f"champion {found['champion']}, challenger {found['challenger']}",
        f"{found['judged']} observations judged by both; called mining by both {found['both']}, {alone}",
    ]
    lines += [
        f"{row['champion']:.3f} {row['challenger']:.3f}  {printable(row['connection'], 200)}"
        for row in found["disagreements"]
    ]
    return "\n".join(lines)
