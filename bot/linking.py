"""One guest, several channels: linking identities with proof, and undoing it.

Linking never rewrites an id and never moves a word. The younger conversation ends with an event that points
to the older one, to which the identities of both append from then on; undoing gives an identity a new one.
Nothing here guesses: a name or a room that is the same proves nothing.
"""

import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Command, Conversation, End, Join, Record
from bot.ids import new_id
from bot.model import (
    Actor,
    Audience,
    ConversationId,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    NewEvent,
    State,
)
from bot.store import log, outbox, people, proofs
from bot.store.people import Identity

CODE_LIFE = timedelta(minutes=10)
CODE_DIGITS = 8

Commit = Callable[[AsyncConnection, Conversation, Command, datetime], Awaitable[Conversation]]

_ASKED = re.compile(r"(?:我要|我想)?(?:绑定|綁定)(?:账号|帳號|账户|微信|手机)?|link", re.IGNORECASE)
_CODE = re.compile(r"(?:(绑定|綁定|link|绑定码|綁定碼)\s*[:：]?\s*)?(\d{4}\s?\d{4})", re.IGNORECASE)


class Proof(StrEnum):
    """What shows that two identities are the same person's."""

    SIGNED = "signed_subject"
    CODE = "one_time_code"
    STAFF = "staff_confirmed"


class CannotLink(Exception):
    """`code` says why: link_same_guest, link_erased, link_not_linked."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """A message that is about linking and nothing else. `code` is None when a code is asked for.

    `sure`: it says so itself; a bare number is about linking only if it is a code.
    """

    code: str | None
    sure: bool


def asked(text: str) -> Asked | None:
    """Whether a guest's message asks for a code, or is one."""
    said = text.strip().strip("。.!！")
    if _ASKED.fullmatch(said):
        return Asked(None, True)
    found = _CODE.fullmatch(said)
    return Asked(found[2].replace(" ", ""), found[1] is not None) if found else None


def code_hash(hotel: HotelId, code: str) -> str:
    return hashlib.sha256(f"{hotel}\n{code}".encode()).hexdigest()


async def make_code(tx: AsyncConnection, identity: Identity, now: datetime) -> str:
    """A code by which whoever has this identity shows on another channel that they do."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    hashed = code_hash(identity.hotel, code)
    await proofs.add_code(tx, identity.hotel, hashed, identity.id, now, now + CODE_LIFE)
    return code


async def link(
    tx: AsyncConnection,
    commit: Commit,
    one: Identity,
    other: Identity,
    proof: Proof,
    by: Actor,
    now: datetime,
    holder_gone: Callable[[AsyncConnection, Conversation], Awaitable[bool]],
) -> Conversation:
    """Make the guests of two identities one; the conversation that goes on. Raises CannotLink."""
    hotel = one.hotel
    if one.conversation == other.conversation:
        raise CannotLink("link_same_guest")
    older_id, younger_id = sorted((one.conversation, other.conversation))  # ids are ordered by time
    older, younger = await locked(tx, hotel, older_id), await locked(tx, hotel, younger_id)
    for row in (older, younger):
        if (await people.guest_of(tx, hotel, row.guest)).erased_at or row.ended_into:
            raise CannotLink("link_erased")
    moving = await people.identities_of(tx, hotel, younger.id)
    gone = (await holder_gone(tx, older), await holder_gone(tx, younger))
    links = tuple(_linked(i, younger, older, proof, by, now) for i in moving)
    after = await commit(tx, older, Join(links, younger, *gone), now)
    await commit(tx, younger, End(older.id, proof), now)
    await proofs.move_identities(tx, hotel, [i.id for i in moving], older.guest, older.id)
    await proofs.move_owed(tx, hotel, younger.guest, older.guest)
    await _merge(tx, hotel, younger.guest, older.guest)
    return after


async def locked(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> Conversation:
    await outbox.lock_conversation(tx, hotel, id_)
    row = await log.row_of(tx, hotel, id_)
    assert row
    return row


def _linked(
    identity: Identity, younger: Conversation, older: Conversation, proof: Proof, by: Actor, now: datetime
) -> NewEvent:
    later = younger.guest_at is not None and (older.guest_at is None or younger.guest_at >= older.guest_at)
    open_ = younger.state is not State.CLOSED
    body = {
        "identity": identity.id,
        "from": younger.id,
        "guest": younger.guest,
        "proof": proof,
        "owed": open_ and (younger.pending or younger.unheard_since is not None),
        "last": later and identity.id == younger.identity,
    }
    return NewEvent(EventType.IDENTITY_LINKED, now, by, Audience.STAFF, identity.id, body)


async def _merge(tx: AsyncConnection, hotel: HotelId, younger: GuestId, older: GuestId) -> None:
    """What is known of one guest is known of the other; where both know, the older's stands."""
    new, kept = await people.guest_of(tx, hotel, younger), await people.guest_of(tx, hotel, older)
    preferences = list(dict.fromkeys([*kept.preferences, *new.preferences]))
    values: dict[str, Any] = {"name": kept.name or new.name, "preferences": people.as_json(preferences)}
    values["vip_at"] = kept.vip_at or new.vip_at
    if new.unfollowed_at:
        values["unfollowed_at"] = kept.unfollowed_at or new.unfollowed_at
    if kept.room is None:
        values |= {"room": new.room, "room_until": new.room_until}
    await people.change_guest(tx, hotel, older, **values)
    await people.change_guest(tx, hotel, younger, merged_into=older)


async def unlink(
    tx: AsyncConnection, commit: Commit, identity: Identity, by: Actor, now: datetime
) -> Conversation:
    """Give a linked identity a conversation of its own again. Raises CannotLink.

    What was said on it meanwhile stays where it stands; its proofs go, or it would be linked again at once.
    """
    hotel = identity.hotel
    await outbox.lock_conversation(tx, hotel, identity.conversation)
    events = await log.events_of_types_in(tx, hotel, identity.conversation, (EventType.IDENTITY_LINKED,))
    came = next((e for e in reversed(events) if e.body["identity"] == identity.id), None)
    if came is None:
        raise CannotLink("link_not_linked")
    guest, from_ = GuestId(came.body["guest"]), ConversationId(came.body["from"])
    row = await log.row_of(tx, hotel, identity.conversation)
    assert row
    others = [i for i in await people.identities_of(tx, hotel, row.id) if i.id != identity.id]
    left = next((i.id for i in reversed(others)), None)
    body = {"identity": identity.id, "from": from_, "guest": guest, "left": left}
    event = NewEvent(EventType.IDENTITY_UNLINKED, now, by, Audience.STAFF, identity.id, body)
    await commit(tx, row, Record((event,)), now)
    await proofs.forget(tx, hotel, [identity.id])
    await people.change_guest(tx, hotel, guest, merged_into=None)
    await proofs.move_owed(tx, hotel, row.guest, guest, from_)
    return await _begin_anew(tx, commit, identity, guest, by, now)


async def _begin_anew(
    tx: AsyncConnection, commit: Commit, identity: Identity, guest: GuestId, by: Actor, now: datetime
) -> Conversation:
    id_ = ConversationId(new_id())
    row = await log.create(tx, identity.hotel, id_, guest, now)
    await proofs.move_identities(tx, identity.hotel, [identity.id], guest, id_)
    body = {"channel": identity.channel}
    contacted = NewEvent(EventType.CONTACTED, now, by, Audience.STAFF, identity.id, body)
    return await commit(tx, row, Record((contacted,)), now)


async def ended_here(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId
) -> list[ConversationId]:
    """The conversations that go on in this one, the oldest first, those that ended in them included."""
    found: list[ConversationId] = []
    ahead = [conversation]
    while ahead:
        types = (EventType.IDENTITY_LINKED, EventType.IDENTITY_UNLINKED)
        joined: dict[IdentityId, ConversationId] = {}
        for e in await log.events_of_types_in(tx, hotel, ahead.pop(), types):
            if e.type is EventType.IDENTITY_LINKED:
                joined[e.body["identity"]] = ConversationId(e.body["from"])
            else:
                joined.pop(e.body["identity"], None)
        more = [id_ for id_ in dict.fromkeys(joined.values()) if id_ not in found]
        found += more
        ahead += more
    return sorted(found)


def topic(hotel: HotelId, subject: str) -> str:
    """What is nudged when somebody is proven to be this subject."""
    return f"subject:{hotel}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def proofs_named(subjects: Sequence[str]) -> tuple[str, ...]:
    """Subjects as they are kept: at most 200 characters, the rest as its hash."""
    return tuple(s if len(s) <= 200 else f"sha256:{hashlib.sha256(s.encode()).hexdigest()}" for s in subjects)
