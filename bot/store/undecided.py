"""Messages to an account of several hotels that wait for the guest to say which one is meant. Sealed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import AccountId, ExternalId, HotelId
from bot.store.database import insert_or_ignore
from bot.store.schema import arrivals, identities, undecided


@dataclass(frozen=True)
class Held:
    """One message that waits. `who` is a hash of the guest's external id."""

    channel: str
    account: AccountId
    who: str
    key: str
    sealed: str
    at: datetime


async def hold(tx: AsyncConnection, held: Held) -> None:
    values = {
        "channel": held.channel,
        "account": held.account,
        "who": held.who,
        "message_key": held.key,
        "sealed": held.sealed,
        "at": held.at,
    }
    await tx.execute(insert_or_ignore(tx, undecided).values(**values).on_conflict_do_nothing())


async def held_of(tx: AsyncConnection, channel: str, account: AccountId, who: str) -> list[Held]:
    """A guest's waiting messages, the oldest first."""
    query = select(undecided).where(
        undecided.c.channel == channel, undecided.c.account == account, undecided.c.who == who
    )
    return [
        Held(r.channel, r.account, r.who, r.message_key, r.sealed, r.at)
        for r in (await tx.execute(query.order_by(undecided.c.at, undecided.c.message_key))).all()
    ]


async def waiting_since(tx: AsyncConnection, before: datetime) -> list[tuple[str, AccountId, str]]:
    """Whose messages have waited since before then: channel, account, who."""
    query = select(undecided.c.channel, undecided.c.account, undecided.c.who).where(undecided.c.at < before)
    return [(r.channel, r.account, r.who) for r in (await tx.execute(query.distinct())).all()]


async def let_go(tx: AsyncConnection, channel: str, account: AccountId, who: str) -> None:
    mine = (undecided.c.channel == channel) & (undecided.c.account == account) & (undecided.c.who == who)
    await tx.execute(delete(undecided).where(mine))


async def hotels_written_to(
    tx: AsyncConnection, channel: str, account: AccountId, external: ExternalId
) -> list[HotelId]:
    """The hotels that know this guest on this account; the one they wrote to last is first."""
    same = (arrivals.c.hotel_id == identities.c.hotel_id) & (
        arrivals.c.identity_id == identities.c.identity_id
    )
    query = select(identities.c.hotel_id).select_from(identities.outerjoin(arrivals, same))
    query = query.where(
        identities.c.channel == channel,
        identities.c.account == account,
        identities.c.external_id == external,
    )
    query = query.group_by(identities.c.hotel_id).order_by(func.max(arrivals.c.at).desc())
    return [HotelId(hotel) for hotel in (await tx.execute(query)).scalars()]
