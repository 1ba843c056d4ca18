"""Facts changed on the desk: what counts at once in every process, and what an import does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import knowledge
from bot.commands import CommandFailed
from bot.commands import hotel as command
from bot.knowledge import Hotels
from bot.model import HotelId
from bot.store import desk
from bot.store.database import Database
from bot.texts import load_texts
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, Site, serving
from tests.core import SAMPLE

ROOT = Path(__file__).parents[2]
FACT = "knowledge/facts/breakfast_hours"


@pytest.fixture
async def site(database_url: str, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    async with serving(make_settings(DATABASE_URL=database_url)) as made:
        yield made


async def test_a_changed_fact_counts_at_once_everywhere_and_is_on_record(
    site: Site, database_url: str
) -> None:
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    another, hotels = Database(database_url), Hotels(load_texts(ROOT / "texts"))

    async def told() -> str:
        async with another.read() as tx:
            return (await hotels.get(tx, HotelId(ONE))).answer("ask_breakfast", datetime.now(UTC))

    assert "06:30–10:00" in await told()
    _, tried = await agent.desk("POST", f"{FACT}/preview", {"value": "7:00-11:00"})
    assert next(s for s in tried["said"] if s["id"] == "ask_breakfast")["after"].count("07:00–11:00") == 1
    wrong = await agent.desk("POST", FACT, {"value": "7:99", "base": "06:30–10:00"})
    assert (wrong[0], wrong[1]["error"]["message"]) == (400, "里面的时间不对，写成 06:30–10:00 这样。")
    assert "06:30–10:00" in await told()
    status, body = await agent.desk("POST", FACT, {"value": "7:00-11:00", "base": "06:30–10:00"})
    assert (status, body["fact"]["value"], body["fact"]["label"]) == (200, "07:00–11:00", "早餐时间")
    assert "07:00–11:00" in await told()
    late = await admin.desk("POST", FACT, {"value": "08:00–11:00", "base": "06:30–10:00"})
    assert (late[0], late[1]["error"]["code"]) == (409, "outdated_fact")
    _, body = await admin.desk("GET", FACT)
    assert [(c["before"], c["after"], c["by"]) for c in body["history"]] == [
        ("06:30–10:00", "07:00–11:00", "员工agent")
    ]
    assert await site.sql("SELECT object FROM audit WHERE action = 'fact_changed'") == [("breakfast_hours",)]
    await another.close()


async def test_what_an_answer_asks_for_can_be_told_and_taken_back(site: Site) -> None:
    agent = await site.signed_in("agent")
    point = {"title": "可以租自行车吗", "answer": "可以，每小时 {bike_price:money}。"}
    await agent.desk("POST", "knowledge/points", point)
    _, listed = await agent.desk("GET", "knowledge/facts")
    asked = next(one for one in listed["facts"] if one["name"] == "bike_price")
    assert (asked["kind"], asked["value"], asked["answers"]) == ("money", "", 1)
    _, body = await agent.desk("POST", "knowledge/facts/bike_price", {"value": "15.5", "base": ""})
    assert body["said"][0]["after"] == "可以，每小时 ¥15.50。"
    _, written = await agent.desk("GET", "knowledge")
    assert ("{bike_price:money}", "15.50") in [(one["placeholder"], one["value"]) for one in written["facts"]]
    _, body = await agent.desk("POST", "knowledge/facts/bike_price", {"value": "", "base": "15.50"})
    assert (body["fact"]["value"], body["said"][0]["after"], len(body["history"])) == ("", None, 2)
    fixed = await agent.desk("POST", "knowledge/facts/hotel_name", {"value": "x", "base": "星海会商务酒店"})
    assert (fixed[0], fixed[1]["error"]["code"]) == (409, "fact_fixed")
    assert (await agent.desk("GET", "knowledge/facts/nothing"))[0] == 404


async def test_an_import_shows_what_the_desk_has_changed_and_overwrites_nothing_unasked(
    site: Site, database_url: str, make_settings: SettingsMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(DATABASE_URL=database_url)
    agent, database = await site.signed_in("agent"), Database(database_url)
    await agent.desk("POST", FACT, {"value": "07:00–11:00", "base": "06:30–10:00"})

    async def imported(whose: str | None) -> object:
        await command.take_folder(SAMPLE, settings, sure=True, whose=whose)
        async with database.read() as tx:
            row = await desk.hotel_of(tx, HotelId(ONE))
            assert row
            return knowledge.parse_row(row).facts["breakfast_hours"]

    with pytest.raises(CommandFailed, match="--facts desk"):
        await imported(None)
    assert "! facts.breakfast_hours: the desk says '07:00–11:00'" in capsys.readouterr().out
    assert await imported("desk") == "07:00–11:00"
    assert await imported("file") == "06:30–10:00"
    _, body = await agent.desk("GET", FACT)
    assert [c["by"] for c in body["history"]] == [None, "员工agent"]
    assert await imported(None) == "06:30–10:00"  # the file spoke last: nobody's word is lost any more
    await database.close()
