"""Guests who have left the page: reached where they are linked, by setting and their own word only."""

from collections.abc import AsyncIterator

import pytest

from bot.dispatch import Received
from bot.reach import wanted
from bot.store import log, people, read_marks
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.contract.floor import ONE, Floor

PAGE = {"who": "oVisitor7", "account": f"page-{ONE}"}


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    await made.hire("lin")
    yield made
    await made.check()
    await database.close()


async def linked(floor: Floor, *, opted: bool = True, subject: bool = False) -> Received:
    """A follower who is also on the page; the page is where they wrote last."""
    wechat = await floor.talk("早餐几点", subjects=("wechat:a:oGuest",) if subject else ())
    if subject:
        page = await floor.talk("在吗", **PAGE, subjects=("wechat:a:oGuest",))
    else:
        code = await floor.dispatch.recognition.link_code(wechat.identity)
        page = await floor.talk(f"绑定 {code}", **PAGE)
    if opted:
        await floor.talk("提醒我", **PAGE)
    await see(floor, page)
    floor.sender.sent.clear()
    return page


async def see(floor: Floor, page: Received) -> None:
    """The page fetches what there is."""
    async with floor.database.write() as tx:
        identity = await people.identity_of(tx, ONE, page.identity.id)
        assert identity
        row = await log.row_of(tx, ONE, identity.conversation)
        assert row
        await read_marks.mark_read(tx, ONE, row.id, f"identity:{identity.id}", row.seq)


async def test_word_of_an_answer_goes_where_the_guest_is_linked_once(floor: Floor) -> None:
    await linked(floor)
    await floor.talk("能开发票吗", **PAGE)
    await floor.later(minutes=2)
    assert floor.sender.texts == []
    await floor.later(minutes=2)
    await floor.later(seconds=5)
    assert len(floor.sender.texts) == 1
    assert "回到原来的页面" in floor.sender.texts[0]
    assert "早餐" not in floor.sender.texts[0]
    await floor.talk("那退房呢", **PAGE)
    await floor.later(minutes=4)
    await floor.later(seconds=5)
    assert len(floor.sender.texts) == 1


async def test_with_one_signed_subject_behind_both_the_answer_itself_goes(floor: Floor) -> None:
    await linked(floor, subject=True)
    await floor.talk("早餐在哪", **PAGE)
    await floor.later(minutes=4)
    await floor.later(seconds=5)
    assert [t for t in floor.sender.texts if "07:00" in t or "早餐" in t]


async def test_nobody_is_written_to_who_has_not_asked_for_it(floor: Floor) -> None:
    await linked(floor, opted=False)
    await floor.talk("能开发票吗", **PAGE)
    await floor.later(minutes=10)
    assert floor.sender.texts == []


async def test_stop_is_obeyed_on_every_channel_at_once(floor: Floor) -> None:
    await linked(floor)
    await floor.talk("退订", who="oGuest")
    floor.sender.sent.clear()
    await floor.talk("能开发票吗", **PAGE)
    await floor.later(minutes=10)
    assert floor.sender.texts == []


async def test_who_has_seen_it_is_not_told_again(floor: Floor) -> None:
    page = await linked(floor)
    await floor.talk("能开发票吗", **PAGE)
    await see(floor, page)
    await floor.later(minutes=10)
    assert floor.sender.texts == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("提醒我", True),
        ("退订", False),
        ("TD", False),
        ("Stop!", False),
        ("提醒我七点起床", None),
        ("早餐", None),
    ],
)
def test_what_asks_for_reminders_and_what_ends_them(text: str, found: bool | None) -> None:
    assert wanted(text) is found
