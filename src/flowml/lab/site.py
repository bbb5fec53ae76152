"""Where one side of an actor stands: its host, its parameters, and the doors to the network."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowml.errors import LabError
from flowml.lab.namespaces import socket_in
from flowml.lab.peer import GONE, Peer
from flowml.lab.processes import bound_to_parent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path
    from typing import Self

    from flowml.lab.certificates import CertificateFiles

_BACKLOG = 256
CONNECT_S = 20.0
"""How long a client waits for a connection, as XMRig and most others do."""

_LOOPBACK = "127.0.0.1"
_FIRST_INSIDE = 20_000


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A program at whose keyboard the lab sits."""

    process: Process

    async def type(self, text: bytes) -> None:
        """Write to the program's input; OSError if it has ended."""
        if self.process.stdin is None or self.process.returncode is not None:
            raise ConnectionError("the program has ended")
        self.process.stdin.write(text)
        await self.process.stdin.drain()


@dataclass(frozen=True, slots=True)
class Site:
    """One side of one instance of an actor.

    Attributes
    ----------
    namespace, address
        The host.
    server
        Address and port of the instance's server; the same on both sides.
    parameters
        What ``Actor.draw`` drew for the instance, with ``tls_version``, ``sni``.
    certificate
        Files for a server with TLS, None on plain carriers.
    folder
        For files of real programs; shared by both sides of the instance.
    doors
        The endpoints at which the instance's server stands, mostly one.
    dial
        How to reach an endpoint where it is not by a TCP connection from here: through a proxy, a tunnel.
    """

    namespace: str
    address: str
    server: tuple[str, int]
    parameters: Mapping[str, Any]
    certificate: CertificateFiles | None
    folder: Path
    doors: tuple[tuple[str, int], ...] = ()
    dial: Callable[[tuple[str, int]], Awaitable[socket.socket]] | None = None

    def inside(self) -> Self:
        """The site behind a front (a proxy, a tunnel's end) on this host, which alone reaches it."""
        port = self.server[1] + 1 if self.server[0] == _LOOPBACK else _FIRST_INSIDE
        server = (_LOOPBACK, port)
        return replace(self, server=server, doors=(server,), dial=None)

    def at_door(self, number: int) -> Self:
        """The site as the door of that number has it."""
        return replace(self, server=self.doors[number], folder=self.folder.with_name(str(number)))

    async def listen(self, attend: Callable[[Peer], Awaitable[None]]) -> None:
        """Accept connections for ever, attending to each until it breaks or ``attend`` returns."""
        async with asyncio.TaskGroup() as sessions:

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if server.is_serving():
                    sessions.create_task(_attend(attend, Peer(reader, writer)))
                else:  # accepted in the moment in which the server ends
                    writer.close()

            server = await asyncio.start_server(
                accept, sock=self.listening_socket(), ssl=self.server_tls(), backlog=_BACKLOG
            )
            async with server:
                await server.serve_forever()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Peer]:
        """Connect to the instance's server; the connection is closed at the end of the context."""
        link = await self.connected_socket()
        tls = self.client_tls()
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                sock=link, ssl=tls, server_hostname=self.server_name() if tls else None
            )
        peer = Peer(reader, writer)
        try:
            yield peer
        finally:
            peer.close()

    def listening_socket(self) -> socket.socket:
        """Open a listening socket on the server's address."""
        link = self._socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind(self.server)
        return link

    async def connected_socket(self) -> socket.socket:
        """Connection from this host to the server, without TLS."""
        if self.dial is not None:
            async with asyncio.timeout(CONNECT_S):
                return await self.dial(self.server)
        link = self._socket()
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(link, self.server)
        except BaseException:
            link.close()
            raise
        return link

    def server_tls(self) -> ssl.SSLContext | None:
        """TLS settings of the server; None on a plain carrier."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        if self.parameters["tls_version"] == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def client_tls(self) -> ssl.SSLContext | None:
        """TLS settings of a client that checks nothing, as the lab's certificates are nobody's."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def server_name(self) -> str:
        """Name for SNI; the bare address, for which OpenSSL sends no SNI, where the client has none."""
        return str(self.parameters.get("sni") or self.server[0])

    async def run(self, *argv: str | Path) -> None:
        """Run a client program on this host to its end; it dies with the task that waits for it."""
        async with self.program(*argv) as program:
            await program.process.wait()

    async def run_server(self, *argv: str | Path) -> None:
        """Run a server program; LabError with its last words if it ends by itself."""
        async with self._started(argv, PIPE) as process:
            _, errors = await process.communicate()
        words = errors.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise LabError(f"lab: {argv[0]} ended with exit code {process.returncode}; it said: {words[-1]}")

    @asynccontextmanager
    async def program(self, *argv: str | Path) -> AsyncIterator[RunningProgram]:
        """Start a client program on this host; it is killed at the end of the context."""
        async with self._started(argv, DEVNULL) as process:
            yield RunningProgram(process)

    @asynccontextmanager
    async def _started(self, argv: tuple[str | Path, ...], errors: int) -> AsyncIterator[Process]:
        command = bound_to_parent(self.namespace, tuple(str(word) for word in argv))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=errors)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _socket(self) -> socket.socket:
        link = socket_in(self.namespace, socket.AF_INET, socket.SOCK_STREAM)
        link.setblocking(False)
        return link


async def _attend(attend: Callable[[Peer], Awaitable[None]], peer: Peer) -> None:
    try:
        await attend(peer)
    except* GONE:
        pass  # the client left: as common as its coming
    finally:
        peer.close()
