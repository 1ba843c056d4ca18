"""The desk's API for one guest on several channels: what staff join, and how it is undone."""

from aiohttp import web

from bot.http.guard import DISPATCH, Problem, caller, read_object, respond, text_of
from bot.linking import CannotLink
from bot.model import GuestId, IdentityId


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/hotels/{hotel}/guests/{guest}/link", link_guest)
    app.router.add_post("/desk/v1/hotels/{hotel}/identities/{identity}/unlink", unlink_identity)


async def link_guest(request: web.Request) -> web.Response:
    """A staff member's word that two guests are one: `{"guest": the other's id}`."""
    me, body = caller(request), await read_object(request)
    other = GuestId(text_of(body, "guest", 64))
    one, who = GuestId(request.match_info["guest"]), me.signed_in.staff.id
    try:
        row = await request.app[DISPATCH].recognition.link(me.hotel, one, other, who)
    except CannotLink as cannot:
        raise Problem(409, cannot.code) from None
    return respond({"conversation": row.id})


async def unlink_identity(request: web.Request) -> web.Response:
    """Undo a link: the identity has a conversation of its own again."""
    me, identity = caller(request), IdentityId(request.match_info["identity"])
    try:
        row = await request.app[DISPATCH].recognition.unlink(me.hotel, identity, me.signed_in.staff.id)
    except CannotLink as cannot:
        raise Problem(409, cannot.code) from None
    return respond({"conversation": row.id})
