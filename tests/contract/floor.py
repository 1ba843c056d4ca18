"""A quiet hotel on a database of its own: real dispatch and worker, a scripted platform, Rasa and clock."""

import asyncio
import shutil
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import accounts, knowledge
from bot.blobs import Blobs
from bot.channels.port import Inbound, InboundKind
from bot.conversation import Claim, Command, Conversation, Patience, Release, Said, Speak
from bot.dispatch import Dispatch, Received
from bot.files import Files
from bot.http.views import Lens, show_rows
from bot.ids import new_id
from bot.knowledge import Hotels
from bot.model import AccountId, Content, ConversationId, Event, ExternalId, HotelId, StaffId
from bot.nudges import Nudges
from bot.robots import Told
from bot.sealing import Seal
from bot.store import desk, log, members, outbox, people
from bot.store.database import Database
from bot.store.desk import AccountRow
from bot.store.members import Staff
from bot.store.outbox import Item
from bot.store.promises import PromiseRow
from bot.worker import Worker
from tests.conftest import FixedClock
from tests.contract.prepared import prepared
from tests.core import OTHER, SAMPLE, ScriptedEngine, ScriptedFetcher, ScriptedSender, documents, texts

ONE, TWO = HotelId("xinghaihui"), HotelId("yunting")
LONGEST = 60  # looks of the worker until nothing is due; more is a worker that spins


@dataclass
class ScriptedRobots:
    """Stands for the hotel's group robots: counts what it was told."""

    told: list[tuple[str, ConversationId, datetime]] = field(default_factory=list)
    reports: list[tuple[str, int, int]] = field(default_factory=list)
    nears: list[tuple[str, int]] = field(default_factory=list)
    owed: list[tuple[str, str | None]] = field(default_factory=list)

    async def tell(
        self, hotel: knowledge.Hotel, row: Conversation, now: datetime, robots: tuple[str, ...] = ()
    ) -> Told:
        self.told.append((hotel.id, row.id, now))
        return Told(1)

    async def report(self, hotel: knowledge.Hotel, questions: int, kinds: int, now: datetime) -> Told:
        self.reports.append((hotel.id, questions, kinds))
        return Told(1)

    async def near(
        self, hotel: knowledge.Hotel, row: Conversation, clock: str, minutes: int, now: datetime
    ) -> Told:
        self.nears.append((clock, minutes))
        return Told(1)

    async def owe(
        self,
        hotel: knowledge.Hotel,
        promise: PromiseRow,
        owner: str | None,
        now: datetime,
        robots: tuple[str, ...] = (),
    ) -> Told:
        self.owed.append((promise.id, owner))
        return Told(1)


class Floor:
    """Two hotels with an official account, a page and two people each; both know the same followers."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock = database, clock
        self.seal = Seal({"k": b"1" * 32})
        folder = mkdtemp("dianxiaoer-files")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.files = Files(Blobs(f"file:{folder}"), self.seal)
        hotels = Hotels(texts())
        self.dispatch = Dispatch(database, clock, hotels, self.seal, Nudges(), Patience(), kept=self.files)
        self.engine, self.sender, self.robots = ScriptedEngine(), ScriptedSender(), ScriptedRobots()
        self.fetcher = ScriptedFetcher()
        self.worker = self.another_worker("p1")
        self.people: dict[str, StaffId] = {}
        self._messages = 0

    def another_worker(self, process: str) -> Worker:
        made = Worker(
            self.dispatch,
            self.engine,  # type: ignore[arg-type]
            {"wechat": self.sender},
            self.robots,  # type: ignore[arg-type]
            process,
            timedelta(seconds=8),
            {"wechat": self.fetcher},
            "https://desk.example.com",
        )
        made._started = self.clock.now()
        return made

    async def open(self) -> None:
        async with self.database.write() as tx:
            await prepared(tx, f"floor {self.clock.now()}", self._furnish)
        await self.worker._beat()

    async def _furnish(self, tx: AsyncConnection) -> None:
        now = self.clock.now()
        for folder in (SAMPLE, OTHER):
            await knowledge.save(tx, documents(folder), now)
        for hotel in (ONE, TWO):
            await desk.save_account(tx, self._wechat(f"wx-{hotel}", hotel), now)
            await desk.save_account(tx, self._wechat(f"poor-{hotel}", hotel, custom_send=False), now)
            await accounts.save(tx, self.seal, "web", AccountId(f"page-{hotel}"), hotel, {}, now)

    async def hire(self, login: str, *hotels: HotelId) -> StaffId:
        id_ = self.people[login] = StaffId(new_id())
        async with self.database.write() as tx:
            member = Staff(id_, login, f"员工{login}", "no password", False, True, 0, None)
            await members.add_staff(tx, member, self.clock.now())
            for hotel in hotels or (ONE,):
                await members.join_hotel(tx, hotel, id_, "agent")
        return id_

    def _wechat(self, id_: str, hotel: HotelId, **config: Any) -> AccountRow:
        return AccountRow("wechat", AccountId(id_), hotel, config, "{}", True)

    async def account(self, id_: str) -> AccountRow:
        channel = "web" if id_.startswith("page-") else "wechat"
        async with self.database.read() as tx:
            row = await desk.account_of(tx, channel, AccountId(id_))
        assert row
        return row

    # ---- what guests do

    async def hear(
        self,
        text: str = "早餐几点",
        who: str = "oGuest",
        account: str = f"wx-{ONE}",
        key: str = "",
        kind: InboundKind = InboundKind.TEXT,
        waits: bool = False,
        **more: Any,
    ) -> Received:
        """A guest's message; its push is over at once unless somebody `waits` with it."""
        self._messages += 1
        key = key or f"message:{self._messages}"
        inbound = Inbound(kind, ExternalId(who), key, self.clock.now(), text, **more)
        received = await self.dispatch.receive(await self.account(account), inbound)
        if not waits:
            async with self.database.write() as tx:
                await people.close_push(tx, received.identity, received.key)
        return received

    async def talk(self, text: str = "早餐几点", **more: Any) -> Received:
        """A message, and all that follows from it at once; the answer is on its way afterwards."""
        received = await self.hear(text, **more)
        await self.work()
        self.clock.forward(seconds=5)
        await self.work()
        return received

    # ---- what the service does

    async def work(self, worker: Worker | None = None) -> None:
        """Let the worker look until nothing more is due."""
        worker, quiet = worker or self.worker, 0
        for _ in range(LONGEST):
            await worker._look()
            quiet = 0 if worker._running else quiet + 1
            if quiet == 2:  # the first look may itself have settled what had run out
                return
            await asyncio.gather(*worker._running)
        raise AssertionError("the worker spins")

    async def later(self, **span: float) -> None:
        """Time passes in which the service is up, and what is due is done."""
        self.clock.forward(**span)
        await self.worker._beat()
        await self.work()

    async def lease_ask(self, owner: str = "p1") -> Item:
        now = self.clock.now()
        async with self.database.write() as tx:
            items = await outbox.lease_due(tx, owner, now, timedelta(seconds=8))
        (item,) = [item for item in items if item.kind == "ask"]
        return item

    # ---- what staff do

    async def act(
        self,
        where: Received,
        build: Callable[[Conversation, bool], Command],
        once: tuple[str, str] | None = None,
    ) -> tuple[Conversation, int]:
        return await self.dispatch.act(where.row.hotel, where.row.id, build, once)

    async def claim(self, where: Received, who: str) -> Conversation:
        return (await self.act(where, lambda row, gone: Claim(self.people[who], gone)))[0]

    async def reply(self, where: Received, who: str, text: str = "您好", client_id: str = "") -> int:
        speak = Speak(self.people[who], Content(text), {})

        def build(row: Conversation, gone: bool) -> Speak:
            return Speak(speak.staff, speak.content, speak.body, None, gone)

        once = (self.people[who], client_id) if client_id else None
        return (await self.act(where, build, once))[1]

    async def release(self, where: Received, who: str) -> None:
        words = Said(Content("同事先忙到这里"), {"introduced": True})
        await self.act(where, lambda row, gone: Release(self.people[who], words))

    # ---- what stands in the database

    async def read(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self.database.read() as tx:
            return await work(tx)

    async def row(self, where: Received) -> Conversation:
        found = await self.read(lambda tx: log.row_of(tx, where.row.hotel, where.row.id))
        assert isinstance(found, Conversation)
        return found

    async def thread(self, where: Received) -> list[tuple[Event, Content]]:
        found: list[tuple[Event, Content]] = await self.read(
            lambda tx: log.read_thread(tx, where.row.hotel, where.row.id)
        )
        return found

    async def types(self, where: Received) -> list[str]:
        return [e.type.value for e, _ in await self.thread(where)]

    async def count(self, where: Received, type_: str) -> int:
        return (await self.types(where)).count(type_)

    async def orders(self, hotel: HotelId = ONE) -> list[desk.OrderRow]:
        found: list[desk.OrderRow] = await self.read(lambda tx: desk.list_orders(tx, hotel))
        return found

    async def shown(self, where: Received) -> dict[str, Any]:
        """The conversation as the desk's list shows it."""

        async def look(tx: Any) -> dict[str, Any]:
            hotel = await self.dispatch.hotels.get(tx, where.row.hotel)
            row = await log.row_of(tx, where.row.hotel, where.row.id)
            assert row
            return (await show_rows(tx, Lens(hotel, "staff:x", self.clock.now(), self.files), [row]))[0]

        shown: dict[str, Any] = await self.read(look)
        return shown

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.read() as tx:
            return list((await tx.execute(text(statement), values)).all())

    async def deliveries(self, where: Received) -> list[tuple[int, str, str | None]]:
        """(seq, state, why) of all that was to go out, in the line's order."""
        rows = await self.sql(
            "SELECT seq, state, why FROM outbox WHERE kind = 'deliver' AND conversation_id = :c "
            "ORDER BY created_at, seq, outbox_id",
            c=where.row.id,
        )
        return [tuple(row) for row in rows]

    async def waiting(self, where: Received) -> int:
        """How many deliveries wait for the guest's next push."""
        found = await self.sql(
            "SELECT count(*) FROM outbox WHERE kind = 'deliver' AND state = 'queued' AND due_at IS NULL "
            "AND conversation_id = :c",
            c=where.row.id,
        )
        return int(found[0][0])

    async def everything(self) -> str:
        """All rows of all tables, as one text."""
        found = []
        async with self.database.read() as tx:
            for table in log.events.metadata.sorted_tables:
                found += [str(tuple(row)) for row in (await tx.execute(table.select())).all()]
        return "\n".join(found)

    async def check(self) -> None:
        """The log proves itself, and every row is what its log folds to."""
        async with self.database.read() as tx:
            for hotel, id_ in await log.all_conversations(tx):
                fault = await log.first_fault(tx, hotel, id_)
                assert fault is None, fault
