"""What may make a sensor blind, each thing as a word and a sentence; decided from figures alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flowml.detections.sentence import Figure, Sentence, say
from flowml.incidents.retention import Room
from flowml.service.health_words import HEALTH
from flowml.sinks.account import DeliveryFigures

OK, WARN, BAD = "ok", "warn", "bad"
GRAVITY = {OK: 0, WARN: 1, BAD: 2}
DROPS_WARN, DROPS_BAD = 0.0001, 0.01  # share of packets; at 1 % every second flow of some minutes has a hole
UNMETERED_WARN, UNMETERED_BAD = 0.05, 0.5  # share of packets
ONE_WAY_WARN, ONE_WAY_BAD = 0.3, 0.9  # share of TCP flows; scans make some, a tap of one direction makes all
ONE_WAY_FLOWS = 20  # fewer say nothing
SILENT_WARN_S, SILENT_BAD_S = 300.0, 1800.0
CLOCK_STEP_S = 2.0
RESTARTS_BAD = 5  # within the hour
SPOOL_WARN, SPOOL_BAD = 0.5, 0.9  # share of the room
FAILING_BAD_S = 300.0
DISK_WARN_BYTES, DISK_BAD_BYTES = 1 << 30, 128 << 20  # a day and minutes of a busy sensor's files
DRIFT_WARN = 0.25  # the usual reading: another population


@dataclass(frozen=True)
class Finding:
    """How it stands with one thing.

    Attributes
    ----------
    name : str
        What, with the interface or destination where there are several.
    status : str
        ``ok``, ``warn`` or ``bad``.
    said : Sentence
        For whoever has to mend it.
    source : str
        Interface that it is about; empty: the whole sensor.
    """

    name: str
    status: str
    said: Sentence
    source: str = ""

    @property
    def words(self) -> str:
        """What is said, in English."""
        return self.said.text


@dataclass(frozen=True)
class Sight:
    """What a source saw in a while.

    Attributes
    ----------
    source : str
        Interface.
    packets, left_out, dropped : int
        Metered; of IP and not metered; lost in the kernel.
    lost_records, lost_headers : int
        Within the hour: records that were dropped because the scorer had too little time; packets whose
        headers were to be kept as evidence and are not.
    flows, one_way : int
        TCP flows of several packets, and those of them with packets of one side only.
    silent_s : float
        Since the last packet.
    restarts : int
        Of its capture process, within the hour.
    is_watched : bool
        A capture process is at work.
    """

    source: str
    packets: int = 0
    left_out: int = 0
    dropped: int = 0
    lost_records: int = 0
    lost_headers: int = 0
    flows: int = 0
    one_way: int = 0
    silent_s: float = 0.0
    restarts: int = 0
    is_watched: bool = True


def of_source(sight: Sight) -> list[Finding]:
    """Judge what an interface shows."""
    judged = (_drops, _records, _unmetered, _directions, _silence, _capture, _headers)
    return [replace(judge(sight), source=sight.source) for judge in judged]


def of_clock(step_s: float) -> Finding:
    """Judge by how much the clock jumped within the hour, seconds; 0: it did not."""
    if abs(step_s) < CLOCK_STEP_S:
        return _found("clock", OK, "clock_ok")
    way = "clock_forward" if step_s > 0 else "clock_back"
    return _found("clock", WARN, way, step_s=float(abs(step_s)))


def of_model(trouble: str, at_work: str) -> Finding:
    """Judge whether the models are those that were deployed."""
    if trouble:
        return _found("model", BAD, "model", why=trouble)
    return _found("model", OK, "model_ok", model=at_work)


def of_drift(figures: Mapping[str, float], *, has_reference: bool) -> Finding:
    """Judge how far the last hour was from what the model was fitted on.

    Parameters
    ----------
    figures : mapping of str to float
        Population stability index of each feature and of the score; empty: not measured yet.
    has_reference : bool
        The model says what it was fitted on.
    """
    if not has_reference:
        return _found("drift", OK, "drift_no_reference")
    if not figures:
        return _found("drift", OK, "drift_unknown")
    far = sum(value >= DRIFT_WARN for value in figures.values())
    most = max(figures, key=figures.__getitem__)
    index = f"{figures[most]:.2f}"
    status = WARN if far else OK
    return _found("drift", status, "drift", far=far, measured=len(figures), most=most, stability_index=index)


def of_database(trouble: str, room: Room | None) -> Finding:
    """Judge whether what the sensor sees can be stored, and whether there is room for it."""
    if trouble:
        return _found("database", BAD, "database", why=trouble)
    if room is None:
        return _found("database", OK, "database_ok")
    is_full = room.used_mib >= room.keep_mib and not room.is_made
    key = "database_full" if is_full else "database_makes_room" if room.is_made else "database_room"
    return _found("database", WARN if is_full else OK, key, used_mib=room.used_mib, keep_mib=room.keep_mib)


def of_disk(folder: str, free_bytes: int) -> Finding:
    """Judge the free space of a disk that the sensor writes to."""
    status = BAD if free_bytes < DISK_BAD_BYTES else WARN if free_bytes < DISK_WARN_BYTES else OK
    return _found(f"disk {folder}", status, _key("disk", status), free_mib=free_bytes >> 20)


def of_delivery(figures: DeliveryFigures, room_bytes: int, now_ms: int) -> Finding:
    """Judge a destination.

    Parameters
    ----------
    figures : DeliveryFigures
    room_bytes : int
        For what waits.
    now_ms : int
        Epoch, ms.
    """
    name = f"sink {figures.name}"
    used = (figures.spooled_bytes + figures.held_bytes) / room_bytes
    if figures.lost:
        return _found(name, BAD, "sink_lost", lost=figures.lost)
    if figures.failing_since_ms is not None:
        failing_s = max((now_ms - figures.failing_since_ms) / 1000, 0.0)
        status = BAD if failing_s >= FAILING_BAD_S or used >= SPOOL_BAD else WARN
        waiting, why = figures.waiting, figures.last_error
        return _found(name, status, "sink_fails", failing_s=failing_s, waiting=waiting, why=why)
    if figures.trouble:
        return _found(name, WARN, "sink_in_memory", why=figures.trouble)
    if used >= SPOOL_WARN:
        return _found(name, BAD if used >= SPOOL_BAD else WARN, "sink_fills", used_ratio=used)
    return _found(name, OK, "sink_ok", delivered=figures.delivered, waiting=figures.waiting)


def worst(findings: Sequence[Finding]) -> str:
    """The gravest status of all."""
    return max((finding.status for finding in findings), key=GRAVITY.__getitem__, default=OK)


def _found(name: str, status: str, key: str, **figures: Figure) -> Finding:
    return Finding(name, status, say(HEALTH, f"checked.{key}", **figures))


def _key(check: str, status: str) -> str:
    """Which sentence a check has; the one for trouble says what to do, too."""
    return f"{check}_ok" if status == OK else check


def _drops(sight: Sight) -> Finding:
    share = _share(sight.dropped, sight.packets + sight.left_out + sight.dropped)
    status = _graded(share, DROPS_WARN, DROPS_BAD)
    return _found(f"losses {sight.source}", status, _key("losses", status), lost_percent=100 * share)


def _records(sight: Sight) -> Finding:
    status = BAD if sight.lost_records else OK
    return _found(f"records {sight.source}", status, _key("records", status), lost_records=sight.lost_records)


def _headers(sight: Sight) -> Finding:
    status = WARN if sight.lost_headers else OK
    return _found(
        f"evidence {sight.source}", status, _key("evidence", status), lost_headers=sight.lost_headers
    )


def _unmetered(sight: Sight) -> Finding:
    share = _share(sight.left_out, sight.packets + sight.left_out)
    status = _graded(share, UNMETERED_WARN, UNMETERED_BAD)
    return _found(
        f"unmetered {sight.source}", status, _key("unmetered", status), unmetered_percent=100 * share
    )


def _directions(sight: Sight) -> Finding:
    name, share = f"directions {sight.source}", _share(sight.one_way, sight.flows)
    if sight.flows < ONE_WAY_FLOWS:
        return _found(name, OK, "directions_unknown")
    status = _graded(share, ONE_WAY_WARN, ONE_WAY_BAD)
    return _found(name, status, _key("directions", status), one_way_ratio=share)


def _silence(sight: Sight) -> Finding:
    status = _graded(sight.silent_s, SILENT_WARN_S, SILENT_BAD_S)
    return _found(f"traffic {sight.source}", status, _key("traffic", status), silent_s=sight.silent_s)


def _capture(sight: Sight) -> Finding:
    name = f"capture {sight.source}"
    if not sight.is_watched:
        return _found(name, BAD, "capture_ended")
    if sight.restarts:
        status = BAD if sight.restarts >= RESTARTS_BAD else WARN
        return _found(name, status, "capture_started_again", restarts=sight.restarts)
    return _found(name, OK, "capture_ok")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _graded(value: float, warn: float, bad: float) -> str:
    return BAD if value >= bad else WARN if value >= warn else OK
