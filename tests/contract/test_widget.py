"""The widget's interface over HTTP: what its page may send besides words, and what it is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from bot import accounts, knowledge, orders, sign_in
from bot.conversation import Close, Record
from bot.guest_tokens import Key
from bot.http import widget
from bot.http.guard import DATABASE, DISPATCH, PRESENCE
from bot.model import (
    ASSISTANT,
    SERVICE,
    AccountId,
    Audience,
    Content,
    ConversationId,
    EventType,
    ExternalId,
    HotelId,
    NewEvent,
    Order,
)
from bot.store import desk, log
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, ORIGIN, OTHER_TOKEN, SOON, TOKEN, Browser, Site, frames, serving
from tests.core import documents
from tests.media_files import picture
from tests.servers import free_port


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    settings = make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)
    async with serving(settings) as made:
        yield made


async def hello(visitor: Browser, after: int = 0, **more: Any) -> tuple[Any, Any]:
    socket = await visitor.widget()
    await socket.send_json({"type": "hello", "token": TOKEN, "after": after, **more})
    return socket, (await frames(socket, "welcome"))[-1]


async def conversation_of(site: Site) -> str:
    found = await site.sql("SELECT conversation_id FROM identities ORDER BY created_at DESC LIMIT 1")
    return str(found[0][0])


# ---- who is writing


async def test_guest_and_desk_see_each_other_write(site: Site) -> None:
    visitor, agent = await site.browser(), await site.signed_in()
    assert (await visitor.send("转人工", "client-0001"))[0] == 200
    id_ = await conversation_of(site)
    await answered(site, id_)
    page, _ = await hello(visitor)
    desk = await agent.feed(follow={id_: 0})
    await frames(desk, "events")
    await page.send_json({"type": "typing"})
    told = {"who": []}
    while "guest" not in told["who"]:  # the assistant may be heard writing first
        told = (await frames(desk, "typing"))[-1]
    assert told["conversation"] == id_
    await visitor.send("我写完了", "client-0002")
    assert "guest" not in (await frames(desk, "typing"))[-1]["who"]
    await answered(site, id_)
    await desk.send_json({"type": "typing", "conversation": id_})
    assert (await frames(page, "typing"))[-1] == {"type": "typing", "on": True}
    said = {"text": "您好", "client_id": "r1"}
    assert (await agent.desk("POST", f"conversations/{id_}/reply", said))[0] == 200
    assert (await frames(page, "typing"))[-1] == {"type": "typing", "on": False}


async def test_who_writes_elsewhere_is_told_to_nobody_else(site: Site) -> None:
    visitor, stranger = await site.browser(), await site.signed_in("far")
    await visitor.send("转人工", "client-0001")
    id_ = await conversation_of(site)
    await answered(site, id_)
    page, _ = await hello(visitor)
    desk = await stranger.feed(hotel="yunting", follow={id_: 0})
    await frames(desk, "snapshot")
    await page.send_json({"type": "typing"})
    await desk.send_json({"type": "typing", "conversation": id_})
    for socket in (desk, page):
        await socket.send_json({"type": "ping"})
    assert {f["type"] for f in await frames(desk, "pong")} == {"pong"}
    assert "typing" not in {f["type"] for f in await frames(page, "pong")}


async def test_a_page_that_only_looks_is_nobody_who_writes(site: Site) -> None:
    page, _ = await hello(await site.browser())
    await page.send_json({"type": "typing"})
    await page.send_json({"type": "ping"})
    assert [f["type"] for f in await frames(page, "pong")] == ["pong"]
    assert await site.sql(f"SELECT * FROM identities WHERE hotel_id = '{ONE}'") == []


# ---- files


async def send_file(visitor: Browser, data: bytes, client_id: str = "client-file", **headers: str) -> Any:
    path = f"/widget/v1/{ONE}-page/files?client_id={client_id}&name=%E6%B5%B7.jpg"
    return await visitor.call("POST", path, data, {"Origin": ORIGIN, "X-Visitor": TOKEN, **headers})


async def test_a_guests_picture_is_kept_once_and_shown_at_an_address(site: Site) -> None:
    visitor = await site.browser()
    status, first = await send_file(visitor, picture())
    assert status == 200, first
    assert (await send_file(visitor, picture()))[1]["seq"] == first["seq"]
    _, view = await visitor.poll()
    (mine,) = [m for m in view["messages"] if m["from"] == "guest"]
    assert (mine["text"], mine["client_id"]) == ("", "client-file")
    assert mine["file"].items() >= {"kind": "image", "width": 320, "height": 200, "name": "海.jpg"}.items()
    async with visitor.client.get(mine["file"]["address"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "图片收到了" in view["messages"][-1]["text"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_what_is_no_file_is_refused_with_words(site: Site) -> None:
    visitor = await site.browser()
    for data, status, code in (
        (b"", 415, "file_empty"),
        (b"\xff\xd8\xff broken", 415, "file_broken"),
        (picture() + b"\0" * 10_000_000, 413, "file_too_large"),
    ):
        got, body = await send_file(visitor, data)
        assert (got, body["error"]["code"]) == (status, code)
        assert "{" not in body["error"]["message"]
    assert (await send_file(visitor, picture(), client_id="x"))[0] == 400
    assert (await send_file(visitor, picture(), **{"X-Visitor": "nobody"}))[0] == 401
    assert (await send_file(visitor, picture(), Origin="https://evil.example"))[0] == 403
    assert await site.sql("SELECT seq FROM events WHERE type = 'guest_said'") == []


async def test_a_page_of_the_hotel_may_ask_to_send_a_file(site: Site) -> None:
    visitor = await site.browser()
    asked = {"Origin": ORIGIN, "Access-Control-Request-Headers": "content-type,x-visitor"}
    async with visitor.client.options(f"/widget/v1/{ONE}-page/files", headers=asked) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "X-Visitor" in answer.headers["Access-Control-Allow-Headers"]


async def test_who_writes_is_told_to_a_page_that_polls(site: Site) -> None:
    visitor, agent = await site.browser(), await site.signed_in()
    await visitor.send("转人工", "client-0001")
    id_ = await conversation_of(site)
    await answered(site, id_)
    desk = await agent.feed(follow={id_: 0})
    await frames(desk, "events")
    path, page = f"/widget/v1/{ONE}-page/typing", {"Origin": ORIGIN}
    assert (await visitor.call("POST", path, {"token": TOKEN}, page))[0] == 200
    assert "guest" in (await frames(desk, "typing"))[-1]["who"]
    await desk.send_json({"type": "typing", "conversation": id_})
    _, view = await visitor.poll(99)
    while not view["typing"]:
        _, view = await visitor.poll(view["seq"])


# ---- cards, rating, words


async def test_an_order_stands_under_the_message_that_told_of_it_and_moves_with_its_state(site: Site) -> None:
    visitor, agent = await site.browser(), await site.signed_in()
    await visitor.send("要毛巾", "client-0001")
    id_ = await conversation_of(site)
    await answered(site, id_)
    await place_order(site, id_)
    page, view = await hello(visitor)
    told = view["messages"][-1]
    (card,) = told["cards"]
    assert card == {
        "kind": "order",
        "service": "送物品",
        "what": "两条毛巾",
        "room": "1506",
        "due_at": None,
        "state": "open",
    }
    (order,) = (await agent.desk("GET", "orders"))[1]["orders"]
    assert (await agent.desk("POST", f"orders/{order['id']}/done", {}))[0] == 200
    again = [f["message"] for f in await frames(page, "seq") if f["type"] == "message"]
    assert [(m["id"], m["cards"][0]["state"]) for m in again] == [(told["id"], "done")]
    _, english = await hello(visitor, lang="en")
    assert english["messages"][-1]["cards"][0]["service"] == "Supplies"


async def answered(site: Site, id_: str) -> None:
    for _ in range(200):
        found = await site.sql(f"SELECT state FROM conversations WHERE conversation_id = '{id_}'")
        if found[0][0] == "WAITING" and not await site.app[PRESENCE].who_types(ConversationId(id_)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked for")


async def place_order(site: Site, id_: str) -> None:
    """As the assistant would: the order and the words that tell of it, in one go."""
    dispatch = site.app[DISPATCH]
    async with dispatch.database.read() as tx:
        row = await log.row_of(tx, HotelId(ONE), ConversationId(id_))
    assert row
    order = Order("place", "request_supplies", {"room": "1506", "what": "两条毛巾"})
    placed = orders.events_of([order], [], row.identity, dispatch.clock.now())
    said = NewEvent(
        EventType.ASSISTANT_SAID,
        dispatch.clock.now(),
        ASSISTANT,
        Audience.GUEST,
        row.identity,
        {"through": row.guest_seq, "epoch": row.epoch},
        Content(text="马上送来。"),
    )
    await dispatch.act(HotelId(ONE), ConversationId(id_), lambda _row, _gone: Record((*placed, said)))


async def test_a_visit_that_a_colleague_has_ended_can_be_rated_once(site: Site) -> None:
    visitor, agent = await site.browser(), await site.signed_in()
    await visitor.send("转人工", "client-0001")
    id_ = await conversation_of(site)
    path, page = f"/widget/v1/{ONE}-page/rating", {"Origin": ORIGIN}
    rated = {"token": TOKEN, "visit": 1, "stars": 4, "text": "很快，我的证件 11010119900307803X"}
    assert (await visitor.call("POST", path, rated, page))[0] == 409
    assert (await agent.desk("POST", f"conversations/{id_}/claim", {}))[0] == 200
    assert (await agent.desk("POST", f"conversations/{id_}/close", {"reason": "solved"}))[0] == 200
    assert (await visitor.poll())[1]["speaker"] == {"kind": "closed", "name": None, "rate": 1}
    for wrong in ({"stars": 0}, {"stars": 6}, {"stars": True}, {"stars": "5"}, {"visit": 2}, {"token": "x"}):
        assert (await visitor.call("POST", path, rated | wrong, page))[0] in (400, 401, 409), wrong
    assert (await visitor.call("POST", path, rated, page))[0] == 200
    assert (await visitor.call("POST", path, rated, page))[0] == 409
    assert (await visitor.poll())[1]["speaker"] == {"kind": "closed", "name": None}
    events = (await agent.desk("GET", f"conversations/{id_}"))[1]["events"]
    (event,) = [e for e in events if e["type"] == "guest_rated"]
    assert event["body"] == {"stars": 4, "visit": 1}
    assert event["text"].startswith("很快")
    assert "11010119900307803X" not in event["text"]
    assert [
        r["stars"] for r in (await agent.desk("GET", "conversations?state=CLOSED"))[1]["conversations"]
    ] == [4]
    boss = await site.signed_in("admin")
    _, day = await boss.desk("GET", "today")
    assert (day["stars"], [(r["stars"], r["text"]) for r in day["ratings"]]) == (4.0, [(4, event["text"])])
    await visitor.send("再来一次，转人工", "client-0002")
    (row,) = (await agent.desk("GET", "conversations"))[1]["conversations"]
    assert row["stars"] is None


async def test_a_visit_that_ended_by_itself_asks_for_nothing(site: Site) -> None:
    visitor = await site.browser()
    await visitor.send("转人工", "client-0001")
    id_ = ConversationId(await conversation_of(site))
    await site.app[DISPATCH].act(HotelId(ONE), id_, lambda _row, _gone: Close(SERVICE, "idle"))
    assert "rate" not in (await visitor.poll())[1]["speaker"]


async def test_the_words_come_in_three_ways_of_writing(site: Site) -> None:
    visitor = await site.browser()
    said = {}
    for lang in ("zh-CN", "zh-TW", "zh-Hant-HK", "en-GB", "fr"):
        page = {"Origin": ORIGIN, "Accept-Language": lang}
        _, found = await visitor.call("GET", f"/widget/v1/{ONE}-page/config", None, page)
        said[lang] = (found["locale"], found["texts"]["widget_connecting"])
    assert said["zh-CN"] == said["fr"] == ("zh-CN", "正在连接…")
    assert said["zh-TW"] == said["zh-Hant-HK"] == ("zh-Hant", "正在連線…")
    assert said["en-GB"] == ("en", "Connecting…")
    await visitor.send("转人工，简体的话", "client-0001")
    await answered(site, await conversation_of(site))
    _, view = await hello(visitor, lang="zh-Hant-TW")
    assert view["messages"][0]["text"] == "转人工，简体的话"
    assert "星海會商務酒店" in view["messages"][-1]["text"]


async def test_the_hotel_says_how_its_widget_looks_and_whether_it_greets(site: Site) -> None:
    visitor = await site.browser()
    looks = documents()["hotel"]["widget"]
    found: list[tuple[Any, ...]] = []
    for changes in ({}, {"theme": "dark", "greeting": False, "colour": "#a01030"}):
        async with site.app[DATABASE].write() as tx:
            await knowledge.save(tx, documents(widget={**looks, **changes}), datetime.now(UTC))
        _, config = await visitor.call("GET", f"/widget/v1/{ONE}-page/config", None, {"Origin": ORIGIN})
        found.append((config["theme"], config["greeting"], config["colour"]))
    assert found == [(None, True, "#0b5f8a"), ("dark", False, "#a01030")]


# ---- visitors whom the hotel's site knows


SECRET = "a secret of the hotel's own site, long enough"


async def with_key(site: Site) -> None:
    seal = site.app[DISPATCH].seal
    async with site.app[DATABASE].write() as tx:
        row = await desk.account_of(tx, "web", AccountId(f"{ONE}-page"))
        assert row
        await accounts.change_keys(tx, seal, row, [Key("k1", "HS256", SECRET)], datetime.now(UTC))


def signed(subject: str, audience: str = f"{ONE}-page", life: int = 300, secret: str = SECRET) -> str:
    claims = {"sub": subject, "aud": audience, "exp": int(time.time()) + life}
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": "k1"})


async def hears(page: ClientWebSocketResponse, words: str) -> None:
    """The page is told of a message with these words."""
    heard: list[str] = []
    while words not in heard:
        heard += [f["message"]["text"] for f in await frames(page, "seq") if f["type"] == "message"]


async def test_the_same_person_on_two_devices_has_one_history(site: Site) -> None:
    await with_key(site)
    phone, laptop = await site.browser(), await site.browser()
    one, _ = await hello(phone, identity=signed("wang"))
    two, view = await hello(laptop, token=OTHER_TOKEN, identity=signed("wang"))
    assert view["conversation"] is None
    await one.send_json({"type": "send", "client_id": "client-0001", "text": "从手机上问"})
    await hears(two, "从手机上问")  # which has said nothing itself yet
    await two.send_json({"type": "send", "client_id": "client-0002", "text": "从电脑上问"})
    await hears(one, "从电脑上问")
    stranger, _ = await hello(await site.browser(), token="u" * 43, identity=signed("li"))
    await stranger.send_json({"type": "ping"})
    assert [f["type"] for f in await frames(stranger, "pong")] == ["pong"]


async def test_who_signs_in_after_writing_joins_what_they_wrote_before(site: Site) -> None:
    await with_key(site)
    phone, laptop = await site.browser(), await site.browser()
    one, _ = await hello(phone, identity=signed("wang"))
    await one.send_json({"type": "send", "client_id": "client-0001", "text": "登录时说的"})
    await frames(one, "sent")
    await laptop.send("没登录时说的", "client-0002", OTHER_TOKEN)
    two, before = await hello(laptop, token=OTHER_TOKEN)
    assert "登录时说的" not in [m["text"] for m in before["messages"]]
    await two.send_json({"type": "identify", "identity": signed("wang")})
    after = (await frames(two, "welcome"))[-1]
    assert after["reset"]
    said = [m["text"] for m in after["messages"] if m["from"] == "guest"]
    assert said == ["登录时说的", "没登录时说的"]
    assert len({m["id"] for m in after["messages"]}) == len(after["messages"])


async def test_one_browser_is_never_two_people(site: Site) -> None:
    await with_key(site)
    visitor = await site.browser()
    one, _ = await hello(visitor, identity=signed("wang"))
    await one.send_json({"type": "send", "client_id": "client-0001", "text": "王先生说的"})
    await frames(one, "sent")
    socket = await visitor.widget()
    await socket.send_json({"type": "hello", "token": TOKEN, "after": 0, "identity": signed("li")})
    assert (await socket.receive(timeout=10)).data == 4401
    await one.send_json({"type": "identify", "identity": signed("li")})
    while (await one.receive(timeout=10)).type is WSMsgType.TEXT:
        pass
    assert one.close_code == 4401


async def test_a_token_that_says_nothing_costs_the_signature_alone(site: Site) -> None:
    await with_key(site)
    visitor = await site.browser()
    for wrong in (
        "x",
        7,
        signed("wang", "other-page"),
        signed("wang", life=-60),
        signed("wang", secret=SECRET * 2),
    ):
        socket = await visitor.widget()
        await socket.send_json({"type": "hello", "token": TOKEN, "after": 0, "identity": wrong})
        told = await frames(socket, "welcome")
        assert told[0]["type"] == "unidentified"
        await socket.close()
    assert await site.sql("SELECT * FROM identities") == []


async def test_the_same_holds_where_sockets_are_cut(site: Site) -> None:
    await with_key(site)
    phone, laptop = await site.browser(), await site.browser()
    path, page = f"/widget/v1/{ONE}-page", {"Origin": ORIGIN}
    body = {"token": TOKEN, "client_id": "client-0001", "text": "从手机上问", "identity": signed("wang")}
    seen = {"token": OTHER_TOKEN, "after": 0, "identity": signed("wang")}
    looking = asyncio.create_task(laptop.call("POST", f"{path}/poll", seen, page))
    assert (await phone.call("POST", f"{path}/messages", body, page))[0] == 200
    _, view = await looking
    while "从手机上问" not in [m["text"] for m in view["messages"]]:  # it may have met them a moment before
        at = {"after": view["seq"], "conversation": view["conversation"]}
        _, more = await laptop.call("POST", f"{path}/poll", seen | at, page)
        view = more | {"messages": [*view["messages"], *more["messages"]]}
    status, _ = await phone.call(
        "POST", f"{path}/poll", seen | {"token": TOKEN, "identity": signed("li")}, page
    )
    assert status == 401


# ---- the line


async def test_a_socket_is_pinged_and_let_go_when_nobody_answers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widget, "HEARTBEAT", 0.2)
    visitor = await site.browser()
    path, page = f"/widget/v1/{ONE}-page/socket", {"Origin": ORIGIN}
    socket = await visitor.client.ws_connect(path, headers=page, autoping=False)
    await socket.send_json({"type": "hello", "token": TOKEN})
    await frames(socket, "welcome")
    assert (await socket.receive(timeout=10)).type is WSMsgType.PING
    assert (await socket.receive(timeout=10)).type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


async def test_the_widget_has_a_page_of_its_own(site: Site) -> None:
    visitor = await site.browser()
    async with visitor.client.get(f"/chat/{ONE}-page", headers={"Accept-Language": "en"}) as answer:
        said = await answer.text()
        assert (answer.status, "<title>Xinghaihui Business Hotel</title>" in said) == (200, True)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert (await visitor.call("GET", "/chat/nokey"))[0] == 404


async def test_who_signs_in_inside_wechat_finds_what_they_said_there(site: Site) -> None:
    dispatch = site.app[DISPATCH]
    async with dispatch.database.read() as tx:
        account = await desk.account_of(tx, "wechat", AccountId("plain"))
    assert account
    once = await sign_in.token_for(dispatch, account, ExternalId("o-openid"))
    phone, tablet = await site.browser(), await site.browser()
    one, _ = await hello(phone, signed=once)
    await one.send_json({"type": "send", "client_id": "client-0001", "text": "在微信里问"})
    await frames(one, "sent")
    found = await site.sql("SELECT DISTINCT subject FROM subjects")
    assert [row[0] for row in found] == ["wechat:plain:o-openid"]
    assert len({row[0] for row in await site.sql("SELECT guest_id FROM identities")}) == 1
    _, view = await hello(tablet, token=OTHER_TOKEN, signed=once)
    assert view["messages"] == []
    other = await sign_in.token_for(dispatch, account, ExternalId("o-somebody-else"))
    socket = await phone.widget()
    await socket.send_json({"type": "hello", "token": TOKEN, "after": 0, "signed": other})
    assert (await socket.receive(timeout=10)).data == 4401
