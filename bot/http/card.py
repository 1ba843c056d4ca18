"""The card beside a conversation: what is known of this guest, each line with the message it came from."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from bot import linking, occasions, summary
from bot.http import views
from bot.http.guard import DATABASE, Problem, caller, respond
from bot.http.views import Lens, lens_of
from bot.model import ConversationId
from bot.store import log, people
from bot.store.people import Guest
from bot.summary import Line


def add_routes(app: web.Application) -> None:
    app.router.add_get("/desk/v1/hotels/{hotel}/conversations/{conversation}/card", show_card)


async def show_card(request: web.Request) -> web.Response:
    """Stay, who may be the same guest, preferences, complaints and at most seven lines on earlier visits."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    async with request.app[DATABASE].read() as tx:
        row = await log.row_of(tx, me.hotel, id_)
        if row is None:
            raise Problem(404, "not_found")
        lens = await lens_of(request, tx)
        guest = await people.guest_of(tx, me.hotel, row.guest)
        stay = _stay(lens, guest)
        staying = guest if stay else replace(guest, room=None)
        alike = await people.lookalikes(tx, staying, lens.now)
        threads = [
            await log.read_thread(tx, me.hotel, one)
            for one in [*await linking.ended_here(tx, me.hotel, id_), id_]
        ]
    visits = [visit for thread in threads for visit in summary.earlier(thread)]
    everything = [said for thread in threads for said in thread]
    wishes = summary.preferences(everything)
    return respond(
        {
            "stay": stay,
            "dates": _dates(lens, everything),
            "alike": [asdict(one) for one in alike],
            "preferences": [_shown(lens, one) for one in wishes],
            "complaints": [asdict(one) for one in summary.complaints(visits)],
            "visits": len(visits),
            "summary": [_shown(lens, one) for one in summary.lines(visits, everything)],
        }
    )


def _stay(lens: Lens, guest: Guest) -> dict[str, Any] | None:
    """The room, until check-out: the next guest of it inherits nothing."""
    if guest.room is None or (guest.room_until is not None and guest.room_until <= lens.now):
        return None
    leaves = guest.room_until is not None and lens.hotel.today(guest.room_until) == lens.hotel.today(lens.now)
    return {"room": guest.room, "until": guest.room_until, "leaves_today": leaves}


def _dates(lens: Lens, everything: Sequence[summary.Said]) -> list[dict[str, Any]]:
    today = lens.hotel.today(lens.now)
    return [
        {
            "kind": one.kind,
            "at": one.event.at,
            "conversation": one.conversation,
            "seq": one.event.seq,
            "values": {"month": one.month, "day": one.day, "in": one.days_from(today), "words": one.words},
        }
        for one in occasions.occasions(everything, today, lens.hotel.zone)
    ]


def _shown(lens: Lens, line: Line) -> dict[str, Any]:
    values = dict(line.values)
    if service := values.get("service"):
        values["service_name"] = views.service_name(lens, service)
    where = {"at": line.at, "conversation": line.conversation, "seq": line.seq}
    return {"kind": line.kind, **where, "values": values}
