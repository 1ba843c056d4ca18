"""A hotel's app as a client: sign a token, write, follow, send a picture, show who one is elsewhere.

Needs aiohttp and PyJWT. In a real app `sign` runs on the hotel's backend, which alone knows the key; the app
asks it for a token and does the rest.
"""

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import jwt

LIFE = 600  # seconds; 15 minutes at most
RENEW_BEFORE = 60


@dataclass(frozen=True)
class Key:
    """As `python -m bot account key add app ACCOUNT` shows it once."""

    account: str
    kid: str
    secret: str = field(repr=False)


def sign(key: Key, subject: str, now: float, **about: Any) -> str:
    """On the backend: who the guest is. `about`: name, room, room_until (seconds since 1970)."""
    claims = {"sub": subject, "aud": key.account, "iat": int(now), "exp": int(now) + LIFE, **about}
    return jwt.encode(claims, key.secret, "HS256", headers={"kid": key.kid})


class Refused(Exception):
    """The service's own words, for the guest; `code` is for the program."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class HotelApp:
    """One guest of one hotel."""

    def __init__(self, base_url: str, key: Key, subject: str) -> None:
        self._base, self._key, self._subject = base_url.rstrip("/"), key, subject
        self._token, self._until = "", 0.0
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> "HotelApp":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._session.close()

    def token(self) -> str:
        """Ask your backend here. One token serves until shortly before it runs out."""
        now = time.time()
        if now > self._until - RENEW_BEFORE:
            self._token, self._until = sign(self._key, self._subject, now), now + LIFE
        return self._token

    async def write(self, text: str, client_id: str | None = None) -> str:
        """The message's id. With the same client_id a second try after a broken line says nothing twice."""
        body = {"client_id": client_id or uuid.uuid4().hex, "text": text}
        return str((await self._call("POST", "messages", json=body))["id"])

    async def upload(self, picture: Path, client_id: str | None = None) -> str:
        query = {"client_id": client_id or uuid.uuid4().hex, "name": picture.name}
        return str((await self._call("POST", "files", params=query, data=picture.read_bytes()))["id"])

    async def history(self, before: str | None = None, limit: int = 50) -> Any:
        query = {"limit": str(limit)} | ({"before": before} if before else {})
        return await self._call("GET", "messages", params=query)

    async def read(self, cursor: str) -> None:
        await self._call("POST", "read", json={"cursor": cursor})

    async def link_code(self) -> str:
        """Eight digits that the guest writes on WeChat or on the web page within ten minutes."""
        return str((await self._call("POST", "link-codes"))["code"])

    async def redeem(self, code: str) -> bool:
        return bool((await self._call("POST", "link-codes/redeem", json={"code": code}))["linked"])

    async def follow(self, after: str | None = None) -> AsyncIterator[Any]:
        """Messages as they come, from a cursor on; comes back by itself when the line breaks."""
        while True:
            try:
                async with self._session.ws_connect(f"{self._base}/app/v1/socket", heartbeat=25) as socket:
                    await socket.send_json({"type": "hello", "token": self.token(), "after": after})
                    async for frame in socket:
                        page = frame.json()
                        after = page.get("cursor", after)
                        for message in page.get("messages", ()):
                            yield message
            except aiohttp.ClientError:
                pass  # as below
            await asyncio.sleep(1)  # the token has run out, or the line has: again from the cursor

    async def _call(self, method: str, path: str, **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept-Language": "zh-CN"}
        url = f"{self._base}/app/v1/{path}"
        async with self._session.request(method, url, headers=headers, **sent) as answer:
            body = await answer.json()
            if answer.status != 200:
                raise Refused(answer.status, body["error"]["code"], body["error"]["message"])
            return body


async def talk(app: HotelApp, text: str, picture: Path | None) -> None:
    """Write, send a picture, print what is said until the hotel has answered."""
    mine = await app.write(text)
    if picture:
        await app.upload(picture)
    heard = False
    async for message in app.follow():
        print(f"{message['from']}: {message['text'] or '[' + message['file']['kind'] + ']'}")
        heard = heard or message["id"] == mine
        if heard and message["from"] != "guest":
            break
    print("code:", await app.link_code())


async def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("base_url", "account", "kid", "subject", "text"):
        parser.add_argument(name)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(argv)
    secret = sys.stdin.readline().strip()  # never among the arguments, where others can read it
    key = Key(given.account, given.kid, secret)
    async with HotelApp(given.base_url, key, given.subject) as app:
        await talk(app, given.text, given.picture)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
