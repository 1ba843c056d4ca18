"""What proves that two identities are one guest: signed subjects, and one-time codes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, GuestId, HotelId, IdentityId
from bot.store.database import insert_or_ignore
from bot.store.people import Identity, identity_from
from bot.store.schema import conversations, guests, identities, link_codes, orders, promises, subjects


async def add_subject(
    tx: AsyncConnection, hotel: HotelId, subject: str, identity: IdentityId, at: datetime
) -> bool:
    """Note a proven subject; False when it was known."""
    values = {"hotel_id": hotel, "subject": subject, "identity_id": identity, "at": at}
    query = insert_or_ignore(tx, subjects).values(**values).on_conflict_do_nothing()
    return bool((await tx.execute(query)).rowcount)


async def subjects_of(tx: AsyncConnection, hotel: HotelId, identity: IdentityId) -> set[str]:
    query = select(subjects.c.subject).where(subjects.c.hotel_id == hotel, subjects.c.identity_id == identity)
    return set((await tx.execute(query)).scalars())


async def with_subject(tx: AsyncConnection, hotel: HotelId, subject: str) -> list[Identity]:
    """The identities that this subject was proven on, the oldest first."""
    same = (subjects.c.hotel_id == identities.c.hotel_id) & (
        subjects.c.identity_id == identities.c.identity_id
    )
    query = select(identities).select_from(identities.join(subjects, same))
    query = query.where(subjects.c.hotel_id == hotel, subjects.c.subject == subject)
    return [identity_from(r) for r in (await tx.execute(query.order_by(identities.c.created_at))).all()]


async def same_person(tx: AsyncConnection, hotel: HotelId, identity: IdentityId) -> set[IdentityId]:
    """This identity, and those that share a signed subject with it."""
    mine = select(subjects.c.subject).where(subjects.c.hotel_id == hotel, subjects.c.identity_id == identity)
    query = select(subjects.c.identity_id).where(subjects.c.hotel_id == hotel, subjects.c.subject.in_(mine))
    return {identity, *(IdentityId(id_) for id_ in (await tx.execute(query)).scalars())}


async def forget(tx: AsyncConnection, hotel: HotelId, ids: Sequence[IdentityId]) -> None:
    """Take all proofs of these identities away."""
    for table in (subjects, link_codes):
        await tx.execute(delete(table).where(table.c.hotel_id == hotel, table.c.identity_id.in_(list(ids))))


async def add_code(
    tx: AsyncConnection, hotel: HotelId, code_hash: str, identity: IdentityId, now: datetime, until: datetime
) -> None:
    """Keep a code; an older one of the same identity, and what has run out, goes."""
    old = (link_codes.c.identity_id == identity) | (link_codes.c.expires_at <= now)
    await tx.execute(delete(link_codes).where(link_codes.c.hotel_id == hotel, old))
    values = {"hotel_id": hotel, "code_hash": code_hash, "identity_id": identity, "expires_at": until}
    await tx.execute(insert(link_codes).values(**values))


async def take_code(tx: AsyncConnection, hotel: HotelId, code_hash: str, now: datetime) -> IdentityId | None:
    """Whose code it is, once: it is gone afterwards."""
    mine = (link_codes.c.hotel_id == hotel) & (link_codes.c.code_hash == code_hash)
    query = select(link_codes.c.identity_id).where(mine, link_codes.c.expires_at > now)
    found = (await tx.execute(query)).scalar()
    if found is None or not (await tx.execute(delete(link_codes).where(mine))).rowcount:
        return None
    return IdentityId(found)


async def code_is_open(tx: AsyncConnection, hotel: HotelId, code_hash: str, now: datetime) -> bool:
    query = select(link_codes.c.identity_id).where(
        link_codes.c.hotel_id == hotel,
        link_codes.c.code_hash == code_hash,
        link_codes.c.expires_at > now,
    )
    return (await tx.execute(query)).first() is not None


# ---- moving what belongs to one guest to another


async def move_identities(
    tx: AsyncConnection,
    hotel: HotelId,
    ids: Sequence[IdentityId],
    guest: GuestId,
    conversation: ConversationId,
) -> None:
    query = update(identities).where(identities.c.hotel_id == hotel, identities.c.identity_id.in_(list(ids)))
    await tx.execute(query.values(guest_id=guest, conversation_id=conversation))


async def move_owed(
    tx: AsyncConnection,
    hotel: HotelId,
    guest: GuestId,
    to: GuestId,
    conversation: ConversationId | None = None,
) -> None:
    """What is owed to one guest becomes another's; of one conversation only, where it is named."""
    for table in (orders, promises):
        mine = (table.c.hotel_id == hotel) & (table.c.guest_id == guest)
        if conversation:
            mine = mine & (table.c.conversation_id == conversation)
        await tx.execute(update(table).where(mine).values(guest_id=to))


async def merged_into(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> list[GuestId]:
    """The guests that have proved to be this one, theirs included."""
    found: list[GuestId] = []
    ahead = [guest]
    while ahead:
        query = select(guests.c.guest_id).where(
            guests.c.hotel_id == hotel, guests.c.merged_into == ahead.pop()
        )
        more = [GuestId(id_) for id_ in (await tx.execute(query)).scalars() if id_ not in found]
        found += more
        ahead += more
    return found


async def conversation_of(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> ConversationId | None:
    """Where the guest's log goes on, whoever they proved to be: the one that their identities append to, else
    their last."""
    while into := await _merged(tx, hotel, guest):
        guest = into
    here = select(identities.c.conversation_id).where(
        identities.c.hotel_id == hotel, identities.c.guest_id == guest
    )
    own = select(conversations.c.conversation_id).where(
        conversations.c.hotel_id == hotel, conversations.c.guest_id == guest
    )
    for query in (
        here.order_by(identities.c.created_at),
        own.order_by(conversations.c.conversation_id.desc()),
    ):
        if found := (await tx.execute(query.limit(1))).scalar():
            return ConversationId(found)
    return None


async def _merged(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> GuestId | None:
    query = select(guests.c.merged_into).where(guests.c.hotel_id == hotel, guests.c.guest_id == guest)
    found = (await tx.execute(query)).scalar()
    return GuestId(found) if found else None
