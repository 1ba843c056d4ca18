"""Who looks at which conversation, for one page of the desk: it says what it has open, and hears of others.

Everybody who may see a hotel's conversations is told who has them open. Shown is who may act on one: an
auditor, who only reads, stays out of the colleagues' way. Long polling neither tells nor learns it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.http.guard import Caller
from bot.ids import new_id
from bot.model import ConversationId
from bot.presence import LOOKING_SECONDS, Presence, staff
from bot.roles import Permission
from bot.store import members
from bot.store.database import Database

AGAIN = timedelta(seconds=LOOKING_SECONDS / 3)

Looks = dict[ConversationId, set[str]]


class Looking:
    """One connected page."""

    def __init__(self, presence: Presence, database: Database, clock: Clock, me: Caller) -> None:
        self._presence, self._database, self._clock, self._me = presence, database, clock, me
        self._who, self._page = staff(me.signed_in.staff.id), new_id()
        self._open: frozenset[ConversationId] = frozenset()
        self._said_at: datetime | None = None
        self._heard: Looks = {}

    async def frames(self, opened: Collection[ConversationId]) -> list[dict[str, Any]]:
        """Says what is open here, and tells who else looks at what, where that has changed."""
        await self._say(frozenset(opened))
        found = await self._presence.who_looks(self._me.hotel)
        others = {id_: who - {self._who} for id_, who in found.items() if who - {self._who}}
        if others == self._heard:
            return []
        self._heard = others
        return [{"type": "looking", "looking": await self._named(others)}]

    async def gone(self) -> None:
        """The page is gone: at once, not when it runs out."""
        if self._open:
            await self._presence.looks(self._me.hotel, self._who, self._page, ())

    async def _say(self, opened: frozenset[ConversationId]) -> None:
        now = self._clock.now()
        fresh = self._said_at is not None and abs(now - self._said_at) < AGAIN
        if not self._me.may(Permission.WORK) or (opened == self._open and (fresh or not opened)):
            return
        self._open, self._said_at = opened, now
        await self._presence.looks(self._me.hotel, self._who, self._page, opened)

    async def _named(self, looks: Mapping[ConversationId, set[str]]) -> dict[str, list[dict[str, str]]]:
        ids = {who.partition(":")[2] for several in looks.values() for who in several}
        async with self._database.read() as tx:
            names = await members.names_of(tx, ids)
        known = {staff(id_): {"id": id_, "name": name} for id_, name in names.items()}
        return {
            id_: sorted((known[who] for who in several if who in known), key=lambda one: one["name"])
            for id_, several in looks.items()
        }
