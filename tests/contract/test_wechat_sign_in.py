"""A page opened from the menu inside WeChat: the platform says who it is, once, and the page is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from yarl import URL

from bot.http.guard import SETTINGS
from bot.model import HotelId
from bot.sign_in import signed_by
from bot.simulator import Follower
from tests.conftest import SettingsMaker
from tests.contract.site import ONE, TOKEN, Browser, frames
from tests.contract.town import ACCOUNT, Town, living
from tests.servers import free_port

INSIDE = {"User-Agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50 Language/zh_CN"}


@pytest.fixture
async def town(migrated_sqlite: Path, tmp_path: Path, make_settings: SettingsMaker) -> AsyncIterator[Town]:
    (tmp_path / "dianxiaoer.db").write_bytes(migrated_sqlite.read_bytes())
    public = f"http://127.0.0.1:{free_port()}"
    async with living(make_settings(PUBLIC_URL=public), sign_in=True) as made:
        yield made


async def go(browser: Browser, address: str) -> str:
    """Where a request inside WeChat is sent on to."""
    async with browser.client.get(address, headers=INSIDE, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.headers["Location"]


async def authorised(town: Town, browser: Browser, follower: Follower, page: str = "") -> str:
    """What the platform sends the browser back with: path and query."""
    town.simulator.act(follower, {"do": "view", "url": "https://desk.example/wechat"})
    at = await go(browser, f"/wechat/{ACCOUNT}/sign-in{f'?page={page}' if page else ''}")
    assert urlsplit(at).fragment == "wechat_redirect"
    async with browser.client.session.get(
        URL(at.partition("#")[0]), headers=INSIDE, allow_redirects=False
    ) as answer:
        assert answer.status == 302, await answer.text()
        return str(URL(answer.headers["Location"]).relative())


def token_in(address: str) -> str | None:
    parts = urlsplit(address)
    assert parts.path == f"/chat/{ONE}-page"
    return parse_qs(parts.fragment).get("signed", [None])[0]


async def proven(town: Town, token: str | None) -> str | None:
    return await signed_by(town.dispatch, HotelId(ONE), token or "")


async def test_the_visitor_is_the_follower_and_the_token_works_once(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    token = token_in(await go(browser, await authorised(town, browser, follower)))
    assert await proven(town, token) == f"wechat:{ACCOUNT}:{follower.openid}"
    assert await proven(town, token) is None
    rows = await town.site.sql("SELECT count(*) FROM identities")
    assert rows[0][0] == 1  # the follower that we know, no second one


async def test_a_visitor_who_never_wrote_is_met(town: Town) -> None:
    follower, browser = town.simulator.follower(), await town.site.browser()
    token = token_in(await go(browser, await authorised(town, browser, follower)))
    assert await proven(town, token) == f"wechat:{ACCOUNT}:{follower.openid}"


async def test_a_token_is_of_one_hotel_and_soon_too_old(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    token = token_in(await go(browser, await authorised(town, browser, follower)))
    assert await signed_by(town.dispatch, HotelId("yunting"), token or "") is None
    ((until,),) = await town.site.sql("SELECT expires_at FROM link_codes")
    assert datetime.fromisoformat(until) - datetime.now(UTC) <= timedelta(minutes=2)
    await town.site.sql("UPDATE link_codes SET expires_at = '2020-01-01T00:00:00.000000+00:00'")
    assert await proven(town, token) is None


async def test_a_code_works_once(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    back = await authorised(town, browser, follower)
    assert token_in(await go(browser, back))
    state = parse_qs(urlsplit(back).query)["state"][0]
    browser.client.session.cookie_jar.update_cookies({"wechat_state": state})
    assert token_in(await go(browser, back)) is None


async def test_somebody_elses_way_back_signs_nobody_in(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    back = await authorised(town, browser, follower)
    victim = await town.site.browser()
    assert token_in(await go(victim, back)) is None
    assert token_in(await go(browser, back.replace("state=", "state=x"))) is None


async def test_a_snapshot_user_is_nobody(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    town.simulator.state.switch({"snapshot_users": True})
    assert token_in(await go(browser, await authorised(town, browser, follower))) is None


async def test_outside_of_wechat_the_page_opens_as_for_anybody(town: Town) -> None:
    browser = await town.site.browser()
    path = f"/wechat/{ACCOUNT}/sign-in"
    async with browser.client.get(path, allow_redirects=False) as answer:
        assert token_in(answer.headers["Location"]) is None
    await town.set_account(sign_in=False)
    assert token_in(await go(browser, path)) is None


async def test_another_hotels_page_isnt_opened_from_here(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    assert token_in(await go(browser, await authorised(town, browser, follower, "yunting-page")))


async def test_an_account_of_two_hotels_opens_the_page_of_either(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    await town.set_account(hotels=["yunting"])
    at = await go(browser, await authorised(town, browser, follower, "yunting-page"))
    parts = urlsplit(at)
    token = parse_qs(parts.fragment)["signed"][0]
    assert parts.path == "/chat/yunting-page"
    assert await proven(town, token) is None
    assert await signed_by(town.dispatch, HotelId("yunting"), token) == f"wechat:{ACCOUNT}:{follower.openid}"


@pytest.mark.parametrize("wrong", [{"appid": "x"}, {"scope": "snsapi_userinfo"}, {"redirect_uri": "x"}])
async def test_the_platform_turns_a_wrong_request_away(town: Town, wrong: dict[str, str]) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    town.simulator.act(follower, {"do": "view", "url": "https://x.example"})
    at = URL((await go(browser, f"/wechat/{ACCOUNT}/sign-in")).partition("#")[0])
    asked: dict[str, Any] = {**at.query, **wrong}
    get = partial(browser.client.session.get, allow_redirects=False)
    async with get(at.with_query(asked), headers=INSIDE) as answer, get(at) as outside:
        assert (answer.status, outside.status) == (400, 400)


@pytest.mark.parametrize("snapshot", [False, True])
async def test_the_simulated_phone_comes_to_the_page_as_wechats_browser_does(
    town: Town, snapshot: bool
) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    town.simulator.state.switch({"snapshot_users": snapshot})
    # Where it serves is known only now, and the platform sends back to there.
    object.__setattr__(town.site.app[SETTINGS], "public_url", town.site.origin)
    address = f"{town.site.origin}/wechat/{ACCOUNT}/sign-in"
    town.simulator.act(follower, {"do": "view", "url": address})
    opened = f"{town.simulator.url}/control/followers/{follower.openid}/open"
    async with browser.client.session.get(opened, params={"url": address}, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        shown = answer.headers["Location"]
    token = token_in(shown)
    assert shown.startswith(town.site.origin)
    assert await proven(town, token) == (None if snapshot else f"wechat:{ACCOUNT}:{follower.openid}")


async def test_the_page_that_shows_the_token_is_the_followers(town: Town) -> None:
    follower, browser = await town.guest(), await town.site.browser()
    token = token_in(await go(browser, await authorised(town, browser, follower)))
    socket = await browser.widget()
    await socket.send_json({"type": "hello", "token": TOKEN, "after": 0, "signed": token})
    await frames(socket, "welcome")
    await browser.send("我在网页上", "client-0001")
    rows = await town.site.sql("SELECT count(DISTINCT guest_id), count(*) FROM identities")
    assert rows == [(1, 2)]
    await socket.close()
