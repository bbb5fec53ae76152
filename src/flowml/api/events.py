"""What is live: a stream that says when something was stored, by whichever process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from flowml.api.access import COOKIE, Viewer, entrance
from flowml.api.context import Context, context
from flowml.errors import FlowmlError

router = APIRouter(include_in_schema=False)
LOOK_S = 0.5
_SILENCE_LOOKS = 30  # then a word, so that proxies and browsers know that somebody is there


class Pulse:
    """Looks at the database for all open pages together.

    Parameters
    ----------
    known : Context
    """

    def __init__(self, known: Context) -> None:
        self._known = known
        self._looking: asyncio.Task[int] | None = None
        self._sequence = 0

    async def sequence(self) -> int:
        """The number of the last change; one look is shared by all that ask meanwhile."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> int:
        # a database that is locked for long: nothing new can be told, and pages say so themselves
        with suppress(FlowmlError):
            self._sequence = await run_in_threadpool(self._known.last_change)
        await asyncio.sleep(LOOK_S)
        return self._sequence


@router.get("/events")
async def events(request: Request, who: Viewer) -> StreamingResponse:  # noqa: ARG001
    """Tell, as server-sent events, that something changed; the page fetches what it shows."""
    return StreamingResponse(_stream(request), media_type="text/event-stream")


async def _stream(request: Request) -> AsyncIterator[str]:
    known, pulse = context(request), request.app.state.pulse
    last, silent = await pulse.sequence(), 0
    yield "retry: 1000\n\n"
    while not known.leaving.is_set():
        now = await pulse.sequence()
        silent += 1
        if now != last:
            last, silent = now, 0
            yield f"id: {now}\nevent: changed\ndata: {now}\n\n"
        elif silent >= _SILENCE_LOOKS:
            if not await _is_welcome(request):
                return
            silent = 0
            yield ": still here\n\n"


async def _is_welcome(request: Request) -> bool:
    """Whether the session still holds: an open page must not outlive a log-out for long."""
    session = request.cookies.get(COOKIE)
    if session is None:
        return True  # a program's token was looked at when it came
    return await run_in_threadpool(entrance(request).by_session, session) is not None
