"""What a guest's side may see: what was said on this channel, and on others only where it is proven that the
same signed subject is behind both. Staff see everything elsewhere; this is for the guest's own pages."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking
from bot.conversation import Conversation
from bot.model import Audience, Content, ConversationId, Event, EventType, IdentityId
from bot.store import log, people, proofs
from bot.store.people import Identity

SAID = frozenset({EventType.GUEST_SAID, EventType.ASSISTANT_SAID, EventType.STAFF_SAID})
KEPT = 200  # messages that a page gets which has none yet


@dataclass(frozen=True)
class Message:
    """One message with the channel it was said on. `id` is unique, also across linked conversations."""

    event: Event
    content: Content
    channel: str

    @property
    def id(self) -> str:
        return f"{self.event.conversation}:{self.event.seq}"


@dataclass(frozen=True)
class History:
    """A guest's messages, in time order. A cursor into it is (conversation, seq).

    `reset`: the cursor that was asked with belongs to another conversation, or to an erased one: this
    history begins anew, and what the page shows is to be replaced.
    """

    row: Conversation
    messages: tuple[Message, ...]
    reset: bool

    @property
    def conversation(self) -> ConversationId:
        return self.row.id

    @property
    def seq(self) -> int:
        """The highest there is, so that events the guest may not see are no gaps."""
        return self.row.seq


async def read(
    tx: AsyncConnection,
    identity: Identity,
    after: int = 0,
    conversation: ConversationId | None = None,
    limit: int = KEPT,
) -> History:
    """What this identity's side may see after a cursor; the last `limit` messages where there is none.

    What is appended while this reads comes with the next cursor, not twice.
    """
    hotel = identity.hotel
    row = await log.row_of(tx, hotel, identity.conversation)
    assert row
    reset = after > row.seq or (conversation is not None and conversation != row.id and after > 0)
    after = 0 if reset else after
    mine = await proofs.same_person(tx, hotel, identity.id)
    channels = {i.id: i.channel for i in await people.identities_of_guest(tx, hotel, row.guest)}
    messages: list[Message] = []
    here = [row.id] if after else [*await linking.ended_here(tx, hotel, row.id), row.id]
    for id_ in here:
        thread = await log.read_thread(tx, hotel, id_, after, Audience.GUEST, None if after else limit)
        messages += [
            Message(e, c, channels.get(e.identity or IdentityId(""), identity.channel))
            for e, c in thread
            if e.type in SAID and e.identity in mine and (id_ != row.id or e.seq <= row.seq)
        ]
    messages.sort(key=lambda m: (m.event.at, m.event.seq))
    return History(row, tuple(messages if after else messages[-limit:]), reset)
