"""The way into Rasa: POST /webhooks/dianxiaoer/turn, an ordinary input channel named in credentials.yml.

Answers {"acts", "memory", "intent", "ranking", "entities", "vector", "complaint", "closed": true};
`closed` stands only when the turn ran to its end. `ranking` holds up to five {"name", "confidence"}, the
likeliest first. `complaint` is {"kind", "topic"} of what may be a complaint, else null. `vector`
is the message's sentence vector as a query (of the end of its normalised text, as much as the encoder reads;
its length is 1): 384 little-endian float16 in base64, or null where the pipeline has no encoder, and where
the acts leave no question that knowledge could answer. Whatever else happens is {"closed": false, "error":
code} with a status that isn't 200. Logs name codes and types, never what the guest wrote.
"""

import asyncio
import hmac
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.shared.exceptions import InvalidConfigException
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from nlu import action_reply
from nlu.turn import CHANNEL, TurnFailed, take_turn

TURN_SECONDS = 2.8  # just under what the service waits, so that the failure has a name in both logs
log = logging.getLogger(__name__)


class TurnInput(InputChannel):
    """Rasa as a function of (memory, text, facts)."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    @classmethod
    def name(cls) -> str:
        return CHANNEL

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> "TurnInput":
        return cls(rasa_token())

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        action_reply.install()
        turns = Blueprint("dianxiaoer_turns")
        turns.add_route(partial(_turn, self._token), "/turn", methods=["POST"], name="turn")
        return turns


async def _turn(token: bytes, request: Request) -> HTTPResponse:
    if not hmac.compare_digest(request.headers.get("X-Rasa-Token", "").encode(), token):
        return _refuse(401, "unauthorized")
    asked = _read(request)
    if asked is None:
        return _refuse(400, "bad_request")
    return await _answer(request, *asked)


def rasa_token() -> str:
    """RASA_TOKEN, or what stands in the file RASA_TOKEN_FILE. Without one, Rasa doesn't start."""
    token = os.environ.get("RASA_TOKEN", "").strip()
    file = os.environ.get("RASA_TOKEN_FILE", "").strip()
    if not token and file:
        with open(file, encoding="utf-8") as opened:
            token = opened.read().strip()
    if not token:
        raise InvalidConfigException("RASA_TOKEN is not set: the bot could not prove who it is.")
    return token


def _read(request: Request) -> tuple[str, Mapping[str, Any] | None, Mapping[str, Any]] | None:
    """(text, memory, facts), or None when the request isn't one of ours."""
    try:
        body = request.json
    except Exception:
        return None
    if not isinstance(body, dict):
        return None
    text, memory, facts = body.get("text"), body.get("memory"), body.get("facts") or {}
    if not isinstance(text, str) or not text.strip():
        return None
    if not (memory is None or isinstance(memory, dict)) or not isinstance(facts, dict):
        return None
    return text, memory, facts


async def _answer(
    request: Request, text: str, memory: Mapping[str, Any] | None, facts: Mapping[str, Any]
) -> HTTPResponse:
    processor = request.app.ctx.agent.processor if request.app.ctx.agent else None
    if processor is None:
        return _refuse(503, "no_model")
    try:
        turn = await asyncio.wait_for(take_turn(processor, memory, text, facts), TURN_SECONDS)
    except TurnFailed as failed:
        return _refuse(500, failed.code)
    except asyncio.TimeoutError:
        return _refuse(504, "timeout")
    except Exception as error:
        return _refuse(500, type(error).__name__)
    return response.json({**asdict(turn), "closed": True})


def _refuse(status: int, code: str) -> HTTPResponse:
    log.warning("turn refused: %s %s", status, code)
    return response.json({"closed": False, "error": code}, status=status)
