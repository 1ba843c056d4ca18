"""Asks Rasa: (memory, text, facts) -> (acts, memory). Knows the connector's shape and nothing of Rasa."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.model import Act, Answer, Handoff, Json, Order, OrderId, Reason, Remember, Say


class EngineFailed(Exception):
    """No usable answer: unreachable, too slow, an error, or a turn that did not run to its end."""


@dataclass(frozen=True)
class Turn:
    """What the assistant decided, what it will remember, and how it understood the words."""

    acts: tuple[Act, ...]
    memory: Json | None
    intent: str = ""
    confidence: float = 0.0


class Engine:
    """One connection pool to Rasa's connector. `timeout` in seconds bounds a whole turn."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._url, self._token, self._timeout = f"{url}/webhooks/dianxiaoer/turn", token, timeout
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, text: str, memory: Json | None, facts: Json) -> Turn:
        """One turn. Raises EngineFailed; asking the same again gives the same."""
        try:
            async with asyncio.timeout(self._timeout):
                return parse(await self._post({"text": text, "memory": memory, "facts": facts}))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            raise EngineFailed(f"{type(error).__name__}: {error}"[:200]) from error

    async def _post(self, body: Json) -> Any:
        headers = {"X-Rasa-Token": self._token}
        async with self._opened().post(self._url, json=body, headers=headers) as answer:
            if answer.status != 200:
                raise EngineFailed(f"the connector answered {answer.status}")
            return json.loads(await answer.read())

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session:
            await self._session.close()


def parse(answer: Mapping[str, Any]) -> Turn:
    """The connector's answer as a turn. Raises EngineFailed when the closing mark is missing."""
    if answer.get("closed") is not True:
        raise EngineFailed("the turn did not run to its end")
    intent = answer.get("intent") or {}
    acts = tuple(_act(act) for act in answer["acts"])
    return Turn(
        acts, answer.get("memory"), str(intent.get("name") or ""), float(intent.get("confidence") or 0)
    )


def _act(raw: Mapping[str, Any]) -> Act:
    match raw["act"]:
        case "say":
            return Say(raw["key"], raw.get("values") or {}, tuple(raw.get("options") or ()))
        case "answer":
            return Answer(raw["topic"])
        case "order":
            order = OrderId(raw["order"]) if raw.get("order") else None
            return Order(raw["op"], raw["service"], raw.get("slots") or {}, order)
        case "remember":
            return Remember(raw["preference"])
        case "handoff":
            return Handoff(Reason(raw["reason"]), raw.get("detail"))
        case unknown:
            raise ValueError(f"unknown act {unknown!r}")
