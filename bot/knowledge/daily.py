"""Once a day: what guests of a hotel asked in vain the day before, for its groups.

A day is claimed in the audit, so that of many processes one tells it, and none tells it twice. Nothing of the
questions is kept here: they are read from the log, as the desk's list of them is.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy.exc import IntegrityError

from bot.knowledge import Hotel, unanswered
from bot.knowledge.unanswered import Asked
from bot.model import HotelId
from bot.store import audits
from bot.store.database import Database

TOLD_FROM = time(8)  # by the hotel's clock: the day shift is there, and nobody's night is rung through
CLAIMED = "unanswered_told"


def yesterday(hotel: Hotel, now: datetime) -> tuple[datetime, datetime]:
    """From midnight to midnight by the hotel's clock."""
    today = hotel.today(now)
    ends = [datetime.combine(day, time(), hotel.zone) for day in (today - timedelta(days=1), today)]
    return ends[0], ends[1]


def of_yesterday(asked: Sequence[Asked], hotel: Hotel, now: datetime) -> list[Asked]:
    begin, end = yesterday(hotel, now)
    return [one for one in asked if begin <= one.at < end]


class Daily:
    """One per process: it remembers the days that are told, so that the database is asked once a day."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: dict[HotelId, date] = {}

    async def due(self, hotel: Hotel, now: datetime) -> list[Asked]:
        """Yesterday's open questions, for the one who is to tell them; else none."""
        today = hotel.today(now)
        if now.astimezone(hotel.zone).time() < TOLD_FROM or self._told.get(hotel.id) == today:
            return []
        mine = await self._claim(hotel.id, today, now)
        self._told[hotel.id] = today
        if not mine:
            return []
        async with self._database.read() as tx:
            asked = await unanswered.read(tx, hotel.id, yesterday(hotel, now)[0])
        return of_yesterday(asked, hotel, now)

    async def _claim(self, hotel: HotelId, day: date, now: datetime) -> bool:
        try:
            async with self._database.write() as tx:
                await audits.record(tx, hotel, f"unanswered-{day}", now, None, CLAIMED, day.isoformat())
        except IntegrityError:
            return False
        return True
