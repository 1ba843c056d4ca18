"""企业微信客服 as a channel: a nudge by callback, messages pulled by cursor, one send.

The callback says only that there is something; the messages lie with the platform for three days and are
pulled from a cursor, so a nudge that is lost loses nothing. Facts are those of the platform's documentation.
"""

from bot.channels.port import Capabilities
from bot.channels.wecom.account import OFFICIAL_API, Account, mistakes
from bot.channels.wecom.client import WeComClient
from bot.channels.wecom.parse import Nudge, inbound, open_nudge, verify_address, welcome_code
from bot.channels.wecom.render import MAX_BYTES, parts
from bot.channels.wecom.window import NEXT_WORD_MAY_CARRY, Ledger, opened_by

CAPABILITIES = Capabilities(
    buttons=True,  # msgmenu, whose taps come back as text
    max_bytes=MAX_BYTES,
    reply_window=True,
    idempotent=False,
    receipts=False,
    typing=False,
    media=frozenset({"image", "voice", "video", "file"}),
)

__all__ = [
    "CAPABILITIES",
    "MAX_BYTES",
    "NEXT_WORD_MAY_CARRY",
    "OFFICIAL_API",
    "Account",
    "Ledger",
    "Nudge",
    "WeComClient",
    "inbound",
    "mistakes",
    "open_nudge",
    "opened_by",
    "parts",
    "verify_address",
    "welcome_code",
]
