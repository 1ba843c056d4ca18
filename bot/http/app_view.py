"""What a guest's app sees of its conversation: messages by cursor, who is speaking, how much is unread.

Reads, and marks what has reached the app. What the guest says or asks for is taken by bot/http/app.py.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot import guests, history, rating
from bot.channels import app as channel
from bot.channels.app import Cursor
from bot.conversation import Conversation
from bot.guest_tokens import Signed
from bot.history import History, Message
from bot.http.app_door import Caller
from bot.http.files import FILES
from bot.http.files import shown as shown_file
from bot.http.guard import CLOCK, DATABASE, DISPATCH, HOTELS, PRESENCE, Problem
from bot.model import State
from bot.presence import GUEST
from bot.store import members, people, read_marks
from bot.store.people import Identity

PAGE, MOST = 50, 200  # messages of a page
ALL = 5_000  # as far back as an app may scroll

_KINDS = {State.BOT: "assistant", State.WAITING: "waiting", State.STAFF: "staff", State.CLOSED: "closed"}


async def known(request: web.Request, caller: Caller, meet: bool = False) -> Identity | None:
    """The guest here, and what the token tells of them noted; None before first contact."""
    subjects = (channel.proof(caller.signed.subject),)
    found = await request.app[DISPATCH].recognition.recognise(caller.account, caller.external, subjects, meet)
    if found:
        await note(request, found, caller.signed)
    return found


async def note(request: web.Request, identity: Identity, signed: Signed) -> None:
    """Name and room, as the hotel's own systems know them."""
    async with request.app[DATABASE].read() as tx:
        values = guests.news_of(await people.guest_of(tx, identity.hotel, identity.guest), signed)
    if values:
        async with request.app[DATABASE].write() as tx:
            await people.change_guest(tx, identity.hotel, identity.guest, **values)


async def met(request: web.Request, caller: Caller) -> Identity:
    found = await known(request, caller, meet=True)
    assert found
    return found


@dataclass(frozen=True)
class View:
    """What a guest's side has now, ready to be shown."""

    page: dict[str, Any]
    at: Cursor | None


EMPTY: dict[str, Any] = {
    "messages": [],
    "cursor": None,
    "earlier": None,
    "reset": False,
    "conversation": {
        "id": None,
        "seq": 0,
        "state": State.BOT,
        "speaker": {"kind": "assistant", "name": None},
        "unread": 0,
        "typing": False,
        "rate": None,
    },
}


async def view_of(
    request: web.Request,
    caller: Caller,
    after: Cursor | None,
    limit: int = PAGE,
    before: Cursor | None = None,
) -> View:
    """Messages after a cursor (all of them), or the last `limit` before one or of all."""
    identity = await known(request, caller)
    if identity is None:
        return View(EMPTY | {"reset": after is not None}, None)
    seen, names, conversation = await _look(request, identity, after)
    whole = after is None or seen.reset
    messages, more = _cut(seen.messages, limit, before) if whole else (list(seen.messages), False)
    if before is None:
        await mark(request, identity, seen.seq)
    first = messages[0].event if messages else None
    here = Cursor(seen.conversation, seen.seq)
    page = {
        "messages": [_message(request, identity, m, names) for m in messages],
        "cursor": str(here),
        "earlier": str(Cursor(first.conversation, first.seq)) if first and more else None,
        "reset": seen.reset,
        "conversation": conversation,
    }
    return View(page, here)


async def conversation_of(request: web.Request, caller: Caller) -> dict[str, Any]:
    """How things stand, without fetching anything: nothing counts as delivered by it."""
    identity = await known(request, caller)
    return (await _look(request, identity, None))[2] if identity else dict(EMPTY["conversation"])


async def _look(
    request: web.Request, identity: Identity, after: Cursor | None
) -> tuple[History, dict[str, str], dict[str, Any]]:
    """The history after a cursor, the names in it, and how the conversation stands."""
    seq, where = (after.seq, after.conversation) if after else (0, None)
    async with request.app[DATABASE].read() as tx:
        seen = await history.read(tx, identity, seq, where, ALL)
        read = await read_marks.read_mark(tx, identity.hotel, seen.conversation, _reader(identity))
        complete = seen.reset or seq <= read
        since = seen if complete else await history.read(tx, identity, read, seen.conversation, ALL)
        staff = {m.event.actor.id for m in seen.messages if m.event.actor.kind == "staff"}
        names = await members.guest_names_of(tx, {str(s) for s in staff | {seen.row.holder} if s})
        rate = await rating.due(tx, await request.app[HOTELS].get(tx, seen.row.hotel), seen.row)
    row = seen.row
    return (
        seen,
        names,
        {
            "id": row.id,
            "seq": row.seq,
            "state": row.state,
            "speaker": {"kind": _KINDS[row.state], "name": names.get(row.holder or "")},
            "unread": _unread(since, read),
            "typing": await _somebody_types(request, row),
            "rate": rate,
        },
    )


def _cut(messages: tuple[Message, ...], limit: int, before: Cursor | None) -> tuple[list[Message], bool]:
    """The last `limit` of those before the cursor, and whether there are earlier ones."""
    kept = list(messages)
    if before is not None:
        place = [(m.event.conversation, m.event.seq) for m in kept]
        at = (before.conversation, before.seq)
        kept = kept[: place.index(at)] if at in place else []
    return kept[-limit:], len(kept) > limit


def _reader(identity: Identity) -> str:
    return f"reader:{identity.id}"


async def mark(request: web.Request, identity: Identity, seq: int, read: bool = False) -> None:
    """The app has this now, or its guest has read it: the desk shows it."""
    viewer = _reader(identity) if read else f"identity:{identity.id}"
    async with request.app[DATABASE].read() as tx:
        if await read_marks.read_mark(tx, identity.hotel, identity.conversation, viewer) >= seq:
            return
    async with request.app[DATABASE].write() as tx:
        await read_marks.mark_read(tx, identity.hotel, identity.conversation, viewer, seq)
    await request.app[DISPATCH].nudges.nudge(f"hotel:{identity.hotel}")


def _unread(seen: History, read: int) -> int:
    mine = [m.event for m in seen.messages if m.event.conversation == seen.conversation]
    return sum(e.actor.kind != "guest" and e.seq > read for e in mine)


async def _somebody_types(request: web.Request, row: Conversation) -> bool:
    return bool(await request.app[PRESENCE].who_types(row.id) - {GUEST})


def _message(
    request: web.Request, identity: Identity, message: Message, names: dict[str, str]
) -> dict[str, Any]:
    e, c = message.event, message.content
    files, now = request.app[FILES], request.app[CLOCK].now()
    return {
        "id": message.id,
        "seq": e.seq,
        "channel": message.channel,
        "from": e.actor.kind,
        "name": names.get(e.actor.id or ""),
        "text": c.text or "",
        "options": (c.details or {}).get("options"),
        "file": shown_file(files, identity.hotel, c.file, now) if c.file else None,
        "at": e.at,
        "client_id": e.body.get("client_id") if e.actor.kind == "guest" else None,
    }


def cursor_of(request: web.Request, name: str) -> Cursor | None:
    given = request.query.get(name)
    return Cursor.parse(given) if given else None


def count_of(request: web.Request) -> int:
    given = request.query.get("limit", str(PAGE))
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given[:9]) <= MOST:
        raise Problem(400, "bad_request")
    return int(given)
