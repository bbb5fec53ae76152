"""One capture process for each source, started, heard, started again when it fails, and ended."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from flowml.capture.links import ANY, index_of, links, watchable
from flowml.errors import CaptureError
from flowml.service.capture_task import CaptureTask
from flowml.service.post import Post
from flowml.service.scoring import Metered
from flowml.service.starting import Start, start_child
from flowml.service.told import Closed, Interrupted, Resumed, Told
from flowml.service.wire import Counted, Note, Opened

MAX_INTERFACES = 32  # of `any`: each costs a process, its ring and its table of flows
RESCAN_S = 1.0  # between two looks for interfaces that came
SILENCE_S = 30.0  # a capture process that tells nothing, not even the time, hangs
_LISTEN_S = 0.2


class Supervisor:
    """What all capture processes tell, as an iterable; a context manager that ends them.

    A process that fails is started again after a pause that doubles from half a second to half a minute and
    begins anew after a healthy minute. One of several interfaces that is gone is waited for in the same way;
    when all that were named are gone, the iteration ends. With ``any`` the interfaces are those that
    `watchable` gives, looked for again each second. Iterating ends when nothing can be told any more;
    `check` then says whether all was well, so that what was seen before a failure is concluded first.

    Parameters
    ----------
    tasks : sequence of CaptureTask
        Of different sources; a single one with the interface ``any`` stands for all interfaces.
    tell : callable
        Told, in a sentence, what an operator should know.
    duration_s : float, optional
        Stop so many seconds after packets could be had for the first time.
    start : callable
        Starts a capture process.

    Attributes
    ----------
    counters : dict of str to dict of str to int
        What the meters of each source counted, as far as they ended in order.
    has_opened : bool
        Packets could be had from at least one source.
    stopped_at : float or None
        When it was first asked to stop (monotonic, s).

    Raises
    ------
    CaptureError
        No interface is up.
    """

    def __init__(
        self,
        tasks: Sequence[CaptureTask],
        tell: Callable[[str], None],
        duration_s: float | None = None,
        start: Start = start_child,
    ) -> None:
        self.counters: dict[str, dict[str, int]] = {}
        self._tell = tell
        self._start = start
        self._every = next((task for task in tasks if task.interface == ANY), None)
        self._duration_s = duration_s
        self._stop_at: float | None = None  # known once packets can be had
        self._rescan_at = 0.0
        self._is_stopping = False
        self.stopped_at: float | None = None
        self.has_opened = False
        self._failures: list[str] = []
        self._posts: dict[str, Post] = {}
        self._said: set[str] = set()
        if self._every is not None and not watchable(links()):
            raise CaptureError("any: no interface but loopback is up; bring one up with: ip link set NAME up")
        try:
            for task in tasks:
                if task.interface != ANY:
                    self._posts[task.source] = Post(task, self._start)
            self._rescan()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> dict[str, int]:
        """Process identifier of each capture process that runs, by source."""
        return {name: post.feed.pid for name, post in self._posts.items() if post.feed is not None}

    def __iter__(self) -> Iterator[Told]:
        while self._posts or (self._every is not None and not self._is_stopping):
            self._tend()
            by_pipe = {post.feed.pipe: post for post in self._posts.values() if post.feed is not None}
            for pipe in wait(list(by_pipe), _LISTEN_S):
                yield from self._hear(by_pipe[pipe])  # type: ignore[index]

    def stop(self) -> None:
        """Ask all processes to tell what they still hold and to end; may be called from a signal handler."""
        self._is_stopping = True
        if self.stopped_at is None:
            self.stopped_at = time.monotonic()
        for post in self._posts.values():
            if post.feed is not None:
                post.feed.stop()

    def check(self) -> None:
        """Say how it ended, once the iteration is over.

        Raises
        ------
        CaptureError
            A source could not be captured, or was not any more at the end.
        """
        if self._failures:
            raise CaptureError("; ".join(self._failures))

    def close(self) -> None:
        """End all processes, by force if need be."""
        for post in self._posts.values():
            post.close()

    # --- what time brings ---------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Start, end and give up what is due."""
        now = time.monotonic()
        if self._stop_at is not None and now >= self._stop_at:
            self.stop()
        if self._is_stopping:
            self.stop()  # a signal may have come while a process was being started
            self._give_up_waiting()
        else:
            self._start_what_is_due(now)
        for post in self._posts.values():
            if post.feed is not None and post.feed.is_overdue:
                self._tell(f"{post.name}: the capture process did not end in time; what it held is lost")
                post.feed.kill()
            elif post.feed is not None and post.silent_s > SILENCE_S:
                post.feed.kill(f"told nothing for {SILENCE_S:g} s")

    def _start_what_is_due(self, now: float) -> None:
        try:
            self._rescan()
            for post in self._posts.values():
                if post.feed is None and now >= post.start_at:
                    post.start()
        except CaptureError as error:  # nothing can be started any more: what is open is judged a last time
            self._failures.append(str(error))
            self.stop()

    def _give_up_waiting(self) -> None:
        for post in [post for post in self._posts.values() if post.feed is None]:
            del self._posts[post.name]
            if self._every is None:
                self._failures.append(post.reason)

    def _rescan(self) -> None:
        """With ``any``: watch interfaces that came, and leave those that another one shows by now."""
        if self._every is None or time.monotonic() < self._rescan_at:
            return
        self._rescan_at = time.monotonic() + RESCAN_S
        listed = links()
        names = watchable(listed)
        for link in listed:
            if link.is_up and link.name not in names and link.name in self._posts:
                self._posts[link.name].retire()
        fresh = [name for name in names if name not in self._posts]
        room = MAX_INTERFACES - len(self._posts)
        if fresh[room:]:
            self._tell_once(f"any: more than {MAX_INTERFACES} interfaces are up; name those to watch with -i")
        for name in fresh[:room]:
            self._posts[name] = Post(replace(self._every, interface=name), self._start)

    # --- what a process tells -----------------------------------------------------------------------------

    def _hear(self, post: Post) -> Iterator[Told]:
        if post.feed is None:
            return
        match post.feed.hear():
            case Metered() as metered:
                yield Told(post.name, post.numbered(metered))
            case Counted() as counted:
                yield Told(post.name, counted)
            case Opened():
                yield from self._opened(post)
            case Note(text):
                self._tell_once(text)
            case None:
                yield from self._ended(post)

    def _opened(self, post: Post) -> Iterator[Told]:
        """Packets can be had: for the first time, or again after a gap."""
        if not self.has_opened and self._duration_s is not None:
            self._stop_at = time.monotonic() + self._duration_s
        self.has_opened = True
        gap_s = post.opened()
        if gap_s is None:
            self._tell(f"listening to {post.name}")
        else:
            yield Told(post.name, Resumed(gap_s))

    def _ended(self, post: Post) -> Iterator[Told]:
        """Conclude from the end of a process what comes next."""
        reason = post.end(self.counters)
        if reason is None:
            del self._posts[post.name]
            if post.is_retired:
                yield Told(post.name, Closed(f"{post.name}: its packets are seen on another interface now"))
        elif self._is_stopping or self._is_hopeless(post):
            del self._posts[post.name]
            self._failures.append(reason)
            self.stop()
        elif index_of(post.name):
            yield from self._interrupted(post, reason)
        else:
            yield from self._gone(post, reason)

    def _interrupted(self, post: Post, reason: str) -> Iterator[Told]:
        delay_s = post.wait()
        if post.was_open:
            yield Told(post.name, Interrupted(f"{reason}; it starts again in {delay_s:g} s"))
        else:  # a start again that failed: the same reason for hours is one line
            self._tell_once(reason)

    def _gone(self, post: Post, reason: str) -> Iterator[Told]:
        if self._every is not None:
            del self._posts[post.name]
        else:
            post.wait()
        if post.forget():
            yield Told(post.name, Closed(reason))

    def _is_hopeless(self, post: Post) -> bool:
        """Whether starting again is no remedy, and the sensor has to end."""
        if post.is_replay:
            return True
        if self._every is not None:  # not one of them can be opened
            return not self.has_opened and all(other.has_failed for other in self._posts.values())
        if not post.has_ever_opened:  # a wrong name or no permission is a mistake to mend now
            return True
        return not any(other.feed is not None or index_of(name) for name, other in self._posts.items())

    def _tell_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._tell(text)
