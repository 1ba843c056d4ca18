"""Whom a note names with @: they have it on their list until they have seen it.  And whispers 悄悄话: a
supervisor's word to whoever holds a conversation, told to nobody else."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, Record, Refused
from bot.model import Actor, ActorKind, Audience, Content, Event, EventType, NewEvent, StaffId, State
from bot.store import mentions
from bot.store.mentions import Mention

MOST = 10  # people whom one note can name


async def project(tx: AsyncConnection, row: Conversation, events: Sequence[Event]) -> None:
    """Write whom these events name; whoever writes names nobody by naming themselves."""
    for event in events:
        named = event.body.get("mentions", ()) if event.type is EventType.STAFF_NOTED else ()
        for id_ in dict.fromkeys(named):
            if id_ != event.actor.id:
                by = StaffId(event.actor.id or "")
                await mentions.add(tx, row.hotel, Mention(row.id, event.seq, StaffId(id_), by, event.at))


def whisper(row: Conversation, staff: StaffId, content: Content, client_id: str, now: datetime) -> Record:
    """Raises Refused where nobody holds it, or nobody else does."""
    if row.state is not State.STAFF or row.holder in (None, staff):
        raise Refused("nobody_to_tell")
    body = {"client_id": client_id, "to": row.holder}
    actor = Actor(ActorKind.STAFF, staff)
    return Record((NewEvent(EventType.WHISPERED, now, actor, Audience.STAFF, body=body, content=content),))


def hears(event: Event, viewer: str) -> bool:
    """Whether `viewer` (staff:<id>) may be told of an event: a whisper is between two."""
    if event.type is not EventType.WHISPERED:
        return True
    return viewer in (f"staff:{event.actor.id}", f"staff:{event.body['to']}")
