"""What there is on the benign side, as a whole."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowml.lab import benign

if TYPE_CHECKING:
    from flowml.lab.actor import Actor

_GUIDE = Path(__file__).parents[3] / "docs" / "lab.md"


def _actors() -> list[Actor]:
    modules = pkgutil.iter_modules(benign.__path__, f"{benign.__name__}.")
    return [
        actor for module in modules for actor in getattr(importlib.import_module(module.name), "ACTORS", ())
    ]


def test_the_guide_lists_every_kind() -> None:
    section = _GUIDE.read_text().partition("## Benign kinds")[2].partition("\n## ")[0]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`(.*?)`", row)
    }
    assert listed == {actor.name.removesuffix("-tls") for actor in _actors()}


def test_no_two_actors_share_a_name() -> None:
    names = [actor.name for actor in _actors()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("actor", _actors(), ids=lambda actor: actor.name)
def test_what_a_benign_actor_draws_varies_and_fits_a_manifest(actor: Actor) -> None:
    assert not actor.is_mining
    drawn = [actor.draw(np.random.default_rng(seed)) for seed in range(40)]
    assert len({json.dumps(each, sort_keys=True) for each in drawn}) > 5
