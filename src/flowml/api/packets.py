"""The packets of an incident as a capture file, as far as headers of them are kept."""

from pathlib import Path

from flowml.api.refusals import Refused
from flowml.capture.header_slice import Cut, read_slice
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore

MEDIA_TYPE = "application/vnd.tcpdump.pcap"


def packets_of(store: IncidentStore, folder: Path | None, number: int, by: tuple[str, int]) -> bytes:
    """Cut them out of the rings, and write that into the audit log.

    Parameters
    ----------
    store : IncidentStore
    folder : Path or None
        Of the rings; None: nothing of any packet is kept.
    number : int
        Of the incident.
    by : tuple of (str, int)
        Who asks, and when (epoch, ms).

    Returns
    -------
    bytes
        A pcap file; 404 if there is no such incident, or no packet of it.
    """
    found = store.incident(number)
    if found is None:
        raise Refused(404, "no_incident", number=number)
    if folder is None:
        raise Refused(404, "no_ring")
    seen = [alert.verdict for alert in found.alerts]
    packets, data = read_slice(folder, [Cut(one.source, one.key, one.start_ms) for one in seen])
    if not packets:
        raise Refused(404, "no_packets", number=number)
    who, now_ms = by
    telemetry.audit(store, who, "slice of capture", str(number), now_ms)
    return data
