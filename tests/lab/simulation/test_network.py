"""Simulated connections: what one side writes, the tap and the other side see, later."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowml.lab.certificates import make_certificate
from flowml.lab.mining.conduct import delay_small_writes
from flowml.lab.simulation.clock import SimulatedLoop
from flowml.lab.simulation.network import SimulatedNetwork
from flowml.lab.simulation.site import SimulatedSite
from flowml.lab.simulation.tap import Flag
from flowml.lab.wire import Link

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from flowml.lab.certificates import CertificateFiles
    from flowml.lab.peer import Peer

_CLIENT, _SERVER = "10.77.0.1", "10.77.0.2"
_CLIENT_S, _SERVER_S = 0.001, 0.050


@dataclass
class _Stage:
    """A client and a server, 51 ms apart, with the tap near the client."""

    folder: Path
    loss_ratio: float = 0.0
    certificate: CertificateFiles | None = None

    def __post_init__(self) -> None:
        links = {
            _CLIENT: Link(_CLIENT_S, 0.0, 0.0, 1e9),
            _SERVER: Link(_SERVER_S, 0.0, self.loss_ratio, 1e9),
        }
        self.network = SimulatedNetwork(links, np.random.default_rng(1))

    def site(self, address: str) -> SimulatedSite:
        server, drawn = (_SERVER, 3333), {"tls_version": "1.3", "sni": "pool.example"}
        return SimulatedSite("", address, server, drawn, self.certificate, self.folder, network=self.network)

    def play(
        self, attend: Callable[[Peer], Awaitable[None]], visit: Callable[[Peer], Awaitable[None]]
    ) -> float:
        """Let one client visit; simulated seconds that it took."""

        async def main() -> float:
            serving = asyncio.create_task(self.site(_SERVER).listen(attend))
            await asyncio.sleep(1.0)
            async with self.site(_CLIENT).connected() as peer:
                began_s = asyncio.get_running_loop().time()
                await visit(peer)
                took_s = asyncio.get_running_loop().time() - began_s
            await asyncio.sleep(1.0)
            serving.cancel()
            return took_s

        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            return runner.run(main())

    def payloads(self) -> list[int]:
        """Payload sizes that passed the tap, those of the server below 0."""
        tap = self.network.tap
        passed = sorted(zip(tap.time_s, tap.is_up, tap.size_bytes, strict=True), key=lambda seen: seen[0])
        return [size if is_up else -size for _, is_up, size in passed if size]


async def _echo(peer: Peer) -> None:
    while True:
        await peer.send(await peer.line())


async def _ask(peer: Peer) -> None:
    await peer.send(b"x" * 99 + b"\n")
    assert await peer.line() == b"x" * 99 + b"\n"


def test_an_answer_takes_a_round_trip(tmp_path: Path) -> None:
    stage = _Stage(tmp_path)
    assert stage.play(_echo, _ask) == pytest.approx(2 * (_CLIENT_S + _SERVER_S), abs=1e-3)
    assert stage.payloads() == [100, -100]


def test_the_tap_sees_the_handshake_and_the_end(tmp_path: Path) -> None:
    stage = _Stage(tmp_path)
    stage.play(_echo, _ask)
    tap = stage.network.tap
    flags = [Flag(flag) for _, flag in sorted(zip(tap.time_s, tap.flags, strict=True))]
    assert flags[:3] == [Flag.SYN, Flag.SYN | Flag.ACK, Flag.ACK]
    assert sum(Flag.FIN in flag for flag in flags) == 2


def test_a_long_message_comes_in_full_segments(tmp_path: Path) -> None:
    async def visit(peer: Peer) -> None:
        await peer.send(b"x" * 3000 + b"\n")
        await peer.line()

    stage = _Stage(tmp_path)
    stage.play(_echo, visit)
    assert stage.payloads() == [1448, 1448, 105, -1448, -1448, -105]


def test_tls_adds_its_handshake_and_what_it_adds_to_each_record(tmp_path: Path) -> None:
    stage = _Stage(tmp_path, certificate=make_certificate(tmp_path, "pool", "ec", 0))
    stage.play(_echo, _ask)
    plain = 100 + 5 + 1 + 16  # RFC 8446, 5.2: header, type and AES-GCM's or ChaCha20's tag
    assert {plain, -plain} <= set(stage.payloads())
    assert stage.payloads()[0] > 200  # ClientHello


def test_who_writes_after_closing_twice_hears_of_the_connection_and_of_nothing_else(tmp_path: Path) -> None:
    async def visit(peer: Peer) -> None:
        peer.close()
        peer.close()
        with suppress(OSError):
            await peer.send(b"late\n")

    stage = _Stage(tmp_path, certificate=make_certificate(tmp_path, "pool", "ec", 0))
    stage.play(_echo, visit)
    assert stage.payloads()[0] > 200  # ClientHello


def test_nobody_listening_refuses_after_a_round_trip(tmp_path: Path) -> None:
    async def main() -> None:
        async with stage.site(_CLIENT).connected():
            pass

    stage = _Stage(tmp_path)
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner, pytest.raises(ConnectionRefusedError):
        runner.run(main())
    assert [Flag(flag) for flag in stage.network.tap.flags] == [Flag.SYN, Flag.RST | Flag.ACK]


def test_a_server_that_leaves_ends_what_the_client_reads(tmp_path: Path) -> None:
    async def leave(peer: Peer) -> None:
        await peer.send(b"bye\n")

    async def visit(peer: Peer) -> None:
        assert await peer.line() == b"bye\n"
        with pytest.raises(EOFError):
            await peer.line()

    _Stage(tmp_path).play(leave, visit)


def test_writing_to_a_client_that_has_left_breaks_the_connection(tmp_path: Path) -> None:
    broken: list[BaseException] = []

    async def talk(peer: Peer) -> None:
        try:
            while True:
                await peer.send(b"news\n")
                await asyncio.sleep(0.1)
        except OSError as error:
            broken.append(error)
            raise

    async def visit(peer: Peer) -> None:
        await peer.line()

    _Stage(tmp_path).play(talk, visit)
    assert len(broken) == 1


def test_small_writes_that_are_held_back_leave_together(tmp_path: Path) -> None:
    """Nagle, RFC 896: the first goes at once, the others when it is acknowledged."""

    async def visit(peer: Peer) -> None:
        delay_small_writes(peer)
        for _ in range(3):
            await peer.send(b"y" * 9 + b"\n")
        for _ in range(3):
            await peer.line()

    stage = _Stage(tmp_path)
    stage.play(_echo, visit)
    assert [size for size in stage.payloads() if size > 0] == [10, 20]


def test_what_is_lost_comes_late_and_in_order(tmp_path: Path) -> None:
    async def visit(peer: Peer) -> None:
        for number in range(200):
            await peer.send(b"%d\n" % number)
        assert [await peer.line() for _ in range(200)] == [b"%d\n" % number for number in range(200)]

    assert _Stage(tmp_path, loss_ratio=0.2).play(_echo, visit) > 0.2
