"""Searching a hotel's conversations from the desk. The words come in the body: an address is written down
by every proxy on its way, and they may be a guest's."""

from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.http import views
from bot.http.guard import (
    DATABASE,
    Problem,
    caller,
    read_object,
    respond,
    seq_of,
    text_of,
)
from bot.http.views import lens_of
from bot.model import ConversationId, HotelId
from bot.store import log, search

WORDS = 80  # characters of what is searched for
SNIPPET = 60  # characters around what was found
PAGE = 30


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/hotels/{hotel}/search", find)


async def find(request: web.Request) -> web.Response:
    me, body = caller(request), await read_object(request)
    words = text_of(body, "q", WORDS).strip()
    limit = min(seq_of(body.get("limit")) or PAGE, 100)
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        rows = await search.search(tx, me.hotel, words, key_of(body.get("after")), limit)
        shown = await views.show_rows(tx, lens, rows)
        found = await _found(tx, me.hotel, [row.id for row in rows], words)
    for row in shown:
        seq, text = found.get(row["id"], (0, ""))
        row["found"] = {"seq": seq, "text": snippet(text, words)} if seq else None
    return respond({"conversations": shown, "next": next_key(shown) if len(rows) == limit else None})


async def _found(
    tx: AsyncConnection, hotel: HotelId, ids: list[ConversationId], words: str
) -> dict[ConversationId, tuple[int, str]]:
    """Where the words stand: in a message, else in an order. A guest found by name has neither."""
    hits = await search.last_hits(tx, hotel, ids, words)
    said = await log.messages_of(tx, hotel, list(hits.items()))
    spoken = {id_: (seq, content.text or "") for (id_, seq), (_, content) in said.items()}
    return await search.last_orders(tx, hotel, ids, words) | spoken


def next_key(shown: list[dict[str, Any]]) -> str:
    """Where the next page begins: behind the last row of this one."""
    return f"{shown[-1]['changed_at'].isoformat()}~{shown[-1]['id']}"


def key_of(text: object) -> tuple[datetime, str] | None:
    """What `after` gave, read back."""
    if not isinstance(text, str) or not text:
        return None
    at, _, id_ = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise Problem(400, "bad_request") from None
    if moment.tzinfo is None:
        raise Problem(400, "bad_request")
    return moment, id_


def snippet(text: str, words: str) -> str:
    """The words with what stands around them, on one line."""
    line = " ".join(text.split())
    at = max(0, line.lower().find(words.lower()))
    start = max(0, at - SNIPPET // 2) if len(line) > SNIPPET else 0
    cut = line[start : start + SNIPPET]
    return ("…" if start else "") + cut + ("…" if start + SNIPPET < len(line) else "")
