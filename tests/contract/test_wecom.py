"""企业微信客服 against its simulator over HTTP: nudged, pulled, answered, and never twice."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from bot import accounts, pulling
from bot.channels.port import NeverDelivered
from bot.http import wecom
from bot.http.guard import DATABASE, DISPATCH, SETTINGS
from bot.http.wechat import WORKER
from bot.main import seal_of
from bot.model import AccountId, EventType, HotelId
from bot.simulator.wecom import SERVICER, WeCom
from bot.store import log, people
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, TWO, Site, serving
from tests.core import ScriptedEngine
from tests.media_files import picture
from tests.servers import free_port

KF = AccountId("kf")


@pytest.fixture
async def platform() -> AsyncIterator[WeCom]:
    made = WeCom()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def site(database_url: str, make_settings: SettingsMaker, platform: WeCom) -> AsyncIterator[Site]:
    url = f"http://127.0.0.1:{free_port()}"
    settings = make_settings(DATABASE_URL=database_url, RASA_URL=url)
    async with serving(settings) as made:
        made.app[WORKER].engine = ScriptedEngine()  # type: ignore[assignment]
        await register(made, platform)
        platform.callback = f"{made.origin}/wecom/{KF}"
        yield made


async def register(site: Site, platform: WeCom, **more: Any) -> None:
    values = {
        "corpid": platform.corpid,
        "open_kfid": platform.open_kfid,
        "secret": platform.secret,
        "token": platform.token,
        "aes_keys": [platform.aes_key],
        "api": platform.url,
        **more,
    }
    seal, now = seal_of(site.app[SETTINGS]), site.app[DISPATCH].clock.now()
    async with site.app[DATABASE].write() as tx:
        await accounts.save(tx, seal, "wecom", KF, HotelId(ONE), values, now)


async def until(found: Callable[[], bool]) -> None:
    for _ in range(200):
        if found():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came")


async def events(site: Site, guest: str = "wmGuest", hotel: str = ONE) -> list[Any]:
    at = HotelId(hotel)
    async with site.app[DATABASE].read() as tx:
        identity = await people.find_identity(tx, at, "wecom", KF, guest)  # type: ignore[arg-type]
        return await log.events_of(tx, at, identity.conversation) if identity else []


async def test_the_address_is_verified_with_the_opened_echo(site: Site, platform: WeCom) -> None:
    async with ClientSession() as http:
        async with http.get(platform.callback, params=platform.address_query("4711")) as answer:
            assert (answer.status, await answer.text()) == (200, "4711")
        forged = {**platform.address_query("4711"), "msg_signature": "0" * 40}
        async with http.get(platform.callback, params=forged) as answer:
            assert answer.status == 403


async def test_a_question_is_pulled_answered_once_and_the_session_is_the_assistants(
    site: Site, platform: WeCom
) -> None:
    assert await platform.say("wmGuest", "早餐几点") == 200
    await until(lambda: bool(platform.guests["wmGuest"].got))
    assert "早餐" in platform.texts("wmGuest")[0]
    assert platform.guests["wmGuest"].state == 1
    await platform.nudge()
    assert [e.type for e in await events(site)].count(EventType.GUEST_SAID) == 1


async def test_a_nudge_that_was_lost_loses_nothing(site: Site, platform: WeCom) -> None:
    platform.lose_nudges = True
    await platform.say("wmGuest", "早餐几点")
    platform.lose_nudges = False
    await platform.say("wmGuest", "几点退房")
    said = [e for e in await events(site) if e.type is EventType.GUEST_SAID]
    assert len(said) == 2


async def test_the_same_messages_pulled_twice_are_in_the_log_once(site: Site, platform: WeCom) -> None:
    await platform.say("wmGuest", "早餐几点")
    await site.sql("UPDATE cursors SET cursor = ''")
    await platform.nudge()
    assert [e.type for e in await events(site)].count(EventType.GUEST_SAID) == 1


async def test_a_platform_that_gives_nothing_is_told_to_come_again(site: Site, platform: WeCom) -> None:
    platform.secret = "another"
    platform.expire_tokens()
    assert await platform.say("wmGuest", "早餐几点") == 503
    assert await events(site) == []


async def test_a_platform_that_stays_away_is_told_of_once(
    site: Site, platform: WeCom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Asking again every half minute isn't news every half minute; that it is over is."""
    monkeypatch.setattr(pulling, "EVERY_SECONDS", 0.01)
    caplog.set_level(logging.INFO, logger=pulling.logger.name)
    puller, asked = site.app[wecom.PULLER], 0
    pull = puller.pull

    def said() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.name == pulling.logger.name]

    async def counted(*given: Any) -> int:
        nonlocal asked
        asked += 1
        return await pull(*given)

    monkeypatch.setattr(puller, "pull", counted)
    secret, platform.secret = platform.secret, "another"
    platform.expire_tokens()
    await puller.stop()
    puller._stopping.clear()
    puller.start()
    await until(lambda: asked >= 5)
    platform.secret = secret
    await until(lambda: len(said()) >= 2)
    assert [line.removeprefix(f"messages of account {KF} ") for line in said()] == [
        "can't be pulled: token_refused",
        "can be pulled again",
    ]


async def test_a_token_that_ran_out_is_fetched_anew(site: Site, platform: WeCom) -> None:
    await platform.say("wmGuest", "早餐几点")
    await until(lambda: bool(platform.guests["wmGuest"].got))
    platform.expire_tokens()
    assert await platform.say("wmGuest", "几点退房") == 200
    await until(lambda: len(platform.guests["wmGuest"].got) == 2)


async def logged(site: Site, type_: EventType, guest: str = "wmGuest") -> bool:
    """Whether such an event comes within some seconds."""
    for _ in range(100):
        if type_ in [e.type for e in await events(site, guest)]:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_what_may_have_arrived_is_unclear_and_not_repeated(site: Site, platform: WeCom) -> None:
    platform.fail_next = [0]  # takes the message and hangs up
    await platform.say("wmGuest", "早餐几点")
    assert await logged(site, EventType.DELIVERY_UNCLEAR)
    assert len(platform.guests["wmGuest"].got) == 1


async def test_used_up_waits_for_the_guests_next_word(site: Site, platform: WeCom) -> None:
    platform.fail_next = [95001]
    await platform.say("wmGuest", "早餐几点")
    for _ in range(200):
        if await site.sql("SELECT 1 FROM outbox WHERE state = 'queued' AND due_at IS NULL"):
            break
        await asyncio.sleep(0.05)
    assert platform.guests["wmGuest"].got == []
    await platform.say("wmGuest", "在吗")
    await until(lambda: len(platform.guests["wmGuest"].got) >= 1)


async def test_a_word_that_crosses_a_refusal_opens_the_way_too(site: Site, platform: WeCom) -> None:
    senders = site.app[WORKER].senders
    real = senders["wecom"]

    class Crossed:
        async def send(self, *_: object) -> NeverDelivered:
            senders["wecom"] = real
            await platform.say("wmGuest", "在吗")
            while [e.type for e in await events(site)].count(EventType.GUEST_SAID) < 2:
                await asyncio.sleep(0.05)
            return NeverDelivered("count_used_up")

    senders["wecom"] = Crossed()
    await platform.say("wmGuest", "早餐几点")
    await until(lambda: len(platform.guests["wmGuest"].got) >= 1)


async def test_a_colleague_in_wecom_keeps_the_session_and_is_seen_by_staff(
    site: Site, platform: WeCom
) -> None:
    await platform.say("wmGuest", "早餐几点")
    await until(lambda: bool(platform.guests["wmGuest"].got))
    platform.answer_by_hand("wmGuest", "我来回答您")
    await platform.say("wmGuest", "好的")
    assert platform.guests["wmGuest"].state == SERVICER
    kept = [e for e in await events(site) if e.type is EventType.CHANNEL_EVENT_RECEIVED]
    assert [e.body["subtype"] for e in kept] == ["servicer_text"]


async def test_a_guest_who_comes_in_is_welcomed_with_the_code(site: Site, platform: WeCom) -> None:
    await platform.enter("wmGuest")
    await until(lambda: bool(platform.guests["wmGuest"].got))
    assert "code" in platform.guests["wmGuest"].got[0]


async def test_a_picture_is_brought_here(site: Site, platform: WeCom) -> None:
    await platform.show("wmGuest", "image", picture(300, 200))
    assert await logged(site, EventType.MEDIA_KEPT)


async def test_a_program_is_refused_with_words(site: Site, platform: WeCom) -> None:
    await platform.show("wmGuest", "file", b"MZ\x90\x00")
    await until(lambda: any("截图" in text for text in platform.texts("wmGuest")))
    assert await logged(site, EventType.MEDIA_LOST)


async def test_another_kf_accounts_nudge_pulls_nothing(site: Site, platform: WeCom) -> None:
    platform.open_kfid, mine = "wkother", platform.open_kfid
    assert await platform.say("wmGuest", "早餐几点") == 200
    platform.open_kfid = mine
    assert await events(site) == []


async def test_broken_and_forged_callbacks_are_refused(site: Site, platform: WeCom) -> None:
    query = platform.address_query("x")
    async with ClientSession() as http:
        for body, status in ((b"<xml/>", 400), (b"no xml", 400), (b"x" * 1_000_001, 413)):
            async with http.post(platform.callback, params=query, data=body) as answer:
                assert answer.status == status
        sealed = b"<xml><Encrypt>" + query["echostr"].encode() + b"</Encrypt></xml>"
        async with http.post(platform.callback, params={**query, "nonce": "1"}, data=sealed) as answer:
            assert answer.status == 403
        async with http.post(f"{site.origin}/wecom/nobody", params=query, data=sealed) as answer:
            assert answer.status == 404
    assert wecom.PULLER in site.app


async def test_a_guest_is_asked_how_it_was_and_taps_the_answer(site: Site, platform: WeCom) -> None:
    dispatch = site.app[DISPATCH]
    dispatch.patience = replace(dispatch.patience, rate=timedelta(0))
    await platform.say("wmGuest", "转人工")
    await until(lambda: bool(platform.guests["wmGuest"].got))
    desk, (said, *_) = await site.signed_in("agent"), await events(site)
    one = f"conversations/{said.conversation}"
    assert (await desk.desk("POST", f"{one}/reply", {"text": "好了", "client_id": "client-0001"}))[0] == 200
    while await site.sql("SELECT 1 FROM outbox WHERE kind = 'deliver' AND state IN ('queued', 'sending')"):
        await asyncio.sleep(0.05)
    assert (await desk.desk("POST", f"{one}/close", {"reason": "solved"}))[0] == 200
    await until(lambda: "msgmenu" in platform.guests["wmGuest"].got[-1])
    choices = platform.guests["wmGuest"].got[-1]["msgmenu"]["list"]
    assert [choice["click"]["content"] for choice in choices][-2:] == ["满意", "非常满意"]
    count = len(platform.texts("wmGuest"))
    await platform.say("wmGuest", "非常满意", menu_id="5")
    assert await logged(site, EventType.GUEST_RATED)
    (row,) = (await desk.desk("GET", "conversations?state=CLOSED"))[1]["conversations"]
    assert row["stars"] == 5
    assert len(platform.texts("wmGuest")) == count  # thanks would cost a message


async def test_an_account_of_two_hotels_asks_once_which_is_meant(site: Site, platform: WeCom) -> None:
    await site.app[wecom.PULLER].stop()  # what it read of the account before it may still be under way
    await register(site, platform, hotels=[TWO])
    await platform.say("wmGuest", "早餐几点")
    (question,) = platform.texts("wmGuest")
    assert question.endswith("1. 星海会商务酒店\n2. 云汀度假酒店")
    assert await events(site) == await events(site, hotel=TWO) == []
    await platform.say("wmGuest", "2")
    await until(lambda: len(platform.texts("wmGuest")) == 2)
    assert [e.type for e in await events(site, hotel=TWO)].count(EventType.GUEST_SAID) == 1
    await platform.say("wmGuest", "几点退房")
    await until(lambda: len(platform.texts("wmGuest")) == 3)
    assert await events(site) == []


async def test_a_link_says_which_hotel_is_meant(site: Site, platform: WeCom) -> None:
    await site.app[wecom.PULLER].stop()  # what it read of the account before it may still be under way
    await register(site, platform, hotels=[TWO])
    await platform.enter("wmGuest", scene="lobby", scene_param="hotel%3Ayunting")
    await until(lambda: bool(platform.texts("wmGuest")))
    await platform.say("wmGuest", "早餐几点")
    await until(lambda: len(platform.texts("wmGuest")) == 2)
    assert not any("哪一家" in text for text in platform.texts("wmGuest"))
    assert await events(site) == []
