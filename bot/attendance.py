"""Whether anybody is there to take a guest. In the hours of the desk nobody may have come, or all have gone:
then the guest isn't told that somebody is on the way."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.knowledge import Hotel
from bot.model import PostState, StaffId
from bot.store import posts

THERE = frozenset({PostState.ON_DUTY, PostState.BUSY})  # who is on a break may have left without a word


async def somebody(
    tx: AsyncConnection, hotel: Hotel, department: str | None, now: datetime, but: StaffId | None = None
) -> bool:
    """Whether one of those who would be asked is there, but for one. True where nobody can know: the hotel
    names no departments, or nobody has been given one."""
    ours = hotel.file.departments
    if not ours.all:
        return True
    asked = {department, ours.rest, ours.assigning.escalate_to if ours.assigning else None}
    members = [post for post in await posts.listed(tx, hotel.id, now) if post.departments]
    theirs = [post for post in members if asked & {*post.departments}] or members
    return not members or any(post.now_at(now) in THERE for post in theirs if post.staff != but)
