"""One guest on three channels, against the real processes: the app and the page by one signed subject, WeChat
by a one-time code; the desk sees one conversation, and no word shows where nothing was proven."""

import base64
import secrets
import time
from typing import Any

import aiohttp
import jwt
import pytest

from tests.scenario.world import HOTEL, World, until

pytestmark = [pytest.mark.processes]

APP, PAGE, SECRET = "member-app", f"{HOTEL}-page", secrets.token_hex(32)  # no dash in front


def signed(audience: str) -> str:
    """What the hotel's own backend says of its signed-in member."""
    now = int(time.time())
    claims = {"sub": "member-88", "aud": audience, "iat": now, "exp": now + 600, "name": "张敏"}
    return jwt.encode(claims, SECRET, "HS256", headers={"kid": "k1"})


class Member:
    """A member of the hotel's, in its app and signed in on its page."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self._url, self._http = world.bot.url, http
        self._browser = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()

    async def app(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {signed(APP)}"}
        url = f"{self._url}/app/v1/{path}"
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def says_in_the_app(self, text: str) -> None:
        await self.app("POST", "messages", {"client_id": secrets.token_hex(8), "text": text})

    async def page(self, path: str, **body: object) -> Any:
        told = {"token": self._browser, "identity": signed(PAGE), **body}
        async with self._http.post(f"{self._url}/widget/v1/{PAGE}/{path}", json=told) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def says_on_the_page(self, text: str) -> None:
        await self.page("messages", client_id=secrets.token_hex(8), text=text)

    async def sees_in_the_app(self) -> list[str]:
        return [m["text"] for m in (await self.app("GET", "messages"))["messages"]]

    async def sees_on_the_page(self) -> list[str]:
        return [m["text"] for m in (await self.page("poll", after=0))["messages"]]


def some(texts: list[str], words: str) -> bool:
    return any(words in text for text in texts)


async def test_the_app_the_page_and_wechat_are_one_guest(world: World) -> None:
    for channel, account in (("app", APP), ("web", PAGE)):
        if channel == "app":
            world.bot.command("account", "add", channel, "--hotel", HOTEL, "--id", account)
        world.bot.command("account", "key", "add", channel, account, "--kid", "k1", "--key", SECRET)
    follower = world.simulator.follower("张敏")
    desk = await world.desk()
    async with aiohttp.ClientSession() as http:
        member = Member(world, http)

        # In the app, then on the page: one person by one signature, and both see both.
        await member.says_in_the_app("早餐几点到几点")
        await until(lambda: _heard(member.sees_in_the_app, "06:30–10:00"))
        await member.says_on_the_page("停车怎么收费")
        await until(lambda: _heard(member.sees_on_the_page, "停车"))
        assert some(await member.sees_on_the_page(), "早餐几点到几点")
        assert some(await member.sees_in_the_app(), "停车怎么收费")

        # On WeChat, where a code from the app shows who it is.
        world.simulator.say(follower, "泳池几点关门")
        await world.simulator.heard(follower, 1, within=30)
        code = (await member.app("POST", "link-codes", {}))["code"]
        world.simulator.say(follower, f"绑定 {code}")
        await until(lambda: some([a.text for a in world.simulator.answers(follower)], "绑定好了"))

        # The desk sees one guest; a page sees nothing of WeChat, which no signature vouches for.
        (row,) = await desk.conversations()
        assert sorted(row["channels"]) == ["app", "web", "wechat"]
        assert row["guest"]["name"] == "张敏"
        assert not some(await member.sees_in_the_app(), "泳池")

        # A reply goes to where the guest wrote last, and the page has it too where the subject is the same.
        await member.says_in_the_app("我要找人工")
        conversation = await until(lambda: desk.one("WAITING"))
        await desk.reply(conversation, "张女士您好，我是前台")
        await until(lambda: _heard(member.sees_in_the_app, "我是前台"))
        assert some(await member.sees_on_the_page(), "我是前台")
        assert not some([a.text for a in world.simulator.answers(follower)], "我是前台")
    await desk.close()
    world.bot.command("verify")


async def _heard(look: Any, words: str) -> bool:
    return some(await look(), words)
