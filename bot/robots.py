"""Group robots of 企业微信, 钉钉 and 飞书: one signed message to the hotel's group when somebody waits.

The message says who waits, how long and where to look; none of the guest's words.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from bot import metrics
from bot.conversation import Conversation
from bot.knowledge import Hotel
from bot.model import HotelId, Reason
from bot.sealing import CannotOpen, Seal
from bot.store import desk
from bot.store.database import Database
from bot.store.desk import AccountRow

logger = logging.getLogger(__name__)

TIMEOUT = 5.0


@dataclass(frozen=True)
class Robot:
    """One group robot: its webhook and, where the platform signs, its secret."""

    channel: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)


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
    code = (
        answer.get("errcode", answer.get("code", answer.get("StatusCode")))
        if isinstance(answer, dict)
        else "?"
    )
    return None if code == 0 else f"code {code}"


class Robots:
    """Tells the groups of a hotel. A group that can't be told is logged and counted, never raised."""

    def __init__(self, database: Database, seal: Seal, base_url: str) -> None:
        self._database, self._seal, self._base = database, seal, base_url

    async def tell(self, hotel: Hotel, row: Conversation, now: datetime) -> int:
        """How many groups have taken the message."""
        return await self._send(hotel, self._text(hotel, row, now), now)

    async def report(self, hotel: Hotel, questions: int, kinds: int, now: datetime) -> int:
        """What was asked in vain yesterday, in numbers: how many questions, and how many different ones."""
        link = f"{self._base}/desk/#/{hotel.id}/questions"
        text = hotel.say("robot_unanswered", now, questions=questions, kinds=kinds, link=link)
        return await self._send(hotel, text, now)

    async def _send(self, hotel: Hotel, text: str, now: datetime) -> int:
        calls = [ROBOTS[r.channel](r, text, now) for r in await self._robots(hotel.id)]
        return sum([await _post(call) for call in calls])

    def _text(self, hotel: Hotel, row: Conversation, now: datetime) -> str:
        reason = row.reason or Reason.HUMAN_HANDOFF
        minutes = int((now - (row.waiting_since or now)).total_seconds() // 60)
        link = f"{self._base}/desk/#/{hotel.id}/{row.id}"
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
            return Robot(account.channel, secrets["url"], secrets.get("secret", ""))
        except (CannotOpen, KeyError) as error:
            metrics.ROBOT_CALLS.labels("refused").inc()
            logger.error("a group robot's address can't be read: %s", type(error).__name__)
            return None


async def _post(call: Call) -> bool:
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(call.url, json=call.body) as got,
        ):
            why = refusal(await got.json(content_type=None)) if got.status == 200 else f"status {got.status}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        why = type(error).__name__
    metrics.ROBOT_CALLS.labels("refused" if why else "accepted").inc()
    if why:
        logger.error("a group robot didn't take the message: %s", why)
    return why is None
