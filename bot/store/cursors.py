"""How far the messages of an account have been pulled, where a channel pulls."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import insert_or_ignore
from bot.store.desk import AccountRow
from bot.store.schema import cursors


async def cursor_of(tx: AsyncConnection, account: AccountRow) -> str:
    """Empty before the first pull."""
    query = select(cursors.c.cursor).where(
        cursors.c.hotel_id == account.hotel,
        cursors.c.channel == account.channel,
        cursors.c.account == account.account,
    )
    return str((await tx.execute(query)).scalar() or "")


async def move_cursor(tx: AsyncConnection, account: AccountRow, cursor: str, at: datetime) -> None:
    keys = {"hotel_id": account.hotel, "channel": account.channel, "account": account.account}
    query = insert_or_ignore(tx, cursors).values(**keys, cursor=cursor, changed_at=at)
    await tx.execute(
        query.on_conflict_do_update(index_elements=list(keys), set_={"cursor": cursor, "changed_at": at})
    )
