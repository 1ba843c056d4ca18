"""The desk's API on the real application, on both databases: searching, and the time of the service."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from bot import orders, staff
from bot.conversation import Record
from bot.http.guard import DISPATCH
from bot.model import ConversationId, HotelId, Order
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, SOON, TWO, Browser, Site, frames, serving
from tests.servers import free_port

ID_CARD = "11010119900307803X"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_HASHER", quick)
    monkeypatch.setattr(staff, "_NOBODY", quick.hash("nobody"))


@pytest.fixture
async def site(database_url: str, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    url = f"http://127.0.0.1:{free_port()}"
    settings = make_settings(DATABASE_URL=database_url, RASA_URL=url, FRONTEND_DIR=tmp_path, **SOON)
    async with serving(settings) as made:
        yield made


async def guest(site: Site, letter: str, words: str) -> str:
    """A new guest who has said this, and been heard to need a person; the id of the conversation."""
    visitor = await site.browser()
    key = hashlib.sha256(f"{letter}{words}".encode()).hexdigest()[:40]
    status, _ = await visitor.send(words, key, letter * 43)
    assert status == 200
    newest = "SELECT conversation_id FROM identities ORDER BY created_at DESC, identity_id DESC LIMIT 1"
    conversation = str((await site.sql(newest))[0][0])
    for _ in range(200):
        found = await site.sql(f"SELECT state FROM conversations WHERE conversation_id = '{conversation}'")
        if found[0][0] == "WAITING":
            return conversation
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked for")


async def search(browser: Browser, words: str, **more: Any) -> tuple[list[dict[str, Any]], str | None]:
    status, found = await browser.desk("POST", "search", {"q": words, **more})
    assert status == 200, found
    return found["conversations"], found["next"]


async def ids(browser: Browser, words: str) -> set[str]:
    return {row["id"] for row in (await search(browser, words))[0]}


async def place(site: Site, conversation: str, **slots: str) -> None:
    order = Order("place", "request_supplies", slots)
    events = orders.events_of((order,), [], None, datetime.now(UTC))
    dispatch = site.app[DISPATCH]
    await dispatch.act(HotelId(ONE), ConversationId(conversation), lambda row, gone: Record(tuple(events)))


async def test_conversations_are_found_by_words_names_and_rooms(site: Site) -> None:
    one, two = await guest(site, "a", "我的 Umbrella 忘在大堂了"), await guest(site, "b", "泳池 100% 开吗")
    agent = await site.signed_in()
    (row,), following = await search(agent, "umbrella")
    assert (row["id"], following) == (one, None)
    assert "Umbrella" in row["found"]["text"]
    said = await site.sql(
        f"SELECT text FROM contents WHERE conversation_id = '{one}' AND seq = {row['found']['seq']}"
    )
    assert said[0][0] == "我的 Umbrella 忘在大堂了"
    assert await ids(agent, "100%") == {two}
    assert await ids(agent, "1%0") == set()  # a sign, not a pattern
    await agent.desk("POST", f"conversations/{two}/note", {"text": "带小孩的那位", "client_id": "n1"})
    assert await ids(agent, "小孩") == {two}
    await place(site, two, room="1506", what="两条毛巾")
    (row,), _ = await search(agent, "1506")
    assert (row["id"], row["found"]["text"]) == (two, "1506 两条毛巾")
    assert await ids(agent, "毛巾") == {two}
    assert await ids(agent, "what") == set()  # how the row is written down isn't what was said
    await site.sql(
        "UPDATE guests SET name = '欧阳女士', room = '0808' WHERE guest_id IN "
        f"(SELECT guest_id FROM conversations WHERE conversation_id = '{one}')"
    )
    assert await ids(agent, "欧阳") == {one}
    assert await ids(agent, "0808") == {one}
    assert await ids(agent, "您好") == set()  # what the assistant says to everybody


async def test_a_sealed_number_is_never_found(site: Site) -> None:
    one = await guest(site, "a", f"我的身份证 {ID_CARD}")
    agent = await site.signed_in()
    assert await ids(agent, "身份证") == {one}
    assert await ids(agent, ID_CARD) == set()
    assert await ids(agent, ID_CARD[6:14]) == set()


async def test_nothing_of_another_hotel_is_found(site: Site) -> None:
    await guest(site, "a", "只在这一家")
    far = await site.signed_in("far")
    status, found = await far.desk("POST", "search", {"q": "只在这一家"}, TWO)
    assert (status, found["conversations"]) == (200, [])


async def test_what_was_found_comes_page_by_page(site: Site) -> None:
    made = [await guest(site, letter, "同样的话") for letter in "abcde"]
    agent = await site.signed_in()
    seen: list[str] = []
    following: str | None = None
    while True:
        rows, following = await search(agent, "同样的话", after=following, limit=2)
        seen += [row["id"] for row in rows]
        if following is None:
            break
    assert seen == made[::-1]
    for wrong in ("x", "2026-11-22T00:00:00", 7):
        status, _ = await agent.desk("POST", "search", {"q": "同样", "after": wrong})
        assert status == (200 if wrong == 7 else 400), wrong
    assert (await agent.desk("POST", "search", {"q": " "}))[0] == 400


async def test_every_frame_tells_the_time(site: Site) -> None:
    one = await guest(site, "a", "几点了")
    agent = await site.signed_in()
    feed = await agent.feed(follow={one: 0})
    heard = await frames(feed, "events")
    await feed.send_json({"type": "ping"})
    heard += await frames(feed, "pong")
    for frame in heard:
        off = datetime.now(UTC) - datetime.fromisoformat(frame["now"])
        assert timedelta() <= off < timedelta(minutes=1), frame["type"]
    status, polled = await agent.desk("GET", f"feed/poll?follow={one}:0")
    assert status == 200
    assert polled["now"] >= heard[-1]["now"]
    assert all(frame["now"] for frame in polled["frames"])
    await feed.close()
