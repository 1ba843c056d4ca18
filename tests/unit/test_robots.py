"""Group robots: signed as each platform asks, received by a real server, and without the guest's words."""

import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import accounts
from bot.accounts import BadAccount
from bot.conversation import Conversation, Quiet, heeded_until
from bot.hotel_sheet import Sheet
from bot.knowledge import save
from bot.ladder import Ladder, Step, parse
from bot.model import (
    AccountId,
    ConversationId,
    GuestId,
    HotelId,
    PromiseId,
    PromiseState,
    Reason,
    StaffId,
    State,
)
from bot.robots import MOST, ROBOTS, Robot, Robots, Told, dingtalk, feishu, refusal, too_many, wecom
from bot.sealing import Seal
from bot.store.database import Database
from bot.store.promises import PromiseRow
from tests.core import OTHER, SAMPLE, documents, hotel
from tests.servers import free_port

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
SECRET = "SECabcdef0123456789"
HOTEL = HotelId("xinghaihui")


def test_wecom_needs_no_signature() -> None:
    call = wecom(Robot("wecom_robot", "https://qyapi/send?key=k"), "话", NOW)
    assert call.url == "https://qyapi/send?key=k"
    assert call.body == {"msgtype": "text", "text": {"content": "话"}}


def test_dingtalk_signs_milliseconds_and_secret() -> None:
    """The expected value comes from `printf … | openssl dgst -sha256 -hmac … -binary | base64`."""
    call = dingtalk(Robot("dingtalk_robot", "https://oapi/send?access_token=t", SECRET), "话", NOW)
    query = parse_qs(urlsplit(call.url).query)
    assert query["timestamp"] == [str(int(NOW.timestamp()) * 1000)]
    assert query["sign"] == ["JvT+LNvApbeTFzzQRj7TFe09OIuOVqNFfQ6IRnSB+Mw="]
    assert query["access_token"] == ["t"]


def test_feishu_signs_nothing_with_seconds_and_secret() -> None:
    call = feishu(Robot("feishu_robot", "https://open/hook/x", SECRET), "话", NOW)
    assert call.url == "https://open/hook/x"
    assert call.body["timestamp"] == str(int(NOW.timestamp()))
    assert call.body["sign"] == "Vyvrhn3GgN3AiHjdkVductjmRlECY4Uf67RPE9co0b4="
    assert call.body["content"] == {"text": "话"}


def test_without_a_secret_nothing_is_signed() -> None:
    assert dingtalk(Robot("dingtalk_robot", "https://x/?a=1"), "话", NOW).url == "https://x/?a=1"
    assert "sign" not in feishu(Robot("feishu_robot", "https://x/"), "话", NOW).body


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"errcode": 0, "errmsg": "ok"}, None),
        ({"code": 0, "msg": "success"}, None),
        ({"StatusCode": 0}, None),
        ({"errcode": 93000}, "code 93000"),
        ({"code": 19021}, "code 19021"),
        ({}, "code None"),
        ([], "code ?"),
        (None, "code ?"),
        ("ok", "code ?"),
    ],
)
def test_only_code_0_means_taken(answer: object, why: str | None) -> None:
    assert refusal(answer) == why


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (200, {"errcode": 45009, "errmsg": "api freq out of limit"}, True),  # 企业微信
        (200, {"errcode": 93000, "errmsg": "invalid webhook url"}, False),
        (200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, True),  # 钉钉, old
        (200, {"errcode": 410100, "errmsg": "发送速度太快而限流"}, True),  # 钉钉, as documented now
        (200, {"errcode": 310000, "errmsg": "keywords not in content"}, False),
        (200, {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]"}, True),  # 飞书
        (400, {"code": 9499, "msg": "too many request", "data": {}}, True),
        (400, {"code": 9499, "msg": "Bad Request", "data": {}}, False),
        (200, {"code": 19024, "msg": "Key Words Not Found"}, False),
        (429, None, True),
        (500, None, False),
    ],
)
def test_only_who_was_told_too_much_is_told_again(status: int, answer: object, told: bool) -> None:
    assert too_many(status, answer) is told


# ---- against a real server


class Group:
    """The three platforms' webhooks in one, refusing as they do; keeps what it has taken.

    Signatures, the hour a signature holds, message kinds, sizes and how many a minute are as the platforms
    document them; `status` and `answer` stand for whatever else goes wrong.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], Any]] = []
        self.status, self.answer, self.now, self.least = 200, "", NOW, 20
        self.tried = 0

    async def take(self, request: web.Request) -> web.Response:
        query, body = dict(request.query), await request.json()
        self.tried += 1
        if self.status != 200 or self.answer:
            return web.Response(status=self.status, text=self.answer)
        told = PLATFORMS[request.match_info["channel"]](self, query, body)
        if told.get("errcode", told.get("code")) == 0:
            self.calls.append((query, body))
        return web.json_response(told)

    @property
    def texts(self) -> list[str]:
        return [
            body["content"]["text"] if "content" in body else body["text"]["content"]
            for _, body in self.calls
        ]

    def wecom(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        if query.get("key") != "k":
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        if body.get("msgtype") != "text":
            return {"errcode": 40008, "errmsg": "invalid message type"}
        if len(body["text"]["content"].encode()) > 2048:
            return {"errcode": 40058, "errmsg": "content exceed max length"}
        if len(self.calls) >= self.least:
            return {"errcode": 45009, "errmsg": "api freq out of limit"}
        return {"errcode": 0, "errmsg": "ok"}

    def dingtalk(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        stamp = query.get("timestamp", "0")
        digest = hmac.digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)
        if self._old(int(stamp) / 1000) or query.get("sign") != base64.b64encode(digest).decode():
            return {"errcode": 310000, "errmsg": "sign not match"}
        if body.get("msgtype") != "text":
            return {"errcode": 40035, "errmsg": "param error"}
        if len(self.calls) >= self.least:
            return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        return {"errcode": 0, "errmsg": "ok"}

    def feishu(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        stamp = body.get("timestamp", "0")
        digest = hmac.digest(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256)
        if self._old(int(stamp)) or body.get("sign") != base64.b64encode(digest).decode():
            why = "sign match fail or timestamp is not within one hour from current time"
            return {"code": 19021, "msg": why}
        if body.get("msg_type") != "text":
            return {"code": 19002, "msg": "params error, msg_type need"}
        if len(self.calls) >= self.least:
            return {"code": 11232, "msg": "frequency limited"}
        return {"code": 0, "msg": "success"}

    def _old(self, stamp: float) -> bool:
        return abs(self.now.timestamp() - stamp) > 3600


PLATFORMS = {"wecom_robot": Group.wecom, "dingtalk_robot": Group.dingtalk, "feishu_robot": Group.feishu}


@pytest.fixture
def group() -> Group:
    return Group()


@pytest.fixture
async def platform(group: Group) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_post("/{channel}/send", group.take)
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def database(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "robots.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    opened = Database(f"sqlite:///{path}")
    async with opened.write() as tx:
        await save(tx, documents(SAMPLE), NOW)
        await save(tx, documents(OTHER), NOW)
    yield opened
    await opened.close()


SEAL = Seal({"k": b"1" * 32})


async def add(database: Database, channel: str, url: str, hotel_id: HotelId = HOTEL, **more: str) -> None:
    async with database.write() as tx:
        values = {"url": url, **more}
        await accounts.save(tx, SEAL, channel, AccountId(f"{channel}-{hotel_id}"), hotel_id, values, NOW)


def waiting(reason: Reason = Reason.COMPLAIN) -> Conversation:
    row = Conversation(HOTEL, ConversationId("conv-1"), GuestId("g"), state=State.WAITING, reason=reason)
    return replace(row, waiting_since=NOW - timedelta(minutes=3))


async def tell(database: Database, row: Conversation | None = None, now: datetime = NOW) -> int:
    robots = Robots(database, SEAL, "https://desk.example")
    return (await robots.tell(hotel(), row or waiting(), now)).taken


@pytest.mark.parametrize("channel", sorted(ROBOTS))
async def test_each_group_gets_one_signed_message(
    database: Database, platform: TestServer, group: Group, channel: str
) -> None:
    await add(database, channel, str(platform.make_url(f"/{channel}/send?key=k")), secret=SECRET)
    assert await tell(database) == 1
    (query, body), (text,) = group.calls[0], group.texts
    assert query["key"] == "k"
    assert "星海会" in text
    assert "已等 3 分钟" in text
    assert "投诉" in text
    assert f"https://desk.example/desk/#/{HOTEL}/conv-1" in text
    if channel == "dingtalk_robot":  # what arrives, after the address was encoded and decoded
        stamp = query["timestamp"]
        digest = hmac.digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)
        assert base64.b64decode(query["sign"]) == digest
    if channel == "feishu_robot":
        digest = hmac.digest(f"{body['timestamp']}\n{SECRET}".encode(), b"", hashlib.sha256)
        assert base64.b64decode(body["sign"]) == digest


@pytest.mark.parametrize("reason", Reason)
async def test_the_message_is_made_of_codes_alone(
    database: Database, platform: TestServer, group: Group, reason: Reason
) -> None:
    """Nothing a guest wrote is at hand when it is made: the row holds ids, codes and times."""
    await add(database, "wecom_robot", str(platform.make_url("/wecom_robot/send?key=k")))
    assert await tell(database, waiting(reason)) == 1
    assert "{" not in group.texts[0]
    assert ("紧急" in group.texts[0]) is (reason is Reason.EMERGENCY)


async def test_what_was_asked_in_vain_is_told_in_numbers_with_a_link(
    database: Database, platform: TestServer, group: Group
) -> None:
    await add(database, "wecom_robot", str(platform.make_url("/wecom_robot/send?key=k")))
    assert await Robots(database, SEAL, "https://desk.example").report(hotel(), 7, 3, NOW) == Told(1)
    (text,) = group.texts
    assert "7 个问题" in text
    assert "3 类" in text
    assert f"https://desk.example/desk/#/{HOTEL}/questions" in text


async def test_only_the_hotels_own_groups_are_told(
    database: Database, platform: TestServer, group: Group
) -> None:
    await add(database, "wecom_robot", str(platform.make_url("/wecom_robot/send?key=k")), HotelId("yunting"))
    assert await tell(database) == 0
    assert group.calls == []


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((500, ""), (404, "{}"), (200, " "), (200, "<html>"), (200, '{"errcode": 93000}'), (200, "[]")),
        (400, '{"code": 0}'),
        (400, '{"code": 9499, "msg": "Bad Request", "data": {}}'),
    ],
)
async def test_a_group_that_refuses_is_logged_and_never_raised(
    database: Database,
    platform: TestServer,
    group: Group,
    caplog: pytest.LogCaptureFixture,
    status: int,
    answer: str,
) -> None:
    group.status, group.answer = status, answer
    await add(database, "feishu_robot", str(platform.make_url("/feishu_robot/send?key=K3Y")), secret=SECRET)
    assert await tell(database) == 0
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))
    assert "didn't take the message" in ours
    assert SECRET not in ours
    assert "K3Y" not in ours


async def test_one_group_that_is_gone_keeps_nobody_else_from_hearing(
    database: Database, platform: TestServer, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    await add(database, "dingtalk_robot", f"http://127.0.0.1:{free_port()}/send", secret=SECRET)
    await add(database, "wecom_robot", str(platform.make_url("/wecom_robot/send?key=k")))
    caplog.set_level(logging.ERROR)
    assert await tell(database) == 1
    assert len(group.calls) == 1


async def test_a_group_whose_key_is_lost_keeps_nobody_else_from_hearing(
    database: Database, platform: TestServer, group: Group
) -> None:
    await add(database, "wecom_robot", str(platform.make_url("/wecom_robot/send?key=k")))
    async with database.write() as tx:
        other, values = Seal({"old": b"2" * 32}), {"url": "https://x.example/"}
        await accounts.save(tx, other, "dingtalk_robot", AccountId("a-first"), HOTEL, values, NOW)
    assert await tell(database) == 1


@pytest.mark.parametrize("url", ["", "ftp://x/", "x.example/hook", "https://"])
async def test_a_robot_without_an_address_is_no_account(database: Database, url: str) -> None:
    with pytest.raises(BadAccount):
        await add(database, "wecom_robot", url)


@pytest.mark.parametrize("channel", ["dingtalk_robot", "feishu_robot"])
async def test_a_wrong_secret_and_a_wrong_clock_are_refused(
    database: Database, platform: TestServer, group: Group, channel: str
) -> None:
    await add(database, channel, str(platform.make_url(f"/{channel}/send?key=k")), secret="another")
    assert await tell(database) == 0
    await add(database, channel, str(platform.make_url(f"/{channel}/send?key=k")), secret=SECRET)
    assert await tell(database, now=NOW - timedelta(hours=2)) == 0
    assert await tell(database, now=NOW - timedelta(minutes=50)) == 1


@pytest.mark.parametrize("channel", sorted(ROBOTS))
async def test_no_robot_is_told_more_than_it_takes(
    database: Database, platform: TestServer, group: Group, channel: str
) -> None:
    """Ours is never the one too many; another sender's is held against us, and is told later."""
    await add(database, channel, str(platform.make_url(f"/{channel}/send?key=k")), secret=SECRET)
    robots, group.least = Robots(database, SEAL, "https://desk.example"), 1000
    (_, in_a_minute), (span, at_once) = MOST[channel][0], MOST[channel][-1]
    for n in range(in_a_minute // at_once):
        told = [await robots.tell(hotel(), waiting(), NOW + n * span) for _ in range(at_once + 2)]
        assert [one.held for one in told] == [False] * at_once + [True] * 2
    assert (await robots.tell(hotel(), waiting(), NOW + timedelta(seconds=59))).held
    assert group.tried == in_a_minute
    group.least = 0
    later = await robots.tell(hotel(), waiting(), NOW + timedelta(minutes=1))
    assert later == Told(0, held=True)
    assert group.tried == in_a_minute + 1


async def test_a_group_that_says_too_many_beside_a_400_is_told_again(
    database: Database, platform: TestServer, group: Group
) -> None:
    group.status, group.answer = 400, '{"code": 9499, "msg": "too many request", "data": {}}'
    await add(database, "feishu_robot", str(platform.make_url("/feishu_robot/send?key=k")), secret=SECRET)
    robots = Robots(database, SEAL, "https://desk.example")
    assert await robots.tell(hotel(), waiting(), NOW) == Told(0, held=True)


async def test_a_step_tells_its_own_robots(database: Database, platform: TestServer, group: Group) -> None:
    for channel in ("wecom_robot", "feishu_robot"):
        await add(database, channel, str(platform.make_url(f"/{channel}/send?key=k")), secret=SECRET)
    robots = Robots(database, SEAL, "https://desk.example")
    assert await robots.tell(hotel(), waiting(), NOW, (f"feishu_robot-{HOTEL}",)) == Told(1)
    assert "content" in group.calls[0][1]
    promise = PromiseRow(
        *(HOTEL, PromiseId("p"), ConversationId("conv-1"), GuestId("g"), 3, 4, "给 1208 送婴儿床"),
        *(PromiseState.OPEN, NOW - timedelta(minutes=12), False, StaffId("s"), NOW, None, None, None),
        *(None, None, NOW),
    )
    assert (await robots.owe(hotel(), promise, "李静", NOW)).taken == 2
    assert (await robots.owe(hotel(), promise, None, NOW)).taken == 2
    for minutes in (1, -2):
        assert (await robots.near(hotel(), waiting(), "claim", minutes, NOW)).taken == 2
    texts = "\n".join(group.texts)
    assert "李静负责" in texts
    assert "还没有人负责" in texts
    assert "还剩 1 分钟" in texts
    assert "已过 2 分钟" in texts
    assert "婴儿床" not in texts


def test_a_ladder_goes_up_step_by_step_and_then_again_and_again() -> None:
    minutes = [timedelta(minutes=n) for n in range(60)]
    ladder = Ladder((Step(minutes[1], ("desk",)), Step(minutes[5], ("desk", "boss"))), minutes[10])
    at, told = ladder.first, []
    while at < minutes[30]:
        told.append((at, ladder.at(at).robots))
        at = ladder.next(at)
    assert told == [
        (minutes[1], ("desk",)),
        (minutes[5], ("desk", "boss")),
        (minutes[15], ("desk", "boss")),
        (minutes[25], ("desk", "boss")),
    ]
    assert Ladder().beginning(minutes[2]).first == minutes[2]
    assert ladder.beginning(minutes[2]) is ladder


def test_how_long_it_is_quiet_once_somebody_has_seen_it_is_the_hotels() -> None:
    mistakes: list[str] = []
    told = Sheet("hotel.yml", {"alerts": {"seen": {"waiting_minutes": 4}}}, mistakes)
    quiet = parse(told).quiet
    assert (quiet, mistakes) == (replace(Quiet(), waiting=timedelta(minutes=4)), [])
    row = replace(waiting(), seen_at=NOW)
    assert heeded_until(row, quiet) == NOW + timedelta(minutes=4)
    assert heeded_until(replace(row, reason=Reason.EMERGENCY), quiet) == NOW + timedelta(minutes=3)
    parse(Sheet("hotel.yml", {"alerts": {"seen": {"waiting_minutes": 0}}}, mistakes))
    assert "waiting_minutes" in mistakes[0]
