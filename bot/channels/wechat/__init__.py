"""WeChat official accounts as a channel: verify, parse, render, the reply window, and one send."""

from bot.channels.port import Capabilities
from bot.channels.wechat.account import OFFICIAL_API, Account, Mode, mistakes
from bot.channels.wechat.client import WeChatClient
from bot.channels.wechat.errcodes import NEXT_PUSH_MAY_CARRY
from bot.channels.wechat.parse import Push, open_push, verify_address
from bot.channels.wechat.refusal import BadRequest, BadSignature, PushRefused, TooLarge
from bot.channels.wechat.render import MAX_BYTES, SUCCESS, chosen, parts, passive_reply
from bot.channels.wechat.tokens import MemoryTokenCache, Token, TokenCache
from bot.channels.wechat.window import Allowance, Ledger, Window, window_for

CAPABILITIES = Capabilities(
    buttons=False,  # msgmenu choices are rendered on demand; numbered lines always work
    max_bytes=MAX_BYTES,
    reply_window=True,
    passive=True,
    idempotent=False,
    receipts=False,
    typing=True,
    media=frozenset(),
)

__all__ = [
    "CAPABILITIES",
    "MAX_BYTES",
    "NEXT_PUSH_MAY_CARRY",
    "OFFICIAL_API",
    "SUCCESS",
    "Account",
    "Allowance",
    "BadRequest",
    "BadSignature",
    "Ledger",
    "MemoryTokenCache",
    "Mode",
    "Push",
    "PushRefused",
    "Token",
    "TokenCache",
    "TooLarge",
    "WeChatClient",
    "Window",
    "chosen",
    "mistakes",
    "open_push",
    "parts",
    "passive_reply",
    "verify_address",
    "window_for",
]
