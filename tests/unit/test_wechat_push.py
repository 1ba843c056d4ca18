"""What becomes of a push: who may send it, what we make of it, and what we refuse."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.port import InboundKind
from bot.channels.wechat import (
    Account,
    BadRequest,
    BadSignature,
    Mode,
    PushRefused,
    TooLarge,
    open_push,
    verify_address,
)
from bot.channels.wechat.codec import decrypt, encrypt, signature
from bot.channels.wechat.markup import cdata, read, whole
from bot.model import AccountId

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OLD_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
FOREIGN_KEY = "G" * 42 + "E"
SAFE = Account(AccountId("a1"), "wxtest", "s3cret", "t0ken", (KEY, OLD_KEY))
PLAIN = replace(SAFE, mode=Mode.PLAIN, aes_keys=())
COMPATIBLE = replace(SAFE, mode=Mode.COMPATIBLE)
STAMP, NONCE = "1700000000", "n0nce"


def message(**fields: str) -> str:
    base = {"ToUserName": "gh_1", "FromUserName": "oGuest", "CreateTime": "1700000000", "MsgType": "text"}
    merged = base | {"Content": "早餐几点", "MsgId": "23456789012345678"} | fields
    return "<xml>" + "".join(f"<{name}>{cdata(value)}</{name}>" for name, value in merged.items()) + "</xml>"


def event(name: str, **fields: str) -> str:
    return message(MsgType="event", Event=name, MsgId="", Content="", **fields)


def signed(token: str = SAFE.token) -> dict[str, str]:
    return {"signature": signature(token, STAMP, NONCE), "timestamp": STAMP, "nonce": NONCE}


def sealed(xml: str, key: str = KEY, appid: str = SAFE.appid) -> tuple[dict[str, str], bytes]:
    """A push in safe mode: its query and its body."""
    ciphertext = encrypt(xml, key=key, appid=appid, random=bytes(range(16)))
    return envelope(ciphertext)


def envelope(ciphertext: str) -> tuple[dict[str, str], bytes]:
    query = signed() | {"msg_signature": signature(SAFE.token, STAMP, NONCE, ciphertext)}
    return query, f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{cdata(ciphertext)}</Encrypt></xml>".encode()


def refusal(attempt: Callable[[], object]) -> PushRefused:
    with pytest.raises(PushRefused) as caught:
        attempt()
    return caught.value


def plain(xml: str | bytes) -> Any:
    return open_push(PLAIN, signed(), xml if isinstance(xml, bytes) else xml.encode())


# ---- who may send


def test_the_address_is_proven_by_the_signature_alone() -> None:
    assert verify_address(SAFE, signed() | {"echostr": "123"}) == "123"
    assert refusal(lambda: verify_address(SAFE, signed("other") | {"echostr": "1"})).status == 403
    assert refusal(lambda: verify_address(SAFE, {"echostr": "1"})).status == 403


@pytest.mark.parametrize(
    "query", [{}, signed("other"), signed() | {"nonce": "x"}, signed() | {"signature": "é"}]
)
def test_a_plain_push_without_the_right_signature_is_forbidden(query: dict[str, str]) -> None:
    assert isinstance(refusal(lambda: open_push(PLAIN, query, message().encode())), BadSignature)


def test_a_safe_push_is_proven_by_msg_signature_and_not_by_signature() -> None:
    query, body = sealed(message())
    assert open_push(SAFE, query | {"signature": "wrong"}, body).inbound.text == "早餐几点"
    assert refusal(lambda: open_push(SAFE, query | {"msg_signature": query["signature"]}, body)).status == 403


def test_a_safe_account_takes_nothing_in_clear() -> None:
    assert refusal(lambda: open_push(SAFE, signed(), message().encode())).reason == "not_encrypted"
    query = signed() | {"msg_signature": signature(SAFE.token, STAMP, NONCE)}
    assert refusal(lambda: open_push(SAFE, query, message().encode())).reason == "not_encrypted"


def test_the_previous_key_still_opens_and_is_named() -> None:
    assert open_push(SAFE, *sealed(message())).key == KEY
    assert open_push(SAFE, *sealed(message(), key=OLD_KEY)).key == OLD_KEY
    assert refusal(lambda: open_push(SAFE, *sealed(message(), key=FOREIGN_KEY))).status == 400


def test_compatible_mode_believes_the_ciphertext_and_takes_plain_too() -> None:
    ciphertext = encrypt(message(Content="真"), key=KEY, appid=SAFE.appid, random=bytes(16))
    both = message(Content="假", Encrypt=ciphertext).encode()
    query = signed() | {"msg_signature": signature(SAFE.token, STAMP, NONCE, ciphertext)}
    assert open_push(COMPATIBLE, query, both).inbound.text == "真"
    assert open_push(COMPATIBLE, signed(), both).key is None
    assert open_push(PLAIN, query, both).inbound.text == "假"


def test_another_appid_and_another_account_are_refused() -> None:
    assert refusal(lambda: open_push(SAFE, *sealed(message(), appid="wxother"))).reason == "appid"
    mine = replace(SAFE, original_id="gh_2")
    assert refusal(lambda: open_push(mine, *sealed(message()))).reason == "account"


@pytest.mark.parametrize(
    ("ciphertext", "reason"),
    [
        ("not base64!", "ciphertext_base64"),
        ("客", "ciphertext_base64"),
        ("QUJD", "ciphertext_length"),
        ("A" * 43 + "=", "padding"),
    ],
)
def test_a_broken_ciphertext_has_a_reason(ciphertext: str, reason: str) -> None:
    refused = refusal(lambda: open_push(SAFE, *envelope(ciphertext)))
    assert (refused.status, refused.reason) == (400, reason)


def test_the_whole_padding_and_the_length_are_checked() -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    from bot.channels.wechat.account import aes_key

    def seal(blocks: bytes) -> str:
        import base64

        raw = aes_key(KEY)
        cipher = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
        return base64.b64encode(cipher.update(blocks)).decode()

    head = bytes(16) + (2).to_bytes(4, "big") + b"hi" + b"wxtest"  # 28 bytes
    long = bytes(16) + (2**31).to_bytes(4, "big") + b"hi" + b"wxtest"
    good = head + b"\4" * 4
    assert decrypt(seal(good), keys=[KEY], appid="wxtest") == ("hi", KEY)
    for bad, reason in [
        (head + b"\3\4\4\4", "padding"),
        (head + b"\0" * 4, "padding"),
        (head + b"\x21" * 4, "padding"),
        (b"\x20" * 32, "envelope_length"),
        (long + b"\4" * 4, "envelope_length"),
    ]:
        sealed_bad = seal(bad)
        assert refusal(lambda s=sealed_bad: decrypt(s, keys=[KEY], appid="wxtest")).reason == reason  # type: ignore[misc]


def test_a_safe_account_without_a_key_says_so() -> None:
    bare = replace(SAFE, aes_keys=())
    assert refusal(lambda: open_push(bare, *sealed(message()))).reason == "no_aes_key"


# ---- tricks


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "xml"),
        (b"<xml>", "xml"),
        (b"<xml></xml>", "xml_fields"),
        (b"<xml><a></xml>", "xml"),
        (b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x"><xml><a>1</a></xml>', "xml_doctype"),
        (b'<!DOCTYPE x [<!ENTITY a "aa">]><xml><Content>&a;</Content></xml>', "xml_doctype"),
        (b"<xml><a>&b;</a></xml>", "xml"),
        (b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>", "xml_shape"),
        (b"<xml>" + b"<a/>" * 5000 + b"</xml>", "xml_shape"),
        (message(FromUserName="").encode(), "sender"),
        (message(FromUserName="a b").encode(), "sender"),
        (message().replace("</xml>", "<FromUserName>oOther</FromUserName></xml>").encode(), "field"),
        (b"<xml><FromUserName>o</FromUserName><MsgType><a>1</a></MsgType></xml>", "field"),
        (b"<xml><a>1</a></xml>", "no_plain_message"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    refused = refusal(lambda: plain(body))
    assert isinstance(refused, BadRequest)
    assert refused.reason == reason


def test_a_body_over_the_limit_is_too_large() -> None:
    assert isinstance(refusal(lambda: plain(b"x" * 1_000_001)), TooLarge)


@pytest.mark.parametrize(
    "said",
    [
        "a\x01b\x1f\x7f",
        "两行\r\n还有\r一行\t",
        "\u202eabc\u200f",
        "<b>&amp;</b>]]>&lt;",
        "私\ufdd0用\ufffe\uffff",
        "长" * 10_000,
        "👨‍👩‍👧🏽",
    ],
)
def test_text_is_kept_as_sent(said: str) -> None:
    # Written as a careless platform would: CDATA around whatever the guest typed, control characters too.
    raw = "<![CDATA[" + said.replace("]]>", "]]]]><![CDATA[>") + "]]>"
    xml = message().replace(cdata("早餐几点"), raw)
    assert plain(xml).inbound.text == said
    assert open_push(SAFE, *sealed(xml)).inbound.text == said


def test_only_nul_and_lone_surrogates_are_replaced() -> None:
    xml = message(Content="甲X乙").encode()
    assert plain(xml.replace(b"X", b"\x00")).inbound.text == "甲\ufffd乙"
    assert plain(xml.replace(b"X", b"\xed\xa0\xbd")).inbound.text == "甲\ufffd乙"
    assert plain(xml.replace(b"X", b"\xed\xa0\xbd\xed\xb8\x80")).inbound.text == "甲😀乙"
    assert plain(xml.replace(b"X", b"\xff")).inbound.text == "甲\ufffd乙"


@given(st.text())
def test_cdata_carries_any_legal_text(text: str) -> None:
    wanted = "".join(c for c in text if ord(c) > 0x1F or c in "\t\n\r")
    wanted = "".join(c for c in wanted if not 0xD800 <= ord(c) <= 0xDFFF and ord(c) not in (0xFFFE, 0xFFFF))
    assert read(f"<xml><a>{cdata(text)}</a></xml>")["a"] == wanted


@given(st.text(st.characters(codec=None)))
def test_whole_leaves_nothing_that_cannot_be_stored(text: str) -> None:
    mended = whole(text)
    assert "\x00" not in mended
    assert mended.encode("utf-8").decode("utf-8") == mended == whole(mended)


@given(st.data())
def test_mutated_pushes_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    account, query, body = data.draw(
        st.sampled_from([(PLAIN, signed(), message().encode()), (SAFE, *sealed(message()))])
    )
    mutated = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated)))
        mutated[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    changed = {
        name: data.draw(st.sampled_from([value, value[:-1], "", "\ud800"])) for name, value in query.items()
    }
    with suppress(PushRefused):
        push = open_push(account, data.draw(st.sampled_from([query, changed])), bytes(mutated))
        push.inbound.text.encode("utf-8")


@given(st.binary(), st.binary(min_size=1))
def test_mutated_messages_in_a_good_envelope_are_read_or_refused(inside: bytes, tail: bytes) -> None:
    for document in (inside, b"<xml><FromUserName>o</FromUserName><a>" + inside + b"</a></xml>" + tail):
        text = document.decode("utf-8", "replace")
        with suppress(BadRequest):
            open_push(SAFE, *sealed(text)).inbound.text.encode("utf-8")


# ---- what it means


@pytest.mark.parametrize(
    ("xml", "kind", "subtype", "body"),
    [
        (message(), InboundKind.TEXT, "", {}),
        (message(bizmsgmenuid="2"), InboundKind.TEXT, "msgmenu", {"menu_id": "2"}),
        (event("subscribe"), InboundKind.FOLLOW, "subscribe", {}),
        (
            event("subscribe", EventKey="qrscene_1208", Ticket="T"),
            InboundKind.FOLLOW,
            "scan",
            {"scene": "1208", "ticket": "T"},
        ),
        (event("unsubscribe"), InboundKind.UNFOLLOW, "unsubscribe", {}),
        (event("CLICK", EventKey="wifi"), InboundKind.CLICK, "click", {"key": "wifi"}),
        (
            event("SCAN", EventKey="1208", Ticket="T"),
            InboundKind.CLICK,
            "scan",
            {"key": "1208", "ticket": "T"},
        ),
        (event("VIEW", EventKey="https://x"), InboundKind.OTHER, "view", {}),
        (event("LOCATION", Latitude="1"), InboundKind.OTHER, "location", {}),
        (
            event("TEMPLATESENDJOBFINISH", MsgID="200163836", Status="success"),
            InboundKind.RECEIPT,
            "templatesendjobfinish",
            {"reference": "200163836", "status": "success"},
        ),
        (
            message(MsgType="image", PicUrl="http://p", MediaId="m"),
            InboundKind.MEDIA,
            "image",
            {},
        ),
        (
            message(MsgType="voice", MediaId="m", Format="amr", Recognition="开门"),
            InboundKind.MEDIA,
            "voice",
            {"format": "amr", "recognition": "开门"},
        ),
        (
            message(MsgType="shortvideo", MediaId="m", ThumbMediaId="t"),
            InboundKind.MEDIA,
            "video",
            {},
        ),
        (
            message(MsgType="location", Location_X="1.5", Location_Y="2", Scale="20", Label="酒店"),
            InboundKind.MEDIA,
            "location",
            {"latitude": "1.5", "longitude": "2", "scale": "20", "label": "酒店"},
        ),
        (
            message(MsgType="link", Title="甲", Description="乙", Url="u"),
            InboundKind.MEDIA,
            "link",
            {"title": "甲", "description": "乙", "link": "u"},
        ),
        (message(MsgType="未来<type>"), InboundKind.OTHER, "type", {}),
        (event("card_pay_order", OrderId="1"), InboundKind.OTHER, "card_pay_order", {}),
    ],
)
def test_types_have_one_meaning(xml: str, kind: InboundKind, subtype: str, body: dict[str, str]) -> None:
    inbound = plain(xml).inbound
    assert (inbound.kind, inbound.subtype, dict(inbound.body)) == (kind, subtype, body)
    assert inbound.external_id == "oGuest"
    assert inbound.sent_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_file_is_named_by_its_media_id_and_by_no_address() -> None:
    said = plain(message(MsgType="image", PicUrl="http://169.254.169.254/x", MediaId="m-1_2")).inbound
    assert (said.fetch, dict(said.body)) == ("m-1_2", {})
    assert plain(message(MsgType="image", MediaId="../token?x=1")).inbound.fetch is None
    assert plain(message(MediaId="m")).inbound.fetch is None
    sent = plain(message(MsgType="file", Title="账单.pdf", FileKey="k", FileTotalLen="9")).inbound
    assert (sent.fetch, dict(sent.body)) == (None, {"title": "账单.pdf", "size": "9"})


def test_only_words_of_the_guest_become_text() -> None:
    assert plain(message(MsgType="image", Content="x", MediaId="m")).inbound.text == ""


def test_a_message_is_known_by_its_number_and_an_event_by_what_names_it() -> None:
    key = plain(message()).inbound.message_key
    assert key == "message:23456789012345678"
    assert plain(message(Content="别的")).inbound.message_key == key
    click = plain(event("CLICK", EventKey="a")).inbound.message_key
    assert click == "event:oGuest|1700000000|CLICK|a|"
    assert click != plain(event("CLICK", EventKey="b")).inbound.message_key
    assert click != plain(event("CLICK", EventKey="a", CreateTime="1700000001")).inbound.message_key
    receipts = {
        plain(event("TEMPLATESENDJOBFINISH", MsgID=number)).inbound.message_key for number in ("1", "2")
    }
    assert len(receipts) == 2


def test_messages_without_a_number_differ_by_what_they_say() -> None:
    keys = {plain(message(MsgId="", Content=said)).inbound.message_key for said in ("甲", "乙")}
    assert len(keys) == 2


@pytest.mark.parametrize("created", ["", "soon", "-5", "9" * 30, "999999999999"])
def test_a_senseless_time_is_no_time(created: str) -> None:
    assert plain(message(CreateTime=created)).inbound.sent_at is None


def test_secrets_are_not_printed() -> None:
    shown = repr(SAFE)
    assert not any(secret in shown for secret in (SAFE.secret, SAFE.token, KEY, OLD_KEY))


# ---- every type of the platform's documentation, as it comes

PUSHES = Path(__file__).parents[1] / "golden/wechat/pushes"
MEANINGS = json.loads((PUSHES / "pushes.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(path.stem for path in PUSHES.glob("*.xml")))
@pytest.mark.parametrize("mode", list(Mode))
def test_golden_pushes_mean_what_they_did(name: str, mode: Mode) -> None:
    """Each as it was written down, in each mode of the platform's settings page."""
    xml = (PUSHES / f"{name}.xml").read_text("utf-8")
    account = replace(SAFE, mode=mode, aes_keys=() if mode is Mode.PLAIN else SAFE.aes_keys)
    query, body = signed(), xml.encode()
    if mode is not Mode.PLAIN:
        ciphertext = encrypt(xml, key=KEY, appid=SAFE.appid, random=bytes(16))
        query |= {"msg_signature": signature(SAFE.token, STAMP, NONCE, ciphertext)}
        both = xml.strip().removesuffix("</xml>") + f"<Encrypt>{cdata(ciphertext)}</Encrypt></xml>"
        body = both.encode() if mode is Mode.COMPATIBLE else envelope(ciphertext)[1]
    push = open_push(account, query, body)
    found, said = MEANINGS[name], push.inbound
    assert (said.kind, said.subtype, said.external_id) == (found["kind"], found["subtype"], found["from"])
    assert (said.text, dict(said.body), said.fetch) == (found["text"], found["body"], found["fetch"])
    assert (said.message_key, push.for_account) == (found["key"], found["for_account"])
    assert (push.key is None) == (mode is Mode.PLAIN)


def test_every_golden_push_is_written_down() -> None:
    assert sorted(MEANINGS) == sorted(path.stem for path in PUSHES.glob("*.xml"))
