"""Live pages: tell browsers that a review changed, as server-sent events. One look at the store a second, however many watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from pertimage.web.access import page_user
from pertimage.web.pages.view import service_of
from pertimage.web.service import Service

router = APIRouter(prefix="/relecture", include_in_schema=False)

ROLE = "radiologue"
LOOK_EVERY, SPEAK_EVERY, LONGEST = 1.0, 15.0, 600.0  # seconds; a stream that ends is opened again by the browser


@router.get("/flux")
async def changes(request: Request) -> StreamingResponse:
    """Stream ``change`` events, the instant of the latest change as data, until the browser leaves."""
    page_user(request, ROLE)
    watch = _watch_of(request)
    return StreamingResponse(watch.events(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


class Watch:
    """Looks at the latest change of a service's reviews, while somebody listens."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._latest = ""
        self._listeners = 0
        self._changed = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None

    async def events(self, request: Request) -> AsyncIterator[str]:
        """Yield the text of the stream for one browser."""
        loop = asyncio.get_running_loop()
        end, seen = loop.time() + LONGEST, await self._look()
        yield f"retry: 3000\nevent: change\ndata: {seen}\n\n"
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            while loop.time() < end and not await request.is_disconnected():
                latest = await self._after(seen)
                yield f"event: change\ndata: {latest}\n\n" if latest != seen else ": là\n\n"
                seen = latest
        finally:
            self._listeners -= 1

    async def _after(self, seen: str) -> str:
        """Wait for another latest change than ``seen``, ``SPEAK_EVERY`` seconds at most; return the latest."""
        try:
            async with asyncio.timeout(SPEAK_EVERY), self._changed:
                await self._changed.wait_for(lambda: self._latest != seen)
        except TimeoutError:
            pass
        return self._latest

    async def _keep_looking(self) -> None:
        while self._listeners:
            await self._look()
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> str:
        try:
            latest = await asyncio.to_thread(self._service.register.latest_change)
        except SQLAlchemyError:  # the store is away for a while: who listens keeps the page as it is
            return self._latest
        if latest != self._latest:
            async with self._changed:
                self._latest = latest
                self._changed.notify_all()
        return latest


def _watch_of(request: Request) -> Watch:
    """Return the watch of the application, made when the first browser listens."""
    state = request.app.state
    if not hasattr(state, "watch"):
        state.watch = Watch(service_of(request))
    watch: Watch = state.watch
    return watch
