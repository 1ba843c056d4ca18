"""The logs: JSON, with the conversation's id, and without numbers, queries or what an exception quotes."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot import logs

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def logger() -> Iterator[tuple[logging.Logger, Lines]]:
    logger = logging.Logger("bot.test", logging.INFO)
    kept: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: kept.append(logs.JsonFormatter().format(record))  # type: ignore[method-assign]
    logger.addHandler(handler)
    return logger, lambda: [json.loads(line) for line in kept]


def test_a_line_is_json_with_the_conversation(logger: tuple[logging.Logger, Lines]) -> None:
    log, lines = logger
    with logs.conversation("019ab3c4-7e21-7000-8000-000000000001"):
        log.info("answered in %d acts", 2, extra={"reason": "complain"})
    log.info("idle")
    first, second = lines()
    assert first["message"] == "answered in 2 acts"
    assert first["conversation"] == "019ab3c4-7e21-7000-8000-000000000001"
    assert first["reason"] == "complain"
    assert "conversation" not in second


@pytest.mark.parametrize(
    "said",
    [
        "13812345678",
        "+8613812345678",
        "138-1234-5678",
        "138 1234 5678",
        "11010519491231002X",
        "6222021234567890123",
        "oLVPpjqs9BhvzwPj5A-vTYAX3GLc",
    ],
)
def test_numbers_and_openids_are_masked(said: str, logger: tuple[logging.Logger, Lines]) -> None:
    log, lines = logger
    log.info("from %s.", said, extra={"who": f"guest:{said}"})
    assert said not in json.dumps(lines())
    assert "<" in str(lines()[0]["message"])


@pytest.mark.parametrize(
    "said",
    [
        "019ab3c4-7e21-7000-8000-138123456789",
        "room 1208",
        "2026-11-23T07:00:00+08:00",
        "in 0.004 s",
        "PT12345",
    ],
)
def test_what_we_need_stays_readable(said: str) -> None:
    assert logs.mask(said) == said


def test_an_exception_tells_where_and_not_what_it_quotes(logger: tuple[logging.Logger, Lines]) -> None:
    log, lines = logger
    try:
        try:
            raise ConnectionRefusedError(111, "nobody at 127.0.0.1:5005")
        except OSError as cause:
            raise ValueError("客人说：我的房间漏水了") from cause
    except ValueError:
        log.exception("it failed")
    error = lines()[0]["error"]
    assert isinstance(error, dict)
    assert error["type"] == "ValueError"
    assert "test_logs.py:" in error["at"][0]
    assert "nobody at 127.0.0.1:5005" in error["cause"]["text"]
    assert "漏水" not in json.dumps(lines(), ensure_ascii=False)


async def test_access_logs_have_no_query(logger: tuple[logging.Logger, Lines]) -> None:
    log, lines = logger
    app = web.Application()
    app.router.add_get("/wechat/{account}", _answer)
    server = TestServer(app)
    await server.start_server(access_log_class=logs.AccessLogger, access_log=log)
    async with TestClient(server) as client:
        await client.get("/wechat/main?signature=secret&openid=oLVPpjqs9BhvzwPj5A-vTYAX3GLc")
    assert lines()[0]["message"] == "GET /wechat/main 200"
    assert "secret" not in json.dumps(lines())


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text="ok")
