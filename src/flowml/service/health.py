"""What may make a sensor blind, each thing as a word and a sentence; decided from figures alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flowml.incidents.retention import Room
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
    words : str
        A sentence for whoever has to mend it.
    source : str
        Interface that it is about; empty: the whole sensor.
    """

    name: str
    status: str
    words: str
    source: str = ""


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
        return Finding("clock", OK, "the clock runs evenly")
    way = "forward" if step_s > 0 else "back"
    return Finding(
        "clock",
        WARN,
        f"the clock was set {way} by {abs(step_s):.0f} s: ages of connections then open are wrong; "
        "keep it with NTP",
    )


def of_model(trouble: str, at_work: str) -> Finding:
    """Judge whether the models are those that were deployed."""
    return Finding("model", BAD, trouble) if trouble else Finding("model", OK, f"{at_work} is at work")


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
        return Finding("drift", OK, "this model brings no reference: train it again to have drift measured")
    if not figures:
        return Finding("drift", OK, "not measured yet: that takes an hour of traffic")
    far = [name for name, value in figures.items() if value >= DRIFT_WARN]
    most = max(figures, key=figures.__getitem__)
    words = f"{len(far)} of {len(figures)} differ from what the model was fitted on, {most} most "
    words += f"({figures[most]:.2f})"
    return Finding("drift", WARN if far else OK, words)


def of_database(trouble: str, room: Room | None) -> Finding:
    """Judge whether what the sensor sees can be stored, and whether there is room for it."""
    name = "database"
    if trouble:
        return Finding(name, BAD, trouble)
    if room is None:
        return Finding(name, OK, "takes what is seen")
    words = f"takes what is seen, {room.used_mib} of {room.keep_mib} MiB used"
    if room.is_made:
        return Finding(name, OK, f"{words}: the oldest alerts make room for new ones")
    if room.used_mib >= room.keep_mib:
        words += ", though only the newest alert of each incident is left: finish incidents, or raise"
        return Finding(name, WARN, f"{words} incidents.keep_mib")
    return Finding(name, OK, words)


def of_disk(folder: str, free_bytes: int) -> Finding:
    """Judge the free space of a disk that the sensor writes to."""
    status = BAD if free_bytes < DISK_BAD_BYTES else WARN if free_bytes < DISK_WARN_BYTES else OK
    remedy = (
        ""
        if status == OK
        else "; make room: what does not fit waits in memory, and is lost when that is full"
    )
    return Finding(f"disk {folder}", status, f"{free_bytes >> 20} MiB are free{remedy}")


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
        return Finding(name, BAD, f"{figures.lost} alerts or events were lost: there was no room for them")
    if figures.failing_since_ms is not None:
        failing_s = (now_ms - figures.failing_since_ms) / 1000
        is_bad = failing_s >= FAILING_BAD_S or used >= SPOOL_BAD
        words = f"takes nothing since {max(failing_s, 0):.0f} s, {figures.waiting} wait: {figures.last_error}"
        return Finding(name, BAD if is_bad else WARN, words)
    if figures.trouble:
        return Finding(name, WARN, f"alerts are kept in memory only: {figures.trouble}")
    if used >= SPOOL_WARN:
        status = BAD if used >= SPOOL_BAD else WARN
        return Finding(name, status, f"{used:.0%} of the room for alerts that wait is used")
    return Finding(name, OK, f"{figures.delivered} delivered, {figures.waiting} wait")


def worst(findings: Sequence[Finding]) -> str:
    """The gravest status of all."""
    return max((finding.status for finding in findings), key=GRAVITY.__getitem__, default=OK)


def _drops(sight: Sight) -> Finding:
    share = _share(sight.dropped, sight.packets + sight.left_out + sight.dropped)
    words = f"{share:.2%} of the packets were lost before they could be metered"
    status = _graded(share, DROPS_WARN, DROPS_BAD)
    remedy = "" if status == OK else "; a larger capture.ring_mib or a faster processor helps"
    return Finding(f"losses {sight.source}", status, words + remedy)


def _records(sight: Sight) -> Finding:
    name = f"records {sight.source}"
    if not sight.lost_records:
        return Finding(name, OK, "the scorer keeps up with the meter")
    words = f"{sight.lost_records} flow records were dropped within the hour: the scorer has too little "
    return Finding(
        name, BAD, words + "processor time; connections that lost some are judged from what came after"
    )


def _headers(sight: Sight) -> Finding:
    name = f"evidence {sight.source}"
    if not sight.lost_headers:
        return Finding(name, OK, "no header that was to be kept was lost")
    words = f"headers of {sight.lost_headers} packets were not kept within the hour, as [evidence] asks: "
    words += "the disk is too slow or full, or evidence.folder is not there; alerts do not suffer"
    return Finding(name, WARN, words)


def _unmetered(sight: Sight) -> Finding:
    share = _share(sight.left_out, sight.packets + sight.left_out)
    status = _graded(share, UNMETERED_WARN, UNMETERED_BAD)
    remedy = "" if status == OK else ": fragments, tunnels or damaged; tap behind the tunnel's end"
    return Finding(
        f"unmetered {sight.source}", status, f"{share:.1%} of the IP packets are in no flow{remedy}"
    )


def _directions(sight: Sight) -> Finding:
    name, share = f"directions {sight.source}", _share(sight.one_way, sight.flows)
    if sight.flows < ONE_WAY_FLOWS:
        return Finding(name, OK, "too few flows to say")
    status = _graded(share, ONE_WAY_WARN, ONE_WAY_BAD)
    remedy = "" if status == OK else "; such connections are not judged: mirror both directions to this port"
    return Finding(name, status, f"{share:.0%} of the TCP flows show one side only{remedy}")


def _silence(sight: Sight) -> Finding:
    name = f"traffic {sight.source}"
    status = _graded(sight.silent_s, SILENT_WARN_S, SILENT_BAD_S)
    if status == OK:
        return Finding(name, OK, "packets come")
    return Finding(
        name, status, f"no packet for {sight.silent_s:.0f} s; is the tap or mirror port connected?"
    )


def _capture(sight: Sight) -> Finding:
    name = f"capture {sight.source}"
    if not sight.is_watched:
        return Finding(name, BAD, "no capture process is at work; it is started again by itself")
    if sight.restarts:
        status = BAD if sight.restarts >= RESTARTS_BAD else WARN
        return Finding(name, status, f"capture was started again {sight.restarts} times within the hour")
    return Finding(name, OK, "at work")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _graded(value: float, warn: float, bad: float) -> str:
    return BAD if value >= bad else WARN if value >= warn else OK
