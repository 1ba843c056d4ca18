"""Logs: one JSON object a line on stderr, with the conversation's id and without a guest's words.

Nobody may log what a guest wrote, nor a number that identifies. The masking here is the net below that
rule, not a licence: it knows how openids and phone numbers look, and nothing of words. For the same reason
the text of an exception is left out, unless it is the operating system's.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from traceback import walk_tb
from typing import Any

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, StreamResponse

CONVERSATION: ContextVar[str | None] = ContextVar("conversation", default=None)

# Not inside a longer word: ids of ours are hexadecimal groups with strokes, and stay readable.
_OPENID = re.compile(r"(?<![\w-])o[\w-]{27}(?![\w-])", re.ASCII)
_NUMBER = re.compile(
    r"(?<![\w.-])(?:\+?\d{1,3}[- ]?)?(?:\d{11,19}[Xx]?|\d{3,4}[- ]\d{4}[- ]?\d{4})(?![\w-])", re.ASCII
)
_ASIDE = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FRAMES = 12


def mask(text: str) -> str:
    """The text with openids and long numbers taken out."""
    return _NUMBER.sub("<number>", _OPENID.sub("<openid>", text))


@contextmanager
def conversation(conversation_id: str) -> Iterator[None]:
    """What is logged inside, by any module and in any task started here, bears the conversation's id."""
    token = CONVERSATION.set(conversation_id)
    try:
        yield
    finally:
        CONVERSATION.reset(token)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `extra={...}` become fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if known := CONVERSATION.get():
            line["conversation"] = known
        line |= {name: _plain(value) for name, value in vars(record).items() if name not in _ASIDE}
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception without what it quotes: its kind, where it came from, what caused it."""
    frames = [f"{frame.f_code.co_filename}:{line}" for frame, line in walk_tb(error.__traceback__)]
    found: dict[str, Any] = {"type": type(error).__qualname__, "at": frames[-_FRAMES:]}
    if isinstance(error, OSError):
        found["text"] = mask(str(error))
    if isinstance(error, BaseExceptionGroup):
        found["all"] = [describe(one) for one in error.exceptions]
    if cause := error.__cause__ or error.__context__:
        found["cause"] = describe(cause)
    return found


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask(str(value))


class AccessLogger(AbstractAccessLogger):
    """A line for each request: no query (tokens, signatures), no address, no header."""

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        self.logger.info(
            "%s %s %d",
            request.method,
            request.path,
            response.status,
            extra={"milliseconds": round(time * 1000)},
        )


def configure(level: str) -> None:
    """Send everything, warnings too, to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for noisy in ("sqlalchemy.engine", "aiosqlite", "asyncio", "alembic"):  # some log guests' words at DEBUG
        logging.getLogger(noisy).setLevel(logging.WARNING)
