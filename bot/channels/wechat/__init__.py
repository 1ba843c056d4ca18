"""WeChat official accounts as a channel: verify, parse, render, the reply window, and one send."""

from bot.channels.port import Capabilities
from bot.channels.wechat.account import OFFICIAL_API, Account, Mode, mistakes
from bot.channels.wechat.client import WeChatClient
from bot.channels.wechat.errcodes import NEXT_PUSH_MAY_CARRY
from bot.channels.wechat.pages import SHOWN_AT, Pages, Refused
from bot.channels.wechat.parse import Push, open_push, verify_address
from bot.channels.wechat.refusal import BadRequest, BadSignature, PushRefused, TooLarge
from bot.channels.wechat.render import (
    CARRIED,
    MAX_BYTES,
    SUCCESS,
    chosen,
    in_words,
    parts,
    passive_reply,
)
from bot.channels.wechat.tokens import MemoryTokenCache, Token, TokenCache
from bot.channels.wechat.window import Allowance, Ledger, Window, window_for

CAPABILITIES = Capabilities(
    buttons=True,  # by custom/send; a passive reply and a passive-only account write them out, numbered
    max_bytes=MAX_BYTES,
    reply_window=True,
    passive=True,
    idempotent=False,
    receipts=False,
    typing=True,
    media=frozenset(CARRIED),
)

__all__ = [
    "CAPABILITIES",
    "MAX_BYTES",
    "NEXT_PUSH_MAY_CARRY",
    "OFFICIAL_API",
    "SHOWN_AT",
    "SUCCESS",
    "Account",
    "Allowance",
    "BadRequest",
    "BadSignature",
    "Ledger",
    "MemoryTokenCache",
    "Mode",
    "Pages",
    "Push",
    "PushRefused",
    "Refused",
    "Token",
    "TokenCache",
    "TooLarge",
    "WeChatClient",
    "Window",
    "chosen",
    "in_words",
    "mistakes",
    "open_push",
    "parts",
    "passive_reply",
    "verify_address",
    "window_for",
]
