from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from flowml.lab.actor import Actor

_GUIDE = Path(__file__).parents[2] / "docs" / "lab.md"


def test_the_recipe_of_the_guide_makes_an_actor_and_its_twin_in_tls() -> None:
    (recipe,) = re.findall(r"```python\n(\"\"\"A clock.*?)```", _GUIDE.read_text(), re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(recipe, "clock.py", "exec"), namespace)  # noqa: S102
    actors = namespace["ACTORS"]
    assert isinstance(actors, tuple)
    plain, tls = actors
    assert isinstance(plain, Actor)
    assert (plain.name, plain.carrier, tls.name, tls.carrier) == ("clock", "plain", "clock-tls", "tls")
    assert set(plain.draw(np.random.default_rng(1))) == {"period_s", "rhythm", "zone_bytes"}
