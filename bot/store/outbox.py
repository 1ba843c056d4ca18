"""The outbox: rows with a due time, an owner's lease and a count of attempts.

A row is marked `sending`, and committed, before any call; a `sending` row whose lease has run out is never
taken for new. Deliveries to one identity go in order, one in flight; so do questions of one conversation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Ask, Deliver, Effect, Wake
from bot.ids import new_id
from bot.model import ConversationId, HotelId, IdentityId, OutboxId
from bot.store.schema import conversations, identities, outbox, processes

REPEATED_WITHIN = timedelta(seconds=12)  # a platform that got no answer brings its push again
CUSTOM = "custom"  # sent by a call of ours; any other `via` is the push that carries the reply


@dataclass(frozen=True)
class Item:
    """One row of the outbox."""

    hotel: HotelId
    id: OutboxId
    conversation: ConversationId
    kind: str
    key: str
    seq: int
    part: int
    identity: IdentityId | None
    state: str
    due_at: datetime | None
    owner: str | None
    lease_until: datetime | None
    attempts: int
    via: str | None
    created_at: datetime
    changed_at: datetime


def _item(r: Row[Any]) -> Item:
    return Item(
        r.hotel_id,
        r.outbox_id,
        r.conversation_id,
        r.kind,
        r.key,
        r.seq,
        r.part,
        r.identity_id,
        r.state,
        r.due_at,
        r.owner,
        r.lease_until,
        r.attempts,
        r.via,
        r.created_at,
        r.changed_at,
    )


async def put(
    tx: AsyncConnection,
    hotel: HotelId,
    conversation: ConversationId,
    seq: int,
    effects: Sequence[Effect],
    now: datetime,
) -> None:
    """Write a decision's effects, in the transaction of its events."""
    for effect in effects:
        match effect:
            case Ask(due):
                await _put_once(tx, hotel, conversation, seq, "ask", "", due, now)
            case Wake(kind, due, key):
                await _put_once(tx, hotel, conversation, seq, kind, key, due, now)
            case Deliver(said, identity, due):
                await _insert(tx, hotel, conversation, said, "deliver", str(said), due, now, identity)


async def _put_once(
    tx: AsyncConnection,
    hotel: HotelId,
    conversation: ConversationId,
    seq: int,
    kind: str,
    key: str,
    due: datetime | None,
    now: datetime,
) -> None:
    """Move the row there is, or write one: there is at most one of a kind and key.

    Whoever leases a wake-up loses it, as what they looked at is no longer what is the matter. A question that
    is being asked stays with whoever asks, and the next one waits behind it.
    """
    same = and_(
        outbox.c.hotel_id == hotel,
        outbox.c.conversation_id == conversation,
        outbox.c.kind == kind,
        outbox.c.key == key,
        outbox.c.state == "queued",
    )
    if kind == "ask":
        same = and_(same, outbox.c.owner.is_(None))
    freed = {"owner": None, "lease_until": None, "due_at": due, "seq": seq, "changed_at": now}
    moved = await tx.execute(update(outbox).where(same).values(**freed))
    if moved.rowcount == 0:
        await _insert(tx, hotel, conversation, seq, kind, key, due, now)


async def _insert(
    tx: AsyncConnection,
    hotel: HotelId,
    conversation: ConversationId,
    seq: int,
    kind: str,
    key: str,
    due: datetime | None,
    now: datetime,
    identity: IdentityId | None = None,
) -> None:
    values = {
        "hotel_id": hotel,
        "outbox_id": new_id(),
        "conversation_id": conversation,
        "kind": kind,
        "key": key,
        "seq": seq,
        "identity_id": identity,
        "state": "queued",
        "due_at": due,
        "attempts": 0,
        "created_at": now,
        "changed_at": now,
    }
    await tx.execute(insert(outbox).values(**values))


async def looked_at(
    tx: AsyncConnection, hotel: HotelId, conversations: Collection[ConversationId]
) -> list[OutboxId]:
    """What waits until somebody has one of these open."""
    query = select(outbox.c.outbox_id).where(
        outbox.c.hotel_id == hotel,
        outbox.c.conversation_id.in_(list(conversations)),
        outbox.c.kind == "suggest",
        outbox.c.state == "queued",
        outbox.c.due_at.is_(None),
    )
    return [OutboxId(id_) for id_ in (await tx.execute(query)).scalars()]


async def begin(tx: AsyncConnection, hotel: HotelId, rows: Collection[OutboxId], now: datetime) -> None:
    """What waited so is due, unless it was begun meanwhile."""
    waits = and_(outbox.c.hotel_id == hotel, outbox.c.outbox_id.in_(list(rows)), outbox.c.due_at.is_(None))
    waits = and_(waits, outbox.c.state == "queued")
    await tx.execute(update(outbox).where(waits).values(due_at=now, changed_at=now))


# ---- leasing


def _free(now: Any) -> Any:
    return and_(outbox.c.state == "queued", or_(outbox.c.owner.is_(None), outbox.c.lease_until < now))


async def lease_due(
    tx: AsyncConnection,
    owner: str,
    now: datetime,
    lease: timedelta,
    kinds: Collection[str] = (),
    limit: int = 20,
) -> list[Item]:
    """Lease what is due and may go now: asks, one per conversation; wake-ups. Deliveries: `lease_head`.

    Only of these `kinds`, if any are named: what a newer release has put there waits for it.
    """
    other = outbox.alias("other")
    busy = exists().where(
        other.c.hotel_id == outbox.c.hotel_id,
        other.c.conversation_id == outbox.c.conversation_id,
        other.c.kind == "ask",
        other.c.state == "queued",
        other.c.owner.is_not(None),
        other.c.lease_until >= now,
    )
    ready = and_(_free(now), outbox.c.due_at <= now, outbox.c.kind != "deliver")
    if kinds:
        ready = and_(ready, outbox.c.kind.in_(kinds))
    query = (
        select(outbox).where(ready, or_(outbox.c.kind != "ask", ~busy)).order_by(outbox.c.due_at).limit(limit)
    )
    return await _take(tx, query, owner, now, lease)


async def _take(tx: AsyncConnection, query: Any, owner: str, now: datetime, lease: timedelta) -> list[Item]:
    taken = []
    for row in (await tx.execute(query.with_for_update(skip_locked=True))).all():
        mine = and_(outbox.c.hotel_id == row.hotel_id, outbox.c.outbox_id == row.outbox_id, _free(now))
        values = {"owner": owner, "lease_until": now + lease, "attempts": row.attempts + 1, "changed_at": now}
        if (await tx.execute(update(outbox).where(mine).values(**values))).rowcount:
            lease_until, attempts = now + lease, row.attempts + 1
            taken.append(replace(_item(row), owner=owner, lease_until=lease_until, attempts=attempts))
    return taken


async def hold(tx: AsyncConnection, item: Item, until: datetime) -> None:
    """Keep a leased row for longer: its work takes more time than a question."""
    query = update(outbox).where(
        outbox.c.hotel_id == item.hotel, outbox.c.outbox_id == item.id, outbox.c.owner == item.owner
    )
    await tx.execute(query.values(lease_until=until))


def _held_back(now: Any) -> Any:
    """Whether another delivery of the line is in flight, or comes earlier and isn't due yet."""
    other = outbox.alias("other")
    earlier = or_(
        other.c.created_at < outbox.c.created_at,
        and_(other.c.created_at == outbox.c.created_at, other.c.seq < outbox.c.seq),
    )
    in_flight = and_(other.c.state == "sending", other.c.via == CUSTOM)
    first = and_(other.c.state == "queued", other.c.due_at > now, earlier)
    return exists().where(
        other.c.hotel_id == outbox.c.hotel_id,
        other.c.identity_id == outbox.c.identity_id,
        other.c.kind == "deliver",
        or_(in_flight, first),
    )


# What every look asks, several times a second and mostly in vain, is built once.
_NOW: Any = bindparam("now")
_DUE_LINES = (
    select(outbox.c.hotel_id, outbox.c.identity_id)
    .join(
        identities,
        and_(identities.c.hotel_id == outbox.c.hotel_id, identities.c.identity_id == outbox.c.identity_id),
    )
    .where(outbox.c.kind == "deliver", outbox.c.state == "queued", outbox.c.due_at <= _NOW)
    .where(
        or_(identities.c.pushed_until.is_(None), identities.c.pushed_until <= bindparam("silent_since")),
        ~_held_back(_NOW),
    )
    .distinct()
    .limit(bindparam("limit"))
)
_RUN_OUT = (
    select(outbox).where(outbox.c.state == "sending", outbox.c.lease_until <= _NOW).limit(bindparam("limit"))
)
_NEXT_DUE = (
    select(outbox.c.outbox_id)
    .where(_free(_NOW), outbox.c.due_at <= _NOW, outbox.c.kind != "deliver")
    .limit(1)
)


async def due_lines(tx: AsyncConnection, now: datetime, limit: int = 20) -> list[tuple[HotelId, IdentityId]]:
    """Identities whose delivery line has something due that no push may carry any more.

    A push whose handler has ended is closed by it. One that was never closed lost its handler, so the
    platform will bring it again: that delivery has the first chance.
    """
    given = {"now": now, "silent_since": now - REPEATED_WITHIN, "limit": limit}
    return [(h, i) for h, i in (await tx.execute(_DUE_LINES, given)).all()]


async def head(
    tx: AsyncConnection, hotel: HotelId, identity: IdentityId, waiting: bool = True
) -> Item | None:
    """The first of an identity's line that isn't over: nothing behind it may go before it.

    A reply that went out in the answer to a push holds nobody back: it has left our hands, and only a
    repeated push could bring it back. What only the guest's next push can carry (`waiting`) is for that
    push alone, and keeps nothing from going that still can.
    """
    ready = outbox.c.state == "queued"
    if not waiting:
        ready = and_(ready, outbox.c.due_at.is_not(None))
    query = (
        select(outbox)
        .where(
            outbox.c.hotel_id == hotel,
            outbox.c.identity_id == identity,
            outbox.c.kind == "deliver",
            or_(ready, and_(outbox.c.state == "sending", outbox.c.via == CUSTOM)),
        )
        .order_by(outbox.c.created_at, outbox.c.seq, outbox.c.outbox_id)
        .limit(1)
    )
    found = (await tx.execute(query)).first()
    return _item(found) if found else None


async def carried(tx: AsyncConnection, hotel: HotelId, identity: IdentityId, push: str) -> Item | None:
    """What an earlier delivery of this push was answered with; its repetition proves it wasn't received."""
    query = select(outbox).where(
        outbox.c.hotel_id == hotel,
        outbox.c.identity_id == identity,
        outbox.c.state == "sending",
        outbox.c.via == push,
    )
    found = (await tx.execute(query)).first()
    return _item(found) if found else None


async def release_waiting(tx: AsyncConnection, hotel: HotelId, identity: IdentityId, due: datetime) -> None:
    """The guest has written: what waited for that may be sent from `due` on."""
    waiting = and_(
        outbox.c.hotel_id == hotel,
        outbox.c.identity_id == identity,
        outbox.c.kind == "deliver",
        outbox.c.state == "queued",
        outbox.c.due_at.is_(None),
    )
    await tx.execute(update(outbox).where(waiting).values(due_at=due))


async def mark_sending(
    tx: AsyncConnection, item: Item, owner: str, via: str, now: datetime, lease: timedelta
) -> bool:
    """Take a queued delivery, or one that this very push carries already. False when somebody else has it."""
    mine = and_(outbox.c.hotel_id == item.hotel, outbox.c.outbox_id == item.id)
    again = and_(outbox.c.state == "sending", outbox.c.via == via)
    values = {
        "state": "sending",
        "owner": owner,
        "via": via,
        "lease_until": now + lease,
        "attempts": outbox.c.attempts + 1,
        "changed_at": now,
    }
    query = update(outbox).where(mine, or_(outbox.c.state == "queued", again))
    return bool((await tx.execute(query.values(**values))).rowcount)


async def run_out(tx: AsyncConnection, now: datetime, limit: int = 20) -> list[Item]:
    """Deliveries marked sending whose lease has run out."""
    return [_item(row) for row in (await tx.execute(_RUN_OUT, {"now": now, "limit": limit})).all()]


async def settle(
    tx: AsyncConnection, item: Item, state: str, now: datetime, why: str | None = None, was: str | None = None
) -> bool:
    """End a row. `was` binds it to the state it must still be in; False when it has moved on."""
    mine = and_(outbox.c.hotel_id == item.hotel, outbox.c.outbox_id == item.id)
    if was:
        mine = and_(mine, outbox.c.state == was)
    values = {"state": state, "owner": None, "lease_until": None, "why": why, "changed_at": now}
    return bool((await tx.execute(update(outbox).where(mine).values(**values))).rowcount)


def _own(item: Item) -> Any:
    """The row, if its lease is still the one that was given."""
    return and_(
        outbox.c.hotel_id == item.hotel,
        outbox.c.outbox_id == item.id,
        outbox.c.state == "queued",
        outbox.c.owner == item.owner,
        outbox.c.attempts == item.attempts,
    )


async def settle_own(tx: AsyncConnection, item: Item, state: str, now: datetime) -> bool:
    """End a leased row, if the lease is still the one that was given. False when another has it."""
    values = {"state": state, "owner": None, "lease_until": None, "changed_at": now}
    return bool((await tx.execute(update(outbox).where(_own(item)).values(**values))).rowcount)


async def put_back(
    tx: AsyncConnection,
    item: Item,
    due: datetime | None,
    now: datetime,
    why: str | None = None,
    part: int | None = None,
    tries: int | None = None,
) -> None:
    """Free a row for another attempt at `due`, or for the guest's next push (None). What was leased, and is
    no longer, stays as it has been put since.

    `tries`: how many attempts it has used up, where this one was none.
    """
    row = and_(outbox.c.hotel_id == item.hotel, outbox.c.outbox_id == item.id)
    mine = row if item.kind == "deliver" else _own(item)
    values: dict[str, Any] = {"state": "queued", "owner": None, "lease_until": None, "via": None, "why": why}
    if part is not None:
        values |= {"part": part, "attempts": 0}
    if tries is not None:
        values |= {"attempts": tries}
    await tx.execute(update(outbox).where(mine).values(**values, due_at=due, changed_at=now))


async def free_own(tx: AsyncConnection, alive: Sequence[str], now: datetime) -> None:
    """Free leases on questions and wake-ups whose owner is no more. Deliveries in flight stay as they are."""
    gone = and_(outbox.c.state == "queued", outbox.c.owner.is_not(None), outbox.c.owner.not_in(alive))
    await tx.execute(update(outbox).where(gone).values(owner=None, lease_until=None, changed_at=now))


async def next_is_due(tx: AsyncConnection, now: datetime) -> bool:
    """Whether anything but a delivery is due: a look costs no writing transaction."""
    return (await tx.execute(_NEXT_DUE, {"now": now})).first() is not None


async def deliveries(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId
) -> dict[int, tuple[str, str | None]]:
    """The newest delivery state, and why, of each event that went to a guest."""
    query = (
        select(outbox.c.seq, outbox.c.state, outbox.c.why, outbox.c.due_at)
        .where(
            outbox.c.hotel_id == hotel, outbox.c.conversation_id == conversation, outbox.c.kind == "deliver"
        )
        .order_by(outbox.c.created_at, outbox.c.outbox_id)
    )
    found: dict[int, tuple[str, str | None]] = {}
    for row in (await tx.execute(query)).all():
        waiting = row.state == "queued" and row.due_at is None
        found[row.seq] = ("waiting" if waiting else row.state, row.why)
    return found


async def depth(tx: AsyncConnection, now: datetime) -> dict[str, tuple[int, datetime | None]]:
    """How many rows of each kind are due, and since when the oldest is."""
    query = (
        select(outbox.c.kind, func.count(), func.min(outbox.c.due_at))
        .where(outbox.c.state == "queued", outbox.c.due_at <= now)
        .group_by(outbox.c.kind)
    )
    return {kind: (count, oldest) for kind, count, oldest in (await tx.execute(query)).all()}


async def forget_settled(tx: AsyncConnection, before: datetime) -> int:
    """Drop wake-ups and questions that were settled long ago; deliveries stay with their conversation."""
    old = and_(outbox.c.state == "done", outbox.c.changed_at < before, outbox.c.kind != "deliver")
    return int((await tx.execute(delete(outbox).where(old))).rowcount)


# ---- who is up


async def beat(tx: AsyncConnection, process: str, started: datetime, now: datetime) -> None:
    """Say that this process is up."""
    moved = await tx.execute(update(processes).where(processes.c.process_id == process).values(seen_at=now))
    if moved.rowcount == 0:
        await tx.execute(insert(processes).values(process_id=process, started_at=started, seen_at=now))


async def was_up(tx: AsyncConnection, since: datetime, until: datetime) -> bool:
    """Whether one process was up all the time between."""
    query = select(processes.c.process_id).where(
        processes.c.started_at <= since, processes.c.seen_at >= until
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def lock_conversation(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId) -> None:
    """Hold the conversation's row until the transaction ends (PostgreSQL; SQLite has one writer anyway)."""
    key = and_(conversations.c.hotel_id == hotel, conversations.c.conversation_id == conversation)
    await tx.execute(select(conversations.c.seq).where(key).with_for_update())
