"""What the assistant would say while a person holds a conversation is looked up for whoever has it open, once
for the guest's last message: nobody is asked in vain. The answer itself is `Asking.suggest`.
"""

from collections.abc import Collection
from datetime import datetime

from bot.model import ConversationId, HotelId
from bot.nudges import Nudges
from bot.store import outbox
from bot.store.database import Database


async def look_up(
    database: Database, nudges: Nudges, hotel: HotelId, opened: Collection[ConversationId], now: datetime
) -> None:
    """Somebody has these open: what waited for that begins."""
    if not opened:
        return
    async with database.read() as tx:
        waiting = await outbox.looked_at(tx, hotel, opened)
    if waiting:
        async with database.write() as tx:
            await outbox.begin(tx, hotel, waiting, now)
        await nudges.nudge("outbox")
