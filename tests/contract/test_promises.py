"""What staff promise guests: noted, due, kept; the desk's when its owner is away. On both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import promises
from bot.conversation import Acknowledge, Record
from bot.dispatch import Received
from bot.model import Content, NewEvent, PromiseId, PromiseState
from bot.store import log, sign_ins
from bot.store import promises as kept
from bot.store.database import Database
from bot.store.promises import PromiseRow
from tests.conftest import FixedClock
from tests.contract.floor import ONE, Floor

WORDS = "婴儿床十点前给您送到"


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    for login in ("lin", "bo"):
        id_ = await made.hire(login)
        async with database.write() as tx:
            await sign_ins.sign_in(tx, login, id_, clock.now(), clock.now() + timedelta(hours=12))
    yield made
    await made.check()
    await database.close()


async def record(floor: Floor, where: Received, event: NewEvent) -> None:
    await floor.act(where, lambda row, gone: Record((event,)))


async def promise(floor: Floor, where: Received, **due: float) -> PromiseRow:
    """Lin promises the guest something in so long."""
    seq = await floor.reply(where, "lin", WORDS)
    lin, now = floor.people["lin"], floor.clock.now()
    due_at = now + timedelta(**due)
    event = promises.made(lin, seq, where.identity.id, due_at, False, lin, Content(WORDS), now)
    await record(floor, where, event)
    return await found(floor, event.body["promise"])


async def found(floor: Floor, id_: str) -> PromiseRow:
    row = await floor.read(lambda tx: kept.find(tx, ONE, PromiseId(id_)))
    assert isinstance(row, PromiseRow)
    return row


async def reminders(floor: Floor, where: Received) -> list[tuple[datetime, Any, Any]]:
    thread = await floor.thread(where)
    return [(e.at, e.body["whom"], e.body["late"]) for e, _ in thread if e.type == "promise_reminded"]


async def test_a_promise_rings_before_it_is_due_and_when_it_is_and_then_for_everybody(floor: Floor) -> None:
    got = await floor.hear()
    made = await promise(floor, got, hours=2)
    lin = floor.people["lin"]
    await floor.later(hours=1, minutes=49)
    assert await reminders(floor, got) == []
    for minutes in (2, 10, 10, 60):
        await floor.later(minutes=minutes)
    told = await reminders(floor, got)
    assert [(whom, late) for _, whom, late in told] == [(lin, False), (lin, True), (None, True)]
    assert (await found(floor, made.id)).reminded_to is None
    assert floor.robots.owed == []  # it is night: the groups hear of it in the morning, and again
    await floor.later(hours=7)
    await floor.later(minutes=10)
    assert floor.robots.owed == [(made.id, "员工lin")] * 2
    await floor.act(got, lambda row, gone: Acknowledge(lin, owed=True))
    for _ in range(5):
        await floor.later(minutes=5)
    assert len(floor.robots.owed) == 2
    await floor.later(minutes=6)
    assert len(floor.robots.owed) == 3
    assert (await found(floor, made.id)).state is PromiseState.OPEN


async def test_another_time_rings_then_and_what_is_kept_never_again(floor: Floor) -> None:
    got = await floor.hear()
    made = await promise(floor, got, minutes=15)
    bo, due = floor.people["bo"], floor.clock.now() + timedelta(hours=3)
    await record(floor, got, promises.changed(made, floor.people["lin"], due, bo, floor.clock.now()))
    await floor.later(minutes=30)
    assert await reminders(floor, got) == []
    await floor.later(hours=2, minutes=21)
    assert [whom for _, whom, _ in await reminders(floor, got)] == [bo]
    row = await found(floor, made.id)
    await record(floor, got, promises.ended(row, bo, True, floor.clock.now()))
    await floor.later(hours=1)
    assert len(await reminders(floor, got)) == 1
    ended = await found(floor, made.id)
    assert (ended.state, ended.ended_by, ended.due_at) == (PromiseState.KEPT, bo, due)
    # What comes after the end changes nothing: two colleagues may say it at once.
    await record(floor, got, promises.ended(row, floor.people["lin"], False, floor.clock.now()))
    assert await found(floor, made.id) == ended


async def test_an_owner_who_has_gone_home_leaves_it_to_the_desk(floor: Floor) -> None:
    got = await floor.hear()
    await promise(floor, got, minutes=15)
    async with floor.database.write() as tx:
        await sign_ins.sign_out(tx, id_=floor.people["lin"])
    await floor.later(minutes=16)
    assert [whom for _, whom, _ in await reminders(floor, got)] == [None]


async def test_the_row_is_what_its_log_folds_to_and_an_erased_guest_leaves_no_word(floor: Floor) -> None:
    got = await floor.hear()
    made = await promise(floor, got, minutes=15)
    await promise(floor, got, hours=5)
    await floor.later(minutes=16)
    row = await found(floor, made.id)
    await record(floor, got, promises.handed_over(row, floor.people["bo"], floor.clock.now(), "left"))
    events = await floor.read(lambda tx: log.events_of(tx, ONE, got.row.id))
    rows = await floor.read(lambda tx: kept.listed(tx, ONE))
    assert promises.fold(events, got.row.guest) == {p.id: replace(p, words=None) for p in rows}
    assert WORDS in await floor.everything()
    await floor.dispatch.erase(ONE, got.row.guest)
    assert WORDS not in await floor.everything()
    assert len(await floor.read(lambda tx: kept.listed(tx, ONE, PromiseState.OPEN))) == 2


async def test_promises_go_with_the_guest_who_is_linked_and_come_back(floor: Floor) -> None:
    older = await floor.hear()
    younger = await floor.hear("在吗", who="oVisitor", account=f"page-{ONE}")
    made = await promise(floor, younger, minutes=15)
    await floor.dispatch.recognition.link(ONE, older.row.guest, younger.row.guest, floor.people["bo"])
    assert (await found(floor, made.id)).guest == older.row.guest
    await floor.later(minutes=16)
    assert (await found(floor, made.id)).reminded_at == floor.clock.now()
    await floor.dispatch.recognition.unlink(ONE, younger.identity.id, floor.people["bo"])
    assert (await found(floor, made.id)).guest == younger.row.guest
