"""A shared desk: while it is locked nothing is shown or done; a PIN opens it for whoever signed in on it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.shared_desks import WRONG_PINS
from tests.conftest import SettingsMaker
from tests.contract.site import PASSWORD, SOON, Browser, Site, serving
from tests.contract.test_http import desk_routes, filled
from tests.servers import free_port

PIN = "2580"


@pytest.fixture
async def site(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Site]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    async with serving(make_settings(RASA_URL=f"http://127.0.0.1:{free_port()}", **SOON)) as made:
        yield made


async def session(browser: Browser, what: str, **body: object) -> tuple[int, dict[str, object]]:
    return await browser.call("POST", f"/desk/v1/session/{what}", body)


async def shared(site: Site) -> Browser:
    """A computer on which the agent signed in, and then the administrator; both have a PIN."""
    browser = await site.browser()
    for login in ("agent", "admin"):
        assert (await browser.sign_in(login))[0] == 200
        chosen = {"password": PASSWORD, "pin": PIN}
        assert (await browser.call("POST", "/desk/v1/pin", chosen))[0] == 200
    return browser


async def test_a_locked_desk_shows_and_does_nothing(site: Site) -> None:
    browser = await shared(site)
    feed = await browser.feed()
    await feed.receive(timeout=20)
    status, told = await session(browser, "lock")
    assert (status, told["login"], told["alarm"]) == (200, "admin", False)
    assert [person["login"] for person in told["people"]] == ["admin", "agent"]  # type: ignore[index,union-attr]
    while not feed.closed:
        await feed.receive(timeout=20)
    assert feed.close_code == 4401
    for method, path in desk_routes(site):
        if "/session" in path or method == "HEAD":
            continue
        status, body = await browser.call(method, filled(path), {} if method[0] == "P" else None)
        assert (status, body["error"]["code"]) == (401, "desk_locked"), (method, path)
    assert (await browser.call("GET", "/desk/v1/session"))[1]["locked"], "a reload opens nothing"


async def test_a_pin_changes_the_person(site: Site) -> None:
    browser = await shared(site)
    await session(browser, "lock")
    status, opened = await session(browser, "open", login="agent", pin=PIN)
    assert (status, opened["staff"]["login"]) == (200, "agent")  # type: ignore[index,call-overload]
    assert (await browser.desk("GET", "staff"))[0] == 403
    assert (await session(browser, "open", login="admin", pin=PIN))[0] == 200
    assert (await browser.desk("GET", "staff"))[0] == 200
    elsewhere = await site.signed_in("new")
    assert (await session(elsewhere, "open", login="agent", pin=PIN))[0] == 403, "never signed in there"
    await browser.call("DELETE", "/desk/v1/session")
    assert (await session(browser, "open", login="agent", pin=PIN))[0] == 401


async def test_wrong_pins_are_counted_and_then_need_the_password(site: Site) -> None:
    browser = await shared(site)
    await session(browser, "lock")
    tried = [session(browser, "open", login="agent", pin="0000") for _ in range(WRONG_PINS)]
    wrong = await asyncio.gather(*tried)
    assert {status for status, _ in wrong} == {403}
    status, body = await session(browser, "open", login="agent", pin=PIN)
    assert (status, body["error"]["code"]) == (403, "pin_used_up")  # type: ignore[index,call-overload]
    assert (await session(browser, "open", login="admin", pin=PIN))[0] == 200, "each has their own count"
    assert (await browser.sign_in("agent"))[0] == 200
    await session(browser, "lock")
    assert (await session(browser, "open", login="agent", pin=PIN))[0] == 200
    for pin in ("123", "123456789", "12a4", "１２３４"):
        chosen = {"password": PASSWORD, "pin": pin}
        assert (await browser.call("POST", "/desk/v1/pin", chosen))[0] == 400, pin
    chosen = {"password": "not this one", "pin": PIN}
    assert (await browser.call("POST", "/desk/v1/pin", chosen))[0] == 403
