"""A second factor over HTTP: required, set up, each code once, wrong ones counted, recovered, lost."""

import argparse
import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.commands import staff as command
from bot.http.guard import CLOCK
from bot.second_factor import code_at, step_at
from bot.settings import Settings
from bot.staff import FAILURES
from tests.conftest import SettingsMaker
from tests.contract.site import PASSWORD, SOON, Browser, Site, serving
from tests.servers import free_port

HERE = "/desk/v1/second-factor"


@pytest.fixture
def settings(database_url: str, make_settings: SettingsMaker) -> Settings:
    rasa = f"http://127.0.0.1:{free_port()}"
    return make_settings(DATABASE_URL=database_url, RASA_URL=rasa, SECOND_FACTOR="required", **SOON)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with serving(settings) as made:
        yield made


def code(site: Site, key: str, ahead: int = 0) -> str:
    return code_at(base64.b32decode(key.replace(" ", "")), step_at(site.app[CLOCK].now()) + ahead)


async def said(browser: Browser, path: str, **body: object) -> tuple[int, str]:
    """Status and code of an answer."""
    status, answer = await browser.call("POST", path, body)
    return status, answer.get("error", {}).get("code", "")


async def sign_in(browser: Browser, code: str = "") -> tuple[int, str]:
    return await said(browser, "/desk/v1/session", login="admin", password=PASSWORD, code=code)


async def set_up(site: Site, browser: Browser) -> tuple[str, list[str]]:
    """The key and the recovery codes."""
    status, offer = await browser.call("POST", f"{HERE}/offer", {"password": PASSWORD})
    assert status == 200, offer
    sent: dict[str, Any] = {"offer": offer["offer"], "code": code(site, offer["key"])}
    assert await said(browser, HERE, **sent | {"code": "1"}) == (403, "wrong_code")
    assert await said(browser, HERE, **sent | {"offer": "x"}) == (409, "offer_over")
    status, answer = await browser.call("POST", HERE, sent)
    assert (status, len(answer["recovery"])) == (200, 8), answer
    assert await said(browser, HERE, **sent) == (409, "has_second_factor")
    return offer["key"], answer["recovery"]


async def test_a_second_factor(site: Site, settings: Settings) -> None:
    boss, agent = await site.signed_in("admin"), await site.signed_in("agent")
    status, body = await boss.desk("GET", "conversations")
    assert (status, body["error"]["code"]) == (403, "must_set_second_factor")
    assert (await agent.desk("GET", "conversations"))[0] == 200, "not asked of agents"
    assert await said(agent, f"{HERE}/offer", password=PASSWORD) == (403, "forbidden")
    assert await said(boss, f"{HERE}/offer", password="not this one") == (403, "wrong_password")
    elsewhere = await site.signed_in("admin")
    key, recovery = await set_up(site, boss)
    assert (await boss.desk("GET", "conversations"))[0] == 200
    assert (await elsewhere.desk("GET", "conversations"))[0] == 401, "what had only the password ends"
    (kept,) = await site.sql("SELECT second_factor FROM staff WHERE login = 'admin'")
    assert not any(secret in kept[0] for secret in (key, key.replace(" ", ""), *recovery))

    later = await site.browser()
    assert await sign_in(later) == (401, "code_needed")
    assert (await later.call("GET", "/desk/v1/session"))[0] == 401, "no cookie before the code"
    right = code(site, key, ahead=1)  # this step's has confirmed it
    at_once = await asyncio.gather(*(sign_in(later, right) for _ in range(2)))
    assert sorted(at_once) == [(200, ""), (401, "wrong_code")], "a code is taken once"
    assert await sign_in(await site.browser(), recovery[0]) == (200, "")
    assert await sign_in(await site.browser(), recovery[0]) == (401, "wrong_code")

    for _ in range(FAILURES - 2):  # the right password before each doesn't begin the count anew
        assert await sign_in(later, "000000") == (401, "wrong_code")
    assert await sign_in(later, "000000") == (423, "locked")
    assert await sign_in(later, recovery[1]) == (423, "locked")
    assert await said(boss, f"{HERE}/off", password=PASSWORD, code=recovery[1]) == (423, "locked")
    await site.sql("UPDATE staff SET locked_until = NULL")
    assert await said(boss, f"{HERE}/off", password=PASSWORD, code="000000") == (403, "wrong_code")
    assert await said(boss, f"{HERE}/off", password=PASSWORD, code=recovery[1]) == (200, "")
    assert (await later.call("GET", "/desk/v1/session"))[0] == 401
    assert await sign_in(later) == (200, "")

    await site.sql("UPDATE staff SET second_step = NULL WHERE login = 'admin'")
    await set_up(site, later)
    lost = argparse.Namespace(action="second-factor", switch="off", login="admin")
    assert await asyncio.to_thread(command.run, lost, settings) == 0
    assert await sign_in(await site.browser()) == (200, "")
    told = await site.sql("SELECT action, staff_id IS NULL FROM audit ORDER BY at, audit_id")
    assert [(action, bool(nobody)) for action, nobody in told] == [
        ("second_factor_on", False),
        ("signed_out_elsewhere", False),
        ("recovery_code", False),
        ("recovery_code", False),
        ("second_factor_off", False),
        ("signed_out_elsewhere", False),
        ("second_factor_on", False),
        ("signed_out_elsewhere", False),
        ("second_factor_off", True),
        ("signed_out_elsewhere", True),
    ]
