"""Who is asked to take a guest, on both databases; and 50 people who claim 200 guests at once."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from bot import guests, metrics, staff
from bot.assignment import Assign, LetPass
from bot.conversation import Claim, Patience, Record, Refused
from bot.dispatch import Received
from bot.engine import Turn
from bot.handoff import rank
from bot.http.acting import staying
from bot.http.guard import Caller
from bot.model import ConversationId, EventType, GuestId, Handoff, Nobody, PostState, Reason, StaffId, State
from bot.staff import SignedIn
from bot.store import log, members, people, posts
from bot.store.acquaintance import last_colleague
from bot.store.database import Database
from tests.conftest import FixedClock, only_on_postgres
from tests.contract.floor import ONE, Floor

HUMAN = Turn((Handoff(Reason.HUMAN_HANDOFF),), None)


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    yield made
    await made.check()
    await database.close()


async def post(floor: Floor, login: str, *departments: str, state: PostState = PostState.ON_DUTY) -> StaffId:
    id_ = floor.people.get(login) or await floor.hire(login)
    async with floor.database.write() as tx:
        now = floor.clock.now()
        await posts.save(tx, ONE, id_, now, departments=departments)
        await posts.be(tx, ONE, id_, state, now)
        await posts.look_again(tx, ONE, now)
    return id_


async def asks(floor: Floor, who: str = "oGuest") -> Received:
    """A guest asks for a person, and somebody is asked."""
    floor.engine.turns.append(HUMAN)
    got = await floor.hear("人工", who=who)
    await floor.work()
    return got


async def states(floor: Floor) -> dict[str, PostState]:
    async with floor.database.read() as tx:
        found = await posts.listed(tx, ONE, floor.clock.now())
    return {one.staff: one.now_at(floor.clock.now()) for one in found}


async def test_one_after_the_other_is_asked_and_anybody_may_take_it(floor: Floor) -> None:
    lin, bo = await post(floor, "lin", "front_desk"), await post(floor, "bo", "front_desk")
    got = await asks(floor)
    first = (await floor.row(got)).assigned_to
    second = bo if first == lin else lin
    assert first in (lin, bo)
    await floor.later(seconds=46)
    row = await floor.row(got)
    assert (row.assigned_to, row.passed) == (second, (first,))
    assert (await states(floor))[str(first)] is PostState.BREAK
    await floor.act(got, lambda row, gone: LetPass(second, "declined"))
    await floor.work()
    row = await floor.row(got)
    assert (row.assigned_to, row.nobody) == (None, "passed")
    boss = await post(floor, "ma", "duty_manager")
    await floor.work()
    assert (await floor.row(got)).assigned_to == boss
    await floor.claim(got, "bo")
    held = await floor.row(got)
    assert (held.state, held.holder, held.assigned_to, held.nobody) == (State.STAFF, bo, None, None)
    ended = [e.body["why"] for e, _ in await floor.thread(got) if e.type == "assignment_ended"]
    assert ended == ["lapsed", "declined"]


async def test_whoever_comes_is_asked_for_who_has_waited_longest(floor: Floor) -> None:
    lin = await post(floor, "lin", "front_desk", state=PostState.OFF)
    old = await asks(floor, "oOld")
    floor.clock.forward(minutes=1)
    new = await asks(floor, "oNew")
    assert (await floor.row(old)).nobody == (await floor.row(new)).nobody == "off"
    await post(floor, "lin", "front_desk")
    await floor.work()
    assert (await floor.row(old)).assigned_to == lin
    assert (await floor.row(new)).assigned_to is None
    await floor.claim(old, "lin")
    await floor.later(seconds=16)
    assert (await floor.row(new)).assigned_to == lin


async def test_an_emergency_then_an_accusing_guest_then_a_vip_then_who_has_waited_longest(
    floor: Floor,
) -> None:
    lin = await post(floor, "lin", "front_desk", state=PostState.OFF)
    plain, vip = await asks(floor, "oPlain"), await asks(floor, "oVip")
    await floor.act(vip, lambda row, gone: Record((guests.vip_marked(True, lin, floor.clock.now()),)))
    floor.engine.turns.append(Turn((Handoff(Reason.COMPLAIN, {"kind": "accusing"}),), None))
    angry = await floor.hear("你们就是骗子", who="oAngry")
    await floor.work()
    floor.clock.forward(minutes=1)
    fire = await floor.hear("房间着火了", who="oFire")
    await floor.work()
    await post(floor, "lin", "front_desk")
    served = []
    for _ in range(4):
        await floor.later(seconds=16)
        (now_asked,) = [got for got in (plain, vip, angry, fire) if (await floor.row(got)).assigned_to]
        served.append(now_asked)
        await floor.claim(now_asked, "lin")
        await floor.reply(now_asked, "lin")
    assert served == [fire, angry, vip, plain]


async def test_who_has_waited_too_long_for_people_who_are_full_comes_to_the_duty_manager(
    floor: Floor,
) -> None:
    lin, boss = await post(floor, "lin", "front_desk"), await post(floor, "ma", "duty_manager")
    async with floor.database.write() as tx:
        await posts.save(tx, ONE, lin, floor.clock.now(), capacity=1)
    first = await asks(floor, "oFirst")
    assert (await floor.row(first)).assigned_to == lin
    await floor.claim(first, "lin")
    await floor.reply(first, "lin")
    second = await asks(floor, "oSecond")
    for minutes, seconds, whom in ((0, 0, None), (4, 45, None), (0, 30, boss)):
        await floor.later(minutes=minutes, seconds=seconds)
        row = await floor.row(second)
        assert (row.assigned_to, row.nobody) == (whom, None if whom else "full")


@pytest.mark.parametrize(
    ("words", "detail", "skill"),
    [("Could I talk to somebody please?", {}, "english"), ("想问问酒单", {"topic": "ask_dining"}, "wine")],
)
async def test_who_can_do_what_a_guest_needs_is_asked_before_who_holds_less(
    floor: Floor, words: str, detail: dict[str, str], skill: str
) -> None:
    busy = await post(floor, "lin", "front_desk")
    async with floor.database.write() as tx:
        await posts.save(tx, ONE, busy, floor.clock.now(), skills=(skill,))
    first = await asks(floor, "oFirst")
    await floor.claim(first, "lin")
    await floor.reply(first, "lin")
    await post(floor, "bo", "front_desk")
    floor.engine.turns.append(Turn((Handoff(Reason.HUMAN_HANDOFF, detail),), None))
    got = await floor.hear(words, who="oNeeds")
    await floor.work()
    assert (await floor.row(got)).assigned_to == busy


async def test_the_heir_of_a_guest_is_asked_before_others(floor: Floor) -> None:
    lin, *others = [await post(floor, login, "front_desk") for login in ("lin", "bo", "ma")]
    heir = max(others)  # of two who hold the same the other one would be asked
    got = await asks(floor)
    await floor.claim(got, "lin")
    await floor.reply(got, "lin")
    await floor.release(got, "lin")
    assert await floor.read(lambda tx: last_colleague(tx, ONE, got.row.id)) == lin
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "lin", floor.clock.now(), lambda thing: heir)
    await floor.work()
    await asks(floor)
    assert (await floor.row(got)).assigned_to == heir


async def test_whoever_has_long_been_away_from_the_desk_is_asked_nothing(floor: Floor) -> None:
    lin = await post(floor, "lin", "front_desk")
    for minutes, whom in ((9, lin), (2, None)):
        await floor.later(minutes=minutes)
        got = await asks(floor, f"oAfter{minutes}")
        assert (await floor.row(got)).assigned_to == whom
        await floor.claim(got, "lin")
        await floor.release(got, "lin")


async def test_a_hotel_where_nobody_has_a_department_assigns_nobody(floor: Floor) -> None:
    await floor.hire("lin")
    got = await asks(floor)
    row = await floor.row(got)
    assert (row.department, row.assigned_to, row.nobody) == ("front_desk", None, None)
    assert await floor.sql("SELECT count(*) FROM outbox WHERE kind = 'assign' AND state = 'queued'") == [(0,)]


async def last_words(floor: Floor, got: Received) -> str:
    """What the assistant has said last."""
    said = [c.text for e, c in await floor.thread(got) if e.type is EventType.ASSISTANT_SAID]
    return said[-1] or ""


async def test_a_guest_hears_whether_anybody_is_there(floor: Floor) -> None:
    assert "这就请同事来" in await last_words(floor, await asks(floor, "oFirst"))  # nobody says how they are
    await post(floor, "lin", "front_desk", state=PostState.OFF)
    await post(floor, "fitter", "engineering")
    alone = await asks(floor, "oSecond")
    assert "正在叫人" in await last_words(floor, alone)
    await asks(floor, "oSecond")
    assert "还在叫同事" in await last_words(floor, alone)
    await post(floor, "lin", "front_desk", state=PostState.BUSY)
    assert "这就请同事来" in await last_words(floor, await asks(floor, "oThird"))
    await floor.claim(alone, "lin")
    await floor.hear("在吗", who="oSecond")
    await floor.later(minutes=6)  # whoever holds it is the only one
    assert "正在叫人过来" in await last_words(floor, alone)


async def test_who_wrote_at_night_is_first_in_the_morning(floor: Floor) -> None:
    lin = await post(floor, "lin", "front_desk", state=PostState.OFF)
    floor.clock.forward(hours=2)
    night = await asks(floor, "oNight")
    assert "早班同事" in await last_words(floor, night)
    assert (await floor.row(night)).nobody == "closed"
    await floor.later(hours=7, minutes=31)
    morning = await asks(floor, "oMorning")
    await post(floor, "lin", "front_desk")
    await floor.work()
    rows = [await floor.row(got) for got in (morning, night)]
    assert [row.assigned_to for row in rows] == [None, lin]
    rows.sort(key=lambda row: rank(row, None, floor.clock.now(), Patience().hold))
    assert rows[0].id == night.row.id


@only_on_postgres
async def test_who_leaves_is_asked_no_more(floor: Floor) -> None:
    await post(floor, "lin", "front_desk")
    got = await asks(floor)
    bo = await post(floor, "bo", "front_desk")

    async def leaves() -> None:
        async with floor.database.write() as tx:
            await staff.deactivate(tx, "lin", floor.clock.now())

    floor.engine.turns += [HUMAN] * 8
    others = [floor.hear("人工", who=f"oGuest{n}") for n in range(8)]
    await asyncio.gather(leaves(), *others)
    await asyncio.gather(floor.work(), floor.work(floor.another_worker("p2")))
    rows = await floor.sql("SELECT row FROM conversations")
    assert not [row for (row,) in rows if f'"assigned_to":"{floor.people["lin"]}"' in row]
    assert sum(f'"assigned_to":"{bo}"' in row for (row,) in rows) == 1
    assert (await floor.row(got)).assigned_to in (bo, None)


@only_on_postgres
async def test_fifty_people_claim_two_hundred_guests_at_once(floor: Floor) -> None:
    """Each guest is claimed by two at once: one has it, the other is told who."""
    crew = [f"s{n}" for n in range(50)]
    for login in crew:
        await floor.hire(login)
    all_ = [ConversationId(f"c{n}") for n in range(200)]
    async with floor.database.write() as tx:
        for id_ in all_:
            await people.add_guest(tx, ONE, GuestId(id_), floor.clock.now())
            await log.create(tx, ONE, id_, GuestId(id_), floor.clock.now())
    async with floor.database.read() as tx:
        them = {login: await members.find_staff(tx, login) for login in crew}

    async def claims(login: str, guest: ConversationId) -> tuple[str, str] | None:
        me = them[login]
        assert me
        before = staying(Caller(ONE, SignedIn(me, {ONE: "agent"}), floor.clock.now()))
        try:
            await floor.dispatch.act(ONE, guest, lambda row, gone: Claim(me.id, gone), before=before)
        except Refused as refused:
            return None if refused.code == "held" else (guest, refused.code)
        return guest, me.id

    wanted = [(login, guest) for n, guest in enumerate(all_) for login in Random(n).sample(crew, 2)]
    Random(7).shuffle(wanted)

    async def clicks(login: str) -> list[tuple[str, str] | None]:
        """One person, who claims one after the other of what they want."""
        return [await claims(login, guest) for whose, guest in wanted if whose == login]

    clicked = await asyncio.gather(*(clicks(login) for login in crew))
    taken = [won for each in clicked for won in each if won]
    holders = await floor.sql("SELECT conversation_id, holder_id, state FROM conversations")
    assert {(id_, holder) for id_, holder, _ in holders} == set(taken)
    assert len(taken) == len(holders) == 200
    assert {state for *_, state in holders} == {"STAFF"}
    assert await floor.sql("SELECT count(*) FROM events WHERE type = 'claimed'") == [(200,)]


@only_on_postgres
async def test_two_who_assign_at_once_ask_one_person_for_one_guest(floor: Floor) -> None:
    lin = await post(floor, "lin", "front_desk", state=PostState.OFF)
    waiting = [await asks(floor, f"oGuest{n}") for n in range(4)]
    await post(floor, "lin", "front_desk")
    await asyncio.gather(*(floor.work(floor.another_worker(f"p{n}")) for n in range(3)))
    asked = [(await floor.row(got)).assigned_to for got in waiting]
    assert asked == [lin, None, None, None]
    until = floor.clock.now()
    with pytest.raises(Refused, match="not_due"):
        await floor.act(waiting[0], lambda row, gone: Assign(lin, until))


@only_on_postgres
async def test_two_who_come_at_once_leave_one_row_for_each_who_waits(floor: Floor) -> None:
    """Both find none, as until now nobody worked here: the second must find the first one's."""
    waiting = [await asks(floor, f"oGuest{n}") for n in range(2)]
    assert await queued(floor) == []
    lin, bo = await floor.hire("lin"), await floor.hire("bo")

    async def comes(id_: StaffId) -> None:
        async with floor.database.write() as tx:
            await posts.save(tx, ONE, id_, floor.clock.now(), departments=("front_desk",))
            await posts.look_again(tx, ONE, floor.clock.now())

    async with floor.database.write() as tx:
        await posts.look_again(tx, ONE, floor.clock.now())
        second = asyncio.create_task(comes(bo))
        while not second.done() and not await held_up(floor):
            await asyncio.sleep(0.01)
    await asyncio.gather(second, comes(lin))
    assert await queued(floor) == sorted(got.row.id for got in waiting)


async def queued(floor: Floor) -> list[str]:
    """Whose row of kind assign waits for its time."""
    found = await floor.sql("SELECT conversation_id FROM outbox WHERE kind = 'assign' AND state = 'queued'")
    return sorted(id_ for (id_,) in found)


async def held_up(floor: Floor) -> bool:
    """Whether a transaction waits for another one's end."""
    return bool(await floor.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))


async def test_why_nobody_could_be_had_is_counted_once_for_each_time_it_changes(floor: Floor) -> None:
    before = counted()
    lin = await post(floor, "lin", "front_desk", state=PostState.OFF)
    await asks(floor)
    await floor.later(seconds=31)  # looked at again, and nothing has changed
    async with floor.database.write() as tx:
        await posts.be(tx, ONE, lin, PostState.BREAK, floor.clock.now())
        await posts.look_again(tx, ONE, floor.clock.now())
    await floor.work()
    found = {why: n - before[why] for why, n in counted().items() if n > before[why]}
    assert found == {Nobody.OFF: 1, Nobody.AWAY: 1}


def counted() -> dict[Nobody, float]:
    """How often each reason has been counted, as Prometheus reads it."""
    name = "dianxiaoer_nobody_found_total"
    return {why: metrics.REGISTRY.get_sample_value(name, {"why": why}) or 0 for why in Nobody}
