"""What guests read where one speaks to them: one's own choice. Colleagues always see the real name."""

from aiohttp import web

from bot import staff
from bot.http.guard import CLOCK, DATABASE, SIGNED_IN, Problem, given_text, read_object, respond
from bot.store import members

LONGEST = 20


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/guest-name", choose)


async def choose(request: web.Request) -> web.Response:
    """`{"name"}`: from now on, for what was said before too; empty is the real name."""
    body, member = await read_object(request), request[SIGNED_IN].staff
    name = " ".join(given_text(body, "name", 200).split())
    if len(name) > LONGEST:
        raise Problem(400, "guest_name_too_long", limit=LONGEST)
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].write() as tx:
        await members.change_staff(tx, member.id, guest_name=name or None, changed_at=now)
        await staff.audit(tx, member.id, now, "guest_name", name, member.id)
    return respond({"guest_name": name or None})
