"""The app's API: REST to act, a WebSocket to follow, long polling where there is none.

Who the guest is, the hotel's backend has signed; every route but the socket takes that token in a header, the
socket in its first frame: never in an address. The rows of OPERATIONS are the routes and their document.
"""

import asyncio
from contextlib import suppress
from functools import wraps
from typing import Any

from aiohttp import WSMsgType, web

from bot import guest_tokens, linking, metrics
from bot.channels import app as channel
from bot.channels.app import Cursor
from bot.channels.web import MAX_FRAME, MAX_TEXT, BadFrame, parse_frame
from bot.dispatch import Received
from bot.http import ratings
from bot.http.app_door import CALLER, CALLS, Caller, believe
from bot.http.app_view import (
    MOST,
    PAGE,
    conversation_of,
    count_of,
    cursor_of,
    known,
    mark,
    met,
    note,
    view_of,
)
from bot.http.files import take
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DISPATCH,
    HOTELS,
    PRESENCE,
    SOCKETS,
    Handler,
    Limit,
    Problem,
    dumps,
    prefers_english,
    push,
    read_object,
    respond,
)
from bot.http.openapi import (
    BINARY,
    COUNT,
    MOMENT,
    STRING,
    TRUTH,
    Operation,
    add_operations,
    nullable,
    ref,
    shape,
)
from bot.media import LIMITS
from bot.nudges import wait_for
from bot.presence import GUEST
from bot.store import log

LOOK_SECONDS = 1.0
POLL_SECONDS = 25.0
HEARTBEAT = 25.0
HELLO_SECONDS = 10.0

MESSAGES = web.AppKey("app_messages", Limit)
FILES_SENT = web.AppKey("app_files", Limit)


def add_routes(app: web.Application) -> None:
    clock = app[CLOCK]
    app[CALLS], app[MESSAGES] = Limit(clock, 240, 60.0), Limit(clock, 30, 30.0)
    app[FILES_SENT] = Limit(clock, 20, 60.0)
    add_operations(app, OPERATIONS)


# ---- what it may ask and do


def _frames_refused(handler: Handler) -> Handler:
    """What the channel can't take is a 400 with its code."""

    @wraps(handler)
    async def refusing(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadFrame as bad:
            more = {"limit": MAX_TEXT} if bad.code == "too_long" else {}
            raise Problem(429 if bad.code == "too_many" else 400, bad.code, **more) from None

    return refusing


async def config(request: web.Request) -> web.Response:
    """What an app needs to draw its page."""
    hotel, english = request[CALLER].hotel, prefers_english(request)
    file = hotel.file
    return respond(
        {
            "hotel": {"name": file.name_en if english else file.name, "phone": file.phone},
            "colour": file.widget.colour,
            "locale": "en" if english else "zh-CN",
            "privacy": {"url": file.privacy.url, "version": file.privacy.version},
            "limits": {"text": MAX_TEXT, "files": LIMITS},
            "now": request.app[CLOCK].now(),
        }
    )


@_frames_refused
async def messages(request: web.Request) -> web.Response:
    after, before, limit = cursor_of(request, "after"), cursor_of(request, "before"), count_of(request)
    if after and before:
        raise Problem(400, "bad_request")
    return respond((await view_of(request, request[CALLER], after, limit, before)).page)


async def conversation(request: web.Request) -> web.Response:
    return respond(await conversation_of(request, request[CALLER]))


@_frames_refused
async def send(request: web.Request) -> web.Response:
    return respond(await _send(request, request[CALLER], await read_object(request)))


async def _send(request: web.Request, caller: Caller, frame: dict[str, Any]) -> dict[str, Any]:
    """Take a message; sending the same client id again gives the same one. Raises BadFrame."""
    client_id = channel.client_id_of(frame.get("client_id"))
    if not request.app[MESSAGES].allows(caller.limit_key):
        raise BadFrame("too_many", client_id)
    inbound = channel.parse_message(caller.signed.subject, frame, request.app[CLOCK].now())
    received = await request.app[DISPATCH].receive(caller.account, inbound)
    await note(request, received.identity, caller.signed)
    await request.app[PRESENCE].ended(received.row.id, GUEST, received.row.hotel)
    return await _sent(request, received, client_id)


async def _sent(request: web.Request, received: Received, client_id: str) -> dict[str, Any]:
    """The message as it stands in the history; what came with it (a help, a thank-you) stands behind it."""
    row, seq = received.row, received.seq
    async with request.app[DATABASE].read() as tx:
        event = await log.event_of(tx, row.hotel, row.id, seq)
    at = event.at if event else request.app[CLOCK].now()
    return {"id": f"{row.id}:{seq}", "seq": seq, "client_id": client_id, "at": at}


@_frames_refused
async def send_file(request: web.Request) -> web.Response:
    """A file as the body; `?client_id=` makes sending idempotent, `?name=` is shown."""
    caller, client_id = request[CALLER], channel.client_id_of(request.query.get("client_id"))
    if not request.app[FILES_SENT].allows(caller.limit_key):
        raise Problem(429, "too_many")
    file = await take(request, caller.account.hotel)
    inbound = channel.file_message(caller.signed.subject, client_id, file, request.app[CLOCK].now())
    received = await request.app[DISPATCH].receive(caller.account, inbound)
    return respond(await _sent(request, received, client_id))


@_frames_refused
async def read(request: web.Request) -> web.Response:
    """The guest has read everything up to this cursor."""
    through = Cursor.parse((await read_object(request)).get("cursor"))
    identity = await known(request, request[CALLER])
    if identity and through.conversation == identity.conversation:
        async with request.app[DATABASE].read() as tx:
            row = await log.row_of(tx, identity.hotel, identity.conversation)
        seq = min(through.seq, row.seq if row else 0)
        await mark(request, identity, seq)
        await mark(request, identity, seq, read=True)
    return respond({})


async def typing(request: web.Request) -> web.Response:
    await _types(request, request[CALLER])
    return respond({})


async def _types(request: web.Request, caller: Caller) -> None:
    """The guest is writing: the desk may say so. Whoever has never written anything isn't a guest yet."""
    if identity := await known(request, caller):
        await request.app[PRESENCE].typing(identity.conversation, GUEST, identity.hotel)


async def rate(request: web.Request) -> web.Response:
    """How a visit was that a colleague has ended."""
    body, identity = await read_object(request), await known(request, request[CALLER])
    async with request.app[DATABASE].read() as tx:
        row = await log.row_of(tx, identity.hotel, identity.conversation) if identity else None
    return respond(await ratings.take(request, (identity, row) if identity and row else None, body))


async def link_code(request: web.Request) -> web.Response:
    """A code that the guest says on another channel, to show that they are the same."""
    caller = request[CALLER]
    if not request.app[MESSAGES].allows(caller.limit_key):
        raise Problem(429, "too_many")
    code = await request.app[DISPATCH].recognition.link_code(await met(request, caller))
    return respond({"code": code, "expires_at": request.app[CLOCK].now() + linking.CODE_LIFE})


async def redeem(request: web.Request) -> web.Response:
    """A code that the guest got on another channel."""
    caller, code = request[CALLER], (await read_object(request)).get("code")
    if not isinstance(code, str) or not code.isascii() or not code.isdecimal() or len(code) > 16:
        raise Problem(400, "bad_request")
    if not request.app[MESSAGES].allows(caller.limit_key):
        raise Problem(429, "too_many")
    return respond(
        {"linked": await request.app[DISPATCH].recognition.redeem(await met(request, caller), code)}
    )


async def opt(request: web.Request) -> web.Response:
    """Whether messages that the guest hasn't asked for are welcome."""
    wanted = (await read_object(request)).get("in")
    if not isinstance(wanted, bool):
        raise Problem(400, "bad_request")
    await request.app[DISPATCH].opt(await met(request, request[CALLER]), wanted)
    return respond({"in": wanted})


# ---- following


@_frames_refused
async def poll(request: web.Request) -> web.Response:
    """What comes after the cursor, as soon as there is anything, in POLL_SECONDS at most."""
    caller, clock, after = request[CALLER], request.app[CLOCK], cursor_of(request, "after")
    knows = request.query.get("typing") == "true"  # what the app shows already
    deadline = clock.monotonic() + POLL_SECONDS
    with request.app[DISPATCH].nudges.watch(await _topic(request, caller)) as nudged:
        while True:
            nudged.clear()
            view = await view_of(request, caller, after)
            left = deadline - clock.monotonic()
            new = view.at != after or view.page["conversation"]["typing"] is not knows
            if new or left <= 0:
                return respond(view.page)
            await wait_for(nudged, min(left, LOOK_SECONDS))


async def _topic(request: web.Request, caller: Caller) -> str:
    identity = await known(request, caller)
    return f"conversation:{identity.conversation if identity else ''}"


async def socket(request: web.Request) -> web.StreamResponse:
    """The first frame says who it is: {"type": "hello", "token": …, "after": cursor or null}."""
    opened = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_FRAME)
    if not opened.can_prepare(request).ok:
        raise Problem(400, "bad_request")
    await opened.prepare(request)
    try:
        hello = parse_frame(await opened.receive_str(timeout=HELLO_SECONDS))
        caller = await believe(request, hello.get("token"))
        after = Cursor.parse(hello["after"]) if hello.get("after") else None
    except Problem as problem:
        await _close(opened, problem.code, 4429 if problem.status == 429 else 4401)
        return opened
    except (BadFrame, TypeError, TimeoutError) as bad:
        await _close(opened, bad.code if isinstance(bad, BadFrame) else "bad_request", 4400)
        return opened
    metrics.SOCKETS.labels("app").inc()
    request.app[SOCKETS].add(opened)
    try:
        await _Talk(request, opened, caller, after).run()
    finally:
        metrics.SOCKETS.labels("app").dec()
        request.app[SOCKETS].discard(opened)
    return opened


async def _close(opened: web.WebSocketResponse, why: str, code: int) -> None:
    await opened.close(code=code, message=why.encode())


class _Talk:
    """One open socket: what comes in is taken, what is new goes out, until its token has run out."""

    def __init__(
        self, request: web.Request, opened: web.WebSocketResponse, caller: Caller, after: Cursor | None
    ) -> None:
        self._request, self._socket, self._caller, self._after = request, opened, caller, after
        self._shown: dict[str, Any] = {}

    async def run(self) -> None:
        await self._look("welcome")
        pushing = asyncio.create_task(push(self._socket, self._push()))
        try:
            await self._listen()
        finally:
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing

    async def _push(self) -> None:
        nudges = self._request.app[DISPATCH].nudges
        while not self._socket.closed:
            with nudges.watch(await _topic(self._request, self._caller)) as nudged:
                if not self._holds():
                    return await _close(self._socket, "token_expired", 4401)
                await self._look("messages")
                await wait_for(nudged, LOOK_SECONDS)

    def _holds(self) -> bool:
        until = self._caller.signed.expires_at + guest_tokens.SKEW
        return self._request.app[CLOCK].now() < until

    async def _look(self, type_: str) -> None:
        view = await view_of(self._request, self._caller, self._after)
        if type_ == "welcome" or view.at != self._after:
            self._after = view.at
            await self._say({"type": type_, **view.page})
        elif view.page["conversation"] != self._shown:
            await self._say({"type": "conversation", "conversation": view.page["conversation"]})
        self._shown = view.page["conversation"]

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await self._take(parse_frame(message.data))
            except BadFrame as bad:
                await self._refuse(bad.code, bad.client_id)
                if bad.code == "too_many":
                    await _close(self._socket, bad.code, 4429)
            except Problem as problem:
                await self._refuse(problem.code, None)

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ping":
                await self._say({"type": "pong"})
            case "send":
                self._check()
                await self._say({"type": "sent", **await _send(self._request, self._caller, frame)})
            case "typing":
                self._check()
                await _types(self._request, self._caller)
            case "token":
                await self._renew(frame.get("token"))
            case _:
                raise BadFrame("bad_request")

    def _check(self) -> None:
        if not self._holds():
            raise BadFrame("token_expired")

    async def _renew(self, token: object) -> None:
        """A newer token of the same guest keeps the socket open."""
        caller = await believe(self._request, token)
        if (caller.account.account, caller.external) != (self._caller.account.account, self._caller.external):
            raise Problem(401, "token_other_guest")
        self._caller = caller
        await self._say({"type": "renewed", "until": caller.signed.expires_at})

    async def _refuse(self, code: str, client_id: str | None) -> None:
        hotel, now = self._caller.hotel, self._request.app[CLOCK].now()
        texts = self._request.app[HOTELS].texts["en"] if prefers_english(self._request) else hotel.texts
        sentence = texts.render(f"errors_{code}", {"limit": MAX_TEXT}, facts={}, now=now, zone=hotel.zone)
        await self._say({"type": "error", "code": code, "message": sentence, "client_id": client_id})

    async def _say(self, frame: dict[str, Any]) -> None:
        await self._socket.send_str(dumps(frame))


# ---- the routes, and what they are

_CURSOR = {"type": "string", "pattern": f"^{channel.CURSOR}$"}
_CLIENT_ID = {"type": "string", "pattern": f"^{channel.CLIENT_ID}$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_STARS = {"type": "integer", "minimum": 1, "maximum": 5}
_RATED = shape({"visit": COUNT, "stars": _STARS})
_DONE = shape({})
_CONFIG = shape(
    {
        "hotel": shape({"name": STRING, "phone": STRING}),
        "colour": STRING,
        "locale": {"enum": ["zh-CN", "en"]},
        "privacy": shape({"url": nullable(STRING), "version": STRING}),
        "limits": shape({"text": COUNT, "files": {"type": "object", "additionalProperties": COUNT}}),
        "now": MOMENT,
    }
)

OPERATIONS = (
    Operation(
        "GET",
        "/app/v1/config",
        config,
        "The hotel, and what may be sent.",
        "app",
        answer=_CONFIG,
        refusals=(403, 429),
    ),
    Operation(
        "GET",
        "/app/v1/messages",
        messages,
        "History: the latest page, the one before a cursor, or all after one.",
        "app",
        answer=ref("Page"),
        query={
            "before": _CURSOR | {"description": "`earlier` of a page"},
            "after": _CURSOR | {"description": "`cursor` of a page"},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE},
        },
        refusals=(400, 403, 429),
    ),
    Operation(
        "POST",
        "/app/v1/messages",
        send,
        "Say something. A choice is taken by sending its text.",
        "app",
        answer=ref("Sent"),
        body=shape(
            {"client_id": _CLIENT_ID, "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}}
        ),
        refusals=(400, 403, 413, 429, 503),
    ),
    Operation(
        "POST",
        "/app/v1/files",
        send_file,
        "Send a picture, a voice message, a film or a document: its bytes are the body.",
        "app",
        answer=ref("Sent"),
        body={"type": "string", "contentMediaType": BINARY},
        takes=BINARY,
        query={
            "client_id": _CLIENT_ID | {"required": True},
            "name": {"type": "string", "description": "shown to staff"},
        },
        refusals=(400, 403, 413, 415, 429, 503),
    ),
    Operation(
        "GET",
        "/app/v1/conversation",
        conversation,
        "Who is speaking, and how much is unread.",
        "app",
        answer=ref("Conversation"),
        refusals=(403, 429),
    ),
    Operation(
        "POST",
        "/app/v1/read",
        read,
        "The guest has read up to this cursor.",
        "app",
        answer=_DONE,
        body=shape({"cursor": _CURSOR}),
        refusals=(400, 403, 413, 429),
    ),
    Operation(
        "POST",
        "/app/v1/typing",
        typing,
        "The guest is writing; say so again every 5 seconds.",
        "app",
        answer=_DONE,
        refusals=(403, 429),
    ),
    Operation(
        "POST",
        "/app/v1/rating",
        rate,
        "How the visit was that the conversation's `rate` names; once for each visit.",
        "app",
        answer=_RATED,
        body=shape(
            {"visit": COUNT, "stars": _STARS}, {"text": {"type": "string", "maxLength": ratings.TEXT_LIMIT}}
        ),
        refusals=(400, 403, 409, 413, 429),
    ),
    Operation(
        "POST",
        "/app/v1/link-codes",
        link_code,
        "A one-time code that the guest says on WeChat or the web: it makes them one guest.",
        "app",
        answer=shape({"code": STRING, "expires_at": MOMENT}),
        refusals=(403, 429),
    ),
    Operation(
        "POST",
        "/app/v1/link-codes/redeem",
        redeem,
        "Take a code that the guest got on another channel.",
        "app",
        answer=shape({"linked": TRUTH}),
        body=shape({"code": {"type": "string", "pattern": "^[0-9]{1,16}$"}}),
        refusals=(400, 403, 413, 429),
    ),
    Operation(
        "POST",
        "/app/v1/opt-in",
        opt,
        "Whether unasked messages are welcome; a no is obeyed at once, everywhere.",
        "app",
        answer=shape({"in": TRUTH}),
        body=shape({"in": TRUTH}),
        refusals=(400, 403, 413, 429),
    ),
    Operation(
        "GET",
        "/app/v1/poll",
        poll,
        f"What comes after the cursor, at once or within {POLL_SECONDS:g} seconds.",
        "app",
        answer=ref("Page"),
        query={"after": _CURSOR, "typing": TRUTH | {"description": "what the app shows already"}},
        refusals=(400, 403, 429),
    ),
    Operation(
        "GET",
        "/app/v1/socket",
        socket,
        "WebSocket. First frame: hello with token and `after`; then send, typing, token, ping.",
        "app",
        success=101,
        refusals=(400,),
        public=True,  # its first frame carries the token
    ),
)
