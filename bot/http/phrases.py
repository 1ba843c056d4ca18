"""Canned replies: choosing one, filled for the guest at hand; and, for administrators, writing them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import phrases
from bot.http.guard import CLOCK, DATABASE, Problem, caller, given_text, read_object, respond, text_of
from bot.http.views import lens_of
from bot.ids import new_id
from bot.knowledge import Hotel
from bot.model import ConversationId
from bot.phrases import TEXT_LIMIT, TITLE_LIMIT, VARIABLES
from bot.spelling import spelt
from bot.store import log, members, people
from bot.store import phrases as store
from bot.store.phrases import PhraseId, PhraseRow
from bot.texts import BadSentence

SHOWN = 16  # characters of a fact that say which one it is


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(hotel + "/conversations/{conversation}/phrases", offer)
    app.router.add_get(f"{hotel}/phrases", list_phrases)
    app.router.add_post(f"{hotel}/phrases", write)
    app.router.add_get(hotel + "/phrases/{phrase}", show_history)
    app.router.add_post(hotel + "/phrases/{phrase}", rewrite)
    app.router.add_post(hotel + "/phrases/{phrase}/retire", retire)


async def offer(request: web.Request) -> web.Response:
    """Every phrase as it would be said to this guest by whoever asks, and how it is typed."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    async with request.app[DATABASE].read() as tx:
        row = await log.row_of(tx, me.hotel, id_)
        if row is None:
            raise Problem(404, "not_found")
        lens, guest = await lens_of(request, tx), await people.guest_of(tx, me.hotel, row.guest)
        found = await _current(request, tx, lens.hotel)
    values = phrases.values_of(guest, me.signed_in.staff.for_guests, lens.now)
    said = [phrases.filled(one, lens.hotel, values, lens.now) for one in found]
    return respond({"phrases": await asyncio.to_thread(_offered, lens.hotel, said)})


def _offered(hotel: Hotel, said: Sequence[phrases.Filled]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.row.id,
            "title": one.row.title,
            "text": one.text,
            "gaps": [phrases.gap(hotel.texts, name) for name in one.gaps],
            "spelt": [spelt(part) for part in (one.row.title, one.text) if part],
        }
        for one in said
    ]


async def _current(request: web.Request, tx: AsyncConnection, hotel: Hotel) -> list[PhraseRow]:
    return phrases.current(hotel.texts, await store.newest(tx, hotel.id), request.app[CLOCK].now())


# ---- writing them


async def list_phrases(request: web.Request) -> web.Response:
    """The phrases as they are written, and what they may name."""
    async with request.app[DATABASE].read() as tx:
        hotel = (await lens_of(request, tx)).hotel
        found = await _current(request, tx, hotel)
        shown = await _shown(tx, found)
    values = {name: str(value) for name, value in hotel.facts.items() if isinstance(value, str)}
    names = [*VARIABLES, *sorted(name for name in values if name not in VARIABLES)]
    variables = [
        {"name": name, "label": _label(hotel, name, values.get(name)), "value": values.get(name)}
        for name in names
    ]
    return respond({"phrases": shown, "variables": variables})


def _label(hotel: Hotel, name: str, value: str | None) -> str:
    """What a fact is called, or, where it has no name, what it says."""
    called = phrases.label(hotel.texts, name)
    return value[:SHOWN] if value and called == name else called


async def _shown(tx: AsyncConnection, rows: list[PhraseRow]) -> list[dict[str, Any]]:
    names = await members.names_of(tx, {row.edited_by for row in rows if row.edited_by})
    return [
        {
            "id": row.id,
            "version": row.number,
            "title": row.title,
            "text": row.text,
            "retired": row.retired,
            "edited_by": names.get(row.edited_by or ""),
            "edited_at": row.edited_at if row.number else None,
        }
        for row in rows
    ]


async def show_history(request: web.Request) -> web.Response:
    """What it said before, and who changed it: the newest first."""
    me = caller(request)
    async with request.app[DATABASE].read() as tx:
        found = await store.history(tx, me.hotel, PhraseId(request.match_info["phrase"]))
        return respond({"versions": await _shown(tx, list(found))})


async def write(request: web.Request) -> web.Response:
    """A new one: `{"text", "title"?}`."""
    return await _save(request, PhraseId(new_id()), await read_object(request))


async def rewrite(request: web.Request) -> web.Response:
    """Another wording: `{"text", "title"?, "version"}`; the version is the one that was read."""
    return await _save(request, PhraseId(request.match_info["phrase"]), await read_object(request), True)


async def retire(request: web.Request) -> web.Response:
    """Take it away: `{"version"}`. Its history stays."""
    body, id_ = await read_object(request), PhraseId(request.match_info["phrase"])
    return await _save(request, id_, body, True, retired=True)


async def _save(
    request: web.Request, id_: PhraseId, body: dict[str, Any], known: bool = False, retired: bool = False
) -> web.Response:
    me, now = caller(request), request.app[CLOCK].now()
    try:
        async with request.app[DATABASE].write() as tx:
            hotel = (await lens_of(request, tx)).hotel
            before = await _before(request, tx, hotel, id_, body) if known else None
            number = before.number + 1 if before else 1
            title, text = (before.title, before.text) if before and retired else _words(hotel, body)
            row = PhraseRow(id_, number, title, text, retired, me.signed_in.staff.id, now)
            await store.add(tx, me.hotel, row)
            shown = await _shown(tx, [row])
    except IntegrityError:
        raise Problem(409, "phrase_changed") from None
    return respond({"phrase": shown[0]})


async def _before(
    request: web.Request, tx: AsyncConnection, hotel: Hotel, id_: PhraseId, body: dict[str, Any]
) -> PhraseRow:
    """The version that was read, if it still is the newest."""
    found = next((row for row in await _current(request, tx, hotel) if row.id == id_), None)
    if found is None:
        raise Problem(404, "not_found")
    if found.number != body.get("version"):
        raise Problem(409, "phrase_changed")
    return found


def _words(hotel: Hotel, body: dict[str, Any]) -> tuple[str, str]:
    title, text = given_text(body, "title", TITLE_LIMIT), text_of(body, "text", TEXT_LIMIT).strip()
    try:
        phrases.check(text, hotel.facts)
    except BadSentence as bad:
        raise Problem(400, "bad_phrase", what=str(bad)) from None
    except phrases.UnknownVariable as unknown:
        raise Problem(400, "unknown_variable", name=str(unknown)) from None
    return title, text
