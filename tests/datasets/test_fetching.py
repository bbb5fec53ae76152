"""Fetching from a real server on loopback that breaks off, lies, goes away or is not there."""

from __future__ import annotations

import hashlib
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from flowml.datasets.fetching import Patience, fetch
from flowml.datasets.public import PublicFile
from flowml.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 1200
_HASTY = Patience(silence_s=10.0, attempts=2, pause_s=0.0)


@dataclass
class Source:
    """A server that has one file and keeps count of what it was asked."""

    content: bytes = CONTENT
    breaks_after: int | None = None
    """Bytes of the file after which each answer breaks off."""

    knows_ranges: bool = True
    status: int = 0
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def file(self, sha256: str | None = None) -> PublicFile:
        """What a list says of the file."""
        return PublicFile(
            "a.pcap",
            f"http://127.0.0.1:{self.port}/a.pcap",
            sha256 or hashlib.sha256(self.content).hexdigest(),
        )


@contextmanager
def serving(source: Source) -> Iterator[Source]:
    """Run the server; its address is in the source."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            source.asked.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-") or 0) if source.knows_ranges else 0
            if source.status or start >= len(source.content):
                self.send_error(source.status or 416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(source.content) - start))
            self.end_headers()
            end = len(source.content) if source.breaks_after is None else start + source.breaks_after
            self.wfile.write(source.content[start:end])
            self.close_connection = True

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        source.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield source
        finally:
            server.shutdown()
            thread.join()


def test_a_file_is_fetched_and_verified_and_nothing_else_is_left(tmp_path: Path) -> None:
    come: list[int] = []
    with serving(Source()) as source:
        path = fetch(source.file(), tmp_path, come.append)
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]
    assert sum(come) == len(CONTENT)


def test_a_connection_that_breaks_off_again_and_again_is_gone_on_with_where_it_ended(tmp_path: Path) -> None:
    with serving(Source(breaks_after=70_000)) as source:
        path = fetch(source.file(), tmp_path, patience=_HASTY)
    assert path.read_bytes() == CONTENT
    assert source.asked == ["", *(f"bytes={70_000 * n}-" for n in range(1, 5))]


def test_what_an_earlier_run_left_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "a.pcap.part").write_bytes(CONTENT[:1000])
    with serving(Source()) as source:
        assert fetch(source.file(), tmp_path).read_bytes() == CONTENT
    assert source.asked == ["bytes=1000-"]


def test_a_part_that_is_whole_already_is_verified_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a.pcap.part").write_bytes(CONTENT)
    with serving(Source()) as source:
        assert fetch(source.file(), tmp_path).read_bytes() == CONTENT


def test_a_source_without_ranges_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "a.pcap.part").write_bytes(b"x" * 1000)
    with serving(Source(knows_ranges=False)) as source:
        assert fetch(source.file(), tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_there_is_verified_and_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(CONTENT)
    with serving(Source()) as source:
        fetch(source.file(), tmp_path)
    assert source.asked == []


def test_a_wrong_checksum_is_one_line_and_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    with (
        serving(Source(content=CONTENT[::-1])) as source,
        pytest.raises(DataError, match=r"SHA-256 \w{12}\.\. instead of 0{12}\.\."),
    ):
        fetch(source.file("0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_of_the_same_name_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(b"mine")
    with serving(Source()) as source, pytest.raises(DataError, match="not the file that was listed"):
        fetch(source.file(), tmp_path)
    assert (tmp_path / "a.pcap").read_bytes() == b"mine"


def test_a_file_that_has_moved_is_one_line(tmp_path: Path) -> None:
    with serving(Source(status=404)) as source, pytest.raises(DataError, match="answers 404 Not Found"):
        fetch(source.file(), tmp_path, patience=_HASTY)


def test_without_a_network_the_attempts_end_and_the_way_out_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DataError, match=r"Connection refused.*take the captures from a folder"):
        fetch(Source(port=port).file(), tmp_path, patience=_HASTY)


def test_an_interrupted_source_that_comes_back_costs_nothing_that_has_come(tmp_path: Path) -> None:
    source = Source(breaks_after=70_000)
    with serving(source), pytest.raises(DataError, match="broke off after 70000 bytes"):
        fetch(source.file(), tmp_path, patience=Patience(10.0, 0, 0.0))
    assert (tmp_path / "a.pcap.part").read_bytes() == CONTENT[:70_000]
    source.breaks_after = None
    with serving(source):
        assert fetch(source.file(), tmp_path).read_bytes() == CONTENT
