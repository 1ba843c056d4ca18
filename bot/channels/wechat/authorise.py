"""Who has opened a page inside WeChat: the platform's snsapi_base authorisation, silent for the visitor."""

from typing import Any
from urllib.parse import urlencode

from bot.channels.wechat.account import OFFICIAL_API, Account
from bot.channels.wechat.calls import Answer, Call, Calls
from bot.model import ExternalId

OFFICIAL_AUTHORISE = "https://open.weixin.qq.com/connect/oauth2/authorize"


class NotSignedIn(Exception):
    """Nobody is proven. `why`: code, snapshot, platform."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def authorise_address(account: Account, back: str, state: str) -> str:
    """Where the visitor's browser is sent; it comes `back` with a code and this state."""
    at = OFFICIAL_AUTHORISE if account.api == OFFICIAL_API else f"{account.api}/connect/oauth2/authorize"
    asked = {
        "appid": account.appid,
        "redirect_uri": back,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
    }
    return f"{at}?{urlencode(asked)}#wechat_redirect"


async def whose(calls: Calls, account: Account, code: str) -> ExternalId:
    """The openid behind a code, which works once and for five minutes. Raises NotSignedIn."""
    asked = {
        "appid": account.appid,
        "secret": account.secret,
        "code": code,
        "grant_type": "authorization_code",
    }
    answer = await calls.open(account, Call("sns/oauth2/access_token", query=asked))
    if not isinstance(answer, Answer):
        raise NotSignedIn("platform")
    found: dict[str, Any] = answer.object() or {}
    openid = found.get("openid")
    if found.get("is_snapshotuser"):
        raise NotSignedIn("snapshot")  # a preview's made-up user: another one each time
    if answer.errcode() or not isinstance(openid, str) or not openid:
        raise NotSignedIn("code")
    return ExternalId(openid)
