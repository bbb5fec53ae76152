"""What the API answers and is asked, as OpenAPI describes it; of the sensor itself: `sensor_answers`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# SQLite's integers; JSON's largest exact one is smaller still
MAX_NUMBER = 2**53 - 1


def _whole(value: object) -> object:
    """JSON knows no integers: 7.0 is one as well."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[int, Field(ge=1, le=MAX_NUMBER), BeforeValidator(_whole)]
TimeMs = Annotated[
    int,
    Field(ge=0, le=253_402_300_799_999, description="Epoch, ms; up to the year 9999"),
    BeforeValidator(_whole),
]
StateWord = Literal["new", "acknowledged", "confirmed", "closed", "false_alarm", "authorised"]


class Answer(BaseModel):
    """An answer is complete: nothing is added to it later on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(BaseModel):
    """A question is taken as it is written: no unknown fields, no text for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Problem(Answer):
    """Why a request was not done."""

    error: str
    problems: tuple[str, ...] = Field(
        (), description="What is wrong with the request, a place and a reason each"
    )


class IncidentLine(Answer):
    """One incident in a list."""

    number: int
    state: StateWord
    host: str = Field(description="Address of the internal host")
    name: str = Field(description="Name of the host; empty: unknown")
    server: str = Field(description="Where the newest connection went: name or address, and port")
    owner: str
    hosts_of_server: int = Field(description="How many hosts have incidents with this server")
    alerts: int
    probability: float = Field(description="Calibrated, of its gravest alert")
    first_seen_ms: int
    last_seen_ms: int


class IncidentList(Answer):
    """Incidents, newest first."""

    total: int = Field(description="How many there are beyond this page")
    offset: int
    limit: int
    incidents: tuple[IncidentLine, ...]


@dataclass(frozen=True, slots=True)  # an incident has thousands: models would take most of the time
class Message:
    """One packet with payload, or one message, of a strip."""

    at_s: Annotated[float, Field(description="Seconds since the first packet that is shown")]
    size_bytes: Annotated[int, Field(description="Positive: from the client; negative: from the server")]


class AlertAnswer(Answer):
    """One connection that was called mining, and the evidence."""

    identifier: str
    raised_ms: int
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    community_id: str
    server_name: str
    application_name: str
    probability: float
    novelty: float = Field(description="Share of benign training connections that were less unusual")
    age_s: float = Field(description="Age of the connection at the verdict")
    detected_after_s: float | None
    start_ms: int
    end_ms: int
    client_bytes: int
    server_bytes: int
    client_packets: int
    server_packets: int
    saw_start: bool
    was_interrupted: bool
    explanation: tuple[str, ...]
    strip: tuple[Message, ...]
    share_rate_per_min: float | None = Field(description="Estimate; null: too few to say")
    resembles: str = Field(description="Mining family that it resembles most; empty: unknown")
    opened_before: tuple[str, ...] = Field(description="Servers that the client opened in the minute before")
    model: str
    source: str


OF_VERDICT = (
    "server_name", "application_name", "probability", "novelty", "age_s", "detected_after_s",
    "start_ms", "end_ms", "client_bytes", "server_bytes", "client_packets", "server_packets",
    "saw_start", "was_interrupted", "model", "source",
)  # fmt: skip
"""Fields of `AlertAnswer` that are those of the verdict."""


class HistoryLine(Answer):
    """What was done with an incident."""

    time_ms: int
    who: str
    what: str = Field(description="state, owner, note, ...")
    before: str
    after: str


class IncidentAnswer(Answer):
    """All that is known of one incident."""

    incident: IncidentLine
    alerts: tuple[AlertAnswer, ...] = Field(description="The newest, a hundred at most")
    history: tuple[HistoryLine, ...]
    related: tuple[IncidentLine, ...] = Field(description="Of other hosts with the same server")
    findings: tuple[str, ...] = Field(description="What connects it with them, a sentence each")


Text = Annotated[str, Field(max_length=4000)]


class ChangeQuestion(Question):
    """What to change of some incidents; what is left out stays."""

    numbers: Annotated[tuple[Number, ...], Field(strict=False, min_length=1, max_length=1000)]
    state: StateWord | None = None
    owner: Annotated[str, Field(max_length=64)] | None = None
    note: Text | None = None


class Changed(Answer):
    """How many incidents were changed."""

    changed: int


class HostLine(Answer):
    """An internal host with incidents."""

    host: str
    name: str
    incidents: int
    open_incidents: int
    alerts: int
    last_seen_ms: int


class HostList(Answer):
    """Hosts, those seen last first."""

    total: int
    offset: int
    limit: int
    hosts: tuple[HostLine, ...]


class PolicyQuestion(Question):
    """Mining that is allowed."""

    network: Annotated[str, Field(min_length=1, max_length=64, description="CIDR, or one address")]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    owner: Annotated[str, Field(min_length=1, max_length=64)]
    until_ms: TimeMs


class PolicyLine(Answer):
    """Mining that is, or was, allowed."""

    number: int
    network: str
    reason: str
    owner: str
    until_ms: int
    ended: bool
    suppressed: int = Field(description="Alerts that it has authorised")


class PolicyList(Answer):
    """Policies, newest first."""

    policies: tuple[PolicyLine, ...]


class AuditLine(Answer):
    """Who did what."""

    number: int
    time_ms: int
    who: str
    action: str
    target: str


class AuditList(Answer):
    """The audit log, newest first."""

    total: int
    entries: tuple[AuditLine, ...]


class SettingsAnswer(Answer):
    """The settings as the dashboard has read them; secrets are masked."""

    sections: dict[str, dict[str, str]]


class Me(Answer):
    """Who asks."""

    name: str
    role: str = Field(description="viewer, analyst or admin")
