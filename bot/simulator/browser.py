"""WeChat's own browser on the followers' phones, as far as a server can tell it: its name, its cookies, and
that the platform knows whose phone it is.

It walks from address to address until there is a page, and the engineer's browser then shows that. So the
silent sign-in (snsapi_base), which needs the name and the cookies, goes as it does on a phone.
"""

from urllib.parse import urldefrag, urljoin, urlsplit

import aiohttp
from yarl import URL

from bot.simulator.state import State

NAME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile MicroMessenger/8.0.50 Language/zh_CN"
INSIDE = "MicroMessenger"  # by which a server knows it
HOPS = 10
NEAR = frozenset({"127.0.0.1", "localhost", "::1"})


class PhoneBrowser:
    """Cookies are kept by phone; nothing beyond this machine is ever asked."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._cookies: dict[str, aiohttp.CookieJar] = {}

    async def arrive(self, openid: str, address: str) -> str:
        """Where following an address ends, with what stands behind its `#`. Raises ValueError."""
        self._state.viewer = openid
        jar = self._cookies.setdefault(openid, aiohttp.CookieJar(unsafe=True))
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(
            cookie_jar=jar, headers={"User-Agent": NAME}, timeout=timeout
        ) as http:
            for _ in range(HOPS):
                if urlsplit(address).scheme not in ("http", "https"):
                    raise ValueError("a page has an http address")
                on = await self._next(http, address)
                if on is None:
                    return address
                address = on
        raise ValueError("too many redirects")

    async def _next(self, http: aiohttp.ClientSession, address: str) -> str | None:
        at = urldefrag(address).url
        if urlsplit(at).hostname not in NEAR:
            return None
        try:
            async with http.get(URL(at, encoded=True), allow_redirects=False) as answer:
                on = answer.headers.get("Location") if 300 <= answer.status < 400 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None  # the browser shows what is wrong
        return urljoin(at, on) if on else None
