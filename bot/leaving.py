"""What somebody who has left had in hand goes to a colleague, or back to everybody: one row, one thing.

The account is inactive from the one transaction of `staff.deactivate` on, or the role has run out; until its
row has run a thing is nobody's on every screen already, and whoever takes it first has it.
"""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import attendance, linking, orders, promises, staff
from bot.conversation import Command, Conversation, HandOver, Record, Said
from bot.dispatch import Dispatch
from bot.model import (
    SERVICE,
    Audience,
    Content,
    EventType,
    HotelId,
    NewEvent,
    OrderId,
    PromiseId,
    PromiseState,
    StaffId,
)
from bot.staff import CONVERSATION, GUEST, ORDER, named
from bot.store import desk, log, members, outbox, proofs
from bot.store import promises as kept
from bot.store.log import StaleVersion
from bot.store.outbox import Item

GRACE = timedelta(seconds=5)  # what somebody began while their role lasted is done by then
LOOKS_BACK = timedelta(days=30)  # the service may have been down


class Leaving:
    """Carries out the rows of kind `hand_over`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._ended: set[tuple[HotelId, StaffId, datetime]] = set()

    async def run_out(self) -> None:
        """See to the roles that have run out, each once: soon after, whether or not anybody looks."""
        now = self._dispatch.clock.now()
        async with self._dispatch.database.read() as tx:
            ended = await members.ran_out(tx, now - LOOKS_BACK, now - GRACE)
        for hotel, id_, at in ended:
            if (hotel, id_, at) in self._ended:
                continue
            done = await self._dispatch.transact(partial(staff.run_out, hotel=hotel, id_=id_, at=at, now=now))
            self._ended.add((hotel, id_, at))
            if done:
                await self._dispatch.nudges.nudge("outbox", f"hotel:{hotel}")

    async def hand_over(self, item: Item) -> None:
        """Hand over the one thing that the row names; its event and the row's end are one transaction."""
        row = await self._dispatch.transact(lambda tx: self._hand_over(tx, item))
        if row:
            await self._dispatch.poke(row, [row.identity] if row.identity else [])

    async def _hand_over(self, tx: AsyncConnection, item: Item) -> Conversation | None:
        now = self._dispatch.clock.now()
        if not await outbox.settle_own(tx, item, "done", now):
            return None
        kind, id_, wanted = named(item.key)
        # Whoever leaves meanwhile waits until this is theirs, and hands it over with the rest.
        to = wanted if wanted and await members.hold_active(tx, item.hotel, wanted, now) else None
        row = await (self._where_now if kind == GUEST else self._where)(tx, item)
        if kind == CONVERSATION:
            command = await self._conversation(tx, row, to)
        elif kind == GUEST:
            command = await self._guest(tx, row, StaffId(id_), to)
        elif kind == ORDER:
            command = await self._order(tx, item.hotel, OrderId(id_), to)
        else:
            command = await self._promise(tx, item.hotel, PromiseId(id_), to)
        return await self._dispatch.commit(tx, row, command, now) if command else None

    async def _where(self, tx: AsyncConnection, item: Item) -> Conversation:
        return await linking.locked(tx, item.hotel, item.conversation)

    async def _where_now(self, tx: AsyncConnection, item: Item) -> Conversation:
        """Their guest may have proved to be another since: the conversation that goes on. Raises StaleVersion
        where it ends just now."""
        row = await log.row_of(tx, item.hotel, item.conversation)
        where = await proofs.conversation_of(tx, item.hotel, row.guest) if row else None
        row = await linking.locked(tx, item.hotel, where or item.conversation)
        if row.ended_into:
            raise StaleVersion
        return row

    async def _conversation(
        self, tx: AsyncConnection, row: Conversation, to: StaffId | None
    ) -> Command | None:
        if not await self._dispatch.holder_gone(tx, row):
            return None  # somebody has taken it
        hotel = await self._dispatch.hotels.get(tx, row.hotel)
        now = self._dispatch.clock.now()
        there = await attendance.somebody(tx, hotel, row.department, now)
        text = hotel.say_by_duty("lapsed", now, there)
        return HandOver(to, Said(Content(text=text), {"keys": ["lapsed"]}))

    async def _guest(
        self, tx: AsyncConnection, row: Conversation, left: StaffId, to: StaffId | None
    ) -> Command | None:
        """Whoever knew the guest has left: from now on it is `to` whom the guest is first brought to."""
        now = self._dispatch.clock.now()
        if await members.is_active(tx, row.hotel, left, now):
            return None
        body = {"from": left, "to": to, "why": "left"}
        event = NewEvent(EventType.GUEST_HANDED_OVER, now, SERVICE, Audience.STAFF, body=body)
        return Record((event,))

    async def _promise(
        self, tx: AsyncConnection, hotel: HotelId, id_: PromiseId, to: StaffId | None
    ) -> Command | None:
        promise = await kept.find(tx, hotel, id_)
        if promise is None or promise.state is not PromiseState.OPEN:
            return None
        now = self._dispatch.clock.now()
        if promise.owner is None or await members.is_active(tx, hotel, promise.owner, now):
            return None
        return Record((promises.handed_over(promise, to, now, "left"),))

    async def _order(
        self, tx: AsyncConnection, hotel: HotelId, id_: OrderId, to: StaffId | None
    ) -> Command | None:
        order, now = await desk.order_of(tx, hotel, id_), self._dispatch.clock.now()
        if order is None or order.state not in orders.OPEN or order.owner is None:
            return None
        if await members.is_active(tx, hotel, order.owner, now):
            return None
        return Record((orders.handed_over(order, to, now, "left"),))
