"""One official account, two hotels: which one is meant, asked once, and nothing crosses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import addressing
from bot.simulator import Follower
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, TWO
from tests.contract.town import Town, living, until

QUESTION = "您想联系哪一家酒店"


@pytest.fixture
async def town(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Town]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with living(make_settings(), hotels=[TWO]) as made:
        yield made


async def said(town: Town, follower: Follower, text: str) -> str:
    before = len(town.simulator.answers(follower))
    await town.simulator.say(follower, text).done
    return (await town.simulator.heard(follower, before + 1))[before].text


async def words(town: Town, hotel: str) -> list[str | None]:
    return [content.text for event, content in await town.thread(hotel) if event.type == "guest_said"]


@pytest.mark.parametrize(
    ("answer", "hotel"), [("2", TWO), ("１", ONE), ("云汀", TWO), ("星海会商务酒店", ONE)]
)
async def test_the_guest_is_asked_once_and_the_answer_is_remembered(
    town: Town, answer: str, hotel: str
) -> None:
    follower = town.simulator.follower()
    question = await said(town, follower, "早餐几点")
    assert question.startswith("您好，这里是自动助手")
    assert question.endswith("1. 星海会商务酒店\n2. 云汀度假酒店")
    assert await town.site.sql("SELECT count(*) FROM events") == [(0,)]
    told = await said(town, follower, answer)
    assert ("星海会" if hotel == ONE else "云汀") in told
    await said(town, follower, "要毛巾")
    other = TWO if hotel == ONE else ONE
    assert await words(town, hotel) == ["早餐几点", "要毛巾"]
    assert await town.thread(other) == []
    assert await town.site.sql("SELECT count(*) FROM undecided") == [(0,)]


async def test_what_waits_is_sealed(town: Town) -> None:
    follower = town.simulator.follower()
    await said(town, follower, "我的房间空调坏了")
    ((sealed, who),) = await town.site.sql("SELECT sealed, who FROM undecided")
    assert "空调" not in sealed
    assert follower.openid not in sealed + who


async def test_a_guest_who_says_something_else_is_the_first_hotels(town: Town) -> None:
    follower = town.simulator.follower()
    await said(town, follower, "早餐几点")
    assert QUESTION not in await said(town, follower, "喂，有人吗")
    assert await words(town, ONE) == ["早餐几点", "喂，有人吗"]


async def test_nobodys_message_waits_for_ever(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = town.simulator.follower()
    await said(town, follower, "早餐几点")
    monkeypatch.setattr(addressing, "WAIT", timedelta(0))

    async def received() -> bool:
        return await words(town, ONE) == ["早餐几点"]

    assert await until(received)
    assert await town.site.sql("SELECT count(*) FROM undecided") == [(0,)]


async def test_an_emergency_waits_for_no_answer(town: Town) -> None:
    follower = town.simulator.follower()
    assert "119" in await said(town, follower, "着火了")
    assert await words(town, ONE) == ["着火了"]


async def test_a_scanned_code_says_which_hotel(town: Town) -> None:
    follower = town.simulator.follower()
    for scene, hotel in (("hotel:yunting", TWO), ("room:1208@xinghaihui", ONE)):
        await town.simulator.act(follower, {"do": "scan", "scene": scene}).done
        assert QUESTION not in await said(town, follower, f"你好 {hotel}")
        assert (await words(town, hotel))[-1] == f"你好 {hotel}"
    assert town.engine.asked[-1][2]["room"] == "1208"
    assert town.engine.asked[0][2]["room"] is None


async def test_changing_hotels_asks_again(town: Town) -> None:
    follower = town.simulator.follower()
    await said(town, follower, "早餐几点")
    await said(town, follower, "1")
    assert QUESTION in await said(town, follower, "换酒店")
    await town.simulator.say(follower, "2").done
    await said(town, follower, "要毛巾")
    assert await words(town, ONE) == ["早餐几点"]
    assert await words(town, TWO) == ["要毛巾"]


async def test_a_lost_question_is_put_again_and_a_lost_answer_is_not_taken_twice(town: Town) -> None:
    follower = town.simulator.follower()
    town.simulator.state.switch({"lose_answers": 1, "answer_within": 1.0})
    assert QUESTION in await said(town, follower, "早餐几点")
    town.simulator.state.switch({"lose_answers": 1})
    assert "云汀" in await said(town, follower, "2")
    assert await words(town, TWO) == ["早餐几点"]
    assert len(town.engine.asked) == 1


async def test_who_unfollows_is_gone_from_both(town: Town) -> None:
    follower = town.simulator.follower()
    for scene in ("hotel:yunting", "hotel:xinghaihui"):
        await town.simulator.act(follower, {"do": "scan", "scene": scene}).done
        await said(town, follower, "早餐几点")
    await town.simulator.unfollow(follower).done
    for hotel in (ONE, TWO):
        await town.logged("guest_erased", hotel=hotel)
    assert await town.site.sql("SELECT count(*) FROM identities WHERE external_id IS NOT NULL") == [(0,)]
