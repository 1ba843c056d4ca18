"""Pushes to the bot: signed, up to three deliveries, cut after 5 seconds, the answer shown to the follower.

A delivery that is cut, lost or refused is repeated with the same MsgId and a fresh signature. An answer
that is no answer (JSON, broken XML, a wrong signature) is not repeated: the follower sees the notice that
the account is out of order, as on a real phone.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from bot.channels.wechat.account import Mode
from bot.channels.wechat.codec import check_signature, decrypt, encrypt, signature
from bot.channels.wechat.markup import cdata, decode, read
from bot.channels.wechat.refusal import PushRefused
from bot.simulator.account import SimulatedAccount
from bot.simulator.state import Follower, State, WireEntry

DELIVERIES = 3
OUT_OF_ORDER = "该公众号提供的服务出现故障，请稍后再试"
_MAX_TEXT = 2048
_DISORDER_WAIT = 3.0
_TWIN_AFTER = 0.1


@dataclass(frozen=True)
class Push:
    """One message or event on its way. `done` ends when it was answered or given up."""

    id: int
    title: str
    openid: str
    xml: str
    done: "asyncio.Future[str]" = field(repr=False)


class NoAnswer(Exception):
    """What came back is no answer; the message says why."""


class Pusher:
    """Delivers pushes to `target`, the address that is entered on the platform's settings page."""

    def __init__(self, state: State, account: SimulatedAccount, target: str) -> None:
        self.target = target
        self.account = account
        self._state = state
        self._http: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._held: asyncio.Event | None = None
        self._answered: set[int] = set()  # pushes whose answer stands on the screen: one push, one answer

    async def open(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=aiohttp.ClientTimeout()
        )

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def push(self, follower: Follower, title: str, fields: Mapping[str, str]) -> Push:
        """Sends a message or event of this follower's on its way and returns at once."""
        number = self._state.number()
        common = {
            "ToUserName": self.account.original_id,
            "FromUserName": follower.openid,
            "CreateTime": str(int(self._state.now().timestamp())),
        }
        xml = xml_of(common | dict(fields))
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        push = Push(number, title, follower.openid, xml, future)
        task = asyncio.create_task(self._run(follower, push))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return push

    async def verify_address(self) -> bool:
        """The platform's GET when the address is entered: whether the bot gives the text back."""
        echo = secrets.token_hex(8)
        http = self._session()
        try:
            async with http.get(self.target, params=self._signed() | {"echostr": echo}) as response:
                return response.status == 200 and (await response.text()) == echo
        except (aiohttp.ClientError, OSError):
            return False

    async def _run(self, follower: Follower, push: Push) -> None:
        try:
            await self._out_of_order()
            await asyncio.sleep(self._state.switches.delay)
            again = self._twin(follower, push) if self._state.switches.duplicate else None
            end = await self._deliver(follower, push)
            if again is not None:
                await again
            push.done.set_result(end)
        finally:
            if not push.done.done():
                push.done.cancel()

    def _twin(self, follower: Follower, push: Push) -> "asyncio.Task[str]":
        """The same push once more, on its heels, while the first is still being answered."""

        async def follow() -> str:
            await asyncio.sleep(_TWIN_AFTER)
            return await self._attempt(follower, push, 1, title=f"{push.title} · 重复")

        return asyncio.create_task(follow())

    async def _out_of_order(self) -> None:
        """The first of two waits until the second is on its way; alone, it goes after some seconds."""
        if not self._state.switches.disorder:
            return
        if self._held is not None:
            overtaken, self._held = self._held, None
            asyncio.get_running_loop().call_later(0.3, overtaken.set)
            return
        mine = self._held = asyncio.Event()
        try:
            await asyncio.wait_for(mine.wait(), _DISORDER_WAIT)
        except TimeoutError:
            self._held = None

    async def _deliver(self, follower: Follower, push: Push) -> str:
        """Up to three deliveries, each in its own stretch of time."""
        for number in range(1, DELIVERIES + 1):
            began = time.monotonic()
            end = await self._attempt(follower, push, number)
            if end in ("answered", "bad_answer"):
                return end
            if number < DELIVERIES:
                rest = self._state.switches.answer_within - (time.monotonic() - began)
                await asyncio.sleep(max(rest, 0))
        self._state.show(follower, "notice", OUT_OF_ORDER, push=push.id)
        return "given_up"

    async def _attempt(self, follower: Follower, push: Push, number: int, title: str = "") -> str:
        """One delivery: logged, sent, and its answer shown."""
        query, body = self._sealed(push.xml)
        entry = self._state.log(
            WireEntry(
                self._state.number(),
                self._state.now(),
                "push",
                title or push.title,
                push.openid,
                push.id,
                number,
                sent=f"POST {self.target}?{'&'.join(f'{k}={v}' for k, v in query.items())}\n\n{body}",
                sent_plain=push.xml,
                end="waiting",
            )
        )
        began = time.monotonic()
        result = await self._exchange(query, body)
        entry = replace(entry, seconds=round(time.monotonic() - began, 3), **result)
        if entry.end == "answered":
            entry = self._shown(follower, push, entry)
        self._state.log(entry)
        return entry.end

    async def _exchange(self, query: Mapping[str, str], body: str) -> dict[str, Any]:
        """What became of one POST: status, answer and end."""
        within = self._state.switches.answer_within
        if self._state.use_up("lose_pushes"):
            await asyncio.sleep(within)
            return {"end": "lost"}
        try:
            async with asyncio.timeout(within):
                status, answer = await self._post(query, body)
        except TimeoutError:
            return {"end": "cut"}
        except (aiohttp.ClientError, OSError):
            return {"end": "unreachable"}
        found = {"status": status, "answer": answer}
        if self._state.use_up("lose_answers"):
            return found | {"end": "answer_lost"}
        return found | {"end": "answered" if status == 200 else "refused"}

    async def _post(self, query: Mapping[str, str], body: str) -> tuple[int, str]:
        headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}
        async with self._session().post(
            self.target, params=query, data=body.encode(), headers=headers, allow_redirects=False
        ) as response:
            return response.status, decode(await response.read())

    def _shown(self, follower: Follower, push: Push, entry: WireEntry) -> WireEntry:
        """The entry with its answer read; a passive reply appears on the follower's screen."""
        try:
            plain, text = self._read_answer(entry.answer, follower.openid)
        except NoAnswer as wrong:
            self._state.show(follower, "notice", OUT_OF_ORDER, push=push.id)
            return replace(entry, end="bad_answer", answer_plain=str(wrong))
        if text is not None and push.id not in self._answered:
            self._answered.add(push.id)
            self._state.show(follower, "account", text, via="passive", delivery=entry.delivery, push=push.id)
        return replace(entry, answer_plain=plain)

    def _read_answer(self, answer: str, openid: str) -> tuple[str, str | None]:
        """The answer in clear and the text it holds; None when it says nothing."""
        if answer.strip() in ("", "success"):
            return answer, None
        try:
            fields = read(answer)
            plain = answer
            if "Encrypt" in fields:
                plain = self._opened(fields)
                fields = read(plain)
            elif self.account.mode is Mode.SAFE:
                raise NoAnswer("in safe mode an answer is encrypted")
        except PushRefused as refused:
            raise NoAnswer(refused.reason) from None
        return plain, _text(fields, openid, self.account.original_id)

    def _opened(self, fields: Mapping[str, Any]) -> str:
        check_signature(
            str(fields.get("MsgSignature", "")),
            self.account.token,
            str(fields.get("TimeStamp", "")),
            str(fields.get("Nonce", "")),
            str(fields["Encrypt"]),
        )
        return decrypt(str(fields["Encrypt"]), keys=[self.account.aes_key], appid=self.account.appid)[0]

    def _signed(self) -> dict[str, str]:
        stamp, nonce = str(int(self._state.now().timestamp())), str(secrets.randbelow(10**10))
        return {
            "signature": signature(self.account.token, stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
        }

    def _sealed(self, xml: str) -> tuple[dict[str, str], str]:
        """Query and body of one delivery, in the account's mode."""
        query = self._signed()
        if self.account.mode is Mode.PLAIN:
            return query, xml
        ciphertext = encrypt(
            xml, key=self.account.aes_key, appid=self.account.appid, random=secrets.token_bytes(16)
        )
        proof = signature(self.account.token, query["timestamp"], query["nonce"], ciphertext)
        query |= {"encrypt_type": "aes", "msg_signature": proof}
        extra = f"<Encrypt>{cdata(ciphertext)}</Encrypt></xml>"
        if self.account.mode is Mode.COMPATIBLE:
            return query, xml.removesuffix("</xml>") + extra
        return query, f"<xml><ToUserName>{cdata(self.account.original_id)}</ToUserName>{extra}"

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the simulator isn't running")
        return self._http


def xml_of(fields: Mapping[str, str]) -> str:
    """A push's XML as the platform writes it: numbers bare, the rest as CDATA. Control characters that a
    guest typed go out as they are, as a careless sender would do it."""
    bare = {"CreateTime", "MsgId", "Location_X", "Location_Y", "Scale"}
    parts = (
        f"<{name}>{value if name in bare else _careless(value)}</{name}>" for name, value in fields.items()
    )
    return "<xml>" + "".join(parts) + "</xml>"


def _careless(value: str) -> str:
    return "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _text(fields: Mapping[str, Any], openid: str, account: str) -> str:
    if fields.get("ToUserName") != openid or fields.get("FromUserName") != account:
        raise NoAnswer("ToUserName and FromUserName are not the other way round")
    if fields.get("MsgType") != "text" or not isinstance(fields.get("Content"), str):
        raise NoAnswer("only text is simulated")
    text = str(fields["Content"])
    if len(text.encode()) > _MAX_TEXT:
        raise NoAnswer("the text is longer than 2048 bytes")
    return text
