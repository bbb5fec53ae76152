"""How syslog messages travel: UDP (RFC 5426), TCP with octet counting (RFC 6587), TLS (RFC 5425)."""

import fcntl
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from flowml.errors import SinkError
from flowml.sinks.endpoint import Endpoint

TIMEOUT_S = 10.0  # for a connection, and for the other side to acknowledge a message
REFUSAL_S = 0.05  # after a datagram, for an ICMP message that nobody listens
_POLL_S = 0.005


class Transport(Protocol):
    """Carries messages to a server."""

    def send(self, message: bytes) -> None:
        """Send one message; raises `SinkError` if it did not get through."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


@contextmanager
def _named(server: Endpoint) -> Iterator[None]:
    """Turn what the network refuses into a line that names the server."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise SinkError(
            f"{server}: its certificate is not trusted ({error.verify_message}); "
            "name the CA that signed it in ca_file, and the server as its certificate does"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise SinkError(f"{server}: {reason}; check that it listens there and can be reached") from error


class Datagrams:
    """One datagram a message.

    Parameters
    ----------
    server : Endpoint
    """

    def __init__(self, server: Endpoint) -> None:
        self._server = server
        self._socket: socket.socket | None = None

    def send(self, message: bytes) -> None:
        """Send a datagram and listen for a moment whether it is refused."""
        with _named(self._server):
            if self._socket is None:
                self._socket = _connected(self._server)
            try:
                self._socket.send(message)
                if select.select([self._socket], [], [], REFUSAL_S)[0]:
                    self._socket.recv(1)  # the refusal; nobody answers syslog
            except OSError:
                self.close()  # the next one looks up the name again
                raise

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Stream:
    """One connection for all messages, made when it is needed.

    Parameters
    ----------
    server : Endpoint
    context : ssl.SSLContext or None
        For TLS; None: plain TCP.
    """

    def __init__(self, server: Endpoint, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._context = context
        self._socket: socket.socket | None = None

    def send(self, message: bytes) -> None:
        """Send a message with its length in front, and wait until the other side's kernel has it."""
        with _named(self._server):
            if self._socket is not None and _is_over(self._socket):
                self.close()
            try:
                if self._socket is None:
                    self._socket = self._connect()
                self._socket.sendall(b"%d %b" % (len(message), message))
                _wait_until_taken(self._socket)
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self._server.host, self._server.port), TIMEOUT_S)
        if self._context is None:
            return plain
        try:
            return self._context.wrap_socket(plain, server_hostname=self._server.host)
        except BaseException:
            plain.close()
            raise


def _connected(server: Endpoint) -> socket.socket:
    """A datagram socket with one other end, so that refusals come back to it."""
    family, kind, protocol, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[
        0
    ]
    made = socket.socket(family, kind, protocol)
    made.settimeout(TIMEOUT_S)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _is_over(connection: socket.socket) -> bool:
    """Whether the other side has closed: a first message after that would vanish without an error."""
    connection.settimeout(0)
    try:
        return not connection.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):  # nothing, or what is no data, such as session tickets
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(TIMEOUT_S)


def _wait_until_taken(connection: socket.socket) -> None:
    """Wait until nothing is on its way any more: a host that is gone would take messages for minutes."""
    deadline = time.monotonic() + TIMEOUT_S
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() > deadline:
            raise TimeoutError(0, f"no acknowledgement within {TIMEOUT_S:g} s")
        time.sleep(_POLL_S)
