"""A push as it came over HTTP -> a verified Inbound. Pure; raises nothing but PushRefused.

In plain mode the platform signs only the query, so whoever holds one old query can write any body; in safe
mode the ciphertext is signed. An account in safe mode therefore takes no plain push.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.channels.port import RECOGNISED, Inbound, InboundKind
from bot.channels.wechat.account import Account, Mode
from bot.channels.wechat.codec import check_signature, decrypt
from bot.channels.wechat.markup import MAX_BYTES, Fields, decode, read, whole
from bot.channels.wechat.refusal import BadRequest, TooLarge
from bot.model import ExternalId

_NAME = re.compile(r"\S{1,128}")
_QR_SCENE = "qrscene_"
_MEDIA = {kind: kind for kind in ("image", "voice", "video", "location", "link", "file")}
_MEDIA["shortvideo"] = "video"
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_RECEIPTS = frozenset({"templatesendjobfinish", "subscribe_msg_sent_event"})
# The menu kinds and the scan that the platform counts as turning to us; opening a page (VIEW), sending a
# picture or a place from a menu are not among them.
_CLICKS = frozenset({"click", "scan", "scancode_push", "scancode_waitmsg"})
# What the platform tells the account itself: no guest has done it, whoever it names as the sender.
_ACCOUNTS = frozenset(
    {
        "add_guide_buyer_relation_event",
        "annual_renew",
        "apply_merchant_audit_info",
        "card_merchant_check_result",
        "card_not_pass_check",
        "card_pass_check",
        "card_pay_order",
        "card_sku_remind",
        "create_map_poi_audit_info",
        "add_store_audit_info",
        "guide_invite_result_event",
        "guide_qrcode_scan_event",
        "modify_store_audit_info",
        "masssendjobfinish",
        "naming_verify_fail",
        "naming_verify_success",
        "poi_check_notify",
        "publishjobfinish",
        "qualification_verify_fail",
        "qualification_verify_success",
        "user_scan_product_verify_action",
        "verify_expired",
        "weapp_audit_fail",
        "weapp_audit_success",
    }
)
# Here the platform speaks, and names the follower in OpenID; the last one has closed their WeChat account.
_CLOSED = "user_authorization_cancellation"
_NAMED_INSIDE = frozenset({"user_info_modified", "user_authorization_revoke", _CLOSED})


@dataclass(frozen=True)
class Push:
    """One verified push. `key` is the EncodingAESKey that opened it: the answer is encrypted with it."""

    inbound: Inbound
    to: str  # the account's own gh_… id, the sender of our answer
    key: str | None
    fields: Fields  # everything the platform said, for the simulator's and the tests' eyes; never logged

    @property
    def for_account(self) -> bool:
        """Whether it is news for the account itself, and no guest's doing."""
        return self.inbound.kind is InboundKind.OTHER and self.inbound.subtype in _ACCOUNTS


def verify_address(account: Account, query: Mapping[str, str]) -> str:
    """The platform's GET when an address is entered on its settings page: the text to give back."""
    _check_query(account, query)
    return query.get("echostr", "")


def open_push(account: Account, query: Mapping[str, str], body: bytes) -> Push:
    """Verifies, decrypts and parses one POST."""
    if len(body) > MAX_BYTES:
        raise TooLarge("body")
    outer, inner, key = _authentic(account, query, body)
    to = _word(inner, "ToUserName") or _word(outer, "ToUserName")
    if account.original_id and to != account.original_id:
        raise BadRequest("account")
    return Push(inbound(inner), to, key, inner)


def inbound(fields: Fields) -> Inbound:
    """What a push's fields mean to us."""
    sender = _word(fields, "OpenID" if _code(_word(fields, "Event")) in _NAMED_INSIDE else "FromUserName")
    if not _NAME.fullmatch(sender):
        raise BadRequest("sender")
    kind, subtype, text, body = _meaning(fields)
    return Inbound(
        kind=kind,
        external_id=ExternalId(sender),
        message_key=message_key(fields),
        sent_at=_sent_at(_word(fields, "CreateTime")),
        text=whole(text),
        subtype=subtype,
        body=body,
        fetch=_media_id(fields) if kind is InboundKind.MEDIA else None,
    )


def _media_id(fields: Fields) -> str | None:
    """The platform's name for the file; it becomes part of an address, so it must look like one."""
    name = _word(fields, "MediaId")
    return name if _MEDIA_ID.fullmatch(name) else None


def message_key(fields: Fields) -> str:
    """The MsgId of a message; for an event (which has none) what the platform names in its place."""
    number = _word(fields, "MsgId") or _word(fields, "MsgID")
    kind = _word(fields, "MsgType").lower()
    if number and kind != "event":
        return f"message:{number}"
    names = ("FromUserName", "CreateTime", "Event", "EventKey", "MsgID")
    if kind == "event":
        return "event:" + "|".join([*(_word(fields, name) for name in names[:-1]), number])
    said = hashlib.sha256(_text(fields, "Content").encode("utf-8", "surrogatepass")).hexdigest()
    return "message:" + "|".join([*(_word(fields, name) for name in names[:2]), kind, said])


def _authentic(account: Account, query: Mapping[str, str], body: bytes) -> tuple[Fields, Fields, str | None]:
    """The outer fields, those to believe, and the key that opened them (None when they came in clear)."""
    encrypted = account.mode is not Mode.PLAIN and "msg_signature" in query
    if not encrypted:
        # Before anything is parsed: a stranger's body isn't worth reading.
        _check_query(account, query)
    outer = read(decode(body))
    sealed = _word(outer, "Encrypt")
    if encrypted:
        if not sealed:
            raise BadRequest("not_encrypted")
        check_signature(query["msg_signature"], account.token, *_stamp(query), sealed)
        message, key = decrypt(sealed, keys=account.aes_keys, appid=account.appid)
        return outer, read(message), key
    if account.mode is Mode.SAFE or "MsgType" not in outer:
        raise BadRequest("not_encrypted" if account.mode is Mode.SAFE else "no_plain_message")
    return outer, outer, None


def _check_query(account: Account, query: Mapping[str, str]) -> None:
    check_signature(query.get("signature", ""), account.token, *_stamp(query))


def _stamp(query: Mapping[str, str]) -> tuple[str, str]:
    return query.get("timestamp", ""), query.get("nonce", "")


_Meaning = tuple[InboundKind, str, str, Mapping[str, Any]]


def _meaning(fields: Fields) -> _Meaning:
    kind = _code(_word(fields, "MsgType"))
    if kind == "text":
        return _said(fields)
    if kind == "event":
        return _event(fields)
    if kind in _MEDIA:
        return InboundKind.MEDIA, _MEDIA[kind], "", _details(fields, _MEDIA_DETAILS)
    return InboundKind.OTHER, kind, "", {}


def _said(fields: Fields) -> _Meaning:
    menu = _word(fields, "bizmsgmenuid")
    subtype, body = ("msgmenu", {"menu_id": menu}) if menu else ("", {})
    return InboundKind.TEXT, subtype, _text(fields, "Content"), body


def _event(fields: Fields) -> _Meaning:
    event = _code(_word(fields, "Event"))
    if event == "subscribe":
        return _follow(fields)
    if event in ("unsubscribe", _CLOSED):
        return InboundKind.UNFOLLOW, event, "", {}
    if event in _CLICKS:
        return InboundKind.CLICK, event, "", _details(fields, _CLICK_DETAILS)
    if event in _RECEIPTS:
        return InboundKind.RECEIPT, event, "", _details(fields, _RECEIPT_DETAILS)
    return InboundKind.OTHER, event, "", {}


def _follow(fields: Fields) -> _Meaning:
    """A follow by a scanned code says which code: that is how a room or a lobby sign names itself."""
    key = _word(fields, "EventKey")
    if not key.startswith(_QR_SCENE):
        return InboundKind.FOLLOW, "subscribe", "", {}
    body = {"scene": key.removeprefix(_QR_SCENE), **_details(fields, {"ticket": "Ticket"})}
    return InboundKind.FOLLOW, "scan", "", body


_MEDIA_DETAILS = {
    "format": "Format",
    RECOGNISED: "Recognition",
    "latitude": "Location_X",
    "longitude": "Location_Y",
    "scale": "Scale",
    "label": "Label",
    "title": "Title",
    "description": "Description",
    "link": "Url",
    "size": "FileTotalLen",
}
_CLICK_DETAILS = {"key": "EventKey", "ticket": "Ticket"}
_RECEIPT_DETAILS = {"reference": "MsgID", "status": "Status"}


def _details(fields: Fields, names: Mapping[str, str]) -> Mapping[str, Any]:
    found = {ours: _text(fields, theirs) for ours, theirs in names.items()}
    return {ours: whole(value) for ours, value in found.items() if value}


def _text(fields: Fields, name: str) -> str:
    """The field as sent. One that is nested or repeated where a text belongs makes the push unreadable:
    two senders in one message must not mean one thing to us and another to somebody else."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise BadRequest("field")
    return value


def _word(fields: Fields, name: str) -> str:
    """The field without white space around it, which some pushes have outside their CDATA."""
    return whole(_text(fields, name)).strip()


def _code(name: str) -> str:
    """A type's name as a code that is safe in a log."""
    return re.sub(r"[^a-z0-9_]", "", name.lower())[:64]


_FAR_FUTURE = datetime(3000, 1, 1, tzinfo=UTC).timestamp()


def _sent_at(created: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{1,12}", created) or int(created) >= _FAR_FUTURE:
        return None
    return datetime.fromtimestamp(int(created), UTC)
