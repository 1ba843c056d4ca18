"""The desk's API for the hotel's facts: looking, trying a value, changing it. Beside the knowledge page.

A changed fact counts at once in every process. Nobody approves it; who changed what, and when, is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import phrases
from bot.http.guard import CLOCK, DATABASE, HOTELS, Problem, caller, read_object, respond, text_of
from bot.ids import new_id
from bot.knowledge import Hotel
from bot.knowledge import facts as rules
from bot.knowledge.facts import BadFact, Kind, Said, Use
from bot.model import HotelId, StaffId
from bot.store import audits, desk, members, points
from bot.store import facts as store
from bot.store import phrases as phrase_store
from bot.store.facts import Fact, FactChange

LONGEST = 2 * rules.MOST


def add_routes(app: web.Application) -> None:
    base = "/desk/v1/hotels/{hotel}/knowledge/facts"
    app.router.add_get(base, overview)
    app.router.add_get(base + "/{fact}", show)
    app.router.add_post(base + "/{fact}/preview", preview)
    app.router.add_post(base + "/{fact}", change)


@dataclass(frozen=True)
class _Page:
    """A hotel's facts as they are read together."""

    hotel: Hotel
    uses: Mapping[str, Sequence[Use]]
    now: datetime

    def names(self) -> list[str]:
        """As the file has them, then what answers ask for and nobody has said, then what other fields say."""
        own, all_ = self.hotel.file.facts, self.hotel.facts
        asked = [n for n, uses in self.uses.items() if n not in all_ and any(_is_answer(u) for u in uses)]
        return [*own, *asked, *(name for name in all_ if name not in own)]

    def fixed(self, fact: str) -> bool:
        return fact in self.hotel.facts and fact not in self.hotel.file.facts

    def value(self, fact: str) -> Fact | None:
        return self.hotel.facts.get(fact)

    def kind(self, fact: str) -> Kind:
        return rules.kind_of(fact, self.value(fact), self.uses.get(fact, ()))

    def written(self, fact: str) -> str:
        return rules.written(self.kind(fact), self.value(fact))

    def said(self, fact: str, value: Fact | None) -> list[Said]:
        return rules.said(self.hotel, fact, value, self.uses.get(fact, ()), self.now)


def _is_answer(use: Use) -> bool:
    return use.kind in ("point", "waiting")


async def _page(request: web.Request, tx: AsyncConnection) -> _Page:
    now, id_ = request.app[CLOCK].now(), caller(request).hotel
    hotel = await request.app[HOTELS].get(tx, id_)
    rows = phrases.current(hotel.texts, await phrase_store.newest(tx, id_), now)
    return _Page(hotel, rules.uses_of(hotel, await points.list_points(tx, id_), rows), now)


def _fact(request: web.Request, page: _Page) -> str:
    name = request.match_info["fact"]
    if name not in page.names():
        raise Problem(404, "not_found")
    return name


# ---- looking


async def overview(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        page = await _page(request, tx)
        last = await store.newest(tx, page.hotel.id)
        names = await members.names_of(tx, {str(one.by) for one in last.values() if one.by})
    return respond({"facts": [_row(page, name, last.get(name), names) for name in page.names()]})


def _row(page: _Page, fact: str, last: FactChange | None, names: Mapping[str, str]) -> dict[str, Any]:
    uses = page.uses.get(fact, ())
    return {
        "name": fact,
        "label": rules.label(page.hotel, fact),
        "kind": page.kind(fact),
        "value": page.written(fact),
        "fixed": page.fixed(fact),
        "answers": sum(_is_answer(use) for use in uses),
        "uses": len(uses),
        "changed_at": last.at if last else None,
        "changed_by": names.get(last.by or "") if last else None,
    }


async def show(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx))


async def _shown(request: web.Request, tx: AsyncConnection) -> dict[str, Any]:
    """One fact, the words it stands in, and all its changes."""
    page = await _page(request, tx)
    fact = _fact(request, page)
    changes = await store.history(tx, page.hotel.id, fact)
    names = await members.names_of(tx, {str(one.by) for one in changes if one.by})
    return {
        "fact": _row(page, fact, changes[0] if changes else None, names),
        "said": [_words(one) for one in page.said(fact, page.value(fact))],
        "history": [_changed(page.kind(fact), one, names) for one in changes],
    }


def _words(one: Said) -> dict[str, Any]:
    use = one.use
    return {"kind": use.kind, "id": use.id, "title": use.title, "before": one.before, "after": one.after}


def _changed(kind: Kind, one: FactChange, names: Mapping[str, str]) -> dict[str, Any]:
    before, after = rules.written(kind, one.before), rules.written(kind, one.after)
    return {"before": before, "after": after, "at": one.at, "by": names.get(one.by or "")}


# ---- changing


async def preview(request: web.Request) -> web.Response:
    """`{"value"}`: what guests would read with it."""
    body = await read_object(request)
    async with request.app[DATABASE].read() as tx:
        page = await _page(request, tx)
    fact = _fact(request, page)
    _, said = _tried(page, fact, text_of(body, "value", LONGEST, required=False))
    return respond({"said": [_words(one) for one in said]})


async def change(request: web.Request) -> web.Response:
    """`{"value", "base"}`: empty is a fact that nobody knows; the base is the value that was seen."""
    body = await read_object(request)
    async with request.app[DATABASE].write() as tx:
        page = await _page(request, tx)
        fact = _fact(request, page)
        if page.fixed(fact):
            raise Problem(409, "fact_fixed")
        if page.written(fact) != body.get("base"):
            raise Problem(409, "outdated_fact")
        value, _ = _tried(page, fact, text_of(body, "value", LONGEST, required=False))
        if value != page.value(fact):
            await _change(tx, page, fact, value, caller(request).signed_in.staff.id)
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx))


def _tried(page: _Page, fact: str, text: str) -> tuple[Fact | None, list[Said]]:
    """The value that was written, and what guests would read with it. Raises Problem."""
    try:
        value = rules.parse(page.kind(fact), text)
        return value, page.said(fact, value)
    except BadFact as bad:
        raise Problem(400, str(bad), limit=rules.MOST) from None


async def _change(tx: AsyncConnection, page: _Page, fact: str, value: Fact | None, by: StaffId) -> None:
    hotel, now = page.hotel.id, page.now
    row = await desk.hotel_of(tx, hotel)
    assert row
    facts = {name: known for name, known in row.profile["facts"].items() if name != fact or value is not None}
    if value is not None:
        facts[fact] = value
    if not await store.rewrite(tx, row, facts, now):
        raise Problem(409, "outdated_fact")
    await store.add(tx, hotel, [FactChange(fact, page.value(fact), value, by, now)])
    await _audit(tx, hotel, fact, by, now)


async def _audit(tx: AsyncConnection, hotel: HotelId, fact: str, by: StaffId, now: datetime) -> None:
    await audits.record(tx, hotel, new_id(), now, by, "fact_changed", fact)
