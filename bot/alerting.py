"""Who must hear that somebody waits, that a target will be missed, that a promise is due: the desk, then the
hotel's groups, step by step until somebody has come, or for a while
once somebody has seen it.

Each method sees to one row of the outbox and says when to look at it again; None: it is done.
"""

from datetime import datetime, timedelta

from bot import promises
from bot.conversation import Record, heeded_until
from bot.dispatch import Dispatch
from bot.ladder import Ladder
from bot.model import SERVICE, Audience, EventType, NewEvent, PromiseId, PromiseState, Reason, State
from bot.robots import Robots, Told
from bot.store import log, members
from bot.store import promises as promised
from bot.store.outbox import Item
from bot.store.promises import PromiseRow
from bot.targets import RESOLVE

HELD_BACK = timedelta(minutes=1)  # a robot that was told too much takes more then
OVER = (EventType.RELEASED, EventType.CLOSED, EventType.ENDED)
PROMISE_AGAIN = timedelta(minutes=10)  # after it was due the whole desk hears of a promise


class Alerting:
    """Carries out the rows of kinds `escalate`, `target` and `promise`."""

    def __init__(self, dispatch: Dispatch, robots: Robots) -> None:
        self._dispatch, self._robots = dispatch, robots

    async def waiting(self, item: Item) -> datetime | None:
        """Nobody has claimed it: tell the hotel's group, again and again until somebody does."""
        async with self._dispatch.database.read() as tx:
            row = await log.row_of(tx, item.hotel, item.conversation)
            hotel = await self._dispatch.hotels.get(tx, item.hotel)
        now = self._dispatch.clock.now()
        if row is None or row.state is not State.WAITING:
            return None
        urgent, since = row.reason is Reason.EMERGENCY, row.waiting_since or now
        heeded = heeded_until(row, hotel.file.alerts.quiet)
        since = max(since, heeded or since)  # seen, and still nobody has come: from the first step
        ladder = hotel.file.alerts.beginning(timedelta() if urgent else self._dispatch.patience.escalate)
        base, hours = since, hotel.duty(now)
        if not urgent:  # the first step waits for somebody to be on duty, and the others for the first
            begun = hotel.duty(since)
            base = since if begun.open or not begun.next else max(since, begun.next - ladder.first)
        due = since if urgent else base + ladder.first
        if not hours.open and not urgent and hours.next:
            due = max(due, hours.next)
        if due > now:
            return due
        told = await self._robots.tell(hotel, row, now, ladder.at(now - base).robots)
        return _again(told, base, ladder, now)

    async def target(self, item: Item) -> datetime | None:
        """A target of a guest's people will be missed soon: it is logged, and the groups hear of it."""
        now = self._dispatch.clock.now()
        async with self._dispatch.database.read() as tx:
            row = await log.row_of(tx, item.hotel, item.conversation)
            hotel = await self._dispatch.hotels.get(tx, item.hotel)
            over = await log.events_of_types_in(tx, item.hotel, item.conversation, OVER, item.seq)
        clock, _, since = item.key.partition(":")
        due = next((d for d in hotel.file.clocks.running(row) if d.key == item.key), None) if row else None
        whole = clock == RESOLVE and row and row.state in (State.WAITING, State.STAFF) and not over
        if row is None or not (due or whole):
            return None
        target = hotel.file.targets.of(row.department).of(clock) or timedelta()
        at = due.at if due else hotel.file.clocks.deadline(row, datetime.fromisoformat(since), target)
        body = {"clock": clock, "due_at": at.isoformat(), "department": row.department}
        event = NewEvent(EventType.TARGET_NEARED, now, SERVICE, Audience.STAFF, body=body)
        told = Record((event,))
        await self._dispatch.act(
            item.hotel, item.conversation, lambda _row, _gone: told, (row.id, f"target {item.key}")
        )
        heeded = heeded_until(row, hotel.file.alerts.quiet) if row.state is State.WAITING else None
        if heeded and heeded > now:
            return heeded  # somebody has seen that this guest waits: the groups hear of it if nobody comes
        await self._robots.near(hotel, row, clock, int((at - now).total_seconds() // 60), now)
        return None

    async def promise(self, item: Item) -> datetime | None:
        """A promise is due, or soon will be: it rings whoever sees to it, and at last the whole desk."""
        now = self._dispatch.clock.now()
        async with self._dispatch.database.read() as tx:
            row = await promised.find(tx, item.hotel, PromiseId(item.key))
            here = row is not None and await members.is_here(tx, item.hotel, row.owner, now)
        if row is None or row.state is not PromiseState.OPEN:
            return None
        overdue, soon = row.due_at + PROMISE_AGAIN, row.due_at - self._dispatch.patience.remind
        if now < soon:
            return soon
        stage = "again" if now >= overdue else "late" if now >= row.due_at else "soon"
        event = promises.reminded(row, row.owner if here and stage != "again" else None, now)
        once = (row.id, f"{stage} {row.due_at.isoformat()}")
        await self._dispatch.act(item.hotel, row.conversation, lambda _row, gone: Record((event,)), once)
        if stage == "again":
            return await self._overdue(item, row, now)
        return overdue if stage == "late" else row.due_at

    async def _overdue(self, item: Item, row: PromiseRow, now: datetime) -> datetime | None:
        """The groups hear of it too, step by step, until it is kept, broken or put off; by day only."""
        async with self._dispatch.database.read() as tx:
            hotel = await self._dispatch.hotels.get(tx, item.hotel)
            conversation = await log.row_of(tx, item.hotel, row.conversation)
            names = await members.names_of(tx, {row.owner} if row.owner else set())
            here = await members.is_active(tx, item.hotel, row.owner, now)
        hours, base = hotel.duty(now), row.due_at + PROMISE_AGAIN
        if not hours.open and hours.next:
            return hours.next
        seen, quiet = conversation.seen_at if conversation else None, hotel.file.alerts.quiet.promise
        if seen and seen >= row.due_at and seen + quiet > now:
            return seen + quiet
        ladder = hotel.file.alerts.beginning(timedelta())
        owner = names.get(row.owner or "") if here else None
        told = await self._robots.owe(hotel, row, owner, now, ladder.at(now - base).robots)
        return _again(told, base, ladder, now)


def _again(told: Told, base: datetime, ladder: Ladder, now: datetime) -> datetime:
    """When the next step comes; soon, where a group could not be told now."""
    following = base + ladder.next(now - base)
    return min(following, now + HELD_BACK) if told.held else max(following, now + HELD_BACK)
