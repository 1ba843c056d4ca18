"""What must be on record of what staff do, beside the log: who, when, what, on which object."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import HotelId, StaffId
from bot.store.schema import audit


async def recorded(tx: AsyncConnection, hotel: HotelId, id_: str) -> bool:
    query = select(audit.c.audit_id).where(audit.c.hotel_id == hotel, audit.c.audit_id == id_)
    return (await tx.execute(query)).first() is not None


async def record(
    tx: AsyncConnection,
    hotel: HotelId,
    id_: str,
    at: datetime,
    who: StaffId | None,
    action: str,
    object_: str,
) -> None:
    values = {
        "hotel_id": hotel,
        "audit_id": id_,
        "at": at,
        "staff_id": who,
        "action": action,
        "object": object_,
    }
    await tx.execute(insert(audit).values(**values))
