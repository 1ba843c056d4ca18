"""A trainee's reply: a guest has none of it until somebody approves, and then once. On both databases."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from bot import staff
from bot.conversation import Approve, Close, Command, Conversation, DraftReply, Refused, RefuseDraft, Transfer
from bot.dispatch import Received
from bot.model import Actor, ActorKind, Content, Event, EventType, State
from bot.store import drafts
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.contract.floor import ONE, Floor

WORDS, BETTER = "十点前送到", "婴儿床十点前送到您房间"
Build = Callable[[Conversation, bool], Command]


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    for login in ("new", "lin", "bo"):
        await made.hire(login)
    yield made
    await made.check()  # among others: what is folded from the log is the row
    await database.close()


async def draft(floor: Floor, got: Received) -> Event:
    new = floor.people["new"]
    await floor.act(got, lambda row, gone: DraftReply(new, Content(WORDS), {}, None, gone))
    return [e for e, _ in await floor.thread(got) if e.type is EventType.REPLY_DRAFTED][-1]


def approval(floor: Floor, one: Event, who: str, words: str = WORDS) -> Build:
    return lambda row, gone: Approve(floor.people[who], one, Content(words), words != WORDS, gone)


async def said(floor: Floor, got: Received) -> list[str | None]:
    return [c.text for e, c in await floor.thread(got) if e.type is EventType.STAFF_SAID]


async def outcomes(floor: Floor) -> list[str]:
    now = floor.clock.now()
    found = await floor.read(lambda tx: drafts.drafted(tx, ONE, now - timedelta(days=1), now + timedelta(1)))
    return [one.outcome for one in found]


async def test_two_seniors_at_once_send_it_once(floor: Floor) -> None:
    got = await floor.hear()
    for _ in range(4):
        one = await draft(floor, got)
        before = await said(floor, got)
        decided = await asyncio.gather(
            floor.act(got, approval(floor, one, "lin")),
            floor.act(got, approval(floor, one, "bo", BETTER)),
            floor.act(got, lambda row, gone, seq=one.seq: RefuseDraft(floor.people["bo"], seq)),  # type: ignore[misc]
            return_exceptions=True,
        )
        lost = [e.code for e in decided if isinstance(e, Refused)]
        assert lost == ["draft_decided"] * 2
        assert len(await said(floor, got)) - len(before) <= 1
    kinds = [e.type for e, _ in await floor.thread(got)]
    assert kinds.count(EventType.STAFF_SAID) + kinds.count(EventType.REPLY_REFUSED) == 4
    assert drafts.OPEN not in await outcomes(floor)


async def test_what_is_approved_goes_out_as_the_trainees_word_and_answers_the_guest(floor: Floor) -> None:
    got = await floor.hear()
    one = await draft(floor, got)
    waiting = await floor.row(got)
    assert (waiting.state, waiting.holder, waiting.drafts) == (State.STAFF, floor.people["new"], (one.seq,))
    assert waiting.unheard_since, "a draft is no answer"
    await floor.work()
    assert WORDS not in str(floor.sender.sent)
    await floor.act(got, approval(floor, one, "lin", BETTER))
    await floor.work()
    assert BETTER in str(floor.sender.sent)
    row = await floor.row(got)
    assert (row.drafts, row.unheard_since, row.holder) == (None, None, floor.people["new"])
    spoken = [e for e, _ in await floor.thread(got) if e.type is EventType.STAFF_SAID][-1]
    assert spoken.actor.id == floor.people["new"]
    assert spoken.body == {"draft": one.seq, "by": floor.people["lin"], "edited": True}
    assert await outcomes(floor) == [drafts.EDITED]


async def test_a_draft_whose_conversation_went_on_without_it(floor: Floor) -> None:
    """Closed: it is over. Handed to somebody: theirs to send. Back in the queue: whoever approves has it."""
    lin, bo, new = (floor.people[login] for login in ("lin", "bo", "new"))
    closed, handed, lapsed = [await floor.hear(who=f"o{n}") for n in range(3)]
    one = await draft(floor, closed)
    await floor.act(closed, lambda row, gone: Close(Actor(ActorKind.STAFF, new), "solved", None))
    with pytest.raises(Refused, match="draft_decided"):
        await floor.act(closed, approval(floor, one, "lin"))
    assert (await floor.row(closed)).state is State.CLOSED

    one = await draft(floor, handed)
    await floor.act(handed, lambda row, gone: Transfer(new, bo, None, gone))
    with pytest.raises(Refused, match="held"):
        await floor.act(handed, approval(floor, one, "lin"))
    await floor.act(handed, approval(floor, one, "bo"))
    assert await said(floor, handed) == [WORDS]

    one = await draft(floor, lapsed)
    await floor.later(minutes=6)
    assert (await floor.row(lapsed)).state is State.WAITING
    await floor.act(lapsed, approval(floor, one, "lin"))
    assert (await floor.row(lapsed)).holder == lin
    assert await outcomes(floor) == [drafts.OPEN, drafts.SENT, drafts.SENT]


async def test_what_somebody_who_has_left_wrote_goes_out_as_the_word_of_whoever_approves(
    floor: Floor,
) -> None:
    got = await floor.hear()
    one = await draft(floor, got)
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "new", floor.clock.now())
    await floor.work()
    await floor.act(got, approval(floor, one, "lin"))
    (spoken,) = [e for e, _ in await floor.thread(got) if e.type is EventType.STAFF_SAID]
    assert spoken.actor.id == floor.people["lin"]
    assert await said(floor, got) == [WORDS]
    assert await outcomes(floor) == [drafts.SENT]
