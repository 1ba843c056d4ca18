"""What the channel does at the platform: messages, the typing sign, files, and the account's own pages.

`send` never raises for anything the other side does. What may have arrived is Unclear and is not repeated:
custom/send takes no key by which the platform could recognise a repetition.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from bot.channels.port import (
    Accepted,
    Attachment,
    Fetched,
    NeverDelivered,
    Outcome,
    Reply,
    TryLater,
    Unclear,
)
from bot.channels.wechat import render
from bot.channels.wechat.account import Account, mistakes
from bot.channels.wechat.calls import Answer, Call, Calls, FindAccount
from bot.channels.wechat.errcodes import FILE_REFUSED, outcome
from bot.channels.wechat.media import Media
from bot.channels.wechat.pages import Pages
from bot.channels.wechat.thumb import thumb_of
from bot.channels.wechat.tokens import TokenCache
from bot.model import AccountId, ExternalId


class WeChatClient:
    """The sender and fetcher of all official accounts. Use it as an async context manager.

    `find` looks an account up by our id, `now` is the clock, `cache` may be shared between processes.
    """

    def __init__(self, find: FindAccount, cache: TokenCache, now: Callable[[], datetime]) -> None:
        self.calls = Calls(find, cache, now)
        self.media = Media(self.calls)

    async def __aenter__(self) -> Self:
        await self.calls.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.calls.__aexit__(kind, error, trace)

    async def send(self, account: AccountId, to: ExternalId, reply: Reply) -> Outcome:
        """Sends by custom/send; a reply over the length limit goes as several messages, in order."""
        found = await self.calls.find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        result: Outcome = NeverDelivered("empty")
        for number, part in enumerate(render.parts(reply)):
            result = await self._send_part(found, to, part)
            if not isinstance(result, Accepted):
                # Repeating the whole would repeat what has arrived.
                return result if number == 0 else Unclear("partly_sent")
        return result

    async def _send_part(self, account: Account, to: ExternalId, part: Reply) -> Outcome:
        if part.file:
            return await self._send_file(account, to, part.file)
        body = render.custom_menu(to, part) if part.options else render.custom_text(to, part.text)
        return await self._deliver(account, "message/custom/send", body)

    async def _send_file(self, account: Account, to: ExternalId, file: Attachment) -> Outcome:
        """As the platform's own kind of message; what it won't store goes as its address."""
        media = await self.media.upload(account, file.kind, file)
        if isinstance(media, NeverDelivered) and media.why in FILE_REFUSED:
            told = render.custom_text(to, render.addressed(file).text)
            return await self._deliver(account, "message/custom/send", told)
        if not isinstance(media, str):
            return media
        thumb = await self._thumb(account, file) if file.kind == "video" else None
        body = render.custom_file(to, file, media, thumb)
        return await self._deliver(account, "message/custom/send", body)

    async def _thumb(self, account: Account, film: Attachment) -> str | None:
        """A film's picture; without one it is sent all the same."""
        data = await asyncio.to_thread(thumb_of, film.data)
        if data is None:
            return None
        kept = await self.media.upload(account, "thumb", Attachment("image", "image/jpeg", "thumb", data))
        return kept if isinstance(kept, str) else None

    async def fetch(
        self, account: AccountId, reference: str, limit: int
    ) -> Fetched | TryLater | NeverDelivered:
        """A guest's file by its MediaId, at most `limit` bytes."""
        found = await self.calls.find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        return await self.media.fetch(found, reference, limit)

    async def show_typing(self, account: AccountId, to: ExternalId, *, on: bool = True) -> Outcome:
        """ "对方正在输入" on the guest's phone. Allowed within 30 s of the guest's last act; best effort."""
        found = await self.calls.find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        return await self._deliver(found, "message/custom/typing", render.typing(to, on=on))

    def pages(self, account: Account) -> Pages:
        return Pages(self.calls, account)

    async def check(self, account: Account) -> list[str]:
        """What keeps this account from serving, as codes; asks the platform for a token."""
        if wrong := mistakes(account):
            return wrong
        token = await self.calls.token(account)
        return [] if isinstance(token, str) else [token.why]

    async def _deliver(self, account: Account, path: str, body: bytes) -> Outcome:
        answer = await self.calls.make(account, Call(f"cgi-bin/{path}", body))
        if not isinstance(answer, Answer):
            return answer
        # JSON without an errcode isn't this call's answer: a proxy's, perhaps, after it passed us on.
        code = answer.errcode()
        return Unclear("answer_unreadable") if code is None else outcome(code)
