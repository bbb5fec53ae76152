"""Languages: the words of every page, of what is said of an alert, and which language somebody reads."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flowml.detections.sentence import ENGLISH, Sentence, Units, duration_parts, filled

DEFAULT = "en"
LANGUAGES: Mapping[str, str] = {"en": "English", "ja": "日本語"}


@dataclass(frozen=True)
class Catalogue:
    """The words of one language.

    Attributes
    ----------
    code : str
        BCP 47.
    words : mapping
        Text by key; ``{name}`` in it is replaced.
    """

    code: str
    words: Mapping[str, str]

    def __call__(self, key: str, **values: Any) -> str:
        """Give the text of a key; an unknown key is a mistake of a page."""
        text = self.words[key]
        return text.format(**values) if values else text

    def maybe(self, prefix: str, word: str) -> str:
        """Give the text of a word that came from elsewhere; the word itself if it has none."""
        return self.words.get(f"{prefix}.{word}", word)

    def say(self, sentence: Sentence) -> "Said":
        """Say a sentence in this language, in English if it is not known here or its figures are others."""
        template = self.words.get(sentence.key)
        if template is None:
            return Said(sentence.text, DEFAULT)
        try:
            return Said(filled(template, dict(sentence.figures), self._units), self.code)
        except KeyError:
            return Said(sentence.text, DEFAULT)

    def check(self, name: str) -> str:
        """Name a check of health: what, and of which interface or destination."""
        kind, _, which = name.partition(" ")
        word = self.maybe("check", kind)
        return f"{word} · {which}" if which else word

    def duration(self, seconds: float) -> str:
        """Give a time as people read it."""
        number, unit = duration_parts(seconds)
        return self(f"duration.{unit}", number=number)

    @property
    def _units(self) -> Units:
        return {**ENGLISH, "_s": self.duration, "_messages": str}


@dataclass(frozen=True)
class Said:
    """A sentence as it was said, and the language (BCP 47) in which that was possible."""

    text: str
    language: str


@cache
def catalogue(code: str) -> Catalogue:
    """Read the words of a language."""
    text = (files("flowml.api") / "languages" / f"{code}.toml").read_text("utf-8")
    return Catalogue(code, dict(_flat("", tomllib.loads(text))))


def choose(kept: str | None, accepted: str) -> str:
    """Choose a language: what was chosen before, else what the browser asks for (``Accept-Language``)."""
    if kept is not None and kept in LANGUAGES:
        return kept
    wishes = [_wish(part) for part in accepted.split(",")[:20]]
    known = [(weight, code) for code, weight in wishes if code in LANGUAGES and weight > 0]
    return max(known, key=lambda wish: wish[0])[1] if known else DEFAULT


def _wish(part: str) -> tuple[str, float]:
    tag, _, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().lower().partition("-")[0], weight


def _flat(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for key, value in table.items():
        if isinstance(value, dict):
            pairs += _flat(f"{prefix}{key}.", value)
        else:
            pairs.append((f"{prefix}{key}", str(value)))
    return pairs
