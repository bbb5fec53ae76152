"""The server: uvicorn with bounds, told once where it is, and gone at once when it is asked to go."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from flowml.api.settings import DashboardSettings
from flowml.errors import ConfigError

_BACKLOG = 128
_MAX_AT_ONCE = 200  # requests and open pages; more are answered 503
_MAX_HEAD_BYTES = 16 * 1024
_ENDING_S = 2  # what is still being answered then is cut off


class _Server(uvicorn.Server):
    """Tells open pages that it goes, so that nobody waits for them."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], None]) -> None:
        super().__init__(config)
        self._leave = leave

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on a signal; unlike uvicorn's own do not raise it again: to be ended is how a server ends."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let open pages go first."""
        self._leave()
        super().handle_exit(sig, frame)


def listen(settings: DashboardSettings) -> socket.socket:
    """Open the port, before anything is told about it.

    Raises
    ------
    ConfigError
        It is taken, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.listen else socket.AF_INET
    # asyncio turns Nagle's delay, 40 ms with a slow acknowledgement, off only for sockets that name TCP
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.listen, settings.port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise ConfigError(
            f"dashboard.listen: {settings.listen} port {settings.port}: {error.strerror}; "
            "choose another dashboard.port, or end what has it"
        ) from error
    return opened


def serve(
    app: ASGIApp, settings: DashboardSettings, opened: socket.socket, leave: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    app : ASGIApp
    settings : DashboardSettings
    opened : socket.socket
        From `listen`.
    leave : callable
        Called in the main thread when it shall end.

    Raises
    ------
    ConfigError
        Certificate and key do not fit.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_AT_ONCE,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_ENDING_S,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except OSError as error:  # ssl's errors are of this kind
        raise ConfigError(
            f"{settings.tls_certificate}: cannot be used with {settings.tls_key}: {error}"
        ) from error
    _Server(config, leave).run(sockets=[opened])
