"""The edges on the real application: nobody comes in unasked, and nothing that is sent does any harm."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from bot import metrics, staff
from bot.conversation import Record
from bot.http import feed as feed_module
from bot.http.feed import Feed
from bot.http.guard import DISPATCH
from bot.model import ASSISTANT, Audience, ConversationId, EventType, HotelId, NewEvent
from bot.store import outbox
from tests.conftest import SettingsMaker
from tests.contract.site import (
    AES_KEY,
    ONE,
    ORIGIN,
    OTHER_TOKEN,
    PASSWORD,
    SOON,
    TOKEN,
    TWO,
    Browser,
    Site,
    frames,
    serving,
)
from tests.servers import free_port
from tests.unit.test_wechat_push import message, signed

ID_CARD = "11010119900307803X"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(staff, "_HASHER", quick)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Built pages, and a secret beside them."""
    (tmp_path / "dist/desk/assets").mkdir(parents=True)
    (tmp_path / "dist/widget").mkdir()
    (tmp_path / "dist/desk/index.html").write_text("<p>the desk</p>")
    (tmp_path / "dist/desk/assets/app.js").write_text("the script")
    (tmp_path / "dist/widget/widget.js").write_text("the widget")
    (tmp_path / "dist/secret.txt").write_text("TOP SECRET")
    return tmp_path / "dist"


@pytest.fixture
async def site(
    migrated_sqlite: Path, tmp_path: Path, pages: Path, make_settings: SettingsMaker
) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    settings = make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", FRONTEND_DIR=pages, **SOON)
    async with serving(settings) as made:
        yield made


@pytest.fixture
async def either(database_url: str, pages: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    """The same on both databases, for what each of them refuses in its own way."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = make_settings(DATABASE_URL=database_url, RASA_URL=url, FRONTEND_DIR=pages, **SOON)
    async with serving(settings) as made:
        yield made


async def visit(site: Site, words: str = "早餐几点", token: str = TOKEN) -> tuple[Browser, str]:
    """A visitor who has written, and the id of their conversation."""
    visitor = await site.browser()
    status, _ = await visit_send(visitor, words, token)
    assert status == 200
    found = await site.sql(
        "SELECT conversation_id FROM identities ORDER BY created_at DESC, identity_id DESC LIMIT 1"
    )
    return visitor, found[0][0]


async def visit_send(visitor: Browser, words: str, token: str = TOKEN) -> tuple[int, Any]:
    return await visitor.send(words, hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:40], token)


async def answered(site: Site, conversation: str) -> None:
    """Wait until the engine has failed and a person is asked for."""
    for _ in range(200):
        found = await site.sql(f"SELECT state FROM conversations WHERE conversation_id = '{conversation}'")
        if found and found[0][0] == "WAITING":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was asked for")


# ---- every route has a guard

PUBLIC = {
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/desk",
    "/desk/{path}",
    "/widget.js",
    "/widget-more.js",
    "/chat/{key}",
    "/openapi.json",
    "/docs",
    "/sample/{hotel}/app",  # only where an account is marked as a sample: test_sample_app
    "/sample/{hotel}/app/token",
    "/sample/{hotel}",
    "/files/{hotel}/{blob}",  # its address is signed: test_files
    "/wechat/{account}",  # signed by the platform: below
    "/wechat/{account}/sign-in",  # the platform says who it is: test_wechat_sign_in
    "/wecom/{account}",  # likewise: test_wecom
}


def routes(site: Site) -> list[tuple[str, str]]:
    return [(r.method, r.resource.canonical) for r in site.app.router.routes() if r.resource]


def filled(path: str, hotel: str = ONE) -> str:
    known = {"hotel": hotel, "conversation": "c", "seq": "1", "order": "o", "point": "p", "what": "x"}
    known |= {"guest": "g", "identity": "i", "promise": "p", "staff": "s"}
    known |= {"phrase": "p", "handover": "h", "fact": "f"}
    known["key"] = f"{ONE}-page"
    return path.format(**known)


def desk_routes(site: Site) -> list[tuple[str, str]]:
    return [(m, p) for m, p in routes(site) if p.startswith("/desk/v1/")]


async def test_every_route_is_the_desks_the_widgets_or_named_as_public(site: Site) -> None:
    rest = {p for _, p in routes(site) if not p.startswith(("/desk/v1/", "/widget/v1/", "/app/v1/"))}
    assert rest == PUBLIC
    assert len(desk_routes(site)) > 20


async def test_nobody_unknown_gets_past_the_desks_door(site: Site) -> None:
    stranger = await site.browser()
    for method, path in desk_routes(site):
        if (method, path) == ("POST", "/desk/v1/session"):
            continue
        status, _ = await stranger.call(method, filled(path), {} if method == "POST" else None)
        assert status == 401, (method, path)
        forged = {"Cookie": "desk_session=forged"}
        status, _ = await stranger.call(method, filled(path), {} if method == "POST" else None, forged)
        assert status == 401, (method, path)


async def test_nothing_is_done_for_another_sites_page(site: Site) -> None:
    browser = await site.signed_in("admin")
    for method, path in desk_routes(site):
        for origin in ("https://evil.example", "null", f"{site.origin}.evil.example", "http://127.0.0.1:1"):
            status, body = await browser.call(method, filled(path), None, {"Origin": origin})
            assert status == 403, (method, path, origin)
            assert method == "HEAD" or body["error"]["code"] == "bad_origin"
    status, _ = await browser.call("GET", "/desk/v1/session", None, {"Origin": site.origin})
    assert status == 200


async def test_nothing_is_done_without_the_desks_own_header(site: Site) -> None:
    browser = await site.signed_in("admin")
    for method, path in desk_routes(site):
        if method in ("GET", "HEAD"):
            continue
        for value in ("", "0", "true"):
            status, body = await browser.call(method, filled(path), {}, {"X-Desk": value})
            assert (status, body["error"]["code"]) == (403, "missing_header"), (method, path)


async def test_nobody_looks_into_another_hotel(site: Site) -> None:
    browser = await site.signed_in("admin")
    for method, path in desk_routes(site):
        if "{hotel}" not in path:
            continue
        for hotel in (TWO, "nowhere", "%00", "XINGHAIHUI"):
            status, _body = await browser.call(method, filled(path, hotel), {} if method == "POST" else None)
            assert status in (403, 404), (method, path, hotel)


async def test_nothing_opens_before_a_password_of_ones_own(site: Site) -> None:
    browser = await site.signed_in("new")
    for method, path in desk_routes(site):
        if "{hotel}" in path:
            status, body = await browser.call(method, filled(path), {} if method == "POST" else None)
            assert status == 403, (method, path)
            assert method == "HEAD" or body["error"]["code"] == "must_change_password"
    elsewhere = await site.signed_in("new")
    assert (await browser.call("POST", "/desk/v1/password", {"old": PASSWORD, "new": "short"}))[0] == 400
    assert (await browser.call("POST", "/desk/v1/password", {"old": PASSWORD, "new": PASSWORD}))[0] == 400
    assert (await browser.call("POST", "/desk/v1/password", {"old": "wrong", "new": "x" * 12}))[0] == 403
    assert (await browser.call("POST", "/desk/v1/password", {"old": PASSWORD, "new": "x" * 12}))[0] == 200
    assert (await browser.desk("GET", "conversations"))[0] == 200
    assert (await elsewhere.desk("GET", "conversations"))[0] == 401
    told = await site.sql("SELECT action FROM audit ORDER BY audit_id")
    assert [action for (action,) in told] == ["password_changed", "signed_out_elsewhere"]


async def test_the_door_opens_for_those_who_may(site: Site) -> None:
    """The other side of the four tests above: it isn't simply shut."""
    browser = await site.signed_in("agent")
    for path in ("conversations", "orders", "feed/poll"):
        assert (await browser.desk("GET", path))[0] == 200
    assert (await browser.desk("GET", "conversations/c"))[0] == 404
    assert (await browser.desk("POST", "conversations/c/claim", {}))[0] == 404


async def test_signing_out_shuts_the_door(site: Site) -> None:
    browser = await site.signed_in()
    assert (await browser.call("GET", "/desk/v1/session"))[0] == 200
    assert (await browser.call("DELETE", "/desk/v1/session"))[0] == 200
    assert (await browser.call("GET", "/desk/v1/session"))[0] == 401


async def test_five_failures_lock_and_say_until_when(site: Site) -> None:
    browser = await site.browser()
    seen = [await browser.sign_in("agent", "wrong") for _ in range(5)]
    assert [status for status, _ in seen] == [401] * 4 + [423]
    assert seen[-1][1]["error"]["retry_at"]
    assert "之后再试" in seen[-1][1]["error"]["message"]
    assert (await browser.sign_in("agent"))[0] == 423
    assert (await browser.sign_in("admin"))[0] == 200


async def test_the_cookie_is_for_the_desk_alone_and_out_of_scripts_reach(site: Site) -> None:
    browser = await site.browser()
    body = json.dumps({"login": "agent", "password": PASSWORD})
    async with browser.client.post("/desk/v1/session", data=body, headers={"X-Desk": "1"}) as answer:
        cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/desk"):
        assert part in cookie


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"[" * 5000,
        b'{"login": 7, "password": "x"}',
        b'{"login": null}',
        b'{"login": "\\u0000", "password": "x"}',
        b'{"login": "\\ud800", "password": "\\ud800"}',
    ],
)
async def test_no_sign_in_from_what_is_none(either: Site, body: bytes) -> None:
    browser = await either.browser()
    status, answer = await browser.call("POST", "/desk/v1/session", body)
    assert status in (400, 401)
    assert answer["error"]["message"]


# ---- too much


async def test_a_body_of_more_than_a_megabyte_is_refused_everywhere(site: Site) -> None:
    browser = await site.signed_in()
    big = b'{"text": "' + b"x" * 1_000_001 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    paths = {
        f"/desk/v1/hotels/{ONE}/conversations/c/reply": {},
        f"/widget/v1/{ONE}-page/messages": {"Origin": ORIGIN},
        "/wechat/plain": {},
    }
    for path, headers in paths.items():
        url = URL(path).with_query(signed("t0ken")) if path.startswith("/wechat") else URL(path)
        for data in (big, chunks()):
            async with browser.client.post(url, data=data, headers={"X-Desk": "1"} | headers) as answer:
                assert answer.status == 413, path


async def test_who_writes_too_much_is_told_to_wait(site: Site) -> None:
    visitor = await site.browser()
    statuses = [(await visitor.send(f"第{n}句", f"client-{n:04}"))[0] for n in range(31)]
    assert statuses == [200] * 30 + [429]
    assert (await visitor.send("别人", "client-9999", OTHER_TOKEN))[0] == 200
    socket = await visitor.widget()
    await socket.send_json({"type": "hello", "token": TOKEN, "after": 0})
    await frames(socket, "welcome")
    await socket.send_json({"type": "send", "client_id": "client-5555", "text": "又一句"})
    assert (await frames(socket, "error"))[-1]["code"] == "too_many"
    while (await socket.receive(timeout=10)).type is WSMsgType.TEXT:
        pass
    assert socket.close_code == 4429


# ---- WeChat's address


async def push(browser: Browser, account: str, query: dict[str, str], body: bytes) -> tuple[int, str]:
    async with browser.client.post(f"/wechat/{account}", params=query, data=body) as answer:
        words = await answer.text()
        assert "Traceback" not in words
        return answer.status, words


async def test_only_the_platform_may_push(site: Site) -> None:
    browser, body = await site.browser(), message().encode()
    for query in ({}, signed("other"), signed("t0ken") | {"nonce": "x"}):
        assert (await push(browser, "plain", query, body))[0] == 403
    assert (await push(browser, "safe", signed("t0ken"), body))[0] == 400
    assert (await push(browser, "nowhere", signed("t0ken"), body))[0] == 404
    assert await site.sql("SELECT * FROM events") == []


async def test_the_address_is_verified(site: Site) -> None:
    browser = await site.browser()
    for token, status in (("t0ken", 200), ("other", 403)):
        query = signed(token) | {"echostr": "<b>1</b>"}
        async with browser.client.get("/wechat/plain", params=query) as answer:
            assert answer.status == status
            assert answer.content_type != "text/html"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml>",
        b"<xml></xml>",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Content>&e;</Content></xml>',
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><Content>&b;</Content></xml>',
        b"<xml>" + b"<a>" * 50_000,
        b"<xml><Content>\x00</Content></xml>",
        b"\xff\xfe<\x00x\x00",
        message(FromUserName="").encode(),
        message(FromUserName="a b").encode(),
    ],
)
async def test_xml_with_tricks_is_refused(site: Site, body: bytes) -> None:
    status, words = await push(await site.browser(), "plain", signed("t0ken"), body)
    assert status == 400
    assert "root:" not in words
    assert await site.sql("SELECT * FROM events") == []


async def test_an_unknown_type_is_acknowledged_and_logged(site: Site) -> None:
    browser = await site.browser()
    body = message(MsgType="hologram", Content="").encode()
    assert await push(browser, "plain", signed("t0ken"), body) == (200, "success")
    assert [r[0] for r in await site.sql("SELECT type FROM events ORDER BY seq")] == [
        "contacted",
        "channel_event_received",
    ]


async def test_a_push_is_answered_with_the_reply_itself(site: Site) -> None:
    """The engine is away, so that is what the guest is told, at once and in the answer to the push."""
    browser = await site.browser()
    status, words = await push(browser, "plain", signed("t0ken"), message(Content="]]><evil>").encode())
    assert status == 200
    assert "<MsgType><![CDATA[text]]></MsgType>" in words
    assert "自动助手" in words
    assert "<evil>" not in words


async def test_an_answer_committed_between_two_looks_is_carried_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is empty at one read, the answer is committed, and at the next nothing is owed any more."""
    head, looked = outbox.head, 0

    async def slow(tx: AsyncConnection, *line: Any) -> Any:
        nonlocal looked
        found, looked = await head(tx, *line), looked + 1
        while looked == 1 and not await site.sql("SELECT 1 FROM outbox WHERE kind = 'deliver'"):
            await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(outbox, "head", slow)
    status, words = await push(await site.browser(), "plain", signed("t0ken"), message().encode())
    assert looked > 1
    assert (status, "自动助手" in words) == (200, True)


async def test_without_a_database_nothing_is_acknowledged(site: Site) -> None:
    """So that the platform brings it again."""
    browser = await site.browser()
    await site.sql("ALTER TABLE arrivals RENAME TO away")
    status, words = await push(browser, "plain", signed("t0ken"), message().encode())
    assert status == 503
    assert "success" not in words
    status, body = await browser.send("在吗", "client-0001")
    assert (status, body["error"]["code"]) == (503, "unavailable")
    await site.sql("ALTER TABLE away RENAME TO arrivals")
    assert (await push(browser, "plain", signed("t0ken"), message().encode()))[0] == 200
    assert (await browser.send("在吗", "client-0001"))[0] == 200


# ---- the widget's door


async def test_only_pages_of_the_hotels_sites_may_carry_the_widget(site: Site) -> None:
    browser = await site.browser()
    for method, path in routes(site):
        if not path.startswith("/widget/v1/") or method == "HEAD":
            continue
        for origin in ("https://evil.example", "null", "https://www.xinghaihui.example.evil.example"):
            body = {"token": TOKEN, "client_id": "client-0001", "text": "x"} if method == "POST" else None
            status, _ = await browser.call(method, filled(path), body, {"Origin": origin})
            assert status == 403, (method, path, origin)
    with pytest.raises(WSServerHandshakeError) as refused:
        await browser.widget("https://evil.example")
    assert refused.value.status == 403
    assert await site.sql("SELECT * FROM events") == []


async def test_cors_is_for_allowed_pages_alone(site: Site) -> None:
    browser = await site.browser()
    for origin, allowed in ((ORIGIN, True), ("https://evil.example", False)):
        async with browser.client.get(f"/widget/v1/{ONE}-page/config", headers={"Origin": origin}) as answer:
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "*" not in answer.headers.getall("Access-Control-Allow-Origin", [])


async def test_another_hotels_page_has_another_key_and_other_sites(site: Site) -> None:
    browser = await site.browser()
    path = f"/widget/v1/{TWO}-page/config"
    assert (await browser.call("GET", path, None, {"Origin": ORIGIN}))[0] == 403
    status, found = await browser.call("GET", path, None, {"Origin": "https://www.yunting.example"})
    assert (status, found["hotel"]["name"]) == (200, "云汀度假酒店")
    assert (await browser.call("GET", "/widget/v1/nokey/config", None, {"Origin": ORIGIN}))[0] == 404


BAD_TOKENS: list[object] = [
    None,
    "",
    "x",
    "v" * 42,
    "v" * 44,
    "é" * 43,
    7,
    [TOKEN],
    {"a": 1},
    "v" * 42 + "\0",
]


async def test_no_bad_token_opens_anything(site: Site) -> None:
    visitor, _ = await visit(site)
    for token in BAD_TOKENS:
        assert (await visitor.send("x", "client-0002", token))[0] == 401, token  # type: ignore[arg-type]
        assert (await visitor.poll(0, token))[0] == 401, token  # type: ignore[arg-type]
        socket = await visitor.widget()
        await socket.send_json({"type": "hello", "token": token, "after": 0})
        await socket.receive(timeout=10)
        assert socket.close_code == 4401, token


@pytest.mark.parametrize(
    "hello", ["", "{", "[]", "null", "7", "{}", '{"type": 7}', '"hello"', "[" * 5000, '{"type": "hello"}']
)
async def test_a_socket_begins_with_a_hello_or_ends(site: Site, hello: str) -> None:
    socket = await (await site.browser()).widget()
    await socket.send_str(hello)
    await socket.receive(timeout=10)
    assert socket.close_code == 4401


async def test_one_visitor_never_sees_another(site: Site) -> None:
    visitor, _ = await visit(site, "我的秘密")
    await visit(site, "别人的话", OTHER_TOKEN)
    _, mine = await visitor.poll(0, TOKEN)
    _, theirs = await visitor.poll(0, OTHER_TOKEN)
    assert "我的秘密" in str(mine)
    assert "我的秘密" not in str(theirs)


async def test_a_visitors_token_stands_nowhere(site: Site) -> None:
    await visit(site)
    rows = await site.sql("SELECT * FROM identities")
    assert TOKEN not in str(rows)


# ---- what a page may send


STRANGE = {
    "control characters": "a\x01\x02\x1b[31mb\x7f\x85c",
    "ten thousand characters": "早" * 10_000,
    "right to left": "\u202eגןישה\u202c \u200f\u2067abc\u2069",
    "a CDATA end": "]]><MsgType>text</MsgType><![CDATA[",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;",
    "templates": "{hotel_name} {{x}} %s ${y}",
    "SQL": "'; DROP TABLE events; --",
    "line ends": "a\r\nb\u2028c\u2029d\te",
    "emoji": "👨‍👩‍👧‍👦🇨🇳",
    "NUL": "a\0b",
    "lone surrogates": "a\ud800b\udfffc",
}
KEPT = {"NUL": "a\ufffdb", "lone surrogates": "a\ufffdb\ufffdc"}


async def test_any_text_is_kept_as_it_was_sent_and_shown_as_text(either: Site) -> None:
    visitor, agent = await either.browser(), await either.signed_in()
    for n, words in enumerate(STRANGE.values()):
        status, _ = await visitor.send(words, f"client-{n:04}")
        assert status == 200
    expected = [KEPT.get(name, words) for name, words in STRANGE.items()]
    _, view = await visitor.poll()
    assert [m["text"] for m in view["messages"] if m["from"] == "guest"] == expected
    ((id_,),) = await either.sql("SELECT conversation_id FROM conversations")
    _, thread = await agent.desk("GET", f"conversations/{id_}")
    assert [e["text"] for e in thread["events"] if e["type"] == "guest_said"] == expected
    async with visitor.client.get(f"/sample/{ONE}") as page:
        assert "<script>alert(1)" not in await page.text()


async def test_what_staff_write_is_as_safe(either: Site) -> None:
    visitor, id_ = await visit(either)
    agent = await either.signed_in()
    short = {name: words[:5000] for name, words in STRANGE.items()}
    for n, words in enumerate(short.values()):
        body = {"text": words, "client_id": f"client-{n:04}"}
        assert (await agent.desk("POST", f"conversations/{id_}/reply", body))[0] == 200, words
        assert (await agent.desk("POST", f"conversations/{id_}/note", body | {"client_id": f"n-{n:06}"}))[
            0
        ] == 200
    expected = [KEPT.get(name, words) for name, words in short.items()]
    _, view = await visitor.poll()
    assert [m["text"] for m in view["messages"] if m["from"] == "staff"] == expected


async def test_strange_words_on_wechat_come_back_in_well_formed_xml(site: Site) -> None:
    browser = await site.browser()
    for n, name in enumerate(("a CDATA end", "HTML", "right to left", "emoji", "ten thousand characters")):
        body = message(Content=STRANGE[name], MsgId=f"{n}", FromUserName=f"oGuest{n}").encode()
        status, words = await push(browser, "plain", signed("t0ken"), body)
        assert status == 200, name
        assert words.count("<MsgType>") == 1, name
    said = await site.sql(
        "SELECT c.text FROM contents c JOIN events e ON e.conversation_id = c.conversation_id "
        "AND e.seq = c.seq WHERE e.type = 'guest_said'"
    )
    assert {row[0] for row in said} >= {
        STRANGE["a CDATA end"],
        STRANGE["HTML"],
        STRANGE["ten thousand characters"],
    }


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ("早" * 10_001, 400, "too_long"),
        ("", 400, "empty"),
        (" \n\t", 400, "empty"),
        (7, 400, "empty"),
        (None, 400, "empty"),
        (["x"], 400, "empty"),
    ],
)
async def test_what_is_no_message_is_refused_with_words(
    site: Site, words: object, status: int, code: str
) -> None:
    got, body = await (await site.browser()).send(words, "client-0001")
    assert (got, body["error"]["code"]) == (status, code)
    assert "{" not in body["error"]["message"]


@pytest.mark.parametrize("client_id", ["", "x", "a b c d e f", "x" * 65, "\0" * 20, None, 7])
async def test_a_message_needs_an_id_of_its_page(site: Site, client_id: Any) -> None:
    assert (await (await site.browser()).send("在吗", client_id))[0] == 400


async def test_garbage_on_an_open_socket_is_answered_and_forgotten(site: Site) -> None:
    visitor = await site.browser()
    socket = await visitor.widget()
    await socket.send_json({"type": "hello", "token": TOKEN})
    await frames(socket, "welcome")
    for garbage in (
        "",
        "{",
        "[]",
        "7",
        "[" * 5000,
        '{"type": "dance"}',
        '{"type": "send"}',
        '{"type": null}',
    ):
        await socket.send_str(garbage)
        assert (await frames(socket, "error"))[-1]["message"], garbage
    await socket.send_bytes(b"\xff")
    await socket.send_json({"type": "ping"})
    assert (await frames(socket, "pong"))[-1] == {"type": "pong"}
    await socket.close()


NUMBERS = ["-1", "1.5", "1e9", "99999999999999999999", "3000000000", "٣", "x", "0x1", "%00", "9" * 5000]


async def test_no_number_in_an_address_breaks_anything(either: Site) -> None:
    _, id_ = await visit(either)
    agent = await either.signed_in("admin")
    for number in NUMBERS:
        for path in (
            f"conversations/{id_}?after={number}",
            f"conversations?limit={number}",
            f"conversations?after={number}",
            f"conversations?state={number}",
            f"orders?state={number}",
            f"feed/poll?cursor={number}&follow={id_}:{number}",
        ):
            status, _ = await agent.desk("GET", path)
            assert status in (200, 400, 403, 404), path
        status, _ = await agent.desk("POST", f"conversations/{id_}/events/{number}/sealed", {})
        assert status in (400, 404, 405), number


async def test_no_number_in_a_body_breaks_anything(either: Site) -> None:
    visitor, id_ = await visit(either)
    agent = await either.signed_in()
    for number in (-1, 0, 1.5, 2**31, 2**63, 2**80, True, None, "1", [], {}):
        for what in ("read", "resend"):
            status, _ = await agent.desk("POST", f"conversations/{id_}/{what}", {"seq": number})
            assert status in (200, 400, 404, 409), (what, number)
        status, _view = await visitor.poll(number)
        assert status == 200
        socket = await visitor.widget()
        await socket.send_json({"type": "hello", "token": TOKEN, "after": number})
        assert (await frames(socket, "welcome"))[-1]["seq"] >= 1, number
        await socket.close()
        feed = await agent.feed(follow={id_: number, "nobody": 1})
        await frames(feed, "snapshot")
        await feed.close()


@pytest.mark.parametrize(
    "path",
    [
        "/desk/v1/hotels/xinghaihui/conversations/%00",
        "/desk/v1/hotels/%00/conversations",
        "/desk/v1/hotels/xinghaihui/conversations/%ff%fe",
        "/desk/v1/hotels/xinghaihui/conversations/%ED%A0%80",
        "/desk/%00",
        "/desk/%ff",
        "/desk/" + "a" * 3000,
        "/sample/%00",
        "/widget/v1/%00/config",
        "/wechat/%00",
        "/%00",
    ],
)
async def test_no_address_breaks_anything(either: Site, path: str) -> None:
    agent = await either.signed_in("admin")
    status, _ = await agent.call("GET", URL(path, encoded=True), None, {"Origin": either.origin})  # type: ignore[arg-type]
    assert status in (200, 400, 403, 404)


# ---- the widget's wire: nothing missing, nothing twice


async def hello(visitor: Browser, after: int, token: str = TOKEN) -> tuple[Any, Any]:
    socket = await visitor.widget()
    await socket.send_json({"type": "hello", "token": token, "after": after})
    return socket, (await frames(socket, "welcome"))[-1]


async def test_a_page_that_returns_sees_everything_once(site: Site) -> None:
    visitor, id_ = await visit(site, "第0句")
    await answered(site, id_)
    agent = await site.signed_in()
    seen: list[Any] = []
    socket, welcome = await hello(visitor, 0)
    seen += welcome["messages"]
    after = welcome["seq"]
    await socket.close()
    for n in range(1, 6):  # away: people and the guest's other tab go on
        await visit_send(visitor, f"第{n}句")
        reply = {"text": f"答{n}", "client_id": f"client-{n:04}"}
        assert (await agent.desk("POST", f"conversations/{id_}/reply", reply))[0] == 200
    socket, welcome = await hello(visitor, after)
    seen += welcome["messages"]
    await visit_send(visitor, "最后")
    live = await frames(socket, "seq")
    seen += [f["message"] for f in live if f["type"] == "message"]
    await socket.close()
    said = [m["text"] for m in seen if m["from"] != "assistant"]
    assert said == ["第0句", *(t for n in range(1, 6) for t in (f"第{n}句", f"答{n}")), "最后"]
    seqs = [m["seq"] for m in seen]
    assert seqs == sorted(set(seqs))
    _, all_ = await visitor.poll(0)
    assert [m["seq"] for m in all_["messages"]] == seqs
    assert welcome["speaker"] == {"kind": "staff", "name": "员工agent"}


async def test_guests_read_the_name_that_somebody_has_chosen_for_them(site: Site) -> None:
    visitor, id_ = await visit(site, "在吗")
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    await agent.desk("POST", f"conversations/{id_}/reply", {"text": "在的", "client_id": "client-0001"})
    chosen = await agent.call("POST", "/desk/v1/guest-name", {"name": " 前台  小林 "})
    assert chosen == (200, {"guest_name": "前台 小林"})
    _, seen = await visitor.poll(0)
    assert (seen["speaker"]["name"], seen["messages"][-1]["name"]) == ("前台 小林", "前台 小林")
    _, opened = await admin.desk("GET", f"conversations/{id_}")
    assert opened["conversation"]["holder"]["name"] == "员工agent"
    await agent.desk("POST", f"conversations/{id_}/release")
    _, seen = await visitor.poll(0)
    assert "前台 小林" in seen["messages"][-1]["text"]
    assert "员工agent" not in str(seen)
    status, refused = await agent.call("POST", "/desk/v1/guest-name", {"name": "长" * 21})
    assert (status, refused["error"]["code"]) == (400, "guest_name_too_long")
    assert await agent.call("POST", "/desk/v1/guest-name", {"name": ""}) == (200, {"guest_name": None})


async def test_sending_again_with_the_same_id_is_one_message(site: Site) -> None:
    visitor = await site.browser()
    socket, _ = await hello(visitor, 0)
    frame = {"type": "send", "client_id": "client-0001", "text": "在吗"}
    for _ in range(2):
        await socket.send_json(frame)
    sent = [f for f in await frames(socket, "sent") if f["type"] == "sent"]
    sent += [f for f in await frames(socket, "sent") if f["type"] == "sent"]
    again = await visitor.send("在吗", "client-0001")
    assert {f["seq"] for f in sent} | {again[1]["seq"]} == {sent[0]["seq"]}
    _, view = await visitor.poll()
    assert [m["client_id"] for m in view["messages"] if m["from"] == "guest"] == ["client-0001"]
    await socket.close()


async def test_what_staff_note_never_reaches_the_page(site: Site) -> None:
    visitor, id_ = await visit(site)
    await answered(site, id_)
    agent = await site.signed_in()
    await agent.desk("POST", f"conversations/{id_}/note", {"text": "难缠的客人", "client_id": "client-0001"})
    _, view = await visitor.poll()
    assert "难缠" not in str(view)
    socket, welcome = await hello(visitor, 0)
    assert "难缠" not in str(welcome)
    assert welcome["seq"] == view["seq"]  # hidden events are no gaps
    await socket.close()


async def test_polling_waits_for_what_is_new(site: Site) -> None:
    visitor, id_ = await visit(site)
    await answered(site, id_)
    agent = await site.signed_in()
    _, view = await visitor.poll()
    waiting = asyncio.create_task(visitor.poll(view["seq"]))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await agent.desk("POST", f"conversations/{id_}/reply", {"text": "您好", "client_id": "client-0001"})
    _, new = await waiting
    assert [m["text"] for m in new["messages"]] == ["您好"]


async def test_a_page_whose_visitor_was_erased_begins_anew(site: Site) -> None:
    """It remembers a seq that its new conversation hasn't reached: it must hear all the same."""
    visitor, id_ = await visit(site)
    await answered(site, id_)
    _, view = await visitor.poll()
    ((guest,),) = await site.sql("SELECT guest_id FROM guests")
    await site.app[DISPATCH].erase(HotelId(ONE), guest)
    socket, welcome = await hello(visitor, view["seq"] + 50)
    assert welcome["seq"] == 0
    await socket.send_json({"type": "send", "client_id": "client-7777", "text": "又来了"})
    heard = [f["message"]["text"] for f in await frames(socket, "seq") if f["type"] == "message"]
    assert "又来了" in heard
    await socket.close()
    _status, polled = await visitor.poll(view["seq"] + 50)
    assert "又来了" in str(polled["messages"])


async def test_a_page_is_told_when_its_feed_breaks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that stays open and says nothing any more would be worse than none."""

    async def broken(*_: object) -> list[Any]:
        raise OSError("the database is away")

    agent = await site.signed_in()
    feed = await agent.feed()
    await frames(feed, "snapshot")
    monkeypatch.setattr(Feed, "frames", broken)
    while (await feed.receive(timeout=10)).type is WSMsgType.TEXT:
        pass
    assert feed.closed


async def test_a_visitors_page_is_told_too(site: Site) -> None:
    visitor, _ = await visit(site)
    socket, _ = await hello(visitor, 0)
    await site.sql("ALTER TABLE read_marks RENAME TO away")
    await visit_send(visitor, "在吗")
    while (await socket.receive(timeout=10)).type is WSMsgType.TEXT:
        pass
    assert socket.closed
    await site.sql("ALTER TABLE away RENAME TO read_marks")


# ---- the desk's wire


async def test_a_desk_follows_from_its_cursor(site: Site) -> None:
    visitor, id_ = await visit(site)
    await answered(site, id_)
    agent = await site.signed_in()
    feed = await agent.feed(follow={id_: 0})
    (snapshot,) = await frames(feed, "snapshot")
    assert [row["id"] for row in snapshot["conversations"]] == [id_]
    assert snapshot["conversations"][0]["last"]
    (events,) = await frames(feed, "events")
    assert [e["seq"] for e in events["events"]] == list(range(1, events["events"][-1]["seq"] + 1))
    await visit_send(visitor, "还有一句")
    live = await frames(feed, "events")
    assert [e["text"] for e in live[-1]["events"] if e["type"] == "guest_said"] == ["还有一句"]
    last = live[-1]["events"][-1]["seq"]
    await feed.close()

    await visit_send(visitor, "没看到的")
    _, other = await visit(site, "另一位", OTHER_TOKEN)
    feed = await agent.feed(cursor=snapshot["cursor"], follow={id_: last})
    again = await frames(feed, "events")
    assert {f["conversation"]["id"] for f in again if f["type"] == "conversation"} >= {id_, other}
    assert "snapshot" not in {f["type"] for f in again}
    assert [e["text"] for e in again[-1]["events"] if e["type"] == "guest_said"] == ["没看到的"]
    await feed.send_json({"type": "unfollow", "conversation": id_})
    await feed.send_json({"type": "ping"})
    await frames(feed, "pong")
    await visit_send(visitor, "没人跟着")
    after = await frames(feed, "conversation")
    assert not [f for f in after if f["type"] == "events"]
    await feed.close()


async def test_who_waits_is_on_the_desk_however_busy_the_assistant_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LIST", 2)
    agent = await site.signed_in()
    _, first = await visit(site, "我先来的", "0" * 43)
    await answered(site, first)
    for n in range(1, 4):
        _, id_ = await visit(site, f"第{n}位", str(n) * 43)
        await answered(site, id_)
        assert (await agent.desk("POST", f"conversations/{id_}/claim", {}))[0] == 200
        assert (await agent.desk("POST", f"conversations/{id_}/release", {}))[0] == 200
    feed = await agent.feed()
    (snapshot,) = await frames(feed, "snapshot")
    assert first in {row["id"] for row in snapshot["conversations"]}
    await feed.close()


async def test_a_desk_that_missed_more_than_a_list_holds_begins_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await site.signed_in()
    feed = await agent.feed()
    (snapshot,) = await frames(feed, "snapshot")
    await feed.close()
    monkeypatch.setattr(feed_module, "LIST", 2)
    ids = {(await visit(site, "在吗", str(n) * 43))[1] for n in range(4)}
    for id_ in ids:
        await answered(site, id_)
    feed = await agent.feed(cursor=snapshot["cursor"])
    (again,) = await frames(feed, "snapshot")
    assert {row["id"] for row in again["conversations"]} == ids
    await feed.close()


async def test_polling_gives_the_desk_the_same_frames(site: Site) -> None:
    visitor, id_ = await visit(site)
    await answered(site, id_)
    agent = await site.signed_in()
    _, first = await agent.desk("GET", "feed/poll")
    assert first["frames"][0]["type"] == "snapshot"
    _, row = await agent.desk("GET", f"conversations/{id_}")
    waiting = asyncio.create_task(
        agent.call(
            "GET",
            URL(f"/desk/v1/hotels/{ONE}/feed/poll").with_query(  # type: ignore[arg-type]
                {"cursor": first["frames"][0]["cursor"], "follow": f"{id_}:{row['seq']}"}
            ),
        )
    )
    await visit_send(visitor, "还有一句")
    _, more = await waiting
    texts = [e["text"] for f in more["frames"] if f["type"] == "events" for e in f["events"]]
    assert texts == ["还有一句"] or "conversation" in {f["type"] for f in more["frames"]}


@pytest.mark.parametrize("first", ["", "{", "[]", "7", '{"type": "ping"}', "[" * 5000])
async def test_a_feed_begins_with_a_hello_or_ends(site: Site, first: str) -> None:
    agent = await site.signed_in()
    socket = await agent.client.ws_connect(f"/desk/v1/hotels/{ONE}/feed")
    await socket.send_str(first)
    await socket.receive(timeout=10)
    assert socket.close_code == 4401


async def test_garbage_on_a_feed_is_ignored(site: Site) -> None:
    agent = await site.signed_in()
    feed = await agent.feed()
    await frames(feed, "snapshot")
    for garbage in (
        "",
        "{",
        "[" * 5000,
        '{"type": "follow", "conversation": 7, "after": "x"}',
        '{"type": 1}',
    ):
        await feed.send_str(garbage)
    await feed.send_json({"type": "ping"})
    assert (await frames(feed, "pong"))[-1]["type"] == "pong"
    await feed.close()


async def test_a_feed_ends_with_the_sign_in(site: Site) -> None:
    agent = await site.signed_in()
    feed = await agent.feed()
    await frames(feed, "snapshot")
    assert (await agent.call("DELETE", "/desk/v1/session"))[0] == 200
    while (await feed.receive(timeout=10)).type is WSMsgType.TEXT:
        pass
    assert feed.close_code == 4401


async def test_a_feed_shows_its_own_hotel_alone(site: Site) -> None:
    await visit(site, "星海会的客人")
    far = await site.signed_in("far")
    feed = await far.feed(TWO)
    (snapshot,) = await frames(feed, "snapshot")
    assert snapshot["conversations"] == []
    await feed.close()
    with pytest.raises(WSServerHandshakeError) as refused:
        await far.feed(ONE)
    assert refused.value.status == 403


# ---- staff at work


async def test_two_people_and_one_claim(site: Site) -> None:
    _, id_ = await visit(site)
    first, second = await site.signed_in("agent"), await site.signed_in("admin")
    assert (await first.desk("POST", f"conversations/{id_}/claim", {}))[0] == 200
    for what, body in (
        ("claim", {}),
        ("reply", {"text": "您好", "client_id": "client-0001"}),
        ("release", {}),
    ):
        status, answer = await second.desk("POST", f"conversations/{id_}/{what}", body)
        assert (status, answer["error"]["code"], answer["error"]["holder"]) == (409, "held", "员工agent")
    assert (await first.desk("POST", f"conversations/{id_}/close", {"reason": "bored"}))[0] == 400
    assert (await first.desk("POST", f"conversations/{id_}/close", {"reason": "solved"}))[0] == 200
    assert (await first.desk("POST", f"conversations/{id_}/close", {"reason": "solved"}))[0] == 409


async def test_sealed_numbers_open_for_administrators_and_on_record(site: Site) -> None:
    _, id_ = await visit(site, f"我的身份证{ID_CARD}")
    agent, admin = await site.signed_in("agent"), await site.signed_in("admin")
    _, thread = await agent.desk("GET", f"conversations/{id_}")
    (said,) = [e for e in thread["events"] if e["type"] == "guest_said"]
    assert said["sealed"] == 1
    assert ID_CARD not in json.dumps(thread)
    path = f"conversations/{id_}/events/{said['seq']}/sealed"
    assert (await agent.desk("POST", path, {}))[0] == 403
    assert await site.sql("SELECT * FROM audit") == []
    assert await admin.desk("POST", path, {}) == (200, {"values": [{"kind": "id_card", "value": ID_CARD}]})
    assert len(await site.sql("SELECT * FROM audit WHERE action = 'open_sealed'")) == 1
    assert (await admin.desk("POST", f"conversations/{id_}/events/1/sealed", {}))[0] == 404


async def test_what_staff_write_is_sealed_as_well(site: Site) -> None:
    _, id_ = await visit(site)
    agent = await site.signed_in()
    words = {"text": f"您的证件{ID_CARD}", "client_id": "client-0001"}
    await agent.desk("POST", f"conversations/{id_}/reply", words)
    await agent.desk("POST", f"conversations/{id_}/note", words | {"client_id": "client-0002"})
    await agent.desk("POST", f"conversations/{id_}/close", {"reason": "other", "note": words["text"]})
    kept = str(await site.sql("SELECT text, sealed FROM contents"))
    assert ID_CARD not in kept
    assert kept.count("11**************3X") == 3


async def test_an_order_is_ticked_once_and_its_note_is_sealed(site: Site) -> None:
    _, id_ = await visit(site)
    body = {"order": "o1", "service": "wake_up_call", "due_at": None, "rings": True}
    placed = NewEvent(EventType.ORDER_PLACED, datetime.now(UTC), ASSISTANT, Audience.GUEST, body=body)
    await site.app[DISPATCH].act(HotelId(ONE), ConversationId(id_), lambda row, gone: Record((placed,)))
    far, agent, admin = [await site.signed_in(login) for login in ("far", "agent", "admin")]
    assert (await far.desk("POST", "orders/o1/done", {}, TWO))[0] == 404
    assert (await far.desk("POST", "orders/o1/take", {}, TWO))[0] == 404
    taken = (await agent.desk("POST", "orders/o1/take", {}))[1]["order"]
    assert taken["owner"]["name"] == "员工agent"
    assert (await admin.desk("POST", "orders/o1/take", {"owner": "nobody"}))[0] == 409
    assert (await admin.desk("POST", "orders/o1/take", {"owner": None}))[1]["order"]["owner"] is None
    note = {"note": f"证件{ID_CARD}"}
    done = await asyncio.gather(*(b.desk("POST", "orders/o1/done", note) for b in (agent, admin)))
    assert sorted(status for status, _ in done)[0] == 200
    assert {answer["order"]["state"] for status, answer in done if status == 200} == {"done"}
    assert (await admin.desk("POST", "orders/o1/done", note))[0] == 409
    assert (await admin.desk("POST", "orders/o1/take", {}))[0] == 409
    assert len(await site.sql("SELECT 1 FROM events WHERE type = 'order_done'")) == 1
    assert ID_CARD not in str(await site.sql("SELECT text, sealed FROM contents"))


# ---- operations


async def test_readiness_names_what_is_missing(site: Site) -> None:
    browser = await site.browser()
    assert await browser.call("GET", "/healthz") == (200, {"ok": True})
    status, body = await browser.call("GET", "/readyz")
    assert (status, body["ready"]) == (503, False)
    assert [why.partition(":")[0] for why in body["missing"]] == ["rasa"]
    await site.sql("UPDATE alembic_version SET version_num = '0001'")
    _, body = await browser.call("GET", "/readyz")
    assert "needs" in next(why for why in body["missing"] if why.startswith("database"))


async def test_metrics_know_no_guest(site: Site) -> None:
    visitor, id_ = await visit(site, "芝麻开门")
    await answered(site, id_)
    await visitor.call("GET", "/desk/v1/芝麻")
    await visitor.call("GET", "/芝麻/开门")
    status, words = await visitor.call("GET", "/metrics")
    assert status == 200
    assert 'dianxiaoer_messages_received_total{channel="web"}' in words
    assert "dianxiaoer_conversations_waiting 1.0" in words
    for secret in ("芝麻", "开门", id_, TOKEN, ONE, "oGuest"):
        assert secret not in words
    assert set(words.splitlines()) >= {"# TYPE dianxiaoer_handoffs_total counter"}
    assert metrics.REGISTRY


@pytest.mark.parametrize(
    "path",
    [
        "/desk/../secret.txt",
        "/desk/%2e%2e/secret.txt",
        "/desk/..%2fsecret.txt",
        "/desk/assets/..%2f..%2fsecret.txt",
        "/desk//etc/passwd",
        "/desk/%2fetc%2fpasswd",
        "/desk/..%5csecret.txt",
        "/desk/assets",
        "/desk/conversations/abc",
    ],
)
async def test_nothing_outside_the_desks_folder_is_served(site: Site, path: str) -> None:
    browser = await site.browser()
    async with browser.client.get(URL(path, encoded=True)) as answer:
        words = await answer.text()
    assert "SECRET" not in words
    assert "root:" not in words
    assert answer.status == 404 or words == "<p>the desk</p>"


async def test_pages_carry_their_protection(site: Site) -> None:
    browser = await site.browser()
    async with browser.client.get("/desk/") as answer:
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"
    async with browser.client.get("/desk/assets/app.js") as answer:
        assert "immutable" in answer.headers["Cache-Control"]


async def test_a_failure_says_what_to_do_and_nothing_of_its_cause(site: Site) -> None:
    _, id_ = await visit(site)
    agent = await site.signed_in()
    await site.sql("ALTER TABLE contents RENAME TO away")
    status, body = await agent.desk("GET", f"conversations/{id_}")
    assert (status, body["error"]["code"]) == (503, "unavailable")
    english = await agent.call("GET", "/nowhere", None, {"Accept-Language": "en"})
    assert english[0] == 404
    assert english[1]["error"]["message"].isascii()
    await site.sql("ALTER TABLE away RENAME TO contents")


async def test_wrong_methods_and_places_are_answered_in_words(site: Site) -> None:
    browser = await site.browser()
    for method, path in (
        ("PUT", "/wechat/plain"),
        ("POST", "/healthz"),
        ("GET", "/nowhere"),
        ("PATCH", "/desk/"),
    ):
        status, body = await browser.call(method, path)
        assert status in (404, 405), (method, path)
        assert body["error"]["message"]


def test_the_test_keys_are_of_the_right_shape() -> None:
    assert len(AES_KEY) == 43
