"""A hotel's own backend: hears of a guest who is away, and has 极光 (JPush) or 个推 (GeTui) tell the phone.

Needs aiohttp. One JSON object is read from standard input, since it holds secrets: push_secret, app_key and
master_secret, for 个推 app_id as well. Only what was pushed is remembered, and in memory: keep it in your own
database.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import logging
import sys
import time
from typing import Any, Protocol

import aiohttp
from aiohttp import web

TIMEOUT = 3.5  # seconds; the answer is waited for four
AT_MOST_OFF = 300
KEPT = 86_400
FRESH = 3600  # seconds for which a push to a phone without network is worth delivering
TEXT = {"staff": "酒店同事回复您了", "assistant": "酒店回复您了"}
logger = logging.getLogger("push_backend")


class Later(Exception):
    """The push service can't at the moment. We are told of the guest again."""


class Refused(Exception):
    """The push service won't, and wouldn't the next time either."""


class Service(Protocol):
    async def push(self, event: dict[str, Any], alias: str) -> None:
        """Once, however often it is called with one event. Raises Later, Refused."""


def is_ours(secret: str, header: str, body: bytes, now: float) -> bool:
    at, _, mac = header.partition(",v1=")
    at = at.removeprefix("t=")
    if not (at.isascii() and at.isdecimal() and mac.isascii()):
        return False
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, mac) and abs(now - int(at)) < AT_MOST_OFF


def alias_of(secret: str, subject: str) -> str:
    """What the app binds as alias when the guest signs in; it gets it from here, with its token.

    The subject itself may hold what neither service takes ("-") and be longer than their 40 bytes, and could
    be guessed by whoever wants another guest's notifications.
    """
    return hmac.new(secret.encode(), f"alias.{subject}".encode(), hashlib.sha256).hexdigest()[:32]


class JPush:
    """POST /v3/push. A cid of the service's own makes a repetition harmless for a day."""

    def __init__(self, http: aiohttp.ClientSession, url: str, app_key: str, master_secret: str) -> None:
        self._http, self._url, self._cids = http, url, dict[str, str]()
        known = base64.b64encode(f"{app_key}:{master_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {known}"}

    async def push(self, event: dict[str, Any], alias: str) -> None:
        cid = self._cids.get(event["id"])
        if cid is None:
            cid = (await self._call("GET", "/v3/push/cid?count=1"))["cidlist"][0]
            self._cids[event["id"]] = cid
        extras = {"conversation": event["conversation"]}
        text = TEXT[event["kind"]]
        body = {
            "cid": cid,
            "platform": "all",
            "audience": {"alias": [alias]},
            "notification": {
                "android": {"alert": text, "extras": extras},
                "ios": {"alert": text, "sound": "default", "badge": event["unread"], "extras": extras},
            },
            "options": {"time_to_live": FRESH, "apns_production": True},
        }
        await self._call("POST", "/v3/push", body)
        self._cids.pop(event["id"], None)

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as answer:
            if answer.status == 429 or answer.status >= 500:
                raise Later(f"status {answer.status}")
            said = await answer.json()
        if answer.status != 200:
            error = said.get("error", {})  # 1011: no device has this alias
            raise Refused(f"{error.get('code')} {error.get('message')}")
        return said


class GeTui:
    """POST /v2/{app_id}/push/single/alias. It drops a request_id that it has had."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, app_id: str, app_key: str, master_secret: str
    ) -> None:
        self._http, self._url = http, f"{url}/v2/{app_id}"
        self._app_key, self._master_secret = app_key, master_secret
        self._token = ""

    async def push(self, event: dict[str, Any], alias: str) -> None:
        payload = json.dumps({"conversation": event["conversation"]})
        title, text = "您有新消息", TEXT[event["kind"]]
        shown = {"title": title, "body": text, "click_type": "startapp"}
        aps = {"alert": {"title": title, "body": text}, "sound": "default", "content-available": 0}
        body = {
            "request_id": hashlib.sha256(event["id"].encode()).hexdigest()[:32],
            "settings": {"ttl": FRESH * 1000},
            "audience": {"alias": [alias]},
            "push_message": {"notification": {**shown, "payload": payload}},
            # Who is away has no connection to 个推: then it's Apple and the maker of the phone who deliver.
            "push_channel": {
                "android": {"ups": {"notification": shown}},
                "ios": {
                    "type": "notify",
                    "payload": payload,
                    "aps": aps,
                    "auto_badge": str(event["unread"]),
                },
            },
        }
        said = await self._call("/push/single/alias", body) if self._token else {"code": 10001}
        if said["code"] == 10001:  # the token has run out
            await self._sign_in()
            said = await self._call("/push/single/alias", body)
        if said["code"] in (2, 10001, 10003, 10005):  # starting, or asked too often
            raise Later(f"code {said['code']}")
        if said["code"] != 0:
            raise Refused(f"{said['code']} {said.get('msg')}")

    async def _sign_in(self) -> None:
        at = str(int(time.time() * 1000))
        made = hashlib.sha256(f"{self._app_key}{at}{self._master_secret}".encode()).hexdigest()
        said = await self._call("/auth", {"sign": made, "timestamp": at, "appkey": self._app_key})
        if said["code"] != 0:
            raise Later(f"signing in: code {said['code']}")
        self._token = said["data"]["token"]

    async def _call(self, path: str, body: object) -> Any:
        headers = {"token": self._token} if self._token else {}
        async with self._http.post(self._url + path, json=body, headers=headers) as answer:
            if answer.status == 429 or answer.status >= 500:
                raise Later(f"status {answer.status}")
            return await answer.json()


class Backend:
    """What our events are sent to. Its status says whether they are to come again."""

    def __init__(self, service: Service, secret: str) -> None:
        self._service, self._secret = service, secret
        self._pushed: dict[str, float] = {}

    async def take(self, request: web.Request) -> web.Response:
        body, now = await request.read(), time.time()
        if not is_ours(self._secret, request.headers.get("X-Dianxiaoer-Signature", ""), body, now):
            return web.Response(status=401)
        event = json.loads(body)
        self._pushed = {one: at for one, at in self._pushed.items() if now - at < KEPT}
        if event["type"] != "guest.unread" or event["id"] in self._pushed:
            return web.Response(status=204)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._service.push(event, alias_of(self._secret, event["subject"]))
        except Refused as error:
            logger.warning("not pushed: %s", error)
            return web.Response(status=422)
        except (Later, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("not pushed yet: %s", error or type(error).__name__)
            return web.Response(status=503)
        self._pushed[event["id"]] = now
        return web.Response(status=204)


async def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("service", choices=["jpush", "getui"])
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--url", help="of the push service, where it isn't the usual one")
    given = parser.parse_args(argv)
    told = json.loads(sys.stdin.readline())
    async with aiohttp.ClientSession() as http:
        service: Service
        if given.service == "jpush":
            url = given.url or "https://api.jpush.cn"
            service = JPush(http, url, told["app_key"], told["master_secret"])
        else:
            url = given.url or "https://restapi.getui.com"
            service = GeTui(http, url, told["app_id"], told["app_key"], told["master_secret"])
        app = web.Application()
        app.router.add_post("/dianxiaoer", Backend(service, told["push_secret"]).take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", given.port).start()
        print(f"listening on {runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig()
    asyncio.run(main(sys.argv[1:]))
