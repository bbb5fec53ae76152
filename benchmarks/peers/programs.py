"""Peers that are programs: which connections ndpiReader and Suricata call mining, capture by capture."""

import csv
import json
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
Ends = frozenset[tuple[str, int]]
Called = dict[str, set[Ends]]
"""Endpoints of connections, by name of the capture."""


def ends(ip: str, port: int, other_ip: str, other_port: int) -> Ends:
    return frozenset({(ip, port), (other_ip, other_port)})


def ndpi_reader(folder: Path) -> Called:
    """Connections that nDPI's own program calls mining, in any form of that name."""
    called: Called = defaultdict(set)
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "flows.csv"
        for capture in sorted(folder.iterdir()):
            table.unlink(missing_ok=True)
            # it also ends with an error on captures that it cannot read: those it calls nothing
            command = ["ndpiReader", "-q", "-i", str(capture), "-C", str(table)]
            subprocess.run(command, capture_output=True, check=False, timeout=120)
            if table.exists():
                called[capture.name] = _mining_flows(table)
    return called


def _mining_flows(table: Path) -> set[Ends]:
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        names = file.readline().lstrip("#").strip().split(",")
        rows = csv.DictReader((line for line in file if not line.startswith("#")), fieldnames=names)
        return {
            ends(row["src_ip"], int(row["src_port"]), row["dst_ip"], int(row["dst_port"]))
            for row in rows
            if "mining" in (row["ndpi_proto"] or "").lower()
        }


def suricata(folder: Path) -> tuple[Called, Called]:
    """Connections with a stratum method in them, and with any JSON-RPC."""
    methods: Called = defaultdict(set)
    strings: Called = defaultdict(set)
    with tempfile.TemporaryDirectory() as scratch:
        command = ["suricata", "-c", HERE / "suricata.yaml", "-S", HERE / "stratum.rules", "-l", scratch]
        command += ["-k", "none", "--runmode", "single", "-r", folder]
        subprocess.run(command, capture_output=True, check=False, timeout=900)
        written = Path(scratch) / "eve.json"
        if not written.exists():
            raise SystemExit(
                f"{folder}: suricata wrote no alerts; run it by hand: {' '.join(map(str, command))}"
            )
        for line in written.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            called = methods if event["alert"]["signature_id"] < 100 else strings
            key = ends(event["src_ip"], event["src_port"], event["dest_ip"], event["dest_port"])
            called[Path(event["pcap_filename"]).name].add(key)
    return methods, strings
