"""Reads committed events in their order, once for all streams of this process, and hands them out."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog

from servicedesk.live import hub, visitors
from servicedesk.live.visitors import Change, Visitor

log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH: Final = 500
# Makes up for a wake-up that was lost: one look at an index while anybody watches.
LOOK_SECONDS: Final = 5.0
# More than this behind, a page is better told to load itself anew.
BACKLOG_LIMIT: Final = 200
QUEUE_LIMIT: Final = 1_000
RESET: Final = b'data: {"type": "reset"}\n\n'


def frame_of(change: Change) -> bytes:
    """One message of the stream."""
    data = {
        "type": f"{change.subject_type}.changed",
        "id": str(change.subject_id),
        "number": change.number,
        "kind": change.kind,
        "by": str(change.by_id) if change.by_id else None,
    }
    return f"id: {change.position}\ndata: {json.dumps(data)}\n\n".encode()


class Watcher:
    """One open stream: what it may hear, and what it has not yet sent."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.began = time.monotonic()
        self.frames: list[bytes] = []
        self.is_over = False
        self._changed = asyncio.Event()

    def put(self, frame: bytes) -> None:
        if len(self.frames) >= QUEUE_LIMIT:
            # The reader doesn't keep up; it will load the page again instead of getting all of it.
            self.frames = [RESET]
        self.frames.append(frame)
        self._changed.set()

    def end(self) -> None:
        self.is_over = True
        self._changed.set()

    async def take(self, patience: float) -> bytes:
        """All that waits, as one piece; empty after `patience` seconds without anything."""
        with contextlib.suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it can swallow a cancellation that comes with the result.
            async with asyncio.timeout(patience):
                await self._changed.wait()
        self._changed.clear()
        frames, self.frames = self.frames, []
        return b"".join(frames)


class Feed:
    """All of it happens on one event loop, except for the database, which has a few threads."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.position = 0
        self.is_closed = False
        # Few, so that the stream process holds few database connections however many streams it has.
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="live")
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_listening: Callable[[], None] = lambda: None

    async def ask(self, function: Callable[..., T], *args: Any) -> T:
        """Run something that talks to the database on one of the feed's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def join(self, visitor: Visitor, after: int | None) -> Watcher:
        """A watcher that gets every change from now on, and first those since position `after`."""
        await self._start()
        if not self.watchers:
            # Nobody watched, so nobody read on.
            self.position = await self.ask(visitors.last_position)
        watcher = Watcher(visitor)
        self.watchers.add(watcher)
        here = self.position
        watcher.put(f"retry: 3000\nid: {here}\n\n".encode())
        if after is not None and after < here:
            missed = await self.ask(visitors.changes_between, after, here, BACKLOG_LIMIT + 1)
            fits = len(missed) <= BACKLOG_LIMIT
            frames = [frame_of(one) for one in missed if visitor.may_hear(one)] if fits else [RESET]
            # In front of what has come meanwhile, so that the browser's last id only grows.
            watcher.frames[0:0] = frames
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self.watchers.discard(watcher)

    def close(self) -> None:
        """End all streams, now and from now on."""
        self.is_closed = True
        for watcher in self.watchers:
            watcher.end()

    async def shut(self) -> None:
        """Stop the feed's own tasks and threads."""
        self.close()
        self._stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _start(self) -> None:
        if self._tasks:
            return
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read())]

        def hear(message: str) -> None:
            # A message that comes when the loop has ended has nobody to go to.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._hear, message)

        self._stop_listening = hub.listen(hear)

    def _hear(self, message: str) -> None:
        if message == hub.WAKE:
            self._woken.set()
            return
        told = json.loads(message)
        frame = f"data: {json.dumps({'type': told['type'], 'id': told['id']})}\n\n".encode()
        for watcher in self.watchers:
            if watcher.visitor.user_id == uuid.UUID(told["user"]):
                watcher.put(frame)

    async def _read(self) -> None:
        while not self.is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                while self.watchers and await self._read_on():
                    pass
            except Exception as error:  # noqa: BLE001  the database may be away; the streams stay, and are told later
                log.warning("live.cannot_read", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _read_on(self) -> bool:
        """Hand out the next batch; True when there may be more."""
        changes = await self.ask(visitors.changes_between, self.position, None, BATCH)
        for change in changes:
            frame = frame_of(change)
            for watcher in self.watchers:
                if watcher.visitor.may_hear(change):
                    watcher.put(frame)
            self.position = change.position
        return len(changes) == BATCH
