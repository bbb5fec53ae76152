"""Company: several actors in one tunnel, as the machines of a site share its way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from flowml.lab.actor import Actor, Parameters, come_again
from flowml.lab.rhythm import together

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowml.lab.site import Site

_FIRST_PORT = 100  # above the main actor's; each carrier and each helper takes one more
_PORTS_EACH = 10


@dataclass(frozen=True, slots=True)
class _Company:
    main: Actor
    others: tuple[Actor, ...]

    def draw(self, rng: Generator) -> Parameters:
        names = ", ".join(actor.name for actor in self.others)
        return {**self.main.draw(rng), "company": names, "company_seed": int(rng.integers(2**32))}

    async def serve(self, site: Site, rng: Generator) -> None:
        sites = enumerate(self.others)
        others = (actor.serve(self._site(site, number), rng) for number, actor in sites)
        await together(self.main.serve(site, rng), *others)

    async def visit(self, site: Site, rng: Generator) -> None:
        sites = enumerate(self.others)
        others = (come_again(actor.visit, self._site(site, number), rng) for number, actor in sites)
        await together(come_again(self.main.visit, site, rng), *others)

    def _site(self, site: Site, number: int) -> Site:
        """Site of a companion, which draws the same on both sides."""
        drawn: dict[str, Any] = dict(
            self.others[number].draw(np.random.default_rng([site.parameters["company_seed"], number]))
        )
        server = (site.server[0], site.server[1] + _FIRST_PORT + _PORTS_EACH * number)
        folder = site.folder / f"company-{number}"
        folder.mkdir(exist_ok=True)
        return replace(
            site, server=server, doors=(server,), certificate=None, parameters=drawn, folder=folder
        )


def in_company(actor: Actor, others: tuple[Actor, ...]) -> Actor:
    """Return the actor with others beside it, all of them plain, to be carried by one tunnel."""
    company = _Company(actor, others)
    return replace(actor, draw=company.draw, serve=company.serve, visit=company.visit)
