"""The widget's API: a WebSocket that resumes from a seq, and long polling behind it.

The visitor's token comes in the first frame, never in an address, and we keep its hash. A conversation is
made by the first message, not by opening the page.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import guest_tokens, history, linking, metrics, rating, sign_in
from bot.accounts import GuestKeys
from bot.channels import web as channel
from bot.conversation import Conversation
from bot.dispatch import Received
from bot.http import cards, ratings
from bot.http.files import FILES, take
from bot.http.files import shown as shown_file
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
    problem_response,
    push,
    read_object,
    respond,
    same_origin,
    seq_of,
)
from bot.knowledge import Hotel
from bot.media import LIMITS
from bot.model import (
    AccountId,
    ActorKind,
    Content,
    ConversationId,
    EventType,
    ExternalId,
    HotelId,
    State,
)
from bot.nudges import wait_for
from bot.presence import GUEST
from bot.store import desk, log, members, people, proofs, read_marks
from bot.store.desk import AccountRow
from bot.store.people import Identity
from bot.texts import Texts
from bot.traditional import traditional

LOOK_SECONDS = 1.0
UNMET_SECONDS = 10.0  # how often a signed-in page without a conversation looks whether another has begun one
POLL_SECONDS = 25.0
HEARTBEAT = 25.0
VISITOR_HEADER = "X-Visitor"  # the visitor's token, where the body is a file
HISTORY = 200  # messages given to a page that has none; one that resumes gets all it lacks

HANT = "zh-Hant"
FOLLOWER = "wechat:"  # before a subject that WeChat has vouched for
SITE = "site:"  # before a subject that a hotel's site has signed

PAGES = Path(__file__).with_name("pages")
_TAGS = {"zh": "zh-CN", HANT: "zh-Hant", "en": "en"}
_CHAT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob: data:; "
    "media-src 'self' blob:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)

GUEST_KEYS = web.AppKey("guest_keys", GuestKeys)
LIMIT = web.AppKey("widget_limit", Limit)
FILE_LIMIT = web.AppKey("widget_file_limit", Limit)


def add_routes(app: web.Application) -> None:
    app[LIMIT] = Limit(app[CLOCK], 30, 30.0)
    app[FILE_LIMIT] = Limit(app[CLOCK], 20, 60.0)
    app.router.add_get("/chat/{key}", chat_page)
    app.router.add_get("/widget/v1/{key}/config", config)
    app.router.add_get("/widget/v1/{key}/socket", socket)
    app.router.add_post("/widget/v1/{key}/poll", poll)
    app.router.add_post("/widget/v1/{key}/messages", take_message)
    app.router.add_post("/widget/v1/{key}/files", take_file)
    app.router.add_post("/widget/v1/{key}/typing", take_typing)
    app.router.add_post("/widget/v1/{key}/rating", take_rating)
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


def page_key(accounts: Sequence[AccountRow], hotel: HotelId) -> AccountId | None:
    """The widget of a hotel's page; the first, where it has several."""
    return next((a.account for a in accounts if a.hotel == hotel and a.channel == "web" and a.active), None)


async def preflight(request: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": f"Content-Type, {VISITOR_HEADER}",
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)


async def chat_page(request: web.Request) -> web.Response:
    """The widget as a whole page, for a menu or a link."""
    async with request.app[DATABASE].read() as tx:
        account = await desk.account_of(tx, "web", AccountId(request.match_info["key"]))
        if account is None:
            raise Problem(404, "unknown_key")
        hotel = await request.app[HOTELS].get(tx, account.hotel)
    lang = _lang(request.headers.get("Accept-Language"))
    page = (PAGES / "chat.html").read_text("utf-8")
    for name, value in {"key": account.account, "name": _name(hotel, lang), "lang": _TAGS[lang]}.items():
        page = page.replace("{{" + name + "}}", escape(value))
    headers = {"Content-Security-Policy": _CHAT_POLICY, "Cache-Control": "no-cache"}
    return web.Response(text=page, content_type="text/html", headers=headers)


async def config(request: web.Request) -> web.Response:
    """What the widget needs to draw itself: the hotel's name and colour, and every sentence it shows."""
    hotel, now = request[VISITED].hotel, request.app[CLOCK].now()
    lang = _lang(request.headers.get("Accept-Language"))
    chrome = _texts(request, lang).chrome("widget_", hotel.facts)
    return respond(
        {
            "hotel": {"name": _name(hotel, lang), "phone": hotel.file.phone},
            "colour": hotel.file.widget.colour,
            "locale": _TAGS[lang],
            "privacy": {"url": hotel.file.privacy.url, "version": hotel.file.privacy.version},
            "texts": dict(chrome),
            "theme": None if hotel.file.widget.theme == "auto" else hotel.file.widget.theme,
            "greeting": hotel.file.widget.greeting,
            "limits": {"text": channel.MAX_TEXT, "files": LIMITS},
            "now": now,
        }
    )


def _lang(spoken: object) -> str:
    """en, zh-Hant or zh, from what a page or a browser says it speaks."""
    first = spoken.lower() if isinstance(spoken, str) else ""
    if first.startswith("en"):
        return "en"
    return HANT if re.match(r"zh-(hant|tw|hk|mo)", first) else "zh"


def _name(hotel: Hotel, lang: str) -> str:
    if lang == "en":
        return hotel.file.name_en
    return traditional(hotel.file.name) if lang == HANT else hotel.file.name


# ---- who it is, and what they see


@dataclass(frozen=True)
class Guest:
    """Who looks: the visitor's page, and the words it is shown."""

    visitor: ExternalId
    lang: str = "zh"


@dataclass(frozen=True)
class Cursor:
    """How far a page has got: a seq of one conversation."""

    seq: int = 0
    conversation: ConversationId | None = None

    @classmethod
    def parse(cls, frame: dict[str, Any]) -> "Cursor":
        id_ = frame.get("conversation")
        return cls(seq_of(frame.get("after")), ConversationId(id_) if isinstance(id_, str) and id_ else None)


async def _identity(request: web.Request, visitor: ExternalId) -> Identity | None:
    account = request[VISITED].account
    async with request.app[DATABASE].read() as tx:
        return await people.find_identity(tx, account.hotel, "web", account.account, visitor)


async def _find(request: web.Request, visitor: ExternalId) -> tuple[Identity, Conversation] | None:
    account = request[VISITED].account
    async with request.app[DATABASE].read() as tx:
        identity = await people.find_identity(tx, account.hotel, "web", account.account, visitor)
        row = await log.row_of(tx, account.hotel, identity.conversation) if identity else None
    return (identity, row) if identity and row else None


async def _met(
    request: web.Request, visitor: ExternalId, subjects: Sequence[str]
) -> tuple[Identity, Conversation] | None:
    """The visitor and their conversation; where another page, or the app, of the same subject has begun one,
    it is theirs."""
    account = request[VISITED].account
    if subjects and await _identity(request, visitor) is None:
        async with request.app[DATABASE].read() as tx:
            known = [s for s in subjects if await proofs.with_subject(tx, account.hotel, s)]
        if known:
            await request.app[DISPATCH].recognition.recognise(account, visitor, subjects)
    return await _find(request, visitor)


async def _recognise(request: web.Request, visitor: ExternalId, signed: object) -> tuple[str, ...]:
    """Who the hotel's site says it is, noted on the visitor; a visitor is one person for good.

    Raises BadFrame: bad_token where this visitor was somebody else, else the code of what is wrong with
    the signed token, which costs the page nothing but the signature.
    """
    if signed is None:
        return ()
    account, clock = request[VISITED].account, request.app[CLOCK]
    keys = request.app[GUEST_KEYS].of(account)
    try:
        told = guest_tokens.verify(signed, keys, account.account, clock.now())
    except guest_tokens.BadToken as bad:
        raise channel.BadFrame(bad.code) from None
    subjects = linking.proofs_named((f"{SITE}{told.subject}",))
    if identity := await _identity(request, visitor):
        async with request.app[DATABASE].read() as tx:
            known = await proofs.subjects_of(tx, account.hotel, identity.id)
        if any(subject.startswith((SITE, "sha256:")) for subject in known - set(subjects)):
            raise channel.BadFrame("bad_token")
    found = await request.app[DISPATCH].recognition.recognise(account, visitor, subjects)
    if found:
        await _note_guest(request, found, told)
    return subjects


async def _redeem(request: web.Request, visitor: ExternalId, signed: object) -> tuple[str, ...]:
    """What a one-time sign-in inside WeChat proves, noted on the visitor; nothing where it is none, or was
    used. Raises BadFrame where this visitor was somebody else."""
    if not isinstance(signed, str):
        return ()
    account, dispatch_ = request[VISITED].account, request.app[DISPATCH]
    subject = await sign_in.signed_by(dispatch_, account.hotel, signed)
    if subject is None:
        return ()
    subjects = linking.proofs_named((subject,))
    if identity := await _identity(request, visitor):
        async with request.app[DATABASE].read() as tx:
            known = await proofs.subjects_of(tx, account.hotel, identity.id)
        if any(other.startswith(FOLLOWER) for other in known - set(subjects)):
            raise channel.BadFrame("bad_token")
    await dispatch_.recognition.recognise(account, visitor, subjects)
    return subjects


async def _note_guest(request: web.Request, identity: Identity, told: guest_tokens.Signed) -> None:
    """The name and the room that the hotel's site knows; a room without an end is nobody's for good."""
    values: dict[str, Any] = {"name": told.name} if told.name else {}
    if told.room and told.room_until:
        values |= {"room": told.room, "room_until": told.room_until}
    if not values:
        return
    async with request.app[DATABASE].read() as tx:
        guest = await people.guest_of(tx, identity.hotel, identity.guest)
    if any(getattr(guest, name) != value for name, value in values.items()):
        async with request.app[DATABASE].write() as tx:
            await people.change_guest(tx, identity.hotel, identity.guest, **values)


async def _view(request: web.Request, guest: Guest, cursor: Cursor) -> dict[str, Any]:
    """Messages after a cursor, the highest seq there is, and who is speaking.

    `reset`: the page remembers another conversation, or more than there is (its visitor was linked, or
    erased): what it shows is replaced.
    """
    identity = await _identity(request, guest.visitor)
    if identity is None:
        speaker = {"kind": "assistant", "name": None}
        reset = cursor.seq > 0
        return {"conversation": None, "seq": 0, "reset": reset, "speaker": speaker, "messages": []}
    async with request.app[DATABASE].read() as tx:
        seen = await history.read(tx, identity, cursor.seq, cursor.conversation, HISTORY)
        row, after = seen.row, 0 if seen.reset else cursor.seq
        placed = await cards.read(tx, row, after)
        messages = [*await _touched(tx, identity, row, placed.touched), *seen.messages]
        staff = {m.event.actor.id for m in messages if m.event.actor.kind == "staff"} | {row.holder}
        names = await members.guest_names_of(tx, {str(s) for s in staff if s})
        rate = await rating.due(tx, request[VISITED].hotel, row)
        speaker = _speaker(row, names) | ({"rate": rate} if rate else {})
    await _mark(request, identity, row)
    shown = [_message(request, guest, row, m, names, placed) for m in messages]
    return {
        "conversation": row.id,
        "seq": row.seq,
        "reset": seen.reset,
        "speaker": speaker,
        "messages": shown,
    }


async def _touched(
    tx: AsyncConnection, identity: Identity, row: Conversation, seqs: Sequence[int]
) -> list[history.Message]:
    """Messages that the page has, whose orders have moved since."""
    found = [(await log.event_of(tx, row.hotel, row.id, seq), seq) for seq in seqs]
    return [
        history.Message(event, await log.content_of(tx, row.hotel, row.id, seq) or Content(), "web")
        for event, seq in found
        if event and event.identity == identity.id
    ]


async def _mark(request: web.Request, identity: Identity, row: Conversation) -> None:
    """The page has this now: the desk shows it as delivered."""
    viewer = f"identity:{identity.id}"
    async with request.app[DATABASE].read() as tx:
        if await read_marks.read_mark(tx, identity.hotel, row.id, viewer) >= row.seq:
            return
    async with request.app[DATABASE].write() as tx:
        await read_marks.mark_read(tx, identity.hotel, row.id, viewer, row.seq)


def _speaker(row: Conversation, names: dict[str, str]) -> dict[str, Any]:
    kinds = {State.BOT: "assistant", State.WAITING: "waiting", State.STAFF: "staff", State.CLOSED: "closed"}
    return {"kind": kinds[row.state], "name": names.get(row.holder or "")}


def _texts(request: web.Request, lang: str) -> Texts:
    hotel = request[VISITED].hotel
    texts = request.app[HOTELS].texts["en"] if lang == "en" else hotel.texts
    if lang != HANT:
        return texts
    return replace(texts, sentences={key: traditional(text) for key, text in texts.sentences.items()})


def _message(
    request: web.Request,
    guest: Guest,
    row: Conversation,
    m: history.Message,
    names: dict[str, str],
    placed: cards.Cards,
) -> dict[str, Any]:
    e, c, now = m.event, m.content, request.app[CLOCK].now()
    orders = placed.by_seq.get(e.seq, []) if e.conversation == row.id else []
    return {
        "id": m.id,
        "seq": e.seq,
        "channel": m.channel,
        "from": e.actor.kind,
        "name": names.get(e.actor.id or ""),
        **_words(guest, m),
        "file": shown_file(request.app[FILES], row.hotel, c.file, now) if c.file else None,
        "cards": cards.show(orders, _texts(request, guest.lang)) if orders else [],
        "at": e.at,
        "client_id": e.body.get("client_id") if e.type is EventType.GUEST_SAID else None,
    }


def _words(guest: Guest, m: history.Message) -> dict[str, Any]:
    """What was said and the choices it gave; on a page in traditional Chinese our own words are, too."""
    text, options = m.content.text or "", (m.content.details or {}).get("options")
    if guest.lang == HANT and m.event.actor.kind is ActorKind.ASSISTANT:
        text = traditional(text)
        options = options and [{**option, "title": traditional(option["title"])} for option in options]
    return {"text": text, "options": options}


async def _send(
    request: web.Request, visitor: ExternalId, frame: dict[str, Any], subjects: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Take a message; sending the same client id again gives the same seq. Raises BadFrame."""
    if not request.app[LIMIT].allows(visitor):
        raise channel.BadFrame("too_many", frame.get("client_id"))
    inbound = channel.parse_message(visitor, frame, request.app[CLOCK].now())
    received = await request.app[DISPATCH].receive(
        request[VISITED].account, replace(inbound, subjects=subjects)
    )
    await request.app[PRESENCE].ended(received.row.id, GUEST, received.row.hotel)
    return _receipt(request, frame["client_id"], received)


def _receipt(request: web.Request, client_id: str, received: Received) -> dict[str, Any]:
    id_ = f"{received.row.id}:{received.seq}"
    return {"client_id": client_id, "id": id_, "seq": received.seq, "at": request.app[CLOCK].now()}


# ---- who is writing


async def _somebody_types(request: web.Request, conversation: ConversationId) -> bool:
    """Whether anybody is writing to the guest: who it is shows when they have written."""
    return bool(await request.app[PRESENCE].who_types(conversation) - {GUEST})


async def _types(request: web.Request, visitor: ExternalId) -> None:
    """The guest is writing: the desk may say so. Whoever has never written anything isn't a guest yet."""
    if found := await _find(request, visitor):
        await request.app[PRESENCE].typing(found[1].id, GUEST, found[1].hotel)


# ---- the socket


async def socket(request: web.Request) -> web.StreamResponse:
    opened = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=channel.MAX_FRAME)
    await opened.prepare(request)
    try:
        hello = channel.parse_frame(await opened.receive_str(timeout=10))
        visitor = channel.visitor(request[VISITED].account.account, hello.get("token"))
        talk = _Talk(request, opened, Guest(visitor, _lang(hello.get("lang"))), Cursor.parse(hello))
        await talk.identify(hello.get("identity"), hello.get("signed"))
    except (channel.BadFrame, TypeError, TimeoutError):
        await opened.close(code=4401)
        return opened
    metrics.SOCKETS.labels("widget").inc()
    request.app[SOCKETS].add(opened)
    try:
        await talk.run()
    finally:
        metrics.SOCKETS.labels("widget").dec()
        request.app[SOCKETS].discard(opened)
    return opened


class _Talk:
    """One open socket: what comes in is taken, what is new goes out."""

    def __init__(
        self, request: web.Request, opened: web.WebSocketResponse, guest: Guest, cursor: Cursor
    ) -> None:
        self._request, self._socket = request, opened
        self._guest, self._visitor, self._cursor = guest, guest.visitor, cursor
        self._subjects: tuple[str, ...] = ()  # who the hotel's site says it is
        self._speaker: dict[str, Any] | None = None
        self._typing = False
        self._begun = asyncio.Event()  # there may be a conversation to watch, or another subject

    async def run(self) -> None:
        await self._welcome()
        pushing = asyncio.create_task(push(self._socket, self._push()))
        try:
            await self._listen()
        finally:
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing

    async def identify(self, identity: object, signed: object = None) -> None:
        """Raises BadFrame where the page has to begin with another token; else the page is only told."""
        redeemed = await _redeem(self._request, self._visitor, signed)
        try:
            self._subjects = redeemed + await _recognise(self._request, self._visitor, identity)
        except channel.BadFrame as bad:
            if bad.code == "bad_token":
                raise
            self._subjects = redeemed
            await self._say({"type": "unidentified", "code": bad.code})

    async def _welcome(self) -> None:
        view = await _view(self._request, self._guest, self._cursor)
        self._cursor, self._speaker = Cursor(view["seq"], view["conversation"]), view["speaker"]
        await self._say({"type": "welcome", **view})

    async def _push(self) -> None:
        found = await self._first()
        while not self._socket.closed:
            found = await self._follow(found)

    async def _first(self) -> tuple[Identity, Conversation]:
        """Once there is a conversation: this page's first message makes it, or that of the same subject on
        another device."""
        nudges, hotel = self._request.app[DISPATCH].nudges, self._request[VISITED].account.hotel
        while True:
            with nudges.watch(*(linking.topic(hotel, one) for one in self._subjects)) as self._begun:
                if found := await _met(self._request, self._visitor, self._subjects):
                    return found
                if self._subjects:
                    await wait_for(self._begun, UNMET_SECONDS)
                else:
                    await self._begun.wait()

    async def _follow(self, found: tuple[Identity, Conversation]) -> tuple[Identity, Conversation]:
        """Push until the guest's conversation is another one: two guests have become one, or two again."""
        nudges, id_ = self._request.app[DISPATCH].nudges, found[1].id
        with nudges.watch(f"conversation:{id_}") as nudged:
            while not self._socket.closed:
                nudged.clear()
                now = await _find(self._request, self._visitor)
                await self._look(now)
                if now and now[1].id != id_:
                    return now
                await self._look_who_types(id_)
                await wait_for(nudged, LOOK_SECONDS)
        return found

    async def _look_who_types(self, conversation: ConversationId) -> None:
        typing = await _somebody_types(self._request, conversation)
        if typing != self._typing:
            self._typing = typing
            await self._say({"type": "typing", "on": typing})

    async def _look(self, found: tuple[Identity, Conversation] | None) -> None:
        known = self._cursor.conversation
        if found is None or (known in (None, found[1].id) and found[1].seq <= self._cursor.seq):
            return
        if known not in (None, found[1].id):
            return await self._welcome()
        view = await _view(self._request, self._guest, self._cursor)
        self._cursor = Cursor(view["seq"], view["conversation"])
        for message in view["messages"]:
            await self._say({"type": "message", "message": message})
        if view["speaker"] != self._speaker:
            self._speaker = view["speaker"]
            await self._say({"type": "speaker", "speaker": self._speaker})
        await self._say({"type": "seq", "seq": self._cursor.seq, "conversation": self._cursor.conversation})

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await self._take(channel.parse_frame(message.data))
            except channel.BadFrame as bad:
                if bad.code == "bad_token":
                    await self._socket.close(code=4401)
                    continue
                await self._refuse(bad)
                if bad.code == "too_many":
                    await self._socket.close(code=4429)

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ping":
                await self._say({"type": "pong"})
            case "typing":
                await _types(self._request, self._visitor)
            case "send":
                sent = await _send(self._request, self._visitor, frame, self._subjects)
                await self._say({"type": "sent", **sent})
                self._begun.set()
            case "identify":
                await self.identify(frame.get("identity"))
                self._begun.set()
            case _:
                raise channel.BadFrame("bad_request")

    async def _refuse(self, bad: channel.BadFrame) -> None:
        texts, now = _texts(self._request, self._guest.lang), self._request.app[CLOCK].now()
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


async def _subjects(request: web.Request, visitor: ExternalId, signed: object) -> tuple[str, ...]:
    """As on a socket: a signed token that says nothing leaves the visitor who they are."""
    try:
        return await _recognise(request, visitor, signed)
    except channel.BadFrame as bad:
        if bad.code == "bad_token":
            raise Problem(401, "bad_token") from None
        return ()


async def take_message(request: web.Request) -> web.Response:
    body = await read_object(request)
    visitor = _visitor(request, body)
    try:
        subjects = await _subjects(request, visitor, body.get("identity"))
        return respond(await _send(request, visitor, body, subjects))
    except channel.BadFrame as bad:
        status = 429 if bad.code == "too_many" else 400
        raise Problem(status, bad.code, limit=channel.MAX_TEXT) from None


async def take_file(request: web.Request) -> web.Response:
    """A file from the guest, as the body; `?client_id=` makes sending idempotent, `?name=` is shown."""
    visitor = _visitor(request, {"token": request.headers.get(VISITOR_HEADER)})
    client_id, account = request.query.get("client_id"), request[VISITED].account
    if not channel.is_client_id(client_id):
        raise Problem(400, "bad_request")
    if not request.app[FILE_LIMIT].allows(visitor):
        raise Problem(429, "too_many")
    file = await take(request, account.hotel)
    inbound = channel.file_message(visitor, client_id, file, request.app[CLOCK].now())
    received = await request.app[DISPATCH].receive(account, inbound)
    return respond(_receipt(request, client_id, received))


async def take_rating(request: web.Request) -> web.Response:
    """How a visit was that a colleague has ended: one to five stars, and a sentence if the guest likes."""
    body = await read_object(request)
    found = await _find(request, _visitor(request, body))
    return respond(await ratings.take(request, found, body))


async def take_typing(request: web.Request) -> web.Response:
    await _types(request, _visitor(request, await read_object(request)))
    return respond({})


async def poll(request: web.Request) -> web.Response:
    body, clock = await read_object(request), request.app[CLOCK]
    visitor, cursor = _visitor(request, body), Cursor.parse(body)
    guest = Guest(visitor, _lang(body.get("lang")))
    subjects = await _subjects(request, visitor, body.get("identity"))
    knows = body.get("typing") is True  # what the page shows already
    deadline = clock.monotonic() + POLL_SECONDS
    found = await _find(request, visitor)
    hotel = request[VISITED].account.hotel
    topics = [f"conversation:{found[1].id}"] if found else [linking.topic(hotel, one) for one in subjects]
    with request.app[DISPATCH].nudges.watch(*topics) as nudged:
        while True:
            nudged.clear()
            found = await _met(request, visitor, subjects)
            left = deadline - clock.monotonic()
            typing = found is not None and await _somebody_types(request, found[1].id)
            moved = (found[1].seq if found else 0) != cursor.seq
            moved = moved or (found is not None and cursor.conversation not in (None, found[1].id))
            if moved or left <= 0 or typing is not knows:
                return respond({**await _view(request, guest, cursor), "typing": typing})
            await wait_for(nudged, min(left, LOOK_SECONDS))
