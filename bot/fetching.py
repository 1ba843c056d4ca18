"""Guests' files that a platform keeps for us: brought here, once; and what a recogniser hears in a voice."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.blobs import BlobMissing, BlobsAway
from bot.channels.port import RECOGNISED, Fetched, Fetcher, NeverDelivered, TryLater
from bot.conversation import Conversation, Wake
from bot.dispatch import Dispatch
from bot.media import LARGEST, BadFile
from bot.model import SERVICE, Audience, Content, EventType, File, NewEvent
from bot.speech import Recogniser
from bot.store import log, outbox, people
from bot.store.outbox import Item

FILE_LEASE = timedelta(seconds=120)  # longer than bringing or hearing a file may take
FETCH_TRIES = 40
HEAR_TRIES = 3
FETCH_AGAIN = timedelta(minutes=1)
NO_FETCHER = NeverDelivered("unsupported")


class Fetching:
    """One per process."""

    def __init__(
        self, dispatch: Dispatch, fetchers: Mapping[str, Fetcher], speech: Recogniser | None
    ) -> None:
        self.dispatch, self.fetchers, self.speech = dispatch, fetchers, speech
        self.database, self.clock = dispatch.database, dispatch.clock

    async def fetch(self, item: Item) -> None:
        """Bring the file of a guest's message here, once, and log that it is here or never will be."""
        files, seq = self.dispatch.files, int(item.key)
        async with self.database.read() as tx:
            content = await log.content_of(tx, item.hotel, item.conversation, seq)
            event = await log.event_of(tx, item.hotel, item.conversation, seq)
            by = event.identity if event else None
            of = await people.identity_of(tx, item.hotel, by) if by else None
        reference = (content.details or {}).get("fetch") if content else None
        if files is None or of is None or reference is None:
            async with self.database.write() as tx:  # erased meanwhile
                await outbox.settle_own(tx, item, "done", self.clock.now())
            return
        await self._hold(item)
        fetcher = self.fetchers.get(of.channel)
        found = await fetcher.fetch(of.account, reference, LARGEST) if fetcher else NO_FETCHER
        try:
            match found:
                case Fetched(data, name):
                    kept = await files.keep(item.hotel, data, name)
                    blobs, details = kept.blobs, {"file": kept.to_json()}
                    await self._fetched(item, seq, Content(blobs=blobs, details=details))
                case NeverDelivered(why):
                    await self._fetched(item, seq, None, why)
                case TryLater(after, why):
                    await self._fetch_later(item, seq, after, why)
        except BadFile as bad:
            await self._fetched(item, seq, None, bad.code)
        except BlobsAway:
            await self._fetch_later(item, seq, FETCH_AGAIN.total_seconds(), "store_away")

    async def _hold(self, item: Item) -> None:
        async with self.database.write() as tx:
            await outbox.hold(tx, item, self.clock.now() + FILE_LEASE)

    async def _fetch_later(self, item: Item, seq: int, after: float, why: str) -> None:
        if item.attempts >= FETCH_TRIES:
            return await self._fetched(item, seq, None, why)
        later = self.clock.now() + timedelta(seconds=max(after, min(item.attempts, 10) * 6))
        async with self.database.write() as tx:
            await outbox.put_back(tx, item, later, self.clock.now(), why)

    async def _fetched(self, item: Item, seq: int, content: Content | None, why: str | None = None) -> None:
        type_ = EventType.MEDIA_KEPT if content else EventType.MEDIA_LOST
        body = {"seq": seq} if content else {"seq": seq, "why": why}
        event = NewEvent(type_, self.clock.now(), SERVICE, Audience.STAFF, None, body, content)

        async def work(tx: AsyncConnection) -> Conversation | None:
            if not await outbox.settle_own(tx, item, "done", self.clock.now()):
                return None
            row = await log.row_of(tx, item.hotel, item.conversation)
            if row is None or (await people.guest_of(tx, item.hotel, row.guest)).erased_at:
                return None
            voice = await self._is_voice(tx, item, seq)
            if voice:
                now = self.clock.now()
                await outbox.put(tx, item.hotel, item.conversation, seq, (Wake("hear", now, str(seq)),), now)
            if why is None or voice:
                return await self.dispatch.record(tx, item.hotel, item.conversation, event)
            await outbox.lock_conversation(tx, item.hotel, item.conversation)
            row = await log.row_of(tx, item.hotel, item.conversation) or row
            lost = await self.dispatch.lost(tx, row, event, why)
            return await self.dispatch.commit(tx, row, lost, event.at)

        if row := await self.dispatch.transact(work):
            await self.dispatch.poke(row, [row.identity] if row.identity else [])

    async def _is_voice(self, tx: AsyncConnection, item: Item, seq: int) -> bool:
        """Whether it is a voice message that somebody can hear, or its platform has heard already."""
        said = await log.event_of(tx, item.hotel, item.conversation, seq)
        if said is None or said.body.get("subtype") != "voice":
            return False
        return self.speech is not None or await self._recognised(tx, item, seq) is not None

    async def _recognised(self, tx: AsyncConnection, item: Item, seq: int) -> str | None:
        """What the platform itself heard in the message, where the account has that switched on."""
        said = await log.content_of(tx, item.hotel, item.conversation, seq)
        return ((said.details or {}).get(RECOGNISED) or None) if said else None

    async def hear(self, item: Item) -> None:
        """Let the recogniser hear a voice message that is here; what it hears is answered like words.

        What the platform has heard already is taken as it is.
        """
        async with self.database.read() as tx:
            text = await self._recognised(tx, item, int(item.key))
        if text:
            return await self.dispatch.hear(item, text)
        await self._hold(item)
        file = await self._voice(item)
        if file and self.speech and self.dispatch.files and item.attempts <= HEAR_TRIES:
            with suppress(BlobMissing, BlobsAway):
                data = await self.dispatch.files.load(item.hotel, file.blob)
                text = await self.speech.recognise(data, file.type)
        await self.dispatch.hear(item, text)

    async def _voice(self, item: Item) -> File | None:
        """The file of the message that the row is about: with it, or brought here later."""
        seq = int(item.key)
        async with self.database.read() as tx:
            said = await log.content_of(tx, item.hotel, item.conversation, seq)
            if said and said.file:
                return said.file
            thread = await log.read_thread(tx, item.hotel, item.conversation, after=seq)
        kept = (c.file for e, c in thread if e.type is EventType.MEDIA_KEPT and e.body["seq"] == seq)
        return next(kept, None)
