"""What somebody does in a hotel: departments, skills, capacity, presence; a row for each person and hotel.

Presence is a word people say of themselves, not an event of a guest's log: nothing folds from it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Wake
from bot.model import HotelId, PostState, StaffId, State
from bot.store import desk, outbox
from bot.store.database import insert_or_ignore
from bot.store.members import works
from bot.store.schema import memberships, posts, staff

ABSENT = timedelta(minutes=10)  # without a desk that is connected, somebody is no longer on duty
MOST = 2000
SEEN_EVERY = timedelta(minutes=1)  # how often a connected desk is written down


@dataclass(frozen=True)
class Post:
    """One person's post in one hotel. `presence` is what was said last: `now_at` tells what holds."""

    hotel: HotelId
    staff: StaffId
    name: str = ""
    departments: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: int | None = None
    presence: PostState = PostState.OFF
    why: str | None = None
    since: datetime | None = None
    seen_at: datetime | None = None

    def now_at(self, now: datetime) -> PostState:
        """What holds now: whoever has long been away from the desk is off."""
        return self.presence if self.seen_at and now - self.seen_at < ABSENT else PostState.OFF


def _post(r: Row[Any]) -> Post:
    return Post(
        r.hotel_id,
        r.staff_id,
        r.name,
        tuple(json.loads(r.departments or "[]")),
        tuple(json.loads(r.skills or "[]")),
        r.capacity,
        PostState(r.presence or "off"),
        r.presence_why,
        r.presence_at,
        r.seen_at,
    )


def _query(hotel: HotelId, now: datetime) -> Any:
    """Everybody active in the hotel, with a post or without one yet."""
    mine = and_(posts.c.staff_id == staff.c.staff_id, posts.c.hotel_id == memberships.c.hotel_id)
    joined = staff.join(memberships, memberships.c.staff_id == staff.c.staff_id).outerjoin(posts, mine)
    columns = [column for column in posts.c if column.name not in ("hotel_id", "staff_id")]
    query = select(memberships.c.hotel_id, staff.c.staff_id, staff.c.name, *columns).select_from(joined)
    return query.where(works(hotel, now)).order_by(staff.c.name)


async def listed(tx: AsyncConnection, hotel: HotelId, now: datetime) -> list[Post]:
    """The posts of everybody who is active in the hotel."""
    return [_post(r) for r in (await tx.execute(_query(hotel, now))).all()]


async def find(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> Post | None:
    """None for whoever isn't active in the hotel."""
    found = (await tx.execute(_query(hotel, now).where(staff.c.staff_id == id_))).first()
    return _post(found) if found else None


async def hold(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> Post | None:
    """The post, held until the transaction ends (PostgreSQL; SQLite has one writer anyway): whoever assigns
    somebody something does it one after the other. Before any conversation is locked."""
    key = and_(posts.c.hotel_id == hotel, posts.c.staff_id == id_)
    await tx.execute(select(posts.c.staff_id).where(key).with_for_update())
    return await find(tx, hotel, id_, now)


async def save(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime, **values: Any) -> None:
    """Change some of a post; it is made where there is none."""
    plain = {name: _plain(value) for name, value in values.items()} | {"changed_at": now}
    query = insert_or_ignore(tx, posts).values(hotel_id=hotel, staff_id=id_, **plain)
    await tx.execute(query.on_conflict_do_update(index_elements=["hotel_id", "staff_id"], set_=plain))


def _plain(value: Any) -> Any:
    return json.dumps(list(value), ensure_ascii=False) if isinstance(value, tuple | list) else value


async def be(
    tx: AsyncConnection,
    hotel: HotelId,
    id_: StaffId,
    presence: PostState,
    now: datetime,
    why: str | None = None,
) -> None:
    """Say how somebody is from now on."""
    values = {"presence": presence, "presence_why": why, "presence_at": now, "seen_at": now}
    await save(tx, hotel, id_, now, **values)


async def leave(tx: AsyncConnection, id_: StaffId, now: datetime) -> list[HotelId]:
    """Somebody signs out or loses access: off in every hotel; in which of them they were not."""
    there = and_(posts.c.staff_id == id_, posts.c.presence != PostState.OFF)
    hotels = list((await tx.execute(select(posts.c.hotel_id).where(there))).scalars())
    off = {"presence": PostState.OFF, "presence_why": None, "presence_at": now, "changed_at": now}
    await tx.execute(update(posts).where(there).values(**off))
    for hotel in sorted(hotels):
        await look_again(tx, HotelId(hotel), now)
    return [HotelId(hotel) for hotel in hotels]


async def look_again(tx: AsyncConnection, hotel: HotelId, now: datetime) -> None:
    """Somebody has come, or gone, or does something else now: whoever waits may be assigned to another."""
    rows = await desk.list_conversations(tx, hotel, (State.WAITING,), limit=MOST, now=now)
    for row in sorted(rows, key=lambda one: one.id):
        if row.state is State.WAITING and row.department:
            # Two people come at once: the second finds the first one's row, or there would be two for good.
            await outbox.lock_conversation(tx, hotel, row.id)
            await outbox.put(tx, hotel, row.id, row.seq, (Wake("assign", now),), now)


async def stale(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> bool:
    """Whether it is time to write down again that their desk is connected."""
    return (await tx.execute(select(posts.c.staff_id).where(_stale(hotel, id_, now)))).first() is not None


def _stale(hotel: HotelId, id_: StaffId, now: datetime) -> Any:
    """Only while it matters; and whoever has been away for too long is off until they say otherwise."""
    mine = and_(posts.c.hotel_id == hotel, posts.c.staff_id == id_, posts.c.presence != PostState.OFF)
    seen = func.coalesce(posts.c.seen_at, posts.c.presence_at)
    return and_(mine, seen < now - SEEN_EVERY, seen > now - ABSENT)


async def see(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> None:
    """Their desk is connected: written down now and then, and only while it matters."""
    await tx.execute(update(posts).where(_stale(hotel, id_, now)).values(seen_at=now))
