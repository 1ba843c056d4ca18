"""What the account answers by itself, its menu at the platform, and whether somebody else answers on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import check
from bot.channels.port import Accepted, Option, Reply
from bot.commands import CommandFailed, wechat
from bot.engine import Turn
from bot.model import Say
from bot.settings import Settings
from bot.simulator import Switches
from tests.conftest import SettingsMaker
from tests.contract.test_wechat_client import Desk, desk
from tests.contract.town import ACCOUNT, Town, living, until

__all__ = ["desk"]


@pytest.fixture
def settings(
    migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setattr(wechat, "SAVED", tmp_path / "wechat")
    return make_settings()


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    async with living(settings) as made:
        yield made


async def said(town: Town, follower: Any, what: dict[str, str]) -> str:
    """What a follower's act is answered with."""
    before = len(town.simulator.answers(follower))
    await town.simulator.act(follower, what).done
    return (await town.simulator.heard(follower, before + 1))[before].text


async def test_a_click_is_answered_and_opens_the_small_window(town: Town) -> None:
    follower = await town.guest()
    follower.ledger = follower.ledger.closed()
    assert "06:30" in await said(town, follower, {"do": "click", "key": "breakfast"})
    assert len(town.engine.asked) == 1
    assert town.simulator.answers(follower)[-1].via == "passive"


async def test_a_click_may_be_words_that_the_assistant_is_asked(town: Town) -> None:
    follower = await town.guest()
    await said(town, follower, {"do": "click", "key": "wake_up"})
    assert town.engine.asked[-1][0] == "我要叫醒服务"
    event, content = (await town.logged("guest_said", 2))[1]
    assert (event.body["subtype"], content.details) == ("menu", {"key": "wake_up", "name": "叫醒服务"})
    found = await town.site.sql("SELECT ledger FROM ledgers")
    assert json.loads(found[0][0])["touch_at"] is not None


async def test_a_button_that_nobody_knows_is_answered_politely(town: Town) -> None:
    follower = await town.guest()
    assert "这个菜单暂时没有内容" in await said(town, follower, {"do": "click", "key": "of_last_year"})


async def test_a_keyword_comes_before_the_assistant_but_not_before_safety(town: Town) -> None:
    follower = await town.guest()
    assert "0411" in await said(town, follower, {"do": "say", "text": "酒店电话"})
    assert len(town.engine.asked) == 1
    await said(town, follower, {"do": "say", "text": "wifi密码能发一下吗"})
    assert len(town.engine.asked) == 2


async def test_a_follow_is_welcomed_with_the_files_own_words(town: Town) -> None:
    follower = town.simulator.follow()
    (welcome,) = await town.simulator.heard(follower, 1)
    assert "欢迎来到星海会" in welcome.text
    assert "自动助手" in welcome.text


async def test_a_scanned_room_is_proposed_and_proves_nothing(town: Town) -> None:
    follower = await town.guest()
    assert "1208" in await said(town, follower, {"do": "scan", "scene": "room:1208"})
    await said(town, follower, {"do": "say", "text": "要两条毛巾"})
    facts = town.engine.asked[-1][2]
    assert (facts["room"], facts["room_known"]) == ("1208", False)
    assert await town.site.sql("SELECT room FROM guests WHERE room IS NOT NULL") == []
    ((event, _),) = [p for p in await town.logged("channel_event_received") if p[0].body.get("scene")]
    assert event.body["scene"] == "room:1208"


async def test_a_room_that_the_hotel_doesnt_have_is_not_proposed(town: Town) -> None:
    follower = await town.guest()
    for scene in ("room:9999", "lobby", "room:'; --"):
        await town.simulator.act(follower, {"do": "scan", "scene": scene}).done
    await said(town, follower, {"do": "say", "text": "要两条毛巾"})
    assert town.engine.asked[-1][2]["room"] is None


# ---- choices and the typing sign


async def test_choices_are_tappable_by_custom_send_and_a_tap_means_its_option(desk: Desk) -> None:
    choices = (Option("明早 6:30", "确认"), Option("换时间", "改时间"))
    assert await desk.send(Reply("叫醒定在明早 6:30，对吗？", choices)) == Accepted()
    (shown,) = desk.simulator.answers(desk.guest)
    assert shown.options == (("1", "明早 6:30"), ("2", "换时间"))


async def offer(town: Town) -> None:
    options = ({"title": "要热的", "text": "热早餐"}, {"title": "要凉的", "text": "凉早餐"})
    town.engine.turns.append(Turn((Say("menu_unknown", {}, options),), {}))


async def test_a_passive_reply_numbers_them_and_both_answers_are_read(town: Town) -> None:
    follower = await town.guest()
    for answer in ({"do": "say", "text": "2"}, {"do": "choose", "id": "2", "text": "要凉的"}):
        await offer(town)
        text = await said(town, follower, {"do": "say", "text": "早餐"})
        assert text.endswith("1. 要热的\n2. 要凉的")
        await said(town, follower, answer)
        assert town.engine.asked[-1][0] == "凉早餐"


async def test_a_late_answer_is_preceded_by_the_typing_sign(town: Town) -> None:
    follower = await town.guest()
    ask, seen = town.engine.ask, []

    async def slowly(*what: Any) -> Turn:
        await until(lambda: _shown(follower))
        seen.append(follower.typing)
        return await ask(*what)

    town.engine.ask = slowly  # type: ignore[method-assign]
    await said(town, follower, {"do": "say", "text": "早餐"})
    assert seen == [True]
    assert not follower.typing


async def _shown(follower: Any) -> bool:
    await asyncio.sleep(0)
    return bool(follower.typing)


# ---- at the platform


async def run(settings: Settings, *arguments: str) -> None:
    """The command, in a thread of its own as it would be in a process of its own."""
    import argparse

    parser = argparse.ArgumentParser()
    wechat.add_arguments(parser)
    await asyncio.to_thread(wechat.run, parser.parse_args(arguments), settings)


async def test_the_menu_is_saved_before_it_is_made(
    town: Town, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    town.simulator.state.menu = {"button": [{"type": "click", "name": "旧的", "key": "old"}]}
    await run(settings, "menu", "show", ACCOUNT)
    assert "旧的" in capsys.readouterr().out
    await run(settings, "menu", "push", ACCOUNT)
    (saved,) = wechat.SAVED.iterdir()
    assert json.loads(saved.read_text("utf-8"))["selfmenu_info"]["button"][0]["key"] == "old"
    made = town.simulator.state.menu
    assert [button["name"] for button in made["button"]] == ["住店服务", "联系前台", "位置交通"]


async def test_a_refused_menu_says_why(town: Town, settings: Settings) -> None:
    await town.set_account(appid="wrong")
    with pytest.raises(CommandFailed, match="AppID and AppSecret"):
        await run(settings, "menu", "push", ACCOUNT)
    with pytest.raises(CommandFailed, match="no WeChat account 'nobody'"):
        await run(settings, "menu", "show", "nobody")


async def test_a_code_is_made_for_a_scene(
    town: Town, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(settings, "qr", ACCOUNT, "room:1208")
    assert "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=gQ" in capsys.readouterr().out
    with pytest.raises(CommandFailed, match="1 to 64"):
        await run(settings, "qr", ACCOUNT, "x" * 65)
    town.simulator.state.switch({"verified": False})
    with pytest.raises(CommandFailed, match="isn't verified"):
        await run(settings, "qr", ACCOUNT, "room:1208")


async def findings(settings: Settings) -> str:
    found = await check.check_database(settings)
    return next(str(one) for one in found if f"wechat {ACCOUNT}" in str(one))


async def test_check_alarms_when_somebody_else_seems_to_answer(town: Town, settings: Settings) -> None:
    assert "gives a token" in await findings(settings)
    town.simulator.state.switch({"own_replies_on": True})
    assert "its own replies are on" in await findings(settings)
    town.simulator.state.switch({"own_replies_on": False})
    town.simulator.state.menu = {"button": [{"type": "click", "name": "他们的", "key": "theirs"}]}
    assert "buttons that wechat.yml doesn't know: theirs" in await findings(settings)
    town.simulator.state.menu = None
    follower = await town.guest()
    follower.ledger = follower.ledger.used_up()  # somebody else has sent five
    staff = await town.site.signed_in()
    ((event, _), *_) = await town.logged("guest_said")
    body = {"text": "马上到", "client_id": "abcdefgh"}
    await staff.desk("POST", f"conversations/{event.conversation}/reply", body)

    async def surprised() -> bool:
        return "1 times the platform had counted" in await findings(settings)

    assert await until(surprised)


async def test_an_account_that_isnt_verified_has_menus_and_choices_too(
    settings: Settings,
) -> None:
    async with living(settings, switches=Switches(verified=False), custom_send=False) as town:
        follower = await town.guest()
        await offer(town)
        text = await said(town, follower, {"do": "click", "key": "supplies"})
        assert text.endswith("2. 要凉的")
        assert "06:30" in await said(town, follower, {"do": "click", "key": "breakfast"})
        assert all(one.via == "passive" for one in town.simulator.answers(follower))
