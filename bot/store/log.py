"""The log: appending to it, reading it, and proving it.

hash = sha256(previous hash + header + body + digest) and digest = sha256(salt + content), so that emptying
a content keeps the chain whole. `append` is the only writer of events, contents and conversation rows.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, Decision, step
from bot.model import (
    Actor,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    Json,
    NewEvent,
    Reason,
    StaffId,
    State,
)
from bot.store.schema import contents, conversations, events, stamp

GENESIS = "0" * 64
KEYS = 2000  # messages that are read by one query
MARKS = 50  # how far back, in marks, a visit is looked through for its last hand-back
NO_CONTENT = hashlib.sha256(b"").hexdigest()


class StaleVersion(Exception):
    """Somebody else has appended first: read and decide again."""


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def chain(previous: str, header: Sequence[object], body: str, digest: str) -> str:
    return hashlib.sha256(f"{previous}\n{canonical(list(header))}\n{body}\n{digest}".encode()).hexdigest()


def digest_of(salt: str, content: dict[str, str | None]) -> str:
    return hashlib.sha256(f"{salt}\n{canonical(content)}".encode()).hexdigest()


def _packed(content: Content) -> dict[str, str | None]:
    return {
        "text": content.text,
        "sealed": canonical(list(content.sealed)) if content.sealed else None,
        "memory": canonical(content.memory) if content.memory is not None else None,
        "blobs": canonical(list(content.blobs)) if content.blobs else None,
        "details": canonical(content.details) if content.details is not None else None,
    }


def restore(row: str) -> Conversation:
    """A conversation from its canonical text."""
    raw = json.loads(row)
    known = {f.name for f in fields(Conversation)}  # a later release's row may say more
    raw = {name: value for name, value in raw.items() if name in known}
    times = {f.name for f in fields(Conversation) if "datetime" in str(f.type)}
    values: dict[str, Any] = {k: datetime.fromisoformat(v) if k in times and v else v for k, v in raw.items()}
    values["state"] = State(raw["state"])
    values["reason"] = Reason(raw["reason"]) if raw["reason"] else None
    values["unclear"] = tuple(raw["unclear"])
    for name in ("passed", "needs", "drafts"):
        values[name] = tuple(raw[name]) if raw.get(name) else None
    return Conversation(**values)


async def create(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, guest: GuestId, at: datetime
) -> Conversation:
    row = Conversation(hotel, id_, guest)
    values = {"hotel_id": hotel, "conversation_id": id_, "guest_id": guest, "head": GENESIS, "changed_at": at}
    await tx.execute(insert(conversations).values(**values, **_columns(row)))
    return row


def _columns(row: Conversation) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "epoch": row.epoch,
        "state": row.state,
        "holder_id": row.holder,
        "waiting_since": row.waiting_since,
        "row": row.canonical(),
    }


async def append(tx: AsyncConnection, before: Conversation, decision: Decision) -> list[Event]:
    """Append a decision's events to the log that `before` was folded from.

    Raises StaleVersion when the log or the epoch has moved since; then nothing has been written.
    """
    if not decision.events:
        return []
    key = and_(conversations.c.hotel_id == before.hotel, conversations.c.conversation_id == before.id)
    found = (
        await tx.execute(select(conversations.c.head).where(key, conversations.c.seq == before.seq))
    ).first()
    if found is None:
        raise StaleVersion
    rows, packs, head = _rows(before, decision.events, found.head)
    holds = and_(key, conversations.c.seq == before.seq, conversations.c.epoch == before.epoch)
    values = {**_columns(decision.row), "head": head, "changed_at": decision.events[-1].at}
    if (await tx.execute(update(conversations).where(holds).values(**values))).rowcount != 1:
        raise StaleVersion
    await tx.execute(insert(events), rows)
    if packs:
        await tx.execute(insert(contents), packs)
    return [read_event(r) for r in rows]


def _rows(
    before: Conversation, new: Iterable[NewEvent], head: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    rows: list[dict[str, Any]] = []
    packs: list[dict[str, Any]] = []
    for seq, e in enumerate(new, before.seq + 1):
        place = {"hotel_id": before.hotel, "conversation_id": before.id, "seq": seq}
        digest = NO_CONTENT
        if e.content is not None:
            salt, packed = os.urandom(16).hex(), _packed(e.content)
            digest = digest_of(salt, packed)
            packs.append({**place, "salt": salt, **packed})
        row: dict[str, Any] = {
            **place,
            "type": e.type,
            "version": e.version,
            "at": e.at,
            "actor": str(e.actor),
            "identity_id": e.identity,
            "audience": e.audience,
            "body": canonical(e.body),
            "digest": digest,
        }
        head = row["hash"] = chain(head, _header(row), row["body"], digest)
        rows.append(row)
    return rows, packs, head


def _header(row: Any) -> list[object]:
    names = (
        "hotel_id",
        "conversation_id",
        "seq",
        "type",
        "version",
        "at",
        "actor",
        "identity_id",
        "audience",
    )
    return [stamp(row[n]) if n == "at" else row[n] for n in names]


def read_event(row: Any) -> Event:
    return Event(
        row["hotel_id"],
        row["conversation_id"],
        row["seq"],
        EventType(row["type"]),
        row["version"],
        row["at"],
        Actor.parse(row["actor"]),
        IdentityId(row["identity_id"]) if row["identity_id"] else None,
        Audience(row["audience"]),
        json.loads(row["body"]),
    )


# ---- reading


async def row_of(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> Conversation | None:
    key = and_(conversations.c.hotel_id == hotel, conversations.c.conversation_id == id_)
    found = (await tx.execute(select(conversations.c.row).where(key))).scalar()
    return restore(found) if found else None


async def events_of(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, after: int = 0) -> list[Event]:
    """Events without content, in order: all that folding needs."""
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.seq > after
    )
    return [read_event(r) for r in (await tx.execute(query.order_by(events.c.seq))).mappings()]


async def read_thread(
    tx: AsyncConnection,
    hotel: HotelId,
    id_: ConversationId,
    after: int = 0,
    audience: Audience | None = None,
    limit: int | None = None,
) -> list[tuple[Event, Content]]:
    """Events with what people wrote; the last `limit` of them where one is given."""
    same = and_(
        contents.c.hotel_id == events.c.hotel_id,
        contents.c.conversation_id == events.c.conversation_id,
        contents.c.seq == events.c.seq,
    )
    columns = (contents.c.text, contents.c.sealed, contents.c.memory, contents.c.blobs, contents.c.details)
    query = select(events, *columns).select_from(events.outerjoin(contents, same))
    query = query.where(events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.seq > after)
    if audience is not None:
        query = query.where(events.c.audience == audience)
    query = query.order_by(events.c.seq.desc()).limit(limit) if limit else query.order_by(events.c.seq)
    found = [(read_event(r), _content(r)) for r in (await tx.execute(query)).mappings()]
    return sorted(found, key=lambda pair: pair[0].seq)


def _content(row: Any) -> Content:
    def load(name: str, default: Any) -> Any:
        return json.loads(row[name]) if row[name] else default

    return Content(
        row["text"],
        tuple(load("sealed", ())),
        load("memory", None),
        tuple(load("blobs", ())),
        load("details", None),
    )


async def last_words(
    tx: AsyncConnection, hotel: HotelId, rows: Sequence[Conversation]
) -> dict[str, tuple[Event, Content]]:
    """What was said last in each conversation; where somebody waits for us, what they said last."""
    keys = [(row.id, _telling(row)) for row in rows]
    found = await messages_of(tx, hotel, [key for key in keys if key[1]])
    return {conversation: message for (conversation, _), message in found.items()}


def _telling(row: Conversation) -> int:
    waits = row.state is State.WAITING or row.alarm_since
    return row.guest_seq if waits and row.guest_seq else row.said_seq


async def messages_of(
    tx: AsyncConnection, hotel: HotelId, keys: Sequence[tuple[ConversationId, int]]
) -> dict[tuple[ConversationId, int], tuple[Event, Content]]:
    """Events of any conversations of a hotel, by conversation and seq, with what people wrote."""
    same = and_(
        contents.c.hotel_id == events.c.hotel_id,
        contents.c.conversation_id == events.c.conversation_id,
        contents.c.seq == events.c.seq,
    )
    columns = (contents.c.text, contents.c.sealed, contents.c.memory, contents.c.blobs, contents.c.details)
    query = select(events, *columns).select_from(events.outerjoin(contents, same))
    found: dict[tuple[ConversationId, int], tuple[Event, Content]] = {}
    for at in range(0, len(keys), KEYS):
        part = tuple_(events.c.conversation_id, events.c.seq).in_(keys[at : at + KEYS])
        rows = (await tx.execute(query.where(events.c.hotel_id == hotel, part))).mappings()
        found |= {(r["conversation_id"], r["seq"]): (read_event(r), _content(r)) for r in rows}
    return found


async def events_of_types(tx: AsyncConnection, hotel: HotelId, types: Iterable[EventType]) -> list[Event]:
    """A hotel's events of some types, without content, each conversation's in order."""
    query = select(events).where(events.c.hotel_id == hotel, events.c.type.in_(list(types)))
    found = [read_event(r) for r in (await tx.execute(query)).mappings()]
    # Ordered here: asked to order them, SQLite would read the whole log along its key instead of the index.
    return sorted(found, key=lambda event: (event.conversation, event.seq))


async def events_of_types_in(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, types: Iterable[EventType], after: int = 0
) -> list[Event]:
    """A conversation's events of some types after a seq, without content, in order.

    Reads all events after it: what is asked with every message names where to begin.
    """
    query = select(events).where(
        events.c.hotel_id == hotel,
        events.c.conversation_id == id_,
        events.c.seq > after,
        events.c.type.in_(list(types)),
    )
    return [read_event(r) for r in (await tx.execute(query.order_by(events.c.seq))).mappings()]


async def event_of(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, seq: int) -> Event | None:
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.seq == seq
    )
    found = (await tx.execute(query)).mappings().first()
    return read_event(found) if found else None


async def content_of(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, seq: int) -> Content | None:
    query = select(contents).where(
        contents.c.hotel_id == hotel, contents.c.conversation_id == id_, contents.c.seq == seq
    )
    found = (await tx.execute(query)).mappings().first()
    return _content(found) if found else None


async def last_memory(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> Json | None:
    """The assistant's memory as its last answer left it: none after a hand-back, an erasure, or at the start
    of a visit."""
    marks = (EventType.ASSISTANT_SAID, EventType.RELEASED, EventType.REOPENED, EventType.GUEST_ERASED)
    same = and_(
        contents.c.hotel_id == events.c.hotel_id,
        contents.c.conversation_id == events.c.conversation_id,
        contents.c.seq == events.c.seq,
    )
    query = select(events.c.type, contents.c.memory).select_from(events.outerjoin(contents, same))
    query = query.where(events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.type.in_(marks))
    for row in (await tx.execute(query.order_by(events.c.seq.desc()).limit(20))).all():
        if row.type != EventType.ASSISTANT_SAID:
            return None
        if row.memory is not None:
            memory: Json = json.loads(row.memory)
            return memory
    return None


async def handed_back(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId
) -> tuple[StaffId, Event | None] | None:
    """Who last handed this visit back to the assistant, and the last thing that person said in it."""
    marks = (EventType.STAFF_SAID, EventType.RELEASED, EventType.REOPENED, EventType.GUEST_ERASED)
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.type.in_(marks)
    )
    who: StaffId | None = None
    for row in (await tx.execute(query.order_by(events.c.seq.desc()).limit(MARKS))).mappings():
        event = read_event(row)
        if event.type in (EventType.REOPENED, EventType.GUEST_ERASED):
            break
        if event.type is EventType.RELEASED:
            if who:
                break
            who = StaffId(event.actor.id or "")
        elif who and who == event.actor.id:
            return who, event
    return (who, None) if who else None


async def seqs_of(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, identity: IdentityId
) -> list[int]:
    """The events of one identity in a conversation."""
    query = select(events.c.seq).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.identity_id == identity
    )
    return list((await tx.execute(query)).scalars())


async def left_by(tx: AsyncConnection, hotel: HotelId, identity: IdentityId) -> list[ConversationId]:
    """The conversations that an identity was taken out of."""
    query = select(events.c.conversation_id).where(
        events.c.hotel_id == hotel,
        events.c.type == EventType.IDENTITY_UNLINKED,
        events.c.identity_id == identity,
    )
    return [ConversationId(id_) for id_ in (await tx.execute(query.distinct())).scalars()]


async def last_heard(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId
) -> dict[IdentityId, tuple[int, datetime]]:
    """The seq and time of the guest's last message on each of their channels."""
    query = select(events.c.identity_id, func.max(events.c.seq), func.max(events.c.at)).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.type == EventType.GUEST_SAID
    )
    rows = (await tx.execute(query.group_by(events.c.identity_id))).all()
    return {IdentityId(row[0]): (row[1], row[2]) for row in rows if row[0]}


async def last_ratings(
    tx: AsyncConnection, hotel: HotelId, rows: Sequence[Conversation]
) -> dict[ConversationId, int]:
    """How many stars the guests gave the visits that these conversations have ended with."""
    visits, opened = {row.id: row.visit for row in rows}, [row.opened_at for row in rows if row.opened_at]
    if not opened:
        return {}
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.type == EventType.GUEST_RATED, events.c.at >= min(opened)
    )
    rated = [read_event(r) for r in (await tx.execute(query.order_by(events.c.at))).mappings()]
    return {e.conversation: e.body["stars"] for e in rated if visits.get(e.conversation) == e.body["visit"]}


async def last_transfers(
    tx: AsyncConnection, hotel: HotelId, rows: Sequence[Conversation]
) -> dict[ConversationId, tuple[Event, Content]]:
    """For those of the rows whose holder was handed them by a colleague: the event, and the note with it."""
    times = {row.id: row.held_since for row in rows if row.held_since}
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.type == EventType.TRANSFERRED, events.c.at.in_(times.values())
    )
    found = [read_event(r) for r in (await tx.execute(query)).mappings()] if times else []
    last = {e.conversation: e for e in found if times.get(e.conversation) == e.at}
    notes = await messages_of(tx, hotel, [(e.conversation, e.seq + 1) for e in last.values()])
    return {id_: (e, _note(notes.get((id_, e.seq + 1)))) for id_, e in last.items()}


def _note(following: tuple[Event, Content] | None) -> Content:
    """What was noted with the event before."""
    if following and following[0].body.get("about") == "transfer":
        return following[1]
    return Content()


async def events_since(tx: AsyncConnection, hotel: HotelId, type_: EventType, since: datetime) -> list[Event]:
    """A hotel's events of one type, oldest first."""
    query = select(events).where(events.c.hotel_id == hotel, events.c.type == type_, events.c.at >= since)
    return [read_event(r) for r in (await tx.execute(query.order_by(events.c.at))).mappings()]


async def all_conversations(tx: AsyncConnection) -> list[tuple[HotelId, ConversationId]]:
    query = select(conversations.c.hotel_id, conversations.c.conversation_id).order_by(
        conversations.c.hotel_id, conversations.c.conversation_id
    )
    return [(HotelId(h), ConversationId(c)) for h, c in (await tx.execute(query)).all()]


# ---- proving


async def first_fault(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> str | None:
    """The first broken link of a conversation's chain, or None: seq gaps, hashes, digests, the row's fold."""
    key = and_(conversations.c.hotel_id == hotel, conversations.c.conversation_id == id_)
    kept = (await tx.execute(select(conversations).where(key))).mappings().one()
    row, head = Conversation(hotel, id_, GuestId(kept["guest_id"])), GENESIS
    content_by_seq = {c["seq"]: c for c in await _contents(tx, hotel, id_)}
    query = (
        select(events)
        .where(events.c.hotel_id == hotel, events.c.conversation_id == id_)
        .order_by(events.c.seq)
    )
    for e in (await tx.execute(query)).mappings():
        place = f"{hotel}/{id_}#{e['seq']}"
        if e["seq"] != row.seq + 1:
            return f"{place}: seq {row.seq + 1} is missing"
        if chain(head, _header(e), e["body"], e["digest"]) != e["hash"]:
            return f"{place}: the hash doesn't follow from the event before it"
        if not _digest_holds(e["digest"], content_by_seq.get(e["seq"])):
            return f"{place}: what was written was changed"
        head, row = e["hash"], step(row, read_event(e))
    if head != kept["head"] or row.canonical() != kept["row"]:
        return f"{hotel}/{id_}: the row isn't what its log folds to"
    return None


async def _contents(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> list[Any]:
    query = select(contents).where(contents.c.hotel_id == hotel, contents.c.conversation_id == id_)
    return list((await tx.execute(query)).mappings())


def _digest_holds(digest: str, content: Any | None) -> bool:
    if content is None:
        return digest == NO_CONTENT
    packed = {name: content[name] for name in ("text", "sealed", "memory", "blobs", "details")}
    if content["emptied_at"] is not None:
        return not any(packed.values()) and content["salt"] is None
    return digest_of(content["salt"], packed) == digest


async def rebuild(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> Conversation:
    """The row from the log alone, written back to the cache."""
    key = and_(conversations.c.hotel_id == hotel, conversations.c.conversation_id == id_)
    guest = (await tx.execute(select(conversations.c.guest_id).where(key))).scalar_one()
    row = Conversation(hotel, id_, GuestId(guest))
    for event in await events_of(tx, hotel, id_):
        row = step(row, event)
    await tx.execute(update(conversations).where(key).values(**_columns(row)))
    return row


async def empty_contents(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, at: datetime, seqs: Sequence[int] | None = None
) -> int:
    """Erase what people wrote in a conversation, or in some of its events; the chain stays whole.

    Returns how many were emptied.
    """
    blank = dict.fromkeys(("salt", "text", "sealed", "memory", "blobs", "details"))
    query = update(contents).where(contents.c.hotel_id == hotel, contents.c.conversation_id == id_)
    if seqs is not None:
        query = query.where(contents.c.seq.in_(list(seqs)))
    done = await tx.execute(query.where(contents.c.emptied_at.is_(None)).values(**blank, emptied_at=at))
    return int(done.rowcount)


async def count_events(tx: AsyncConnection) -> int:
    return int((await tx.execute(select(func.count()).select_from(events))).scalar_one())
