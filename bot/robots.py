"""Group robots of 企业微信, 钉钉 and 飞书: one signed message to the hotel's group when somebody must act.

The message says what waits, how long and where to look; none of the guest's words. No robot is sent more
than its platform takes in a minute: what is too much is held back, and whoever told it tells it later.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp

from bot import metrics
from bot.conversation import Conversation
from bot.knowledge import Hotel
from bot.model import ConversationId, HotelId, Reason
from bot.sealing import CannotOpen, Seal
from bot.store import desk
from bot.store.database import Database
from bot.store.desk import AccountRow
from bot.store.promises import PromiseRow

logger = logging.getLogger(__name__)

TIMEOUT = 5.0
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
# How many messages each takes of one robot in such a time; 钉钉 shuts it out for ten minutes after that.
MOST = {
    "wecom_robot": ((MINUTE, 20),),
    "dingtalk_robot": ((MINUTE, 20),),
    "feishu_robot": ((MINUTE, 100), (SECOND, 5)),
}
TOO_MANY = frozenset({45009, 130101, 410100, 11232})  # their words for it
# 飞书 says this of a message it can't read as well; only the words beside it tell.
BAD_OR_TOO_MANY = 9499


@dataclass(frozen=True)
class Robot:
    """One group robot: its webhook and, where the platform signs, its secret."""

    channel: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    account: str = ""


@dataclass(frozen=True)
class Told:
    """How many groups have taken a message, and whether one was held back: then it is told again soon."""

    taken: int = 0
    held: bool = False


@dataclass(frozen=True)
class Call:
    """What to POST where."""

    url: str
    body: Mapping[str, Any]


def wecom(robot: Robot, text: str, now: datetime) -> Call:
    """企业微信: the key in the address is the proof."""
    return Call(robot.url, {"msgtype": "text", "text": {"content": text}})


def dingtalk(robot: Robot, text: str, now: datetime) -> Call:
    """钉钉: HMAC-SHA256 over milliseconds and secret, in the address."""
    stamp = str(int(now.timestamp() * 1000))
    digest = hmac.new(robot.secret.encode(), f"{stamp}\n{robot.secret}".encode(), hashlib.sha256).digest()
    signed = f"&timestamp={stamp}&sign={quote(base64.b64encode(digest), safe='')}" if robot.secret else ""
    return Call(robot.url + signed, {"msgtype": "text", "text": {"content": text}})


def feishu(robot: Robot, text: str, now: datetime) -> Call:
    """飞书: HMAC-SHA256 keyed with seconds and secret over nothing, in the body."""
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
    if robot.secret:
        stamp = str(int(now.timestamp()))
        digest = hmac.new(f"{stamp}\n{robot.secret}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    return Call(robot.url, body)


ROBOTS: dict[str, Callable[[Robot, str, datetime], Call]] = {
    "wecom_robot": wecom,
    "dingtalk_robot": dingtalk,
    "feishu_robot": feishu,
}


def refusal(answer: Any) -> str | None:
    """Why the platform refused, from its answer; None when it took the message."""
    code = _code(answer)
    return None if code == 0 else f"code {code}"


def _code(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return "?"
    return answer.get("errcode", answer.get("code", answer.get("StatusCode")))


def too_many(status: int, answer: Any) -> bool:
    """Whether a platform refused a message only because there were too many before it."""
    code = _code(answer)
    if code == BAD_OR_TOO_MANY:
        return "too many" in str(answer.get("msg", answer.get("StatusMessage"))).lower()
    return status == 429 or code in TOO_MANY


class Robots:
    """Tells the groups of a hotel. A group that can't be told is logged and counted, never raised."""

    def __init__(self, database: Database, seal: Seal, base_url: str) -> None:
        self._database, self._seal, self._base = database, seal, base_url
        self._sent: dict[str, list[datetime]] = {}  # by address, those of the last minute

    async def tell(
        self, hotel: Hotel, row: Conversation, now: datetime, robots: tuple[str, ...] = ()
    ) -> Told:
        """Somebody waits. `robots` names those of this step, by account; all where it names none."""
        return await self._send(hotel, self._text(hotel, row, now), now, robots)

    async def report(self, hotel: Hotel, questions: int, kinds: int, now: datetime) -> Told:
        """What was asked in vain yesterday, in numbers: how many questions, and how many different ones."""
        link = f"{self._base}/desk/#/{hotel.id}/questions"
        text = hotel.say("robot_unanswered", now, questions=questions, kinds=kinds, link=link)
        return await self._send(hotel, text, now)

    async def near(self, hotel: Hotel, row: Conversation, clock: str, minutes: int, now: datetime) -> Told:
        """A target will be missed in so many minutes, or was missed before anybody could be told."""
        clock_name, link = hotel.say(f"clock_{clock}", now), self._link(row.hotel, row.id)
        key = "robot_target" if minutes >= 0 else "robot_target_missed"
        text = hotel.say(key, now, clock=clock_name, minutes=abs(minutes), link=link)
        return await self._send(hotel, text, now)

    async def owe(
        self,
        hotel: Hotel,
        promise: PromiseRow,
        owner: str | None,
        now: datetime,
        robots: tuple[str, ...] = (),
    ) -> Told:
        """What a guest was promised is overdue. The promise's words are not told: they quote guests."""
        minutes = int((now - promise.due_at).total_seconds() // 60)
        key = "robot_promise" if owner else "robot_promise_nobody"
        link = self._link(promise.hotel, promise.conversation)
        text = hotel.say(key, now, minutes=minutes, owner=owner or "", link=link)
        return await self._send(hotel, text, now, robots)

    async def _send(self, hotel: Hotel, text: str, now: datetime, robots: tuple[str, ...] = ()) -> Told:
        ends = [
            await self._tell(robot, text, now)
            for robot in await self._robots(hotel.id)
            if not robots or robot.account in robots
        ]
        return Told(ends.count("accepted"), "held" in ends)

    async def _tell(self, robot: Robot, text: str, now: datetime) -> str:
        """How it ended: accepted, refused, or held back because it would be too many."""
        recent = [at for at in self._sent.get(robot.url, ()) if now - at < MINUTE]
        full = any(sum(now - at < span for at in recent) >= most for span, most in MOST[robot.channel])
        self._sent[robot.url] = recent if full else [*recent, now]
        end = "held" if full else await _post(ROBOTS[robot.channel](robot, text, now))
        metrics.ROBOT_CALLS.labels(end).inc()
        return end

    def _link(self, hotel: HotelId, conversation: ConversationId) -> str:
        return f"{self._base}/desk/#/{hotel}/{conversation}"

    def _text(self, hotel: Hotel, row: Conversation, now: datetime) -> str:
        reason = row.reason or Reason.HUMAN_HANDOFF
        minutes = int((now - (row.waiting_since or now)).total_seconds() // 60)
        link = self._link(hotel.id, row.id)
        key = "robot_emergency" if reason is Reason.EMERGENCY else "robot_waiting"
        return hotel.say(key, now, reason=hotel.say(f"reason_{reason}", now), minutes=minutes, link=link)

    async def _robots(self, hotel: HotelId) -> list[Robot]:
        async with self._database.read() as tx:
            rows = [a for a in await desk.list_accounts(tx) if a.hotel == hotel and a.active]
        return [robot for a in rows if a.channel in ROBOTS and (robot := self._opened(a))]

    def _opened(self, account: AccountRow) -> Robot | None:
        """A robot whose key is lost must not keep the others from being told."""
        try:
            secrets = self._seal.open_secrets(account.sealed, f"{account.channel}/{account.account}")
            return Robot(account.channel, secrets["url"], secrets.get("secret", ""), account.account)
        except (CannotOpen, KeyError) as error:
            metrics.ROBOT_CALLS.labels("refused").inc()
            logger.error("a group robot's address can't be read: %s", type(error).__name__)
            return None


async def _post(call: Call) -> str:
    status, answer = 0, None
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(call.url, json=call.body) as got,
        ):
            status = got.status
            answer = await got.json(content_type=None)  # 飞书 tells why it refuses beside a 400
        told = refusal(answer)
        why = told if status == 200 else f"status {status}, {told}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        why = f"status {status}" if status not in (0, 200) else type(error).__name__
    if why is None:
        return "accepted"
    logger.error("a group robot didn't take the message: %s", why)
    return "held" if too_many(status, answer) else "refused"
