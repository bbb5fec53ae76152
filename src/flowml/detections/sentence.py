"""Sentences as data: which one it is and its figures, so that every language can say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figure = float | str
Units = Mapping[str, Callable[[float], str]]
"""How figures are written, by the unit that ends their names."""
_DIGITS = 4  # behind the point; more than any language writes


@dataclass(frozen=True)
class Sentence:
    """One thing that is said about a connection, an incident or a sensor.

    Attributes
    ----------
    text : str
        In English, as files and other programs have it; it stays what it was when flowml learns to say it
        better.
    key : str
        Which sentence it is; empty: only the text is known, as of alerts that an earlier flowml stored.
    figures : tuple of (str, float or str)
        What is put into it, by name; the end of a name says the unit.
    """

    text: str
    key: str = ""
    figures: tuple[tuple[str, Figure], ...] = ()


def say(templates: Mapping[str, str], key: str, **figures: Figure) -> Sentence:
    """Make the sentence of a key; the templates are English."""
    kept = {name: round(it, _DIGITS) if isinstance(it, float) else it for name, it in figures.items()}
    return Sentence(filled(templates[key], kept, ENGLISH), key, tuple(kept.items()))


def filled(template: str, figures: Mapping[str, Figure], units: Units) -> str:
    """Put figures into a template, each as its unit is written.

    Raises
    ------
    KeyError
        The template asks for a figure that is not there.
    """
    return template.format_map({name: _written(name, value, units) for name, value in figures.items()})


def duration_parts(seconds: float) -> tuple[str, str]:
    """Give a time as people read it: a number and its unit, ``s``, ``min`` or ``h``."""
    if seconds < 120:
        return f"{seconds:.3g}", "s"
    return (f"{seconds / 60:.0f}", "min") if seconds < 7200 else (f"{seconds / 3600:.1f}", "h")


def _duration(seconds: float) -> str:
    return " ".join(duration_parts(seconds))


def _messages(number: float) -> str:
    return f"{number} message" if number == 1 else f"{number} messages"


ENGLISH: Units = {
    "_s": _duration,
    "_messages": _messages,
    "_ratio": "{:.0%}".format,
    "_percent": "{:.2f}%".format,
    "_bytes": "{:.0f}".format,
    "_ms": "{:.0f}".format,
    "_per_min": "{:.1f}".format,
}


def _written(name: str, value: Figure, units: Units) -> str:
    if isinstance(value, str):
        return value
    return next((write for unit, write in units.items() if name.endswith(unit)), str)(value)
