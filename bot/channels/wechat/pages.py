"""An account's own pages at the platform: its menu, its automatic replies, its QR codes. For commands and
checks; nothing here sends a message."""

import json
from collections.abc import Mapping
from typing import Any

from bot.channels.port import NeverDelivered, TryLater
from bot.channels.wechat.account import Account
from bot.channels.wechat.calls import Answer, Call, Calls
from bot.channels.wechat.errcodes import outcome

Json = Mapping[str, Any]

SHOWN_AT = "https://mp.weixin.qq.com/cgi-bin/showqrcode"  # where the platform draws a code for its ticket


class Refused(Exception):
    """The platform didn't do it. `why` is a code of ours, `errcode` the platform's where there is one."""

    def __init__(self, why: str, errcode: int | None = None) -> None:
        super().__init__(f"{why} (errcode {errcode})" if errcode is not None else why)
        self.why, self.errcode = why, errcode


class Pages:
    """One account's pages."""

    def __init__(self, calls: Calls, account: Account) -> None:
        self._calls, self._account = calls, account

    async def menu(self) -> Json:
        """The menu as it is now, whoever made it: {"is_menu_open": …, "selfmenu_info": …}."""
        return await self._ask(Call("cgi-bin/get_current_selfmenu_info"))

    async def replies(self) -> Json:
        """The automatic replies that stand on the platform's settings page."""
        return await self._ask(Call("cgi-bin/get_current_autoreply_info"))

    async def put_menu(self, menu: Json) -> None:
        """Make this the menu; phones show it within minutes."""
        await self._ask(Call("cgi-bin/menu/create", _json(menu)))

    async def code(self, scene: str) -> str:
        """The ticket of a lasting QR code for a scene of 1 to 64 characters (an account has 100,000)."""
        asked = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
        found = await self._ask(Call("cgi-bin/qrcode/create", _json(asked)))
        ticket = found.get("ticket")
        if not isinstance(ticket, str) or not ticket:
            raise Refused("answer_unreadable")
        return ticket

    async def _ask(self, call: Call) -> Json:
        answer = await self._calls.make(self._account, call)
        if not isinstance(answer, Answer):
            raise Refused(answer.why)
        found = answer.object()
        if found is None:
            raise Refused("answer_unreadable")
        code = answer.errcode()
        if code:
            meant = outcome(code)
            raise Refused(meant.why if isinstance(meant, TryLater | NeverDelivered) else "refused", code)
        return found


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
