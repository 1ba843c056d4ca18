"""What the assistant is asked about a conversation, and what becomes of its answer.

An answer is appended, with all that it does, in one transaction; one that another process has given already
is dropped. Nothing here waits for Rasa: the worker does.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import attendance, meaning, orders, words
from bot.channels import CHANNELS, Channel
from bot.channels.port import Option
from bot.conversation import Conversation, Record, Respond, Said
from bot.dispatch import Dispatch, unread_key
from bot.engine import Turn
from bot.facts import facts_of
from bot.heeding import heeded
from bot.knowledge import Hotel, choice
from bot.knowledge.choice import Found
from bot.knowledge.index import Hit
from bot.model import (
    ASSISTANT,
    Audience,
    Content,
    EventType,
    Handoff,
    IdentityId,
    Json,
    NewEvent,
    Reason,
    State,
)
from bot.store import desk, log, members, outbox, people
from bot.store.desk import AccountRow
from bot.store.outbox import Item

logger = logging.getLogger(__name__)

MODEL_TEXT = 500  # characters of a turn that the model reads
SCANNED = 300  # events among which a scanned code is looked for: a turn costs the same however long the log
HANDED_BACK_TEXT = 120  # characters of a colleague's last words that the assistant is told
_GUESTS_WORDS = frozenset({EventType.GUEST_SAID, EventType.VOICE_HEARD})


@dataclass(frozen=True)
class Question:
    """What the assistant is to be asked about a conversation's unanswered messages."""

    text: str
    memory: Json | None
    facts: dict[str, Any]
    epoch: int
    through: int
    since: datetime | None
    unread: str = ""  # what is said of a file, where nothing but files came
    verbatim: bool = False  # whether the text is the guest's very words, and its places theirs


class Asking:
    """One per process."""

    def __init__(self, dispatch: Dispatch) -> None:
        self.dispatch, self.hotels = dispatch, dispatch.hotels
        self.database, self.clock = dispatch.database, dispatch.clock

    async def question(self, item: Item, for_staff: bool = False) -> Question | None:
        """What to ask, or None when nothing is left to answer or the assistant must be silent.

        `for_staff`: nothing is said, whoever holds it is told what could be.
        """
        async with self.database.read() as tx:
            row = await log.row_of(tx, item.hotel, item.conversation)
            silent = row is not None and (row.state is not State.STAFF if for_staff else row.silent)
            if row is None or silent or not row.pending:
                return None
            guest = await people.guest_of(tx, item.hotel, row.guest)
            if guest.erased_at:
                return None
            hotel = await self.hotels.get(tx, item.hotel)
            said = await log.read_thread(tx, item.hotel, item.conversation, after=row.answered_seq)
            told = {e.body.get("own") for e, _ in said if e.type is EventType.ASSISTANT_SAID}
            turn = [(e, c) for e, c in said if e.type in _GUESTS_WORDS and c.text and e.seq not in told]
            options = await self._options(tx, row)
            memory = await log.last_memory(tx, item.hotel, item.conversation)
            handed_back = await _handed_back(tx, row)
            open_orders = await desk.list_orders(tx, item.hotel, orders.OPEN, guest=row.guest)
            channel = await self._channel(tx, row)
            scanned = await self._scanned(tx, hotel, row)
        now = self.clock.now()
        written = "\n".join(c.text or "" for _, c in turn)[:MODEL_TEXT]
        text = "\n".join(channel.chosen(options, c.text or "") for _, c in turn)[:MODEL_TEXT]
        facts = facts_of(hotel, row, guest, open_orders, now, channel, handed_back, scanned)
        files_ = [str(e.body.get("subtype")) for e, _ in said if e.type is EventType.GUEST_SAID]
        unread = unread_key(hotel, files_[0]) if files_ and not turn else ""
        since = turn[0][0].at if turn else None
        return Question(text, memory, facts, row.epoch, row.guest_seq, since, unread, text == written)

    async def suggest(self, item: Item, question: Question, turn: Turn, hits: Sequence[Hit] = ()) -> None:
        """Offer what approved knowledge answers, as a draft; nothing where it doesn't, or somebody has."""

        async def work(tx: AsyncConnection) -> Conversation | None:
            now = self.clock.now()
            if not await outbox.settle_own(tx, item, "done", now):
                return None
            await outbox.lock_conversation(tx, item.hotel, item.conversation)
            row = await log.row_of(tx, item.hotel, item.conversation)
            if row is None or row.state is not State.STAFF or row.answered_seq >= question.through:
                return None
            if (
                row.guest_seq > question.through
                or (await people.guest_of(tx, item.hotel, row.guest)).erased_at
            ):
                return None
            hotel = await self.hotels.get(tx, item.hotel)
            found = Found(hits, hotel.points, hotel.today(now), (await self._channel(tx, row)).name)
            spoken = words.known(choice.choose(turn.acts, found), hotel, now)
            if spoken is None:
                return None
            body = {**words.body_of(spoken, row), "through": question.through, "epoch": row.epoch}
            content = words.content_of(spoken, None)
            drafted = EventType.ASSISTANT_DRAFTED
            event = NewEvent(drafted, now, ASSISTANT, Audience.STAFF, row.identity, body, content)
            return await self.dispatch.commit(tx, row, Record((event,)), now)

        if row := await self.dispatch.transact(work):
            await self.dispatch.poke(row)

    async def _scanned(self, tx: AsyncConnection, hotel: Hotel, row: Conversation) -> str | None:
        """The room whose code was scanned last in this visit: likely, and proven by nothing."""
        types = (EventType.CHANNEL_EVENT_RECEIVED, EventType.GUEST_FOLLOWED)
        seen = await log.events_of_types_in(tx, row.hotel, row.id, types, row.seq - SCANNED)
        scenes = [e.body.get("scene") for e in seen if row.opened_at is None or e.at >= row.opened_at]
        rooms = [room for scene in scenes if (room := meaning.room_of(hotel, scene))]
        return rooms[-1] if rooms else None

    async def _options(self, tx: AsyncConnection, row: Conversation) -> list[Option]:
        """The choices in the assistant's last message, which a guest may answer by a number."""
        recent = await log.read_thread(tx, row.hotel, row.id, after=max(0, row.answered_seq - 1), limit=12)
        for event, content in reversed(recent):
            if event.type is EventType.ASSISTANT_SAID:
                shown = (content.details or {}).get("options", ())
                return [Option(o["title"], o["text"]) for o in shown]
        return []

    async def _channel(self, tx: AsyncConnection, row: Conversation) -> Channel:
        identity = await people.identity_of(tx, row.hotel, row.identity) if row.identity else None
        return CHANNELS[identity.channel if identity else "web"]

    async def look_up(self, item: Item, question: Question, turn: Turn) -> list[Hit]:
        """The knowledge points that the question may mean, where they could answer it."""
        if self.dispatch.library is None or not choice.wants(turn.acts):
            return []
        async with self.database.read() as tx:
            hotel = await self.hotels.get(tx, item.hotel)
        return await self.dispatch.library.search(hotel, question.text, turn.vector)

    async def respond(self, item: Item, question: Question, turn: Turn, hits: Sequence[Hit] = ()) -> None:
        """Append the assistant's answer, with all that it does, and end its question, in one transaction."""

        async def work(tx: AsyncConnection) -> Conversation | None:
            now = self.clock.now()
            if not await outbox.settle_own(tx, item, "done", now):
                return None  # another process has taken this question over
            await outbox.lock_conversation(tx, item.hotel, item.conversation)
            row = await log.row_of(tx, item.hotel, item.conversation)
            assert row
            if (await people.guest_of(tx, item.hotel, row.guest)).erased_at:
                return None  # the answer may repeat what has been erased since it was asked for
            hotel = await self.hotels.get(tx, item.hotel)
            account = await self.dispatch.account_of(tx, row)
            found = Found(hits, hotel.points, hotel.today(now), (await self._channel(tx, row)).name)
            turn_chosen = replace(turn, acts=choice.choose(turn.acts, found))
            command = await self._response(tx, hotel, row, question, turn_chosen, account, now)
            return await self.dispatch.commit(tx, row, command, now, account)

        row = await self.dispatch.transact(work)
        if row:
            await self.dispatch.poke(row, [row.identity] if row.identity else [])

    async def _response(
        self,
        tx: AsyncConnection,
        hotel: Hotel,
        row: Conversation,
        question: Question,
        turn: Turn,
        account: AccountRow | None,
        now: datetime,
    ) -> Respond:
        passive_only = bool(account and not account.config.get("custom_send", True))
        open_orders = await desk.list_orders(tx, row.hotel, orders.OPEN, guest=row.guest)
        acts = heeded(turn.acts, question.text)
        try:
            spoken = words.render(acts, hotel, row, now, passive_only)
            if spoken.handoff and not await self._somebody(tx, hotel, row, spoken, turn, now):
                spoken = words.render(acts, hotel, row, now, passive_only, there=False)
            also = orders.events_of(spoken.orders, open_orders, row.identity, now)
        except (orders.UnknownOrder, ValueError) as error:
            logger.warning("acts can't be carried out: %s", type(error).__name__)
            spoken, also = words.render((Handoff(Reason.ACTION_FAILED),), hotel, row, now, passive_only), ()
        body = {
            **words.body_of(spoken, row),
            "intent": turn.intent,
            "confidence": round(turn.confidence, 4),
            "handoff": spoken.handoff,
            **_places(question, turn),
        }
        said = Said(words.content_of(spoken, turn.memory), body)
        also += tuple(_preference(p, row.identity, now) for p in spoken.preferences)
        notice = hotel.file.privacy.version
        return Respond(
            question.epoch,
            question.through,
            said,
            also,
            spoken.handoff,
            spoken.detail,
            notice,
            question.since,
        )

    async def _somebody(
        self,
        tx: AsyncConnection,
        hotel: Hotel,
        row: Conversation,
        spoken: words.Spoken,
        turn: Turn,
        now: datetime,
    ) -> bool:
        """Whether anybody is there whom this guest would be brought to."""
        handoff = {"reason": spoken.handoff, **(spoken.detail or {}), "intent": turn.intent}
        department = row.department or hotel.file.departments.route(handoff).get("department")
        return await attendance.somebody(tx, hotel, department, now)


def _places(question: Question, turn: Turn) -> Json:
    """Where in the guest's words the entities were read: kinds and places, never the words themselves."""
    found = [{name: entity.get(name) for name in ("entity", "start", "end")} for entity in turn.entities]
    return {"entities": found, "asked": len(question.text)} if found and question.verbatim else {}


def _preference(text: str, identity: IdentityId | None, now: datetime) -> NewEvent:
    content = Content(text=text)
    return NewEvent(EventType.PREFERENCE_REMEMBERED, now, ASSISTANT, Audience.STAFF, identity, {}, content)


async def _handed_back(tx: AsyncConnection, row: Conversation) -> Json | None:
    """What the assistant is told of the colleague who had this visit before it."""
    found = await log.handed_back(tx, row.hotel, row.id)
    if found is None:
        return None
    who, event = found
    names = await members.guest_names_of(tx, {who})
    content = await log.content_of(tx, row.hotel, row.id, event.seq) if event else None
    said = (content.text if content else None) or ""
    return {"by": names.get(who, ""), "said": said[:HANDED_BACK_TEXT] or None}
