"""Every sentence about the health of a sensor, in English."""

from collections.abc import Mapping

HEALTH: Mapping[str, str] = {
    "checked.losses_ok": "{lost_percent} of the packets were lost before they could be metered",
    "checked.losses": (
        "{lost_percent} of the packets were lost before they could be metered; a larger capture.ring_mib or "
        "a faster processor helps"
    ),
    "checked.records_ok": "the scorer keeps up with the meter",
    "checked.records": (
        "{lost_records} flow records were dropped within the hour: the scorer has too little processor time; "
        "connections that lost some are judged from what came after"
    ),
    "checked.evidence_ok": "no header that was to be kept was lost",
    "checked.evidence": (
        "headers of {lost_headers} packets were not kept within the hour, as [evidence] asks: the disk is "
        "too slow or full, or evidence.folder is not there; alerts do not suffer"
    ),
    "checked.unmetered_ok": "{unmetered_percent} of the IP packets are in no flow",
    "checked.unmetered": (
        "{unmetered_percent} of the IP packets are in no flow: fragments, tunnels or damaged; tap behind the "
        "tunnel's end"
    ),
    "checked.directions_unknown": "too few flows to say",
    "checked.directions_ok": "{one_way_ratio} of the TCP flows show one side only",
    "checked.directions": (
        "{one_way_ratio} of the TCP flows show one side only; such connections are not judged: mirror both "
        "directions to this port"
    ),
    "checked.traffic_ok": "packets come",
    "checked.traffic": "no packet for {silent_s}; is the tap or mirror port connected?",
    "checked.capture_ok": "at work",
    "checked.capture_started_again": "capture was started again {restarts} times within the hour",
    "checked.capture_ended": "no capture process is at work; it is started again by itself",
    "checked.clock_ok": "the clock runs evenly",
    "checked.clock_forward": (
        "the clock was set forward by {step_s}: ages of connections then open are wrong; keep it with NTP"
    ),
    "checked.clock_back": (
        "the clock was set back by {step_s}: ages of connections then open are wrong; keep it with NTP"
    ),
    "checked.model_ok": "{model} is at work",
    "checked.model": "{why}",
    "checked.drift_unknown": "not measured yet: that takes an hour of traffic",
    "checked.drift_no_reference": "this model brings no reference: train it again to have drift measured",
    "checked.drift": (
        "{far} of {measured} differ from what the model was fitted on, {most} most ({stability_index})"
    ),
    "checked.database_ok": "takes what is seen",
    "checked.database_room": "takes what is seen, {used_mib} of {keep_mib} MiB used",
    "checked.database_makes_room": (
        "takes what is seen, {used_mib} of {keep_mib} MiB used: the oldest alerts make room for new ones"
    ),
    "checked.database_full": (
        "takes what is seen, {used_mib} of {keep_mib} MiB used, though only the newest alert of each "
        "incident is left: finish incidents, or raise incidents.keep_mib"
    ),
    "checked.database": "{why}",
    "checked.disk_ok": "{free_mib} MiB are free",
    "checked.disk": (
        "{free_mib} MiB are free; make room: what does not fit waits in memory, and is lost when that is full"
    ),
    "checked.sink_ok": "{delivered} delivered, {waiting} wait",
    "checked.sink_lost": "{lost} alerts or events were lost: there was no room for them",
    "checked.sink_fails": "has taken nothing for {failing_s}, {waiting} wait: {why}",
    "checked.sink_in_memory": "alerts are kept in memory only: {why}",
    "checked.sink_fills": "{used_ratio} of the room for alerts that wait is used",
    "checked.selftest_ok": "all {families} families were seen",
    "checked.selftest_known": "all families were seen but those that the model is known to miss: {missed}",
    "checked.selftest": "not seen: {missed}",
}
