"""Asks people on duty, one after the other, to take a waiting conversation, by the rule in bot/assignment.

A row of kind `assign` waits with each conversation that has a department: it asks somebody, lets pass what
nobody has answered, and looks again while there is nobody. Claiming needs none of it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking
from bot.assignment import Assign, FindNobody, LetPass, Member, Waiting, Ways, assign, in_order, skills_wanted
from bot.conversation import Command, Conversation, Refused
from bot.departments import Assigning as Settings
from bot.dispatch import Dispatch
from bot.knowledge import Hotel
from bot.model import HotelId, Nobody, PostState, StaffId, State
from bot.store import acquaintance, desk, log, members, people, posts
from bot.store.outbox import Item
from bot.store.posts import Post

LOOK_AGAIN = timedelta(seconds=15)  # while there is nobody: somebody may have got free
MOST = 2000


class Assigning:
    """Carries out the rows of kind `assign`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch, self._clock = dispatch, dispatch.clock

    async def look(self, item: Item) -> datetime | None:
        """See to one waiting conversation; when to look again, None when its row is done."""
        now = self._clock.now()
        async with self._dispatch.database.read() as tx:
            hotel = await self._dispatch.hotels.get(tx, item.hotel)
            row = await log.row_of(tx, item.hotel, item.conversation)
            everybody = await posts.listed(tx, item.hotel, now)
        settings = hotel.file.departments.assigning
        staffed = any(post.departments for post in everybody)
        if row is None or row.state is not State.WAITING or not row.department or not settings or not staffed:
            return None
        if row.assigned_to:
            return await self._asked(row, everybody, now)
        async with self._dispatch.database.read() as tx:
            found = await self._found(tx, hotel, settings, row, everybody, now)
        if isinstance(found, Nobody):
            await self._act(row, FindNobody(found))
            return now + LOOK_AGAIN
        done = await self._ask(row, found, settings, now)
        return None if done else now + LOOK_AGAIN

    async def _asked(self, row: Conversation, everybody: list[Post], now: datetime) -> datetime | None:
        """Somebody has been asked: their time goes on, or is over, or they aren't there any more."""
        to = StaffId(row.assigned_to or "")
        there = next((post for post in everybody if post.staff == to), None)
        over = row.assigned_until is None or row.assigned_until <= now
        if there and there.now_at(now) is PostState.ON_DUTY and not over:
            return row.assigned_until
        why = "lapsed" if there and there.now_at(now) is PostState.ON_DUTY else "away"

        async def rest(tx: AsyncConnection) -> None:
            """Who doesn't answer takes a break: the next guest must not wait for them as well."""
            await posts.hold(tx, row.hotel, to, now)
            await posts.be(tx, row.hotel, to, PostState.BREAK, now, "lapsed")

        await self._act(row, LetPass(to, why), rest if why == "lapsed" else None)
        return None

    async def _ask(self, row: Conversation, to: StaffId, settings: Settings, now: datetime) -> bool:
        """Ask this person, if they may still be asked when nobody else can come between."""

        async def free(tx: AsyncConnection) -> None:
            if not await members.hold_active(tx, row.hotel, to, now):
                raise Refused("not_free")
            post = await posts.hold(tx, row.hotel, to, now)
            load = await _loads(tx, row.hotel, await _waiting(tx, row.hotel, now), now)
            if post is None or not _member(post, load, settings, now).free:
                raise Refused("not_free")

        return await self._act(row, Assign(to, now + settings.accept), free)

    async def _act(
        self,
        row: Conversation,
        command: Command,
        before: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> bool:
        with suppress(Refused):
            await self._dispatch.act(row.hotel, row.id, lambda _row, _gone: command, before=before)
            return True
        return False

    async def _found(
        self,
        tx: AsyncConnection,
        hotel: Hotel,
        settings: Settings,
        row: Conversation,
        everybody: list[Post],
        now: datetime,
    ) -> StaffId | Nobody:
        ours, all_ = hotel.file.departments, await _waiting(tx, hotel.id, now)
        load = await _loads(tx, hotel.id, all_, now)
        asked = [_member(post, load, settings, now) for post in everybody]
        rows = [one for one in all_ if one.department and not one.assigned_to]
        vips = await people.vips_among(tx, hotel.id, [one.guest for one in rows])
        waiting = [Waiting(one, one.guest in vips) for one in rows if one.id != row.id]
        waiting.append(await self._known(tx, hotel, row, row.guest in vips))
        open_ = frozenset(one.id for one in ours.all.values() if one.duty(now).open)
        escalated = {
            one.id for one in rows if one.waiting_since and now - one.waiting_since >= settings.escalate
        }
        plan = assign(in_order(waiting, now), asked, Ways(ours.rest, settings.escalate_to, open_), escalated)
        return plan[row.id]

    async def _known(self, tx: AsyncConnection, hotel: Hotel, row: Conversation, vip: bool) -> Waiting:
        """The conversation itself, with whom its guest knows and what they need."""
        ended = await linking.ended_here(tx, hotel.id, row.id)
        last = await acquaintance.last_colleague(tx, hotel.id, row.id, ended)
        languages = {one.id: one.languages for one in hotel.file.departments.skills.values() if one.languages}
        said = await log.content_of(tx, hotel.id, row.id, row.guest_seq) if languages else None
        needs = (*(row.needs or ()), *skills_wanted(languages, said.text if said else None))
        return Waiting(row, vip, last, needs)


async def _waiting(tx: AsyncConnection, hotel: HotelId, now: datetime) -> list[Conversation]:
    rows = await desk.list_conversations(tx, hotel, (State.WAITING,), limit=MOST, now=now)
    return [row for row in rows if row.state is State.WAITING]


async def _loads(
    tx: AsyncConnection, hotel: HotelId, waiting: Sequence[Conversation], now: datetime
) -> tuple[Counter[str], set[str]]:
    """How many each person holds or is asked to take, and who is being asked."""
    held = Counter({one.id: one.holds for one in await desk.list_colleagues(tx, hotel, now)})
    asked = {row.assigned_to for row in waiting if row.assigned_to}
    held.update(asked)
    return Counter({str(id_): count for id_, count in held.items()}), {str(id_) for id_ in asked}


def _member(post: Post, load: tuple[Counter[str], set[str]], settings: Settings, now: datetime) -> Member:
    held, asked = load
    return Member(
        post.staff,
        post.departments,
        post.now_at(now),
        held[post.staff],
        post.capacity or settings.capacity,
        post.staff in asked,
        post.skills,
    )
