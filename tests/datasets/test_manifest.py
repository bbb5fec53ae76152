import hashlib
from pathlib import Path

import pytest

from flowml.datasets.manifest import read_data_set
from flowml.errors import DataError

RECORDED = """
name = "small"
licence = "Apache-2.0"
made_with = "flowml lab record small --seed 1"
source = "flowml lab"
[[captures]]
file = "small.pcap"
sha256 = "{sha256}"
packets = 3
duration_s = 1.5
[[captures.servers]]
ip = "10.77.0.5"
port = 3333
is_mining = true
family = "monero"
carrier = "tls"
origin = "small/monero-1"
parameters = {{ target_s = 30 }}
"""


def recorded(folder: Path, sha256: str) -> Path:
    (folder / "manifest.toml").write_text(RECORDED.format(sha256=sha256))
    (folder / "small.pcap").write_bytes(b"some packets")
    return folder


def test_a_recording_labels_connections_by_their_server(tmp_path: Path) -> None:
    (capture,) = read_data_set(recorded(tmp_path, hashlib.sha256(b"some packets").hexdigest()))
    assert capture.verify() == capture.sha256
    (server,) = capture.servers
    assert (server.ip, server.port, server.is_mining, server.origin) == (
        "10.77.0.5",
        3333,
        True,
        f"{tmp_path.name}/small/monero-1",
    )
    assert capture.may_fit


def test_a_recording_from_before_evasions_has_none(tmp_path: Path) -> None:
    (capture,) = read_data_set(recorded(tmp_path, "ab" * 32))
    (server,) = capture.servers
    assert (server.carrier, server.evasion, server.strength) == ("tls", "none", "none")


def test_a_recording_says_how_its_miners_hide(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "ab" * 32)
    with (folder / "manifest.toml").open("a") as manifest:
        manifest.write('evasion = "delay"\nstrength = "weak"\n')
    (capture,) = read_data_set(folder)
    assert [(server.evasion, server.strength) for server in capture.servers] == [("delay", "weak")]


def test_a_capture_that_is_not_the_listed_one_is_refused(tmp_path: Path) -> None:
    (capture,) = read_data_set(recorded(tmp_path, "ab" * 32))
    with pytest.raises(DataError, match=r"small.pcap: SHA-256 .* instead of abababababab"):
        capture.verify()


def test_a_collection_labels_whole_folders_and_says_what_may_be_fitted_on(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(
        '[pools]\nlabel = "mining"\nuse = "evaluate"\nlicence = "MIT"\n'
        '[web]\nlabel = "benign"\nuse = "train"\nlicence = "MIT"\n'
    )
    for name in ("pools/a.pcap", "web/b.pcap", "web/c.pcap"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    captures = read_data_set(tmp_path)
    assert [(c.source, c.is_mining, c.may_fit) for c in captures] == [
        ("pools", True, False),
        ("web", False, True),
        ("web", False, True),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[captures", "not TOML"),
        ('[[captures]]\nfile = "x"\n', "missing or malformed entry"),
        ('[web]\nlabel = "odd"\nuse = "train"\nlicence = "MIT"\n', "missing or malformed entry"),
        ('name = "x"\n', "missing or malformed entry"),
    ],
)
def test_a_malformed_manifest_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "manifest.toml").write_text(text)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "x.pcap").touch()
    with pytest.raises(DataError, match=words):
        read_data_set(tmp_path)


def test_a_folder_without_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest.toml: No such file or directory; a data set is a folder"):
        read_data_set(tmp_path)
