from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from flowml.lab.actor import Actor
from flowml.lab.carriers.carrier import Carrier
from flowml.lab.casting import all_actors, dressed
from flowml.lab.evasions.evasion import STRENGTHS, Evasion

_GUIDE = Path(__file__).parents[2] / "docs" / "lab.md"


def _recipe(first_words: str) -> dict[str, object]:
    """What a file of the guide defines."""
    (recipe,) = re.findall(rf"```python\n(\"\"\"{first_words}.*?)```", _GUIDE.read_text(), re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(recipe, "recipe.py", "exec"), namespace)  # noqa: S102
    return namespace


def test_the_recipe_of_a_carrier_makes_one_that_takes_a_miner() -> None:
    carriers = _recipe("A port forwarder")["CARRIERS"]
    assert isinstance(carriers, tuple)
    (carrier,) = carriers
    assert isinstance(carrier, Carrier)
    carried = dressed(all_actors()["monero"], carrier)
    assert (carried.name, carried.carrier, carried.ports) == ("monero/forwarder", "forwarder", (7000,))
    assert {"detour_s", "password_bytes", "hashes_per_s"} <= set(carried.draw(np.random.default_rng(1)))


def test_the_recipe_of_an_evasion_makes_one_of_three_strengths() -> None:
    evasions = _recipe("Echoes")["EVASIONS"]
    assert isinstance(evasions, tuple)
    (evasion,) = evasions
    assert isinstance(evasion, Evasion)
    names = {dressed(all_actors()["monero"], None, evasion, strength).name for strength in STRENGTHS}
    assert names == {f"monero+echoes-{strength}" for strength in STRENGTHS}


def test_the_recipe_of_the_guide_makes_an_actor_and_its_twin_in_tls() -> None:
    actors = _recipe("A clock")["ACTORS"]
    assert isinstance(actors, tuple)
    plain, tls = actors
    assert isinstance(plain, Actor)
    assert (plain.name, plain.carrier, tls.name, tls.carrier) == ("clock", "plain", "clock-tls", "tls")
    assert set(plain.draw(np.random.default_rng(1))) == {"period_s", "rhythm", "zone_bytes"}
