"""One guest, several channels: proven, undone, and never guessed. On both databases."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot import history
from bot.channels.port import InboundKind
from bot.conversation import Close
from bot.dispatch import Received
from bot.engine import Turn
from bot.linking import CannotLink, asked, ended_here
from bot.model import SERVICE, Handoff, Order, Reason, State
from bot.store import log, people
from bot.store.database import Database
from bot.store.people import Identity
from tests.conftest import FixedClock
from tests.contract.floor import ONE, TWO, Floor

SUBJECT = ("site:member-88",)


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    await made.hire("lin")
    await made.hire("bo")
    yield made
    await made.check()
    await database.close()


async def on_wechat(floor: Floor, text: str = "早餐几点", **more: Any) -> Received:
    return await floor.talk(text, who="oGuest", **more)


async def on_page(floor: Floor, text: str = "几点退房", **more: Any) -> Received:
    return await floor.talk(text, who="oVisitor7", account=f"page-{ONE}", **more)


async def now_of(floor: Floor, where: Received) -> Identity:
    found = await floor.read(lambda tx: people.identity_of(tx, where.identity.hotel, where.identity.id))
    assert isinstance(found, Identity)
    return found


async def seen_by(floor: Floor, where: Received) -> list[str]:
    identity = await now_of(floor, where)
    found = await floor.read(lambda tx: history.read(tx, identity))
    return [m.content.text or "" for m in found.messages]


async def code_of(floor: Floor, where: Received) -> str:
    return await floor.dispatch.recognition.link_code(await now_of(floor, where))


# ---- proofs


async def test_the_same_signed_subject_is_the_same_guest(floor: Floor) -> None:
    first = await on_page(floor, subjects=SUBJECT)
    floor.clock.forward(minutes=5)
    other = await floor.talk("能开发票吗", who="second-browser", account=f"page-{ONE}", subjects=SUBJECT)
    assert other.identity.guest == first.identity.guest
    assert other.row.id == first.row.id
    assert other.identity.id != first.identity.id


async def test_who_is_known_twice_before_the_proof_becomes_one_and_loses_no_word(floor: Floor) -> None:
    older = await on_page(floor, "几点退房")
    floor.clock.forward(minutes=5)
    younger = await floor.talk("能开发票吗", who="second", account=f"page-{ONE}")
    assert older.row.id != younger.row.id
    await floor.hear("我是会员", who="oVisitor7", account=f"page-{ONE}", subjects=SUBJECT)
    await floor.hear("还是我", who="second", account=f"page-{ONE}", subjects=SUBJECT)
    assert (await now_of(floor, younger)).conversation == older.row.id
    assert (await floor.row(younger)).ended_into == older.row.id
    assert await floor.read(lambda tx: ended_here(tx, ONE, older.row.id)) == [younger.row.id]
    for where in (older, younger):
        seen = await seen_by(floor, where)
        assert [t for t in seen if t in ("几点退房", "能开发票吗", "我是会员", "还是我")] == [
            "几点退房",
            "能开发票吗",
            "我是会员",
            "还是我",
        ]


async def test_a_code_said_on_another_channel_links_and_is_used_up(floor: Floor) -> None:
    wechat = await on_wechat(floor, "绑定")
    said = (await floor.thread(wechat))[-1]
    code = next(
        c.text for e, c in await floor.thread(wechat) if e.type == "assistant_said" and c.text
    ).partition("绑定码是 ")[2][:8]
    assert code.isdecimal(), said
    floor.clock.forward(minutes=9)
    page = await on_page(floor, f"绑定 {code}")
    assert (await now_of(floor, page)).conversation == wechat.row.id
    assert "绑定好了" in (await seen_by(floor, page))[-1]
    stranger = await floor.talk(code, who="stranger", account=f"page-{ONE}")
    assert stranger.row.id != wechat.row.id


@pytest.mark.parametrize("minutes", [11])
async def test_a_code_that_ran_out_is_refused(floor: Floor, minutes: int) -> None:
    code = await code_of(floor, await on_wechat(floor))
    floor.clock.forward(minutes=minutes)
    page = await on_page(floor, f"绑定 {code}")
    assert (await now_of(floor, page)).conversation == page.row.id
    assert "不对" in (await seen_by(floor, page))[-1]


async def test_codes_cant_be_tried_one_after_the_other(floor: Floor) -> None:
    code = await code_of(floor, await on_wechat(floor))
    page = await on_page(floor)
    identity = await now_of(floor, page)
    for wrong in range(5):
        assert not await floor.dispatch.recognition.redeem(identity, f"{wrong:08d}")
    assert not await floor.dispatch.recognition.redeem(identity, code)


async def test_a_code_of_one_hotel_is_nothing_in_another(floor: Floor) -> None:
    code = await code_of(floor, await on_wechat(floor))
    other = await floor.talk(f"绑定 {code}", who="oVisitor7", account=f"page-{TWO}")
    assert (await now_of(floor, other)).conversation == other.row.id
    assert (await floor.row(await on_wechat(floor))).hotel == ONE


async def test_a_number_that_is_no_code_is_a_message_like_any_other(floor: Floor) -> None:
    await on_page(floor, "12345678")
    assert floor.engine.asked[-1][0] == "12345678"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("绑定", (None, True)),
        ("我要绑定微信", (None, True)),
        ("綁定", (None, True)),
        ("link", (None, True)),
        ("绑定 1234 5678", ("12345678", True)),
        ("12345678。", ("12345678", False)),
        ("绑定码：12345678", ("12345678", True)),
        ("1234567", None),
        ("123456789", None),
        ("绑定银行卡要多久", None),
    ],
)
def test_what_is_about_linking_and_what_is_not(text: str, found: tuple[str | None, bool] | None) -> None:
    read = asked(text)
    assert (read and (read.code, read.sure)) == found


# ---- what guests see


async def test_without_a_shared_subject_no_word_of_one_channel_shows_on_the_other(floor: Floor) -> None:
    wechat = await on_wechat(floor, "我过敏，枕头别用羽绒")
    page = await on_page(floor, f"绑定 {await code_of(floor, wechat)}")
    assert (await now_of(floor, page)).conversation == wechat.row.id
    assert not [t for t in await seen_by(floor, page) if "羽绒" in t]
    assert [t for t in await seen_by(floor, wechat) if "羽绒" in t]


async def test_a_cursor_of_the_conversation_that_ended_starts_the_page_anew(floor: Floor) -> None:
    wechat = await on_wechat(floor)
    page = await on_page(floor)
    before = await floor.row(page)
    await floor.hear(f"绑定 {await code_of(floor, wechat)}", who="oVisitor7", account=f"page-{ONE}")
    identity = await now_of(floor, page)
    found = await floor.read(lambda tx: history.read(tx, identity, before.seq, page.row.id))
    assert found.reset
    assert found.conversation == wechat.row.id
    assert "几点退房" in [m.content.text for m in found.messages]
    assert len({m.id for m in found.messages}) == len(found.messages)
    later = await floor.read(lambda tx: history.read(tx, identity, found.seq, found.conversation))
    assert (later.reset, later.messages) == (False, ())


# ---- what goes on


async def test_a_guest_who_waited_there_waits_here(floor: Floor) -> None:
    wechat = await on_wechat(floor)
    floor.engine.turns = [Turn((Handoff(Reason.HUMAN_HANDOFF),), {})]
    page = await on_page(floor, "找人工")
    code = await code_of(floor, wechat)
    await floor.dispatch.recognition.redeem(await now_of(floor, page), code)
    row = await floor.row(wechat)
    assert (row.state, row.reason) == (State.WAITING, Reason.HUMAN_HANDOFF)
    assert row.identity == page.identity.id
    await floor.claim(wechat, "lin")
    seq = await floor.reply(wechat, "lin", "您好，我是小林")
    event = next(e for e, _ in await floor.thread(wechat) if e.seq == seq)
    assert event.identity == page.identity.id
    assert "您好，我是小林" in await seen_by(floor, page)


async def test_who_held_the_younger_one_holds_the_older(floor: Floor) -> None:
    wechat, page = await on_wechat(floor), await on_page(floor)
    await floor.claim(page, "lin")
    await floor.dispatch.recognition.redeem(await now_of(floor, page), await code_of(floor, wechat))
    row = await floor.row(wechat)
    assert (row.state, row.holder) == (State.STAFF, floor.people["lin"])


async def test_orders_of_the_younger_guest_are_the_older_guests(floor: Floor) -> None:
    wechat = await on_wechat(floor)
    floor.engine.turns = [Turn((Order("place", "towel", {"room": "1208"}),), {})]
    page = await on_page(floor, "送条毛巾")
    await floor.dispatch.recognition.redeem(await now_of(floor, page), await code_of(floor, wechat))
    (order,) = await floor.orders()
    assert (order.guest, order.conversation) == (wechat.identity.guest, page.row.id)
    await on_wechat(floor, "毛巾不用了")
    assert floor.engine.asked[-1][2]["orders"]


async def test_a_closed_conversation_ends_quietly(floor: Floor) -> None:
    wechat, page = await on_wechat(floor), await on_page(floor)
    await floor.act(page, lambda row, gone: Close(SERVICE, "done"))
    await floor.dispatch.recognition.redeem(await now_of(floor, page), await code_of(floor, wechat))
    assert (await floor.row(wechat)).state is State.BOT


# ---- staff, and undoing


async def test_staffs_word_links_and_undoing_gives_a_conversation_of_its_own(floor: Floor) -> None:
    wechat, page = await on_wechat(floor), await on_page(floor)
    lin = floor.people["lin"]
    await floor.dispatch.recognition.link(ONE, wechat.identity.guest, page.identity.guest, lin)
    with pytest.raises(CannotLink, match="link_same_guest"):
        await floor.dispatch.recognition.link(ONE, wechat.identity.guest, wechat.identity.guest, lin)
    floor.clock.forward(minutes=1)
    await on_page(floor, "说在一起的时候")
    row = await floor.dispatch.recognition.unlink(ONE, page.identity.id, lin)
    assert row.id not in (wechat.row.id, page.row.id)
    assert row.guest == page.identity.guest
    assert (await floor.row(wechat)).identity == wechat.identity.id
    await on_page(floor, "分开以后")
    assert "分开以后" not in [c.text for _, c in await floor.thread(wechat)]
    with pytest.raises(CannotLink, match="link_not_linked"):
        await floor.dispatch.recognition.unlink(ONE, page.identity.id, lin)


async def test_erasing_after_the_undoing_takes_what_was_said_meanwhile(floor: Floor) -> None:
    wechat, page = await on_wechat(floor), await on_page(floor)
    lin = floor.people["lin"]
    await floor.dispatch.recognition.link(ONE, wechat.identity.guest, page.identity.guest, lin)
    await on_page(floor, "一起时的秘密")
    await floor.dispatch.recognition.unlink(ONE, page.identity.id, lin)
    await floor.dispatch.erase(ONE, page.identity.guest)
    everything = await floor.everything()
    assert "一起时的秘密" not in everything
    assert "几点退房" not in everything
    assert "早餐几点" in everything


async def test_erasing_a_linked_guest_erases_every_channel(floor: Floor) -> None:
    wechat = await on_wechat(floor)
    page = await on_page(floor, subjects=SUBJECT)
    await floor.dispatch.recognition.redeem(await now_of(floor, page), await code_of(floor, wechat))
    await floor.dispatch.erase(ONE, wechat.identity.guest)
    everything = await floor.everything()
    for word in ("早餐几点", "几点退房", "oGuest", "oVisitor7", "member-88"):
        assert word not in everything, word


async def test_an_unfollower_who_is_there_on_another_channel_keeps_that_one(floor: Floor) -> None:
    wechat = await on_wechat(floor)
    page = await on_page(floor, f"绑定 {await code_of(floor, wechat)}")
    await floor.hear("", who="oGuest", kind=InboundKind.UNFOLLOW, subtype="unsubscribe")
    await floor.later(days=31)
    everything = await floor.everything()
    assert "oGuest" not in everything
    assert "早餐几点" not in everything
    assert "几点退房" not in everything or "绑定" in everything
    assert (await now_of(floor, page)).external == "oVisitor7"
    assert (await on_page(floor, "还在吗")).row.id == wechat.row.id


# ---- races


async def test_two_proofs_at_once_link_once(floor: Floor) -> None:
    wechat, page = await on_wechat(floor), await on_page(floor)
    code = await code_of(floor, wechat)
    here = await now_of(floor, page)
    done = await asyncio.gather(
        floor.dispatch.recognition.redeem(here, code),
        floor.dispatch.recognition.redeem(here, code),
        floor.hear("还有，能带狗吗", who="oVisitor7", account=f"page-{ONE}"),
        floor.hear("在吗", who="oGuest"),
    )
    assert sorted(done[:2]) == [False, True]
    events = await floor.read(lambda tx: log.events_of(tx, ONE, wechat.row.id))
    assert [e.type for e in events].count("identity_linked") == 1


async def test_a_question_before_a_word_about_linking_is_asked_without_it(floor: Floor) -> None:
    first = await floor.hear("早餐几点")
    await floor.hear("绑定")
    await floor.work()
    assert [text for text, _, _ in floor.engine.asked] == ["早餐几点"]
    assert not (await floor.row(first)).pending
