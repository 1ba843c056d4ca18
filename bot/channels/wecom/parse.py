"""The callback's nudge, and a pulled message -> Inbound. Pure; a callback is refused by PushRefused.

The envelope is WeChat's own, with the corpid where an official account has its appid.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from bot.channels.port import Inbound, InboundKind
from bot.channels.wechat.codec import check_signature, decrypt
from bot.channels.wechat.markup import MAX_BYTES, decode, read, whole
from bot.channels.wechat.refusal import BadRequest, TooLarge
from bot.channels.wecom.account import Account
from bot.model import ExternalId

GUEST, SYSTEM, SERVICER = 3, 4, 5  # a message's origin

_FILES = frozenset({"image", "voice", "video", "file"})
_SHARED = frozenset({"channels", "channels_shop_product", "channels_shop_order", "merged_msg", "note"})
_MEDIA = _FILES | _SHARED | {"location", "link", "business_card", "miniprogram", "meeting", "schedule"}
_NAME = re.compile(r"\S{1,128}")


@dataclass(frozen=True)
class Nudge:
    """There is something to pull. `token` lifts the platform's rate limit for ten minutes."""

    token: str
    open_kfid: str


def verify_address(account: Account, query: Mapping[str, str]) -> str:
    """The platform's GET when the address is entered: the text to give back, opened."""
    sealed = query.get("echostr", "")
    return _opened(account, query, sealed)


def open_nudge(account: Account, query: Mapping[str, str], body: bytes) -> Nudge | None:
    """A callback, verified; None when it tells of something else than messages."""
    if len(body) > MAX_BYTES:
        raise TooLarge("body")
    sealed = read(decode(body)).get("Encrypt", "")
    if not isinstance(sealed, str) or not sealed:
        raise BadRequest("not_encrypted")
    fields = read(_opened(account, query, sealed.strip()))
    event, kfid, token = (fields.get(name, "") for name in ("Event", "OpenKfId", "Token"))
    if event != "kf_msg_or_event" or not isinstance(kfid, str) or not isinstance(token, str):
        return None
    return Nudge(token.strip(), kfid.strip())


def _opened(account: Account, query: Mapping[str, str], sealed: str) -> str:
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    check_signature(query.get("msg_signature", ""), account.token, stamp, nonce, sealed)
    return decrypt(sealed, keys=account.aes_keys, appid=account.corpid)[0]


def inbound(message: Mapping[str, Any]) -> Inbound | None:
    """What one pulled message means; None for what names no guest (it can be logged nowhere)."""
    event = message.get("event") if isinstance(message.get("event"), dict) else {}
    assert isinstance(event, dict)
    guest = str(message.get("external_userid") or event.get("external_userid") or "")
    if not _NAME.fullmatch(guest):
        return None
    kind, subtype, text, body, fetch = _meaning(message, event)
    return Inbound(
        kind,
        ExternalId(guest),
        f"message:{message.get('msgid', '')}",
        _sent_at(message.get("send_time")),
        whole(text),
        subtype,
        {name: whole(value) for name, value in body.items() if value},
        fetch=fetch,
    )


_Meaning = tuple[InboundKind, str, str, dict[str, str], str | None]


def _meaning(message: Mapping[str, Any], event: Mapping[str, Any]) -> _Meaning:
    kind = _code(message.get("msgtype"))
    told = message.get(kind)
    told = told if isinstance(told, dict) else {}
    if kind == "event":
        return _event(event)
    if message.get("origin") != GUEST:
        # A colleague who answers in 企业微信 itself: kept beside the conversation, not taken for the guest.
        return InboundKind.OTHER, f"servicer_{kind}", "", {"said": _word(told, "content")}, None
    if kind == "text":
        menu = _word(told, "menu_id")
        return InboundKind.TEXT, "msgmenu" if menu else "", _word(told, "content"), {"menu_id": menu}, None
    if kind in _MEDIA:
        fetch = _word(told, "media_id") if kind in _FILES else None
        return InboundKind.MEDIA, kind, "", _details(told), fetch or None
    return InboundKind.OTHER, kind, "", {}, None


def _event(event: Mapping[str, Any]) -> _Meaning:
    type_ = _code(event.get("event_type"))
    if type_ == "enter_session":
        # What the hotel has hung on the link says more than which link it was.
        link, hung = _word(event, "scene"), unquote(_word(event, "scene_param"))
        body = {"scene": hung or link, "entry": link}
        return InboundKind.FOLLOW, type_, "", body, None
    if type_ == "msg_send_fail":
        body = {"reference": _word(event, "fail_msgid"), "status": _word(event, "fail_type")}
        return InboundKind.RECEIPT, type_, "", body, None
    return InboundKind.OTHER, type_, "", {"status": _word(event, "change_type")}, None


def welcome_code(message: Mapping[str, Any]) -> str:
    """The code with which a welcome may be sent within 20 s of the guest's coming; else empty."""
    event = message.get("event")
    return _word(event, "welcome_code") if isinstance(event, dict) else ""


_NAMES = {
    "latitude": "latitude",
    "longitude": "longitude",
    "label": "address",
    "title": "title",
    "link": "url",
}


def _details(told: Mapping[str, Any]) -> dict[str, str]:
    found = {ours: _word(told, theirs) for ours, theirs in _NAMES.items()}
    return found | {"label": found["label"] or _word(told, "name")}


def _word(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _code(name: object) -> str:
    return re.sub(r"[^a-z0-9_]", "", str(name or "").lower())[:40]


def _sent_at(stamp: object) -> datetime | None:
    if not isinstance(stamp, int) or not 0 < stamp < 32_503_680_000:
        return None
    return datetime.fromtimestamp(stamp, UTC)
