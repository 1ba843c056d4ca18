"""Who is signed in at the desk, on which computer, until when."""

from datetime import datetime

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import StaffId
from bot.store.members import Staff, staff_from
from bot.store.schema import Moment, sign_ins, staff


async def sign_in(
    tx: AsyncConnection,
    token_hash: str,
    id_: StaffId,
    at: datetime,
    until: datetime,
    computer: str | None = None,
) -> None:
    """`computer`: the hash of what its browser is known by."""
    values = {"staff_id": id_, "created_at": at, "expires_at": until, "computer": computer}
    await tx.execute(insert(sign_ins).values(token_hash=token_hash, **values))


async def lock_sign_in(tx: AsyncConnection, token_hash: str, at: datetime) -> None:
    await tx.execute(update(sign_ins).where(sign_ins.c.token_hash == token_hash).values(locked_at=at))


async def signed_in_on(tx: AsyncConnection, computer: str, now: datetime) -> list[Staff]:
    """Who has signed in on a computer and not out again: the latest first."""
    here = and_(sign_ins.c.computer == computer, sign_ins.c.expires_at > now, staff.c.active)
    same = sign_ins.c.staff_id == staff.c.staff_id
    query = select(staff).select_from(staff.join(sign_ins, same)).where(here)
    rows = (await tx.execute(query.order_by(sign_ins.c.created_at.desc()))).all()
    return list({row.staff_id: staff_from(row) for row in rows}.values())


async def move_sign_in(
    tx: AsyncConnection, computer: str, id_: StaffId, token_hash: str, now: datetime
) -> bool:
    """A person's sign-in on a computer goes on, unlocked, under another token: until when it would have."""
    mine = and_(sign_ins.c.computer == computer, sign_ins.c.staff_id == id_)
    ends = (await tx.execute(select(func.max(sign_ins.c.expires_at, type_=Moment)).where(mine))).scalar()
    if ends is None or ends <= now:
        return False
    await tx.execute(delete(sign_ins).where(mine))
    await sign_in(tx, token_hash, id_, now, ends, computer)
    return True


async def count_wrong_pin(tx: AsyncConnection, id_: StaffId) -> int:
    """Count a PIN that was tried; how many there have been since the last right one."""
    once_more = {"pin_failures": staff.c.pin_failures + 1}
    await tx.execute(update(staff).where(staff.c.staff_id == id_).values(**once_more))
    query = select(staff.c.pin_failures).where(staff.c.staff_id == id_)
    return int((await tx.execute(query)).scalar_one())


async def signed_in(tx: AsyncConnection, token_hash: str, now: datetime) -> tuple[Staff, bool] | None:
    """The active person behind a sign-in that hasn't run out, and whether it is locked."""
    same = sign_ins.c.staff_id == staff.c.staff_id
    query = (
        select(staff, sign_ins.c.locked_at)
        .select_from(staff.join(sign_ins, same))
        .where(sign_ins.c.token_hash == token_hash, sign_ins.c.expires_at > now, staff.c.active)
    )
    found = (await tx.execute(query)).first()
    return (staff_from(found), found.locked_at is not None) if found else None


async def sign_out(tx: AsyncConnection, token_hash: str | None = None, id_: StaffId | None = None) -> None:
    """End one sign-in, or all of a person's."""
    mine = or_(sign_ins.c.token_hash == token_hash, sign_ins.c.staff_id == id_)
    await tx.execute(delete(sign_ins).where(mine))


async def sign_out_others(tx: AsyncConnection, id_: StaffId, present: str, now: datetime) -> int:
    """End a person's sign-ins but the one with this token's hash; how many would have gone on."""
    mine = and_(sign_ins.c.staff_id == id_, sign_ins.c.token_hash != present)
    gone = await tx.execute(delete(sign_ins).where(mine, sign_ins.c.expires_at > now))
    return int(gone.rowcount)
