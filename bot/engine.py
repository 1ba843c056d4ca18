"""Asks Rasa: (memory, text, facts) -> (acts, memory). Knows the connector's shape and nothing of Rasa."""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from bot.clock import Clock
from bot.model import Act, Answer, Handoff, Json, Order, OrderId, Reason, Remember, Say

T = TypeVar("T")
CODE = re.compile(r"\w{1,60}", re.ASCII)
VECTOR_BYTES = 2 * 384
OPS = frozenset({"place", "change", "cancel"})


class EngineFailed(Exception):
    """No usable answer: unreachable, too slow, an error, or a turn that did not run to its end."""


class NotUpYet(EngineFailed):
    """This process has started lately and Rasa refuses the connection: it is still loading its model."""


@dataclass(frozen=True)
class Turn:
    """What the assistant decided, what it will remember, and how it understood the words."""

    acts: tuple[Act, ...]
    memory: Json | None
    intent: str = ""
    confidence: float = 0.0
    entities: tuple[Json, ...] = ()  # {"entity", "value", "raw", "start", "end"}, places in the asked text
    vector: bytes | None = None  # the message's, VECTOR_BYTES of little-endian float16, of unit length
    ranking: tuple[tuple[str, float], ...] = ()  # the likeliest readings with their confidence, best first
    complaint: str | None = None  # the kind, if it may be a complaint


class Engine:
    """One connection pool to Rasa's connector. `timeout` in seconds bounds a whole turn.

    For `warmup` seconds from now a Rasa that has never answered may be starting; one that dies later is gone.
    """

    def __init__(self, url: str, token: str, timeout: float, warmup: float = 0) -> None:
        self._clock = Clock()
        self._url, self._token, self._timeout = f"{url}/webhooks/dianxiaoer/turn", token, timeout
        self._warm = self._clock.monotonic() + warmup
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, text: str, memory: Json | None, facts: Json) -> Turn:
        """One turn. Raises EngineFailed, or NotUpYet; asking the same again gives the same."""
        try:
            async with asyncio.timeout(self._timeout):
                return parse(await self._post({"text": text, "memory": memory, "facts": facts}))
        except aiohttp.ClientConnectorError as error:
            kind = NotUpYet if self._clock.monotonic() < self._warm else EngineFailed
            raise kind(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, RecursionError) as error:
            raise EngineFailed(type(error).__name__) from error

    async def _post(self, body: Json) -> Any:
        headers = {"X-Rasa-Token": self._token}
        async with self._opened().post(self._url, json=body, headers=headers) as answer:
            self._warm = 0  # it is up
            if answer.status != 200:
                raise EngineFailed(f"the connector answered {answer.status}: {_code(await answer.read())}")
            return json.loads(await answer.read())

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session:
            await self._session.close()


def _code(body: bytes) -> str:
    """Why, in the connector's own code, which holds nobody's words; nothing else is repeated."""
    try:
        code = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
    return code if isinstance(code, str) and CODE.fullmatch(code) else "no reason given"


def parse(answer: object) -> Turn:
    """The connector's answer as a turn. Raises EngineFailed without the closing mark, and KeyError or
    ValueError for what isn't of the agreed shape: half an act is no act."""
    if not isinstance(answer, dict) or answer.get("closed") is not True:
        raise EngineFailed("the turn did not run to its end")
    acts = tuple(_act(_an(dict, act)) for act in _an(list, answer["acts"]))
    intent = _an(dict, answer.get("intent") or {})
    memory = answer.get("memory")
    return Turn(
        acts,
        None if memory is None else _an(dict, memory),
        _an(str, intent.get("name") or ""),
        _number(intent.get("confidence") or 0),
        tuple(_an(dict, entity) for entity in _an(list, answer.get("entities") or [])),
        _vector(answer.get("vector")),
        tuple(
            (_an(str, one["name"]), _number(one["confidence"]))
            for one in _an(list, answer.get("ranking") or [])
        ),
        _an(dict, answer.get("complaint") or {}).get("kind"),
    )


def _vector(raw: object) -> bytes | None:
    """The message's vector; None where there is none that can be read, for it can be made anew."""
    try:
        vector = base64.b64decode(raw, validate=True) if isinstance(raw, str) else b""
    except ValueError:
        return None
    return vector if len(vector) == VECTOR_BYTES else None


def _act(raw: Mapping[str, Any]) -> Act:
    match raw["act"]:
        case "say":
            options = tuple(_option(option) for option in _an(list, raw.get("options") or []))
            return Say(_an(str, raw["key"]), _an(dict, raw.get("values") or {}), options)
        case "answer":
            return Answer(_an(str, raw["topic"]))
        case "order" if raw["op"] in OPS:
            order = OrderId(_an(str, raw["order"])) if raw.get("order") else None
            return Order(raw["op"], _an(str, raw["service"]), _an(dict, raw.get("slots") or {}), order)
        case "remember":
            return Remember(_an(str, raw["preference"]))
        case "handoff":
            detail = raw.get("detail")
            return Handoff(Reason(raw["reason"]), None if detail is None else _an(dict, detail))
        case _:
            raise ValueError("unknown act")


def _option(raw: object) -> Json:
    """A choice names a text by its key, or says its title itself."""
    option = _an(dict, raw)
    _an(str, option.get("key") or option.get("title"))
    _an(dict, option.get("values") or {})
    _an(str, option.get("text") or "")
    return option


def _an(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"not of the agreed shape: a {kind.__name__} is missing")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise ValueError("not of the agreed shape: a number is missing")
    return float(value)
