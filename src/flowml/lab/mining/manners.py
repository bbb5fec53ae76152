"""How miners on machines of others come and go, whatever they mine.

Nobody asked for them, so nobody tends them: pools refuse or ban their wallets and they ask again for ever, a
watchdog kills and restarts them, the machine is slow and the difficulty is not made for it, the pool that was
compiled in is long dead half of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.mining.dialect import Drawn

_RATIOS = {"tended": 0.5, "slow": 0.22, "restarted": 0.16, "refused": 0.04, "deserted": 0.08}
"""Manners, and how often each is drawn."""


def with_manners(drawn: Drawn, rng: Generator) -> dict[str, Any]:
    """Draw how a pool's miners are looked after, and change what follows from it.

    Parameters
    ----------
    drawn
        What ``draw_pool`` drew, with what the family adds.
    rng
        Generator.
    """
    manner = str(rng.choice(list(_RATIOS), p=list(_RATIOS.values())))
    return {**drawn, "manner": manner, **_changed(manner, drawn, rng)}


def _changed(manner: str, drawn: Drawn, rng: Generator) -> dict[str, Any]:
    if manner == "slow":  # a share in half a minute to twenty
        share_s = float(rng.choice([30.0, 60.0, 120.0, 300.0, 1200.0]))
        return {"vardiff": False, "start_difficulty": drawn["hashes_per_s"] * share_s, "session_s": 36000.0}
    if manner == "restarted":
        return {
            "session_s": float(rng.choice([30.0, 120.0, 300.0])),
            "first_number": 0,
            "warmup_s": float(rng.choice([0.0, 5.0, 20.0])),
        }
    if manner == "refused":
        return {"refused_ratio": float(rng.choice([0.5, 0.9, 1.0]))}
    if manner == "deserted":
        return {
            "up_s": float(rng.choice([60.0, 180.0, 400.0])),
            "down_s": float(rng.choice([20.0, 60.0])),
            "is_mute_when_down": bool(rng.random() < 0.5),
        }
    return {}
