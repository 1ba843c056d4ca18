"""Departments and who is there: what each does, who is on duty, and saying how one is oneself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.http.guard import CLOCK, DATABASE, DISPATCH, HOTELS, Problem, caller, read_object, respond
from bot.http.staff import member_of
from bot.ids import new_id
from bot.knowledge import Hotel
from bot.model import PostState, StaffId
from bot.store import audits, desk, posts
from bot.store.posts import Post

MOST_CAPACITY = 50


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(f"{hotel}/departments", show_departments)
    app.router.add_put(f"{hotel}/presence", be_present)
    app.router.add_put(hotel + "/staff/{staff}/post", change_post)


async def show_departments(request: web.Request) -> web.Response:
    """The hotel's departments and skills, and everybody's post; nothing of it where none are named."""
    me, now = caller(request), request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        hotel = await request.app[HOTELS].get(tx, me.hotel)
        found = await posts_of(tx, hotel, now)
    return respond({**described(hotel, now), "posts": found})


def described(hotel: Hotel, now: datetime) -> dict[str, Any]:
    ours = hotel.file.departments
    return {
        "departments": [
            {"id": one.id, "name": one.name, "name_en": one.name_en, "open": one.duty(now).open}
            for one in ours.all.values()
        ],
        "skills": [{"id": one.id, "name": one.name} for one in ours.skills.values()],
        "assigns": ours.assigning is not None,
        "capacity": ours.assigning.capacity if ours.assigning else None,
    }


async def posts_of(tx: AsyncConnection, hotel: Hotel, now: datetime) -> list[dict[str, Any]]:
    """Everybody's post as the desk shows it; empty where the hotel has no departments."""
    if not hotel.file.departments.all:
        return []
    held = {c.id: c.holds for c in await desk.list_colleagues(tx, hotel.id, now)}
    return [
        _shown(hotel, post, held.get(post.staff, 0), now) for post in await posts.listed(tx, hotel.id, now)
    ]


def _shown(hotel: Hotel, post: Post, holds: int, now: datetime) -> dict[str, Any]:
    state = post.now_at(now)
    return {
        "id": post.staff,
        "name": post.name,
        "departments": [id_ for id_ in post.departments if id_ in hotel.file.departments.all],
        "skills": [id_ for id_ in post.skills if id_ in hotel.file.departments.skills],
        "capacity": post.capacity,
        "presence": state,
        "why": post.why if state is post.presence else None,
        "since": post.since,
        "holds": holds,
    }


async def be_present(request: web.Request) -> web.Response:
    """Say how one is: `{"presence": "on_duty" | "busy" | "break" | "off"}`."""
    me, body = caller(request), await read_object(request)
    try:
        state = PostState(str(body.get("presence")))
    except ValueError:
        raise Problem(400, "bad_request") from None
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].write() as tx:
        await posts.be(tx, me.hotel, me.signed_in.staff.id, state, now)
        await posts.look_again(tx, me.hotel, now)
    await request.app[DISPATCH].nudges.nudge("outbox", f"hotel:{me.hotel}")
    return respond({"presence": state})


async def change_post(request: web.Request) -> web.Response:
    """What somebody does here: `{"departments": [ids], "skills": [ids], "capacity": 5 or null}`."""
    me, body = caller(request), await read_object(request)
    now, id_ = request.app[CLOCK].now(), StaffId(request.match_info["staff"])
    async with request.app[DATABASE].write() as tx:
        await member_of(tx, request, me)
        hotel = await request.app[HOTELS].get(tx, me.hotel)
        values = {
            "departments": _known(body.get("departments"), hotel.file.departments.all),
            "skills": _known(body.get("skills"), hotel.file.departments.skills),
            "capacity": _capacity(body.get("capacity")),
        }
        await posts.save(tx, me.hotel, id_, now, **values)
        await posts.look_again(tx, me.hotel, now)
        await audits.record(tx, me.hotel, new_id(), now, me.signed_in.staff.id, "post", id_)
        found = await posts_of(tx, hotel, now)
    await request.app[DISPATCH].nudges.nudge("outbox", f"hotel:{me.hotel}")
    return respond({"post": next((post for post in found if post["id"] == id_), None)})


def _known(value: object, ids: Any) -> tuple[str, ...]:
    """Ids of the hotel's, in the hotel's order."""
    chosen: Sequence[object] = value if isinstance(value, list) else ()
    if (value is not None and not isinstance(value, list)) or any(one not in ids for one in chosen):
        raise Problem(400, "bad_request")
    return tuple(id_ for id_ in ids if id_ in chosen)


def _capacity(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_CAPACITY:
        raise Problem(400, "bad_request")
    return value
