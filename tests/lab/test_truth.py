from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml.lab.truth import CaptureTruth, ServerTruth, manifest

if TYPE_CHECKING:
    from pathlib import Path

_VALUES = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.text(st.characters(codec="ascii")))


def _server(parameters: dict[str, bool | float | int | str]) -> ServerTruth:
    return ServerTruth(
        "10.77.0.5", 3333, True, "monero", "tls", "delay", "weak", "first/monero-3", parameters
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.from_regex(r"\A[a-z][a-z_0-9]{0,20}\Z"), _VALUES, max_size=5))
def test_a_manifest_read_back_says_what_was_written(
    tmp_path: Path, parameters: dict[str, bool | float | int | str]
) -> None:
    capture = tmp_path / "first.pcap.zst"
    capture.write_bytes(b"packets")
    text = manifest(
        "first", "flowml lab record first", [CaptureTruth(capture, 7, 60.0, (_server(parameters),))]
    )
    (read,) = tomllib.loads(text)["captures"]
    assert read["sha256"] == hashlib.sha256(b"packets").hexdigest()
    assert (read["file"], read["packets"], read["duration_s"]) == ("first.pcap.zst", 7, 60.0)
    (server,) = read["servers"]
    assert server.pop("parameters") == parameters
    assert server == {
        "ip": "10.77.0.5",
        "port": 3333,
        "is_mining": True,
        "family": "monero",
        "carrier": "tls",
        "evasion": "delay",
        "strength": "weak",
        "origin": "first/monero-3",
    }
