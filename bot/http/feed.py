"""What a desk follows: rows and orders that changed, events of the threads it has open.

A cursor is a time of change. Reading goes back a little behind it, since commits of other processes may
show late; what was sent already is known by its seq and not sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders
from bot.http import views
from bot.http.guard import seq_of
from bot.http.mentions import mentions_of
from bot.http.posts import posts_of
from bot.http.views import Lens
from bot.model import ConversationId, PromiseState, StaffId, State
from bot.presence import Presence
from bot.store import days, desk, log, members, promises

OVERLAP = timedelta(seconds=10)
TOO_OLD = timedelta(days=2)
LIST = 300
URGENT = 2000  # who waits or is held is never cut off by what the assistant has
URGENT_STATES = (State.WAITING, State.STAFF)

Frame = dict[str, Any]


@dataclass
class Feed:
    """One desk's place in its hotel's changes."""

    cursor: datetime | None = None
    follow: dict[ConversationId, int] = field(default_factory=dict)
    _rows: dict[str, Any] = field(default_factory=dict)
    _orders: dict[str, Any] = field(default_factory=dict)
    _promises: dict[str, Any] = field(default_factory=dict)
    _active: frozenset[StaffId] | None = None  # who may own something: whoever leaves changes every screen
    _posts: list[Frame] | None = None
    _typing: dict[ConversationId, list[str]] = field(default_factory=dict)
    _mentions: list[Any] = field(default_factory=list)
    _ours: set[ConversationId] = field(default_factory=set)  # followed, and of this hotel

    @classmethod
    def resume(cls, cursor: object, follow: object, now: datetime) -> "Feed":
        """From what the page remembers; anything unreadable or too old begins anew."""
        try:
            at = datetime.fromisoformat(cursor) if isinstance(cursor, str) and cursor else None
        except ValueError:
            at = None
        if at is None or at.tzinfo is None or now - at > TOO_OLD:
            at = None
        wanted = follow if isinstance(follow, Mapping) else {}
        return cls(at, {ConversationId(str(k)): seq_of(v) for k, v in wanted.items()})

    async def prime(self, tx: AsyncConnection, lens: Lens) -> None:
        """For a page that polls: what had changed by its cursor it has, and isn't sent again."""
        if self.cursor is None:
            return
        seen, since = self.cursor, self.cursor - OVERLAP
        rows = await desk.list_conversations(tx, lens.hotel.id, since=since, limit=LIST, now=lens.now)
        known = [row for row in rows if row.changed_at and row.changed_at <= seen]
        self._rows = {row["id"]: _mark(row) for row in await views.show_rows(tx, lens, known)}
        placed = await desk.list_orders(tx, lens.hotel.id, since=since)
        ordered = await views.show_orders(tx, lens, [o for o in placed if o.changed_at <= seen])
        self._orders = {one["id"]: _ordered(one) for one in ordered}
        owed = await promises.listed(tx, lens.hotel.id, since=since)
        told = await views.show_promises(tx, lens, [p for p in owed if p.changed_at <= seen])
        self._promises = {one["id"]: _owed(one) for one in told}
        self._mentions = [one for one in await mentions_of(tx, lens) if one["at"] <= seen]
        self._posts = await posts_of(tx, lens.hotel, lens.now)

    async def frames(self, tx: AsyncConnection, lens: Lens) -> list[Frame]:
        """What is new since the last call, in order."""
        active, before = await members.active_in(tx, lens.hotel.id, lens.now), self._active
        self._active = active
        left = bool((before or active) - active)
        anew = self.cursor is None or left
        frames = await (self._snapshot(tx, lens) if anew else self._changes(tx, lens))
        frames += await self._there(tx, lens)
        frames += await self._named(tx, lens)
        for conversation, after in list(self.follow.items()):
            frames += await self._events(tx, lens, conversation, after)
        return frames

    async def _named(self, tx: AsyncConnection, lens: Lens) -> list[Frame]:
        """What names the viewer and they haven't seen, where that has changed."""
        found = await mentions_of(tx, lens)
        if found == self._mentions:
            return []
        self._mentions = found
        return [{"type": "mentions", "mentions": found}]

    @property
    def opened(self) -> frozenset[ConversationId]:
        """What the page has open, of this hotel's conversations."""
        return frozenset(self._ours & self.follow.keys())

    async def typing(self, presence: Presence) -> list[Frame]:
        """Who writes in the followed conversations, where that has changed: guest, assistant, staff:<id>."""
        frames: list[Frame] = []
        for conversation in self.opened:
            who = sorted(await presence.who_types(conversation))
            if who != self._typing.get(conversation, []):
                self._typing[conversation] = who
                frames.append({"type": "typing", "conversation": conversation, "who": who})
        return frames

    async def _there(self, tx: AsyncConnection, lens: Lens) -> list[Frame]:
        """Who is there, where that has changed; nothing where a hotel has no departments."""
        found = await posts_of(tx, lens.hotel, lens.now)
        if found == (self._posts or []):
            return []
        self._posts = found
        return [{"type": "posts", "posts": found}]

    async def _snapshot(self, tx: AsyncConnection, lens: Lens) -> list[Frame]:
        self.cursor = lens.now
        urgent = await desk.list_conversations(tx, lens.hotel.id, URGENT_STATES, limit=URGENT, now=lens.now)
        rows = urgent + await desk.list_conversations(
            tx, lens.hotel.id, (State.BOT,), limit=LIST, now=lens.now
        )
        closed = await desk.list_conversations(tx, lens.hotel.id, (State.CLOSED,), limit=50, now=lens.now)
        placed = await desk.list_orders(tx, lens.hotel.id, orders.OPEN)
        owed = await promises.listed(tx, lens.hotel.id, PromiseState.OPEN)
        known = {row.id for row in (*rows, *closed)}
        wanted = [p.conversation for p in owed]
        wanted += [ConversationId(one["conversation"]) for one in await mentions_of(tx, lens)]
        owing = await days.rows_of(tx, lens.hotel.id, wanted)
        closed += [row for id_, row in owing.items() if id_ not in known and not row.ended_into]
        shown = await views.show_rows(tx, lens, [*rows, *closed])
        shown_orders = await views.show_orders(tx, lens, placed)
        shown_promises = await views.show_promises(tx, lens, owed)
        self._rows = {row["id"]: _mark(row) for row in shown}
        self._orders = {order["id"]: _ordered(order) for order in shown_orders}
        self._promises = {one["id"]: _owed(one) for one in shown_promises}
        self._posts = await posts_of(tx, lens.hotel, lens.now)
        return [
            {
                "type": "snapshot",
                "conversations": shown,
                "orders": shown_orders,
                "promises": shown_promises,
                "posts": self._posts,
                "cursor": self.cursor.isoformat(),
            }
        ]

    async def _changes(self, tx: AsyncConnection, lens: Lens) -> list[Frame]:
        assert self.cursor is not None
        since = self.cursor - OVERLAP
        self.cursor = lens.now
        cursor = self.cursor.isoformat()
        rows = await desk.list_conversations(tx, lens.hotel.id, since=since, limit=LIST, now=lens.now)
        if len(rows) == LIST:
            return await self._snapshot(tx, lens)  # more has changed than a list holds
        frames: list[Frame] = []
        for row in await views.show_rows(tx, lens, rows[::-1]):
            if self._rows.get(row["id"]) != _mark(row):
                self._rows[row["id"]] = _mark(row)
                frames.append({"type": "conversation", "conversation": row, "cursor": cursor})
        changed = await desk.list_orders(tx, lens.hotel.id, since=since)
        for order in await views.show_orders(tx, lens, changed):
            mark = _ordered(order)
            if self._orders.get(order["id"]) != mark:
                self._orders[order["id"]] = mark
                frames.append({"type": "order", "order": order, "cursor": cursor})
        owed = await promises.listed(tx, lens.hotel.id, since=since)
        for one in await views.show_promises(tx, lens, owed):
            if self._promises.get(one["id"]) != _owed(one):
                self._promises[one["id"]] = _owed(one)
                frames.append({"type": "promise", "promise": one, "cursor": cursor})
        return frames

    async def _events(
        self, tx: AsyncConnection, lens: Lens, conversation: ConversationId, after: int
    ) -> list[Frame]:
        row = await log.row_of(tx, lens.hotel.id, conversation)
        if row is not None:
            self._ours.add(conversation)
        if row is None or row.seq <= after:
            return []
        events = await views.show_events(tx, lens, row, after)
        self.follow[conversation] = row.seq
        told = {e["body"]["seq"] for e in events if e["type"].startswith("delivery_")}
        earlier = [e for e in await self._delivered(tx, lens, row, told) if e["seq"] <= after]
        return [{"type": "events", "conversation": conversation, "events": [*earlier, *events]}]

    async def _delivered(
        self, tx: AsyncConnection, lens: Lens, row: Any, seqs: set[int]
    ) -> list[dict[str, Any]]:
        """Events that were sent before and whose delivery has moved since."""
        if not seqs:
            return []
        return [e for e in await views.show_events(tx, lens, row, min(seqs) - 1) if e["seq"] in seqs]


def _ordered(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return one["state"], one["due_at"], one["owner"] and one["owner"]["id"]


def _owed(one: Mapping[str, Any]) -> tuple[Any, ...]:
    owner = one["owner"] and one["owner"]["id"]
    return one["state"], one["due_at"], owner, one["reminded_at"], one["words"]


def _mark(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["seq"], row["state"], row["holder"] and row["holder"]["id"]
