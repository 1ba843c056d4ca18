"""The app's API on the real application, on both databases: who comes in, and what they get to see."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import WSMsgType

from bot.guest_tokens import Key
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, ORIGIN, SOON, TWO, Browser, Site, app_token, frames, serving
from tests.media_files import picture
from tests.servers import free_port


@pytest.fixture
async def site(database_url: str, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    url = f"http://127.0.0.1:{free_port()}"
    async with serving(make_settings(DATABASE_URL=database_url, RASA_URL=url, **SOON)) as made:
        yield made


async def said(browser: Browser, text: str, client_id: str = "client-0001", **more: Any) -> Any:
    status, sent = await browser.app("POST", "messages", {"client_id": client_id, "text": text}, **more)
    assert status == 200, sent
    return sent


async def page(browser: Browser, query: str = "", **more: Any) -> Any:
    status, found = await browser.app("GET", f"messages{query}", **more)
    assert status == 200, found
    return found


async def until(browser: Browser, sender: str, **more: Any) -> Any:
    """The history, once somebody other than the guest has spoken."""
    for _ in range(200):
        found = await page(browser, **more)
        if any(m["from"] == sender for m in found["messages"]):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {sender} has spoken")


# ---- who comes in

GUARDED = [
    ("GET", "config"),
    ("GET", "messages"),
    ("POST", "messages"),
    ("POST", "files?client_id=client-0001"),
    ("GET", "conversation"),
    ("POST", "read"),
    ("POST", "typing"),
    ("POST", "rating"),
    ("POST", "link-codes"),
    ("POST", "link-codes/redeem"),
    ("POST", "opt-in"),
    ("GET", "poll"),
]


async def test_nobody_comes_in_without_a_token_that_is_believed(site: Site) -> None:
    browser = await site.browser()
    for method, path in GUARDED:
        for headers, code in (
            ({}, "token_missing"),
            ({"Authorization": "Bearer"}, "token_missing"),
            ({"Authorization": "Basic eDp5"}, "token_missing"),
            ({"Authorization": "Bearer x.y.z"}, "token_malformed"),
            ({"Authorization": f"Bearer {app_token(secret='x' * 40)}"}, "token_signature"),
            ({"Authorization": f"Bearer {app_token(aud='nobody')}"}, "token_audience"),
            ({"Authorization": f"Bearer {app_token(aud=f'{ONE}-page')}"}, "token_audience"),
            ({"Authorization": f"Bearer {app_token(exp=1)}"}, "token_expired"),
        ):
            status, body = await browser.call(method, f"/app/v1/{path}", None, headers)
            assert (status, body["error"]["code"]) == (401, code), (method, path)
            assert body["error"]["message"]
    assert (await browser.app("GET", "config"))[0] == 200


async def test_no_token_in_an_address_opens_anything(site: Site) -> None:
    browser = await site.browser()
    status, _ = await browser.call("GET", f"/app/v1/config?token={app_token()}&access_token={app_token()}")
    assert status == 401


async def test_pages_of_the_accounts_origins_alone_may_use_it(site: Site) -> None:
    browser = await site.browser()
    assert (await browser.app("GET", "config", headers={"Origin": ORIGIN}))[0] == 200
    evil = {"Origin": "https://evil.example"}
    assert (await browser.app("GET", "config", headers=evil))[0] == 403
    asked = {"Access-Control-Request-Method": "POST"}
    for origin, status in ((ORIGIN, 204), ("https://evil.example", 403)):
        async with browser.client.options("/app/v1/messages", headers=asked | {"Origin": origin}) as answer:
            assert answer.status == status
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 204 else None)


async def test_a_guest_of_one_hotel_is_nobody_in_another(site: Site) -> None:
    browser = await site.browser()
    await said(browser, "你好")
    other = app_token(hotel=TWO)
    assert (await page(browser, token=other))["messages"] == []
    assert (await page(browser, token=app_token("member-8")))["messages"] == []


# ---- what is said


async def test_a_message_sent_twice_is_one(site: Site) -> None:
    browser = await site.browser()
    first, second = await said(browser, "早餐几点"), await said(browser, "早餐几点")
    assert first["id"] == second["id"]
    found = await until(browser, "assistant")
    assert [m["client_id"] for m in found["messages"]].count("client-0001") == 1
    assert found["messages"][0] | {"at": ""} == {
        "id": first["id"],
        "seq": first["seq"],
        "channel": "app",
        "from": "guest",
        "name": None,
        "text": "早餐几点",
        "options": None,
        "file": None,
        "at": "",
        "client_id": "client-0001",
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "x"}, "bad_client_id"),
        ({"client_id": "short", "text": "x"}, "bad_client_id"),
        ({"client_id": 7, "text": "x"}, "bad_client_id"),
        ({"client_id": "client-0001"}, "bad_request"),
        ({"client_id": "client-0001", "text": ["x"]}, "bad_request"),
        ({"client_id": "client-0001", "text": " \n"}, "empty"),
        ({"client_id": "client-0001", "text": "长" * 10_001}, "too_long"),
        (b"{", "bad_request"),
        (b"[]", "bad_request"),
    ],
)
async def test_what_is_no_message_is_refused_with_a_sentence(site: Site, body: object, code: str) -> None:
    browser = await site.browser()
    status, answer = await browser.app("POST", "messages", body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert answer["error"]["message"]


async def test_what_no_database_takes_is_replaced(site: Site) -> None:
    browser = await site.browser()
    await said(browser, "a\x00b\ud800c")
    assert (await page(browser))["messages"][0]["text"] == "a�b�c"


async def test_a_picture_comes_back_as_a_file_with_an_address(site: Site) -> None:
    browser = await site.browser()
    path = "files?client_id=client-0002&name=窗外.jpg"
    status, sent = await browser.app("POST", path, picture())
    assert status == 200, sent
    assert (await browser.app("POST", path, picture()))[1]["id"] == sent["id"]
    shown = (await page(browser))["messages"][0]
    assert (shown["file"]["kind"], shown["file"]["name"], shown["id"]) == ("image", "窗外.jpg", sent["id"])
    async with browser.client.get(shown["file"]["address"]) as answer:
        assert (answer.status, answer.content_type) == (200, shown["file"]["type"])
    status, refused = await browser.app("POST", "files?client_id=client-0003", b"\xff\xd8\xff" + b"\0" * 64)
    assert (status, refused["error"]["code"]) == (415, "file_broken")
    status, refused = await browser.app("POST", "files?client_id=client-0004", b"")
    assert (status, refused["error"]["code"]) == (415, "file_empty")


async def test_who_writes_too_much_is_told_to_wait(site: Site) -> None:
    browser = await site.browser()
    bodies = [{"client_id": f"client-{n:04}", "text": "在吗"} for n in range(31)]
    statuses = [(await browser.app("POST", "messages", body))[0] for body in bodies]
    assert statuses == [200] * 30 + [429]
    await said(browser, "别人", token=app_token("member-8"))


# ---- history


async def test_history_is_paged_back_by_cursors_and_followed_by_one(site: Site) -> None:
    browser = await site.browser()
    for n in range(5):
        await said(browser, f"第{n}句", f"client-{n:04}")
    whole = (await until(browser, "assistant"))["messages"]
    seen: list[Any] = []
    found = await page(browser, "?limit=2")
    newest = found["cursor"]
    while True:
        seen = found["messages"] + seen
        if found["earlier"] is None:
            break
        found = await page(browser, f"?limit=2&before={found['earlier']}")
    assert [m["id"] for m in seen][: len(whole)] == [m["id"] for m in whole]
    after = await page(browser, f"?after={newest}")
    assert not after["reset"]
    assert {m["id"] for m in after["messages"]}.isdisjoint({m["id"] for m in seen})
    await said(browser, "还有", "client-0009")
    texts = [m["text"] for m in (await page(browser, f"?after={newest}"))["messages"]]
    assert "还有" in texts


@pytest.mark.parametrize("cursor", ["x", "!!!!", "YQ", "YTpi", "OjE", "/", "A" * 200, "5aW9OjE"])
async def test_a_cursor_that_is_none_of_ours_is_refused(site: Site, cursor: str) -> None:
    browser = await site.browser()
    status, body = await browser.app("GET", "messages", params={"after": cursor})
    assert (status, body["error"]["code"]) == (400, "bad_cursor")


async def test_a_cursor_of_another_guest_shows_nothing_of_theirs(site: Site) -> None:
    browser, other = await site.browser(), app_token("member-8")
    await said(browser, "秘密")
    theirs = (await page(browser))["cursor"]
    await said(browser, "你好", token=other)
    found = await page(browser, f"?after={theirs}", token=other)
    assert found["reset"] is True
    assert "秘密" not in json.dumps(found, ensure_ascii=False)
    assert (await page(browser, f"?before={theirs}", token=other))["messages"] == []


async def test_the_same_subject_on_the_same_account_is_the_same_guest_whichever_key_signed(
    site: Site,
) -> None:
    browser = await site.browser()
    sent = await said(browser, "你好")
    again = await site.browser()
    assert (await page(again))["messages"][0]["id"] == sent["id"]


# ---- marks


async def test_staff_see_what_has_been_delivered_and_read(site: Site) -> None:
    browser = await site.browser()
    sent = await said(browser, "早餐几点")
    conversation = sent["id"].split(":")[0]
    await until(browser, "assistant")
    desk = await site.signed_in()

    async def state() -> str:
        status, found = await desk.desk("GET", f"conversations/{conversation}")
        assert status == 200, found
        return next(e["delivery"]["state"] for e in found["events"] if e["type"] == "assistant_said")

    assert await state() == "delivered"
    found = await page(browser)
    assert found["conversation"]["unread"] >= 1
    assert (await browser.app("POST", "read", {"cursor": found["cursor"]}))[0] == 200
    assert await state() == "read"
    assert (await page(browser))["conversation"]["unread"] == 0
    assert (await browser.app("POST", "read", {"cursor": None}))[0] == 400


async def test_what_the_token_says_of_the_guest_is_known_at_the_desk(site: Site) -> None:
    browser = await site.browser()
    until_ = int((datetime.now().astimezone() + timedelta(days=2)).timestamp())
    await said(browser, "你好", token=app_token(name="王女士", room="1208", room_until=until_))
    rows = await site.sql("SELECT name, room, room_until FROM guests")
    assert [tuple(r)[:2] for r in rows] == [("王女士", "1208")]
    assert rows[0][2]


# ---- following


async def test_a_socket_says_what_is_new_and_resumes_where_it_was(site: Site) -> None:
    browser = await site.browser()
    socket = await browser.app_socket()
    welcome = (await frames(socket, "welcome"))[-1]
    assert (welcome["messages"], welcome["cursor"]) == ([], None)
    await socket.send_json({"type": "send", "client_id": "client-0001", "text": "早餐几点"})
    sent = next(f for f in await frames(socket, "sent") if f["type"] == "sent")
    cursor = None
    spoken: list[Any] = []
    while not any(m["from"] == "assistant" for m in spoken):
        frame = (await frames(socket, "messages"))[-1]
        spoken += frame["messages"]
        cursor = frame["cursor"]
    assert sent["id"] in {m["id"] for m in spoken}
    await socket.close()
    await said(browser, "还有吗", "client-0002")
    again = await browser.app_socket(after=cursor)
    welcome = (await frames(again, "welcome"))[-1]
    assert "还有吗" in [m["text"] for m in welcome["messages"]]
    assert {m["id"] for m in welcome["messages"]}.isdisjoint({m["id"] for m in spoken})
    await again.send_json({"type": "ping"})
    await frames(again, "pong")
    await again.send_json({"type": "nonsense"})
    assert (await frames(again, "error"))[-1]["code"] == "bad_request"
    await again.send_json({"type": "token", "token": app_token("member-8")})
    assert (await frames(again, "error"))[-1]["code"] == "token_other_guest"
    await again.send_json({"type": "token", "token": app_token()})
    await frames(again, "renewed")


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"type": "hello"}, 4401),
        ({"type": "hello", "token": "x.y.z"}, 4401),
        ({"type": "hello", "token": app_token(exp=1)}, 4401),
        ({"type": "hello", "token": None, "after": "!"}, 4400),
        ([], 4400),
    ],
)
async def test_a_socket_without_a_believed_token_is_closed(site: Site, hello: Any, code: int) -> None:
    browser = await site.browser()
    if "token" in hello and hello["token"] is None:
        hello = hello | {
            "token": app_token()
        }  # made now: what is collected may wait for longer than a token lives
    socket = await browser.client.ws_connect("/app/v1/socket")
    await socket.send_json(hello)
    assert (await socket.receive(timeout=10)).type is WSMsgType.CLOSE
    assert socket.close_code == code


async def test_a_socket_ends_with_its_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.guest_tokens.SKEW", timedelta(seconds=0))
    browser = await site.browser()
    soon = int(datetime.now().timestamp()) + 2
    socket = await browser.app_socket(app_token(exp=soon))
    await frames(socket, "welcome")
    while (await socket.receive(timeout=20)).type is WSMsgType.TEXT:
        pass
    assert socket.close_code == 4401


async def test_polling_waits_for_what_is_new(site: Site) -> None:
    browser = await site.browser()
    await said(browser, "早餐几点")
    cursor = (await until(browser, "assistant"))["cursor"]
    waiting = asyncio.create_task(browser.app("GET", f"poll?after={cursor}"))
    await asyncio.sleep(0.1)
    await said(await site.browser(), "还有", "client-0002")
    status, found = await waiting
    assert status == 200
    assert "还有" in [m["text"] for m in found["messages"]]


async def test_typing_shows_on_both_sides(site: Site) -> None:
    browser = await site.browser()
    assert (await browser.app("POST", "typing"))[0] == 200
    assert await site.sql("SELECT * FROM guests") == []
    await said(browser, "你好")
    assert (await browser.app("POST", "typing"))[0] == 200
    assert (await page(browser))["conversation"]["typing"] is False  # the guest's own


async def test_a_visit_that_a_colleague_has_ended_is_rated_from_the_app(site: Site) -> None:
    browser, agent = await site.browser(), await site.signed_in()
    rated = {"visit": 1, "stars": 5, "text": "谢谢"}
    assert (await browser.app("POST", "rating", rated))[0] == 409
    id_ = (await said(browser, "转人工"))["id"].partition(":")[0]
    await until(browser, "assistant")
    assert (await page(browser))["conversation"]["rate"] is None
    said_ = {"text": "您好", "client_id": "r1"}
    assert (await agent.desk("POST", f"conversations/{id_}/reply", said_))[0] == 200
    assert (await agent.desk("POST", f"conversations/{id_}/close", {"reason": "solved"}))[0] == 200
    assert (await browser.app("GET", "conversation"))[1]["rate"] == 1
    assert (await browser.app("POST", "rating", rated | {"stars": 6}))[0] == 400
    assert (await browser.app("POST", "rating", rated)) == (200, {"visit": 1, "stars": 5})
    status, again = await browser.app("POST", "rating", rated)
    assert (status, again["error"]["code"]) == (409, "not_ratable")
    assert (await page(browser))["conversation"]["rate"] is None


# ---- one guest, several channels


async def test_a_code_makes_an_app_user_and_a_visitor_one_guest(site: Site) -> None:
    app, web = await site.browser(), await site.browser()
    await said(app, "你好")
    await web.send("你好", "client-7001")
    status, code = await app.app("POST", "link-codes")
    assert status == 200
    assert len(code["code"]) == 8
    await web.send(code["code"], "client-7002")
    assert len(await site.sql("SELECT DISTINCT conversation_id FROM identities")) == 1
    assert (await app.app("POST", "link-codes/redeem", {"code": code["code"]}))[1] == {"linked": False}


async def test_a_guest_opts_in_and_out(site: Site) -> None:
    browser = await site.browser()
    assert (await browser.app("POST", "opt-in", {"in": True}))[1] == {"in": True}
    assert (await site.sql("SELECT opted_in_at FROM guests"))[0][0] is not None
    assert (await browser.app("POST", "opt-in", {"in": False}))[1] == {"in": False}
    assert (await site.sql("SELECT opted_in_at FROM guests"))[0][0] is None
    assert (await browser.app("POST", "opt-in", {"in": "yes"}))[0] == 400


def test_a_key_in_memory_never_shows_itself() -> None:
    assert "secret" not in repr(Key("k", "HS256", "secret" * 8))
