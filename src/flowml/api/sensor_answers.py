"""What the API answers of the sensor itself: how it is, what it has seen, and what judges."""

from typing import Literal

from pydantic import Field

from flowml.api.answers import Answer

Level = Literal["ok", "warn", "bad"]


class Check(Answer):
    """One thing that may make the sensor blind."""

    name: str
    level: Level
    words: str
    since_ms: int
    updated_ms: int


class Health(Answer):
    """How the sensor is."""

    level: Level
    heard_ms: int | None = Field(description="When the sensor was last heard of")
    checks: tuple[Check, ...]


class Overview(Answer):
    """The last 24 hours in some figures."""

    packets: int
    bytes: int
    connections: int
    scored: int
    alerts: int
    drops: int
    alerts_budget: float
    new_incidents: int
    open_incidents: int
    health: Health


class Series(Answer):
    """Columns for a chart."""

    times: tuple[int, ...] = Field(description="Epoch, ms")
    series: dict[str, tuple[float | None, ...]]


class ModelLine(Answer):
    """A model that judges, or runs in the shadow."""

    role: str = Field(description="champion or challenger")
    name: str
    digest: str
    card: str = Field(description="Markdown")
    since_ms: int


class ModelList(Answer):
    """The models that the sensor has told of."""

    models: tuple[ModelLine, ...]


class DriftLine(Answer):
    """How far what is seen is from what the model was fitted on."""

    time_ms: int
    name: str
    value: float


class DriftList(Answer):
    """Drift of the last days, newest first."""

    drift: tuple[DriftLine, ...]


class DisagreementLine(Answer):
    """A connection of which champion and challenger think differently."""

    time_ms: int
    connection: str
    champion: float
    challenger: float


class DisagreementList(Answer):
    """Disagreements, newest first."""

    disagreements: tuple[DisagreementLine, ...]
