"""Nobody's leaving loses a guest or a promise: whenever the process dies, whoever else is acting. On both
databases; races on PostgreSQL, where there are any."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from bot import linking, orders, promises, staff
from bot.conversation import Claim, Record, Refused
from bot.dispatch import Received
from bot.http.acting import staying
from bot.http.guard import Caller, Problem
from bot.http.views import Lens, show_promises
from bot.model import ASSISTANT, Audience, Content, ConversationId, EventType, NewEvent, PromiseState, State
from bot.staff import Held, SignedIn
from bot.store import desk, log, members, outbox
from bot.store import promises as kept
from bot.store.acquaintance import known_best, last_colleague
from bot.store.database import Database
from bot.store.outbox import Item
from tests.conftest import FixedClock, only_on_postgres
from tests.contract.floor import ONE, TWO, Floor


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    for login in ("lin", "bo"):
        await made.hire(login)
    yield made
    await made.check()
    await database.close()


async def held(floor: Floor, who: str = "oGuest") -> Received:
    """Lin holds a guest, and has promised something."""
    got = await floor.hear(who=who)
    lin, now = floor.people["lin"], floor.clock.now()
    seq = await floor.reply(got, "lin", "婴儿床八点前送到")
    due = now + timedelta(hours=3)
    made = promises.made(lin, seq, got.identity.id, due, False, lin, Content("婴儿床八点前送到"), now)
    body = {"order": f"order {who}", "service": "request_supplies", "due_at": None, "rings": False}
    placed = NewEvent(EventType.ORDER_PLACED, now, ASSISTANT, Audience.GUEST, body=body)
    await floor.act(got, lambda row, gone: Record((made, placed)))
    (order,) = [one for one in await floor.orders() if one.conversation == got.row.id]
    await floor.act(got, lambda row, gone: Record((orders.taken(order, lin, lin, now),)))
    return got


async def leave(floor: Floor, to: str | None = None) -> list[Held]:
    async with floor.database.write() as tx:
        whom = floor.people[to] if to else None
        return await staff.deactivate(tx, "lin", floor.clock.now(), lambda thing: whom)


async def owners(floor: Floor, got: Received) -> tuple[str | None, str | None]:
    """Who holds the conversation and who owes the promise, as every screen shows it."""

    async def look(tx: object) -> tuple[str | None, str | None]:
        hotel = await floor.dispatch.hotels.get(tx, ONE)  # type: ignore[arg-type]
        lens = Lens(hotel, "staff:x", floor.clock.now(), floor.files)
        owed = await kept.listed(tx, ONE, PromiseState.OPEN, got.row.guest)  # type: ignore[arg-type]
        (promise,) = await show_promises(tx, lens, owed)  # type: ignore[arg-type]
        holder = (await floor.shown(got))["holder"]
        return holder and holder["id"], promise["owner"] and promise["owner"]["id"]

    found: tuple[str | None, str | None] = await floor.read(look)
    return found


async def test_what_is_left_is_nobodys_at_once_and_then_whose_it_was_given_to(floor: Floor) -> None:
    got = await held(floor)
    assert await owners(floor, got) == (floor.people["lin"], floor.people["lin"])
    assert sorted(thing.kind for thing in await leave(floor, "bo")) == ["c", "o", "p"]
    assert await owners(floor, got) == (None, None)
    assert await floor.read(lambda tx: desk.waiting_count(tx, floor.clock.now())) == {ONE: 1}
    assert await floor.read(lambda tx: desk.longest_wait(tx, floor.clock.now())) == got.row.guest_at
    await floor.work()
    bo = floor.people["bo"]
    assert await owners(floor, got) == (bo, bo)
    handed = {e.type: e.body for e, _ in (await floor.thread(got))}
    assert handed["transferred"] == {"holder": bo, "from": floor.people["lin"], "why": "holder_inactive"}
    assert handed["promise_handed_over"]["owner"] == bo
    assert handed["order_handed_over"]["owner"] == bo
    assert [order.owner for order in await floor.orders()] == [bo]
    assert (await floor.shown(got))["handed_over"]["by"]["name"] == "员工lin"


async def test_what_nobody_was_given_waits_for_everybody(floor: Floor) -> None:
    got = await held(floor)
    await leave(floor)
    await floor.work()
    assert (await floor.row(got)).state is State.WAITING
    assert await owners(floor, got) == (None, None)
    assert {"lapsed", "promise_handed_over"} <= set(await floor.types(got))


@pytest.mark.parametrize("waits", [False, True])
async def test_a_guest_who_isnt_waiting_for_a_word_notices_nothing(floor: Floor, waits: bool) -> None:
    got = await held(floor)
    if waits:
        await floor.hear("在吗")
    await leave(floor)
    await floor.work()
    told = [c.text or "" for e, c in await floor.thread(got) if e.type is EventType.ASSISTANT_SAID]
    assert ["让您久等了" in text for text in told] == [True] * waits


async def test_the_guests_they_know_best_are_handed_over_once(floor: Floor) -> None:
    known = []
    for who, said in (("oWell", 3), ("oBetter", 5), ("oLittle", 1)):
        known.append(got := await floor.hear(who=who))
        await floor.claim(got, "lin")
        for _ in range(said):
            await floor.reply(got, "lin")
        await floor.release(got, "lin")
    well, better, little = known
    lin, bo = floor.people["lin"], floor.people["bo"]

    async def best(who: str) -> list[tuple[str, int]]:
        found = await floor.read(lambda tx: known_best(tx, ONE, floor.people[who], floor.clock.now()))
        return [(one.row.id, one.said) for one in found]

    here = await held(floor)  # whom they hold is handed over as that
    assert await best("lin") == [(better.row.id, 5), (well.row.id, 3), (little.row.id, 1)]
    async with floor.database.write() as tx:
        plan = {better.row.guest: bo}
        things = await staff.deactivate(tx, "lin", floor.clock.now(), lambda thing: plan.get(thing.id))
    assert [thing.id for thing in things if thing.kind == "g"] == [
        better.row.guest,
        well.row.guest,
        little.row.guest,
    ]
    await floor.work()
    (told,) = [e for e, _ in await floor.thread(better) if e.type == "guest_handed_over"]
    assert told.body == {"from": lin, "to": bo, "why": "left"}
    (nobody,) = [e for e, _ in await floor.thread(well) if e.type == "guest_handed_over"]
    assert nobody.body["to"] is None
    assert [id_ for id_, _ in await best("lin")] == [here.row.id]
    assert await best("bo") == [(better.row.id, 0)]  # who leaves before a word hands them on


async def test_a_guest_who_proves_to_be_another_meanwhile_is_handed_over_there(floor: Floor) -> None:
    older = await floor.hear(who="oGuest")
    known = await floor.hear(who="oPage", account=f"page-{ONE}")
    await floor.claim(known, "lin")
    await floor.reply(known, "lin")
    await floor.release(known, "lin")
    await leave(floor, "bo")
    linked = floor.dispatch.recognition.link(ONE, older.row.guest, known.row.guest, floor.people["bo"])
    assert (await linked).id == older.row.id
    await floor.work()
    (told,) = [e for e, _ in await floor.thread(older) if e.type == "guest_handed_over"]
    assert (told.body["from"], told.body["to"]) == (floor.people["lin"], floor.people["bo"])
    assert await floor.count(known, "guest_handed_over") == 0


async def test_whom_a_guest_knows_follows_a_link_and_its_undoing(floor: Floor) -> None:
    older = await floor.hear(who="oGuest")
    known = await floor.hear(who="oPage", account=f"page-{ONE}")
    await floor.claim(known, "lin")
    await floor.reply(known, "lin")
    await floor.release(known, "lin")
    lin, bo = floor.people["lin"], floor.people["bo"]

    async def knows() -> list[tuple[str, str, int]]:
        found = await floor.read(lambda tx: known_best(tx, ONE, lin, floor.clock.now()))
        return [(one.row.guest, one.row.id, one.said) for one in found]

    async def known_by(id_: ConversationId) -> str | None:
        ended = await floor.read(lambda tx: linking.ended_here(tx, ONE, id_))
        found: str | None = await floor.read(lambda tx: last_colleague(tx, ONE, id_, ended))
        return found

    recognition = floor.dispatch.recognition
    linked = await recognition.link(ONE, older.row.guest, known.row.guest, bo)
    assert await knows() == [(older.row.guest, older.row.id, 1)]
    assert (linked.id, await known_by(older.row.id)) == (older.row.id, lin)
    anew = await recognition.unlink(ONE, known.identity.id, bo)
    assert anew.id not in (older.row.id, known.row.id)
    assert await knows() == [(known.row.guest, anew.id, 1)]
    assert [await known_by(id_) for id_ in (older.row.id, anew.id)] == [None, lin]
    await leave(floor, "bo")
    await floor.work()
    told = await floor.read(lambda tx: log.events_of(tx, ONE, anew.id))
    assert [e.body["to"] for e in told if e.type is EventType.GUEST_HANDED_OVER] == [bo]
    assert await floor.count(older, "guest_handed_over") == 0


async def test_a_role_that_runs_out_hands_over_what_its_person_held(
    floor: Floor,
) -> None:
    lin, ends = floor.people["lin"], floor.clock.now() + timedelta(hours=1)
    async with floor.database.write() as tx:
        await members.join_hotel(tx, ONE, lin, "agent", ends)
        await members.join_hotel(tx, TWO, lin, "agent")
    got = await held(floor)
    elsewhere = await floor.hear(who="oOther", account=f"wx-{TWO}")
    await floor.claim(elsewhere, "lin")
    await floor.reply(elsewhere, "lin")
    for minutes, done in ((59, False), (2, True)):
        floor.clock.forward(minutes=minutes)
        await floor.worker.leaving.run_out()
        await floor.work()
        assert ("promise_handed_over" in await floor.types(got)) is done
    assert (await floor.row(got)).state is State.WAITING
    assert await owners(floor, got) == (None, None)
    assert {"lapsed", "order_handed_over"} <= set(await floor.types(got))
    assert (await floor.row(elsewhere)).holder == lin
    await asyncio.gather(*(floor.another_worker(name).leaving.run_out() for name in ("p2", "p3")))
    await floor.work()
    assert await floor.count(got, "guest_handed_over") <= 1
    assert await floor.sql("SELECT count(*) FROM audit WHERE action = 'role_ran_out'") == [(1,)]


async def test_who_takes_it_first_has_it_and_its_row_finds_nothing_to_do(floor: Floor) -> None:
    got = await held(floor)
    await leave(floor)
    await floor.claim(got, "bo")
    await floor.work()
    assert (await floor.row(got)).holder == floor.people["bo"]
    assert (await floor.types(got)).count("lapsed") == 1


async def test_who_has_left_too_by_then_gets_nothing(floor: Floor) -> None:
    got = await held(floor)
    await leave(floor, "bo")
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "bo", floor.clock.now())
    await floor.work()
    assert (await floor.row(got)).state is State.WAITING
    assert await owners(floor, got) == (None, None)


class Died(Exception):
    """The process has ended here."""


async def test_killed_at_any_step_nothing_is_lost_and_nothing_happens_twice(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = await held(floor)
    with pytest.raises(Died):
        await dies_leaving(floor)
    await floor.work()
    assert await owners(floor, got) == (floor.people["lin"], floor.people["lin"])
    await leave(floor, "bo")  # committed; then the process has leased the rows, and is gone
    assert await leases(floor) == 3
    assert await owners(floor, got) == (None, None)
    floor.clock.forward(seconds=9)
    commit, dying = floor.dispatch.commit, [True, True, True]

    async def dies(*given: object, **more: object) -> object:
        done = await commit(*given, **more)  # type: ignore[arg-type]
        if dying:
            dying.pop()
            raise Died
        return done

    monkeypatch.setattr(floor.dispatch, "commit", dies)  # the events were written, and not committed
    await floor.work()
    assert "transferred" not in await floor.types(got)
    floor.clock.forward(seconds=9)
    await floor.work()
    assert await owners(floor, got) == (floor.people["bo"], floor.people["bo"])
    types = await floor.types(got)
    assert (types.count("transferred"), types.count("promise_handed_over")) == (1, 1)
    assert await open_rows(floor) == 0


async def dies_leaving(floor: Floor) -> None:
    """Everything is written, and nothing committed."""
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "lin", floor.clock.now())
        raise Died


@only_on_postgres
async def test_killed_at_every_statement_of_leaving_and_of_each_handing_over(floor: Floor) -> None:
    """Before the first statement, before the second, and so on to the commit: what hasn't been committed
    is undone by PostgreSQL."""
    got, lin, bo = await held(floor), floor.people["lin"], floor.people["bo"]
    for step in count(1):
        with dying_at(floor, step) as died, suppress(Died):
            await leave(floor, "bo")
        if not died:
            break
        assert await owners(floor, got) == (lin, lin)
        assert await open_rows(floor) == 0
    assert step > 10
    deaths, step = 0, 1
    while rows := await leased(floor, f"p{deaths}-{step}"):
        assert await handed(floor, got) == 3 - len(rows)
        assert lin not in await owners(floor, got)
        with dying_at(floor, step) as died, suppress(Died):
            await floor.worker.leaving.hand_over(rows[0])
        deaths, step = deaths + len(died), step + 1 if died else 1
        floor.clock.forward(seconds=9)  # what the dead one leased is free again
    assert deaths > 30
    assert await owners(floor, got) == (bo, bo)
    assert (await handed(floor, got), await open_rows(floor)) == (3, 0)


@contextmanager
def dying_at(floor: Floor, step: int) -> Iterator[list[int]]:
    """The process ends before this statement or commit, counted from now; yields whether it has."""
    engine, seen, died = floor.database._writer.sync_engine, count(1), list[int]()

    def look(*_: object) -> None:
        if next(seen) == step:
            died.append(step)
            raise Died

    events = ("before_cursor_execute", "commit")
    for name in events:
        event.listen(engine, name, look)
    try:
        yield died
    finally:
        for name in events:
            event.remove(engine, name, look)


async def leased(floor: Floor, process: str) -> list[Item]:
    """What a process would hand over now, each thing in turn."""
    async with floor.database.write() as tx:
        items = await outbox.lease_due(tx, process, floor.clock.now(), timedelta(seconds=8))
    return sorted((item for item in items if item.kind == "hand_over"), key=lambda item: item.key)


async def handed(floor: Floor, got: Received) -> int:
    """How many things the log says were handed over."""
    types = await floor.types(got)
    return sum(types.count(one) for one in ("transferred", "promise_handed_over", "order_handed_over"))


async def leases(floor: Floor) -> int:
    """How many rows a process leases that will never be heard of again."""
    async with floor.database.write() as tx:
        items = await outbox.lease_due(tx, "another", floor.clock.now(), timedelta(seconds=8))
    return sum(item.kind == "hand_over" for item in items)


async def open_rows(floor: Floor) -> int:
    found = await floor.sql("SELECT count(*) FROM outbox WHERE kind = 'hand_over' AND state = 'queued'")
    return int(found[0][0])


@only_on_postgres
async def test_leaving_while_claiming_and_while_guests_write(floor: Floor) -> None:
    guests = [await floor.hear(who=f"oGuest{n}") for n in range(16)]
    lin, some, few = floor.people["lin"], asyncio.Event(), asyncio.Semaphore(4)
    member = await floor.read(lambda tx: members.find_staff(tx, "lin"))
    before = staying(Caller(ONE, SignedIn(member, {ONE: "agent"}), floor.clock.now()))

    async def claims(got: Received) -> bool:
        build, id_ = (lambda row, gone: Claim(lin, gone)), got.row.id
        async with few:
            try:
                await floor.dispatch.act(ONE, id_, build, before=before)
            except (Problem, Refused):
                return False
            some.set()
            return True

    async def leaves() -> list[Held]:
        await some.wait()
        return await leave(floor)

    writing = [floor.hear("在吗", who=f"oGuest{n}") for n in range(16)]
    claimed, left, *_ = await asyncio.gather(
        asyncio.gather(*(claims(got) for got in guests)), leaves(), *writing
    )
    assert 0 < len(left) == sum(claimed)  # each claim was seen, or refused
    await floor.work()
    rows = [await floor.row(got) for got in guests]
    assert [row.state is State.WAITING for row in rows] == claimed
    assert not [row for row in rows if row.holder == lin]
    assert await open_rows(floor) == 0
    assert [await floor.count(got, "guest_said") for got in guests] == [2] * 16
