"""What we hold about one 客服账号 of 企业微信."""

from dataclasses import dataclass, field

from bot.channels.wechat.account import aes_key
from bot.model import AccountId

OFFICIAL_API = "https://qyapi.weixin.qq.com"


@dataclass(frozen=True)
class Account:
    """One 客服账号. `secret` is that of 微信客服; the callback's token and key are set on its page."""

    id: AccountId
    corpid: str
    open_kfid: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_keys: tuple[str, ...] = field(default=(), repr=False)
    api: str = OFFICIAL_API


def mistakes(account: Account) -> list[str]:
    """What is wrong with an account before it is used, as codes; empty when it can serve."""
    found = [name for name in ("corpid", "open_kfid", "secret", "token") if not getattr(account, name)]
    return [*found, *_key_mistakes(account.aes_keys)]


def _key_mistakes(keys: tuple[str, ...]) -> list[str]:
    if not keys:
        return ["aes_key_missing"]
    try:
        for key in keys:
            aes_key(key)
    except ValueError:
        return ["aes_key_shape"]
    return []
