"""The log on both databases: one writer, a chain that proves itself, a row that its log gives, erasure."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from bot import guests
from bot.conversation import Conversation, Record, decide
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    NewEvent,
)
from bot.store import desk, log, people
from bot.store.database import Database
from bot.store.desk import HotelRow
from bot.store.people import Identity
from tests.servers import Postgres

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOTEL, CONVERSATION, GUEST = HotelId("h"), ConversationId("c"), GuestId("g")
WORDS = "我对花生过敏请千万记住"


def said(words: str) -> NewEvent:
    actor = Actor(ActorKind.GUEST, GUEST)
    return NewEvent(EventType.GUEST_SAID, NOW, actor, Audience.GUEST, IdentityId("i"), content=Content(words))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    async with opened.write() as tx:
        await desk.save_hotel(tx, HotelRow(HOTEL, "H", "Asia/Shanghai", {}, {}, {}, NOW))
        await people.add_guest(tx, HOTEL, GUEST, NOW)
        await log.create(tx, HOTEL, CONVERSATION, GUEST, NOW)
        identity = Identity(HOTEL, IdentityId("i"), GUEST, CONVERSATION, "wechat", "a", "oSECRETopenid", None)
        await people.add_identity(tx, identity, NOW)
    yield opened
    await opened.close()


async def append(database: Database, *events: NewEvent) -> Conversation:
    async with database.write() as tx:
        row = await log.row_of(tx, HOTEL, CONVERSATION)
        assert row
        decision = decide(row, Record(events), NOW)
        await log.append(tx, row, decision)
        return decision.row


async def fault(database: Database) -> str | None:
    async with database.read() as tx:
        return await log.first_fault(tx, HOTEL, CONVERSATION)


async def test_the_second_of_two_writers_is_told_to_read_again(database: Database) -> None:
    async with database.read() as tx:
        row = await log.row_of(tx, HOTEL, CONVERSATION)
    assert row
    decision = decide(row, Record((said("一"),)), NOW)
    async with database.write() as tx:
        await log.append(tx, row, decision)
    with pytest.raises(log.StaleVersion):
        async with database.write() as tx:
            await log.append(tx, row, decision)
    async with database.read() as tx:
        assert [e.seq for e in await log.events_of(tx, HOTEL, CONVERSATION)] == [1]


async def test_many_writers_leave_no_gap(database: Database) -> None:
    async def write(number: int) -> None:
        while True:
            try:
                await append(database, said(str(number)))
                return
            except log.StaleVersion:
                continue

    await asyncio.gather(*(write(number) for number in range(20)))
    async with database.read() as tx:
        thread = await log.read_thread(tx, HOTEL, CONVERSATION)
    assert [e.seq for e, _ in thread] == list(range(1, 21))
    assert sorted(int(c.text or "") for _, c in thread) == list(range(20))
    assert await fault(database) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}'",
        "DELETE FROM events",
        "DELETE FROM contents",
        "UPDATE contents SET text = 'other'",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(database: Database, statement: str) -> None:
    await append(database, said("一"))
    with pytest.raises(DBAPIError, match=r"never|may only|may not"):
        async with database.write() as tx:
            await tx.execute(text(statement))


async def test_a_second_process_rebuilds_the_row_from_the_log_alone(database: Database) -> None:
    row = await append(database, said("一"), said("二"))
    async with database.write() as tx:
        await tx.execute(text("UPDATE conversations SET row = '{}' WHERE conversation_id = 'c'"))
    assert "folds to" in (await fault(database) or "")
    async with database.write() as tx:
        assert (await log.rebuild(tx, HOTEL, CONVERSATION)).canonical() == row.canonical()
    assert await fault(database) is None


async def _tampered(database: Database, statement: str) -> str | None:
    """The fault after a change by somebody who has switched the triggers off."""
    async with database.write() as tx:
        if database.sqlite:
            for name in (
                "events_never_change",
                "events_never_go",
                "contents_only_empty",
                "contents_never_go",
            ):
                await tx.execute(text(f"DROP TRIGGER {name}"))
        else:
            await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text(statement))
    return await fault(database)


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ('UPDATE events SET body = \'{"kind":"x"}\' WHERE seq = 2', "#2"),
        ("UPDATE events SET actor = 'service' WHERE seq = 2", "#2"),
        ("UPDATE contents SET text = 'other' WHERE seq = 2", "#2"),
        ("UPDATE events SET seq = 9 WHERE seq = 3", "#9"),
    ],
)
async def test_verify_names_the_first_broken_link(database: Database, statement: str, place: str) -> None:
    await append(database, said("一"), said("二"))
    await append(
        database, NewEvent(EventType.NOTICE_SHOWN, NOW, SERVICE, Audience.STAFF, body={"version": "1"})
    )
    assert place in (await _tampered(database, statement) or "")


async def _commit(tx: object, row: Conversation, command: object, now: datetime) -> Conversation:
    decision = decide(row, command, now)  # type: ignore[arg-type]
    await log.append(tx, row, decision)  # type: ignore[arg-type]
    return decision.row


async def test_after_erasing_a_guest_no_word_of_theirs_is_left(
    database: Database, request: pytest.FixtureRequest
) -> None:
    sealed = ({"kind": "id_card", "key": "k", "sealed": "U0VBTEVEb3JpZ2luYWw="},)
    event = said(WORDS)
    await append(
        database, NewEvent(**{**event.__dict__, "content": Content(WORDS, sealed, {"slots": WORDS})})
    )
    assert WORDS in await _everything(database, request)
    async with database.write() as tx:
        assert (await guests.erase(tx, _commit, HOTEL, GUEST, NOW)).contents == 1
    await database.forget()
    left = await _everything(database, request)
    for trace in (WORDS, "U0VBTEVEb3JpZ2luYWw", "oSECRETopenid"):
        assert trace not in left
    assert await fault(database) is None


async def _everything(database: Database, request: pytest.FixtureRequest) -> str:
    """A dump of the database and, on SQLite, the very bytes of its files."""
    if database.path:
        files = sorted(database.path.parent.glob(f"{database.path.name}*"))
        return "".join(file.read_bytes().decode("utf-8", "replace") for file in files)
    server: Postgres = request.getfixturevalue("postgres")
    return await asyncio.to_thread(server.dump, make_url(database.url).database or "")
