"""The widget's API: a WebSocket that resumes from a seq, and long polling behind it.

The visitor's token comes in the first frame, never in an address, and we keep its hash. A conversation is
made by the first message, not by opening the page.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from bot import metrics
from bot.channels import web as channel
from bot.conversation import Conversation
from bot.http.files import FILES
from bot.http.files import shown as shown_file
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DISPATCH,
    HOTELS,
    SOCKETS,
    Handler,
    Limit,
    Problem,
    dumps,
    prefers_english,
    problem_response,
    push,
    read_object,
    respond,
    same_origin,
    seq_of,
)
from bot.knowledge import Hotel
from bot.model import AccountId, Audience, Content, Event, EventType, ExternalId, State
from bot.nudges import wait_for
from bot.store import desk, log, people
from bot.store.desk import AccountRow
from bot.store.people import Identity

LOOK_SECONDS = 1.0
POLL_SECONDS = 25.0
HEARTBEAT = 25.0
HISTORY = 200  # messages given to a page that has none; one that resumes gets all it lacks

LIMIT = web.AppKey("widget_limit", Limit)

_SAID = (EventType.GUEST_SAID, EventType.ASSISTANT_SAID, EventType.STAFF_SAID)


def add_routes(app: web.Application) -> None:
    app[LIMIT] = Limit(app[CLOCK], 30, 30.0)
    app.router.add_get("/widget/v1/{key}/config", config)
    app.router.add_get("/widget/v1/{key}/socket", socket)
    app.router.add_post("/widget/v1/{key}/poll", poll)
    app.router.add_post("/widget/v1/{key}/messages", take_message)
    app.router.add_route("OPTIONS", "/widget/v1/{key}/{what}", preflight)


# ---- who may come in


@web.middleware
async def guard_widget(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The widget's API: a known key, a page of an allowed origin. CORS for those and nobody else."""
    if not request.path.startswith("/widget/v1/"):
        return await handler(request)
    try:
        await _check_origin(request)
        response = await handler(request)
    except Problem as problem:
        response = problem_response(request, problem)
    origin = request.headers.get("Origin")
    if origin and not response.prepared and response.status != 403:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
    return response


async def _check_origin(request: web.Request) -> None:
    async with request.app[DATABASE].read() as tx:
        account = await desk.account_of(tx, "web", AccountId(request.match_info.get("key", "")))
        if account is None:
            raise Problem(404, "unknown_key")
        hotel = await request.app[HOTELS].get(tx, account.hotel)
    origin = request.headers.get("Origin")
    if not same_origin(request) and not channel.allowed(origin, hotel.file.widget.origins):
        raise Problem(403, "bad_origin")
    request[VISITED] = Visited(account, hotel)


@dataclass(frozen=True)
class Visited:
    account: AccountRow
    hotel: Hotel


VISITED: web.RequestKey[Visited] = web.RequestKey("visited", Visited)


async def preflight(request: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)


async def config(request: web.Request) -> web.Response:
    """What the widget needs to draw itself: the hotel's name and colour, and every sentence it shows."""
    hotel, now = request[VISITED].hotel, request.app[CLOCK].now()
    english = prefers_english(request)
    texts = request.app[HOTELS].texts["en"] if english else hotel.texts
    chrome = texts.chrome("widget_", hotel.facts)
    return respond(
        {
            "hotel": {"name": hotel.file.name_en if english else hotel.file.name, "phone": hotel.file.phone},
            "colour": hotel.file.widget.colour,
            "locale": "en" if english else "zh-CN",
            "privacy": {"url": hotel.file.privacy.url, "version": hotel.file.privacy.version},
            "texts": dict(chrome),
            "now": now,
        }
    )


# ---- what a visitor sees


async def _find(request: web.Request, visitor: ExternalId) -> tuple[Identity, Conversation] | None:
    account = request[VISITED].account
    async with request.app[DATABASE].read() as tx:
        identity = await people.find_identity(tx, account.hotel, "web", account.account, visitor)
        row = await log.row_of(tx, account.hotel, identity.conversation) if identity else None
    return (identity, row) if identity and row else None


async def _view(request: web.Request, visitor: ExternalId, after: int) -> dict[str, Any]:
    """Messages after a seq, the highest seq there is, and who is speaking.

    A page may remember more than there is: its visitor was erased, and begins anew.
    """
    found = await _find(request, visitor)
    if found is None:
        return {"seq": 0, "speaker": {"kind": "assistant", "name": None}, "messages": []}
    identity, row = found
    after = after if after <= row.seq else 0
    async with request.app[DATABASE].read() as tx:
        limit = None if after else HISTORY
        thread = await log.read_thread(tx, row.hotel, row.id, after, Audience.GUEST, limit)
        mine = [(e, c) for e, c in thread if e.type in _SAID and e.identity == identity.id]
        staff = {e.actor.id for e, _ in mine if e.actor.kind == "staff"} | {row.holder}
        names = await people.names_of(tx, {str(s) for s in staff if s})
    await _mark(request, identity, row.seq)
    messages = _messages(request, identity, mine, names)
    return {"seq": row.seq, "speaker": _speaker(row, names), "messages": messages}


async def _mark(request: web.Request, identity: Identity, seq: int) -> None:
    """The page has this now: the desk shows it as delivered."""
    viewer = f"identity:{identity.id}"
    async with request.app[DATABASE].read() as tx:
        if await people.read_mark(tx, identity.hotel, identity.conversation, viewer) >= seq:
            return
    async with request.app[DATABASE].write() as tx:
        await people.mark_read(tx, identity.hotel, identity.conversation, viewer, seq)


def _speaker(row: Conversation, names: dict[str, str]) -> dict[str, Any]:
    kinds = {State.BOT: "assistant", State.WAITING: "waiting", State.STAFF: "staff", State.CLOSED: "closed"}
    return {"kind": kinds[row.state], "name": names.get(row.holder or "")}


def _messages(
    request: web.Request, identity: Identity, thread: Sequence[tuple[Event, Content]], names: dict[str, str]
) -> list[dict[str, Any]]:
    kept, now = request.app[FILES], request.app[CLOCK].now()
    return [
        {
            "seq": e.seq,
            "from": e.actor.kind,
            "name": names.get(e.actor.id or ""),
            "text": c.text or "",
            "options": (c.details or {}).get("options"),
            "file": shown_file(kept, identity.hotel, c.file, now) if c.file else None,
            "at": e.at,
            "client_id": e.body.get("client_id") if e.type is EventType.GUEST_SAID else None,
        }
        for e, c in thread
    ]


async def _send(request: web.Request, visitor: ExternalId, frame: dict[str, Any]) -> dict[str, Any]:
    """Take a message; sending the same client id again gives the same seq. Raises BadFrame."""
    if not request.app[LIMIT].allows(visitor):
        raise channel.BadFrame("too_many", frame.get("client_id"))
    inbound = channel.parse_message(visitor, frame, request.app[CLOCK].now())
    received = await request.app[DISPATCH].receive(request[VISITED].account, inbound)
    return {"client_id": frame["client_id"], "seq": received.seq, "at": request.app[CLOCK].now()}


# ---- the socket


async def socket(request: web.Request) -> web.StreamResponse:
    opened = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=channel.MAX_FRAME)
    await opened.prepare(request)
    try:
        hello = channel.parse_frame(await opened.receive_str(timeout=10))
        visitor = channel.visitor(request[VISITED].account.account, hello.get("token"))
    except (channel.BadFrame, TypeError, TimeoutError):
        await opened.close(code=4401)
        return opened
    metrics.SOCKETS.labels("widget").inc()
    request.app[SOCKETS].add(opened)
    try:
        await _Talk(request, opened, visitor, seq_of(hello.get("after"))).run()
    finally:
        metrics.SOCKETS.labels("widget").dec()
        request.app[SOCKETS].discard(opened)
    return opened


class _Talk:
    """One open socket: what comes in is taken, what is new goes out."""

    def __init__(
        self, request: web.Request, opened: web.WebSocketResponse, visitor: ExternalId, after: int
    ) -> None:
        self._request, self._socket, self._visitor = request, opened, visitor
        self._after = after
        self._speaker: dict[str, Any] | None = None
        self._begun = asyncio.Event()  # the first message makes the conversation, and it is watched from then

    async def run(self) -> None:
        await self._welcome()
        pushing = asyncio.create_task(push(self._socket, self._push()))
        try:
            await self._listen()
        finally:
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing

    async def _welcome(self) -> None:
        view = await _view(self._request, self._visitor, self._after)
        self._after, self._speaker = view["seq"], view["speaker"]
        await self._say({"type": "welcome", **view})

    async def _push(self) -> None:
        found = await _find(self._request, self._visitor)
        while found is None:
            await self._begun.wait()
            self._begun.clear()
            found = await _find(self._request, self._visitor)
        nudges = self._request.app[DISPATCH].nudges
        with nudges.watch(f"conversation:{found[1].id}") as nudged:
            while not self._socket.closed:
                nudged.clear()
                await self._look()
                await wait_for(nudged, LOOK_SECONDS)

    async def _look(self) -> None:
        found = await _find(self._request, self._visitor)
        if found is None or found[1].seq <= self._after:
            return
        view = await _view(self._request, self._visitor, self._after)
        self._after = view["seq"]
        for message in view["messages"]:
            await self._say({"type": "message", "message": message})
        if view["speaker"] != self._speaker:
            self._speaker = view["speaker"]
            await self._say({"type": "speaker", "speaker": self._speaker})
        await self._say({"type": "seq", "seq": self._after})

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await self._take(channel.parse_frame(message.data))
            except channel.BadFrame as bad:
                await self._refuse(bad)
                if bad.code == "too_many":
                    await self._socket.close(code=4429)

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ping":
                await self._say({"type": "pong"})
            case "send":
                await self._say({"type": "sent", **await _send(self._request, self._visitor, frame)})
                self._begun.set()
            case _:
                raise channel.BadFrame("bad_request")

    async def _refuse(self, bad: channel.BadFrame) -> None:
        texts, now = self._request[VISITED].hotel.texts, self._request.app[CLOCK].now()
        values, zone = {"limit": channel.MAX_TEXT}, self._request[VISITED].hotel.zone
        sentence = texts.render(f"errors_{bad.code}", values, facts={}, now=now, zone=zone)
        await self._say({"type": "error", "code": bad.code, "message": sentence, "client_id": bad.client_id})

    async def _say(self, frame: dict[str, Any]) -> None:
        await self._socket.send_str(dumps(frame))


# ---- long polling


def _visitor(request: web.Request, body: dict[str, Any]) -> ExternalId:
    try:
        return channel.visitor(request[VISITED].account.account, body.get("token"))
    except channel.BadFrame:
        raise Problem(401, "bad_token") from None


async def take_message(request: web.Request) -> web.Response:
    body = await read_object(request)
    visitor = _visitor(request, body)
    try:
        return respond(await _send(request, visitor, body))
    except channel.BadFrame as bad:
        status = 429 if bad.code == "too_many" else 400
        raise Problem(status, bad.code, limit=channel.MAX_TEXT) from None


async def poll(request: web.Request) -> web.Response:
    body, clock = await read_object(request), request.app[CLOCK]
    visitor, after = _visitor(request, body), seq_of(body.get("after"))
    deadline = clock.monotonic() + POLL_SECONDS
    found = await _find(request, visitor)
    topic = f"conversation:{found[1].id}" if found else "conversation:"
    with request.app[DISPATCH].nudges.watch(topic) as nudged:
        while True:
            nudged.clear()
            found = await _find(request, visitor)
            left = deadline - clock.monotonic()
            if (found[1].seq if found else 0) != after or left <= 0:
                return respond(await _view(request, visitor, after))
            await wait_for(nudged, min(left, LOOK_SECONDS))
