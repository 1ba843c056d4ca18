"""What somebody does with a guest they are asked to take, and giving one to a department; VIPs."""

from aiohttp import web

from bot.assignment import LetPass, PassOn
from bot.conversation import Record
from bot.guests import vip_marked
from bot.http.acting import act, protected, show_row
from bot.http.colleagues import NOTE_LIMIT
from bot.http.guard import CLOCK, DATABASE, HOTELS, Problem, caller, read_object, respond, text_of
from bot.model import ConversationId


def add_routes(app: web.Application) -> None:
    one = "/desk/v1/hotels/{hotel}/conversations/{conversation}"
    app.router.add_post(f"{one}/decline", decline)
    app.router.add_post(f"{one}/pass-on", pass_on)
    app.router.add_put(f"{one}/vip", mark_vip)


async def decline(request: web.Request) -> web.Response:
    """Somebody else is asked instead. Taking it is claiming."""
    member = caller(request).signed_in.staff.id
    row, _ = await act(request, lambda row, gone: LetPass(member, "declined"))
    return respond({"conversation": await show_row(request, row)})


async def pass_on(request: web.Request) -> web.Response:
    """Give it to a department: `{"department", "note", "client_id"}`. Its people see the note."""
    body, me = await read_object(request), caller(request)
    department, words = text_of(body, "department", 64), text_of(body, "note", NOTE_LIMIT, required=False)
    async with request.app[DATABASE].read() as tx:
        hotel = await request.app[HOTELS].get(tx, me.hotel)
    if department not in hotel.file.departments.all:
        raise Problem(409, "not_a_department")
    id_ = ConversationId(request.match_info["conversation"])
    note = protected(request, me, id_, words) if words.strip() else None
    given = PassOn(me.signed_in.staff.id, department, note)
    row, _ = await act(request, lambda row, gone: given, text_of(body, "client_id", 64))
    return respond({"conversation": await show_row(request, row)})


async def mark_vip(request: web.Request) -> web.Response:
    """`{"vip": true}`: this guest comes before others who wait; false takes the mark away."""
    body, me = await read_object(request), caller(request)
    if not isinstance(vip := body.get("vip"), bool):
        raise Problem(400, "bad_request")
    event = vip_marked(vip, me.signed_in.staff.id, request.app[CLOCK].now())
    row, _ = await act(request, lambda row, gone: Record((event,)))
    return respond({"conversation": await show_row(request, row)})
