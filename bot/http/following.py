"""How a desk follows its hotel: a WebSocket, or long polling where sockets fail."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from bot import metrics, presence, suggestions
from bot.http.feed import Feed
from bot.http.guard import (
    CLOCK,
    COOKIE,
    DATABASE,
    DESK,
    DISPATCH,
    PRESENCE,
    SOCKETS,
    Caller,
    caller,
    dumps,
    may_send,
    push,
    respond,
    seq_of,
)
from bot.http.looking import Looking
from bot.http.views import lens_of
from bot.model import ConversationId
from bot.nudges import wait_for
from bot.roles import Permission
from bot.store import log, posts

LOOK_SECONDS = 2.0
POLL_SECONDS = 25.0
HEARTBEAT = 25.0
SEEN_SECONDS = 60.0


def add_routes(app: web.Application) -> None:
    app.router.add_get("/desk/v1/hotels/{hotel}/feed", feed)
    app.router.add_get("/desk/v1/hotels/{hotel}/feed/poll", poll)


async def _frames(request: web.Request, place: Feed) -> list[dict[str, Any]]:
    """What is new, each frame with the service's time: a page's own clock may be off."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        return [{**frame, "now": lens.now} for frame in await place.frames(tx, lens)]


async def feed(request: web.Request) -> web.StreamResponse:
    me = caller(request)
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=64_000)
    await socket.prepare(request)
    hello = await socket.receive(timeout=10)
    frame = _frame(hello.data) if hello.type is WSMsgType.TEXT else None
    if frame is None or frame.get("type") != "hello":
        await socket.close(code=4401)
        return socket
    place = Feed.resume(frame.get("cursor"), frame.get("follow"), request.app[CLOCK].now())
    looking = Looking(request.app[PRESENCE], request.app[DATABASE], request.app[CLOCK], me)
    metrics.SOCKETS.labels("desk").inc()
    request.app[SOCKETS].add(socket)
    with request.app[DISPATCH].nudges.watch(f"hotel:{me.hotel}") as nudged:
        pushing = asyncio.create_task(push(socket, _push(request, socket, place, looking, me, nudged)))
        try:
            await _listen(request, socket, place, me, nudged)
        finally:
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing
            await looking.gone()
            metrics.SOCKETS.labels("desk").dec()
            request.app[SOCKETS].discard(socket)
    return socket


async def _suggest(request: web.Request, me: Caller, place: Feed) -> None:
    """Whoever could answer is shown what the assistant would say, where they have it open."""
    if me.may(Permission.WORK):
        nudges, now = request.app[DISPATCH].nudges, request.app[CLOCK].now()
        await suggestions.look_up(request.app[DATABASE], nudges, me.hotel, place.opened, now)


async def _push(
    request: web.Request,
    socket: web.WebSocketResponse,
    place: Feed,
    looking: Looking,
    me: Caller,
    nudged: asyncio.Event,
) -> None:
    """Send what is new at each nudge, and look by itself when none comes."""
    token, seen = request.cookies.get(COOKIE, ""), 0.0
    while not socket.closed:
        nudged.clear()
        if request.app[CLOCK].monotonic() - seen > SEEN_SECONDS or not seen:
            seen = request.app[CLOCK].monotonic()
            await _seen(request, me)
        signed_in = await request.app[DESK].who(token)
        if signed_in is None or signed_in.locked or signed_in.roles.get(me.hotel) != me.role:
            await socket.close(code=4401)  # signed out, deactivated, run out, or of another role by now
            return
        frames = await _frames(request, place) + await place.typing(request.app[PRESENCE])
        for frame in frames + await looking.frames(place.opened):
            await socket.send_str(dumps(frame))
        await _suggest(request, me, place)
        await wait_for(nudged, LOOK_SECONDS)


async def _seen(request: web.Request, me: Caller) -> None:
    """Whoever has a desk open is there still."""
    who, now = me.signed_in.staff.id, request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        stale = await posts.stale(tx, me.hotel, who, now)
    if stale:
        async with request.app[DATABASE].write() as tx:
            await posts.see(tx, me.hotel, who, now)


async def _listen(
    request: web.Request, socket: web.WebSocketResponse, place: Feed, me: Caller, nudged: asyncio.Event
) -> None:
    async for message in socket:
        frame = _frame(message.data) if message.type is WSMsgType.TEXT else None
        if frame is None or not may_send(me, frame):
            continue
        match frame:
            case {"type": "ping"}:
                await socket.send_str(dumps({"type": "pong", "now": request.app[CLOCK].now()}))
            case {"type": "follow", "conversation": str(id_), "after": int(after)}:
                place.follow[ConversationId(id_)] = seq_of(after)
                nudged.set()
            case {"type": "unfollow", "conversation": str(id_)}:
                place.follow.pop(ConversationId(id_), None)
                nudged.set()
            case {"type": "typing", "conversation": str(id_)}:
                await _typing(request, me, ConversationId(id_))


async def _typing(request: web.Request, me: Caller, id_: ConversationId) -> None:
    """A colleague is writing to this guest; the guest's page and the other desks may say so."""
    async with request.app[DATABASE].read() as tx:
        known = await log.row_of(tx, me.hotel, id_) is not None
    if known:
        await request.app[PRESENCE].typing(id_, presence.staff(me.signed_in.staff.id), me.hotel)


def _frame(raw: str) -> dict[str, Any] | None:
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


async def poll(request: web.Request) -> web.Response:
    """The same frames for a page whose sockets fail; answers when there is something, or in 25 s."""
    me, clock = caller(request), request.app[CLOCK]
    follow = {
        id_: seq_of(seq)
        for id_, _, seq in (part.partition(":") for part in request.query.getall("follow", []))
        if seq.isdecimal()
    }
    place = Feed.resume(request.query.get("cursor"), follow, clock.now())
    await _seen(request, me)
    deadline = clock.monotonic() + POLL_SECONDS
    async with request.app[DATABASE].read() as tx:
        await place.prime(tx, await lens_of(request, tx))
    with request.app[DISPATCH].nudges.watch(f"hotel:{me.hotel}") as nudged:
        while True:
            nudged.clear()
            frames = await _frames(request, place)
            await _suggest(request, me, place)
            left = deadline - clock.monotonic()
            if frames or left <= 0:
                return respond({"frames": frames, "cursor": place.cursor, "now": clock.now()})
            await wait_for(nudged, min(left, LOOK_SECONDS))
