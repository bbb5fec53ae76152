"""The models of a sensor: swapped while it runs, and never for one that is not what it should be."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from flowml.detections.verdict import VerdictBatch
from flowml.errors import ModelError
from flowml.flows.observations import Observations
from flowml.models.bundle import ModelBundle, load_bundle
from flowml.models.bundle_files import CARD
from flowml.models.pointer import CHALLENGER, CHAMPION, pointer_path, read_pointer
from flowml.service.sample import Sample
from flowml.service.settings import ModelsSettings
from flowml.service.shadow import Shadow


class ModelWatch:
    """Judges with the champion of a folder, and compares it with the challenger of the same folder.

    `judge` is for the scorer's thread, `look` for another one: a bundle is read, checked and warmed there,
    and then put to work by one assignment. Connections keep their history and their verdicts.

    Parameters
    ----------
    settings : ModelsSettings
    first : ModelBundle
        Judges until the folder names another.
    home : Path
        Its folder.
    tell : callable
        Told, in a sentence, what changed.

    Attributes
    ----------
    champion : ModelBundle
    challenger : ModelBundle or None
    shadow : Shadow
    sample : Sample
        What the champion judged, counted against what it was fitted on.
    cards : dict of str to str
        What the models at work are, by role, Markdown.
    trouble : str
        Why the folder's models are not those at work; empty: they are.
    """

    def __init__(
        self, settings: ModelsSettings, first: ModelBundle, home: Path, tell: Callable[[str], None]
    ) -> None:
        self._folder = settings.folder
        self._threshold = settings.threshold
        self._tell = tell
        self._refused: dict[str, str] = {}
        self.champion = self._adjusted(first)
        self.challenger: ModelBundle | None = None
        self.shadow = Shadow()
        self.sample = Sample()
        self.cards = {CHAMPION: _card(home)}

    @property
    def trouble(self) -> str:
        """What was refused, and why."""
        return "; ".join(self._refused.values())

    def judge(self, observations: Observations) -> VerdictBatch:
        """Give the champion's verdicts; let the challenger judge the same if there is one."""
        champion, challenger = self.champion, self.challenger  # `look` may put others in their place
        population = champion.population
        seen = None if population is None else partial(self.sample.note, population)
        verdicts = champion.judge(observations, seen)
        if challenger is not None:
            self.shadow.compare(observations, verdicts, challenger.judge(observations))
        return verdicts

    def look(self) -> bool:
        """See whether the folder names other models by now, and load them; say whether that changed any."""
        if self._folder is None:
            return False
        before = self.champion, self.challenger
        self.champion = self._asked(CHAMPION, self._folder, self.champion) or self.champion
        self.challenger = self._asked(CHALLENGER, self._folder, self.challenger)
        return before != (self.champion, self.challenger)

    def _asked(self, role: str, folder: Path, present: ModelBundle | None) -> ModelBundle | None:
        """The bundle that a role's pointer names; the present one where that cannot be used."""
        try:
            pointer = read_pointer(pointer_path(folder, role))
            if pointer is None:
                self._settled(role)
                return None
            if present is None or present.digest != pointer.digest:
                present = self._adjusted(load_bundle(pointer.folder, pointer.digest))
                self.cards[role] = _card(pointer.folder)
                self._tell(f"{role}: {present.reference} is at work")
            self._settled(role)
        except ModelError as error:
            kept = "none is at work" if present is None else f"{present.reference} stays at work"
            self._refuse(role, f"{role} refused, {kept}: {error}")
        return present

    def _refuse(self, role: str, why: str) -> None:
        if self._refused.get(role) != why:
            self._tell(why)
        self._refused[role] = why

    def _settled(self, role: str) -> None:
        self._refused.pop(role, None)

    def _adjusted(self, bundle: ModelBundle) -> ModelBundle:
        """The bundle with the threshold of this site."""
        if self._threshold is None:
            return bundle
        thresholds = bundle.thresholds
        unsure = min(thresholds.unsure, self._threshold)
        return replace(bundle, thresholds=replace(thresholds, mining=self._threshold, unsure=unsure))


def _card(folder: Path) -> str:
    """The card as it is shown; it decides nothing, and a bundle whose card has gone by now is still sound."""
    try:
        return (folder / CARD).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
