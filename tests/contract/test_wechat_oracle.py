"""Our codec and parser against independent ones: the wechatpy library and public test vectors."""

import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.port import Inbound, InboundKind
from bot.channels.wechat import Account, Push, PushRefused, open_push, passive_reply
from bot.channels.wechat.codec import check_signature, decrypt, encrypt, signature
from bot.channels.wechat.markup import read
from bot.channels.wechat.parse import inbound
from bot.channels.wechat.render import custom_text, text_xml
from bot.model import AccountId, ExternalId

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from wechatpy import create_reply, parse_message
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.utils import check_signature as wechatpy_check

KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
ACCOUNT = Account(AccountId("a"), "wx49f0ab532d5d035a", "secret", "123456", (KEY,))
AT = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
STAMP, NONCE = "1700000000", "n0nce"
# wechatpy takes white space off the ends of a text and reads an empty one as None.
SENDABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    min_size=1,
).filter(lambda text: text == text.strip())


# ---- wechatpy


@given(SENDABLE)
def test_wechatpy_opens_what_we_encrypt(text: str) -> None:
    sender = Inbound(InboundKind.TEXT, ExternalId("oGuest"), "k", AT)
    answer = passive_reply(ACCOUNT, Push(sender, "gh_1", KEY, {}), text, at=AT, random=bytes(24))
    fields = read(answer)
    opened = WeChatCrypto(ACCOUNT.token, KEY, ACCOUNT.appid).decrypt_message(
        answer, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    message = parse_message(opened)
    assert (message.source, message.target, message.content) == ("gh_1", "oGuest", text)


@given(SENDABLE.filter(lambda text: "]]>" not in text))
def test_we_open_what_wechatpy_encrypts(text: str) -> None:
    xml = create_reply(text).render()
    made = WeChatCrypto(ACCOUNT.token, KEY, ACCOUNT.appid).encrypt_message(xml, NONCE, STAMP)
    fields = read(made)
    query = {"msg_signature": fields["MsgSignature"], "timestamp": STAMP, "nonce": NONCE}
    check_signature(query["msg_signature"], ACCOUNT.token, STAMP, NONCE, fields["Encrypt"])
    opened, key = decrypt(fields["Encrypt"], keys=[KEY], appid=ACCOUNT.appid)
    assert key == KEY
    assert read(opened)["Content"] == text


def test_we_take_a_push_that_wechatpy_encrypted() -> None:
    xml = text_xml(to="gh_1", sender="oGuest", text="早餐几点", at=AT)
    fields = read(WeChatCrypto(ACCOUNT.token, KEY, ACCOUNT.appid).encrypt_message(xml, NONCE, STAMP))
    query = {"msg_signature": fields["MsgSignature"], "timestamp": STAMP, "nonce": NONCE}
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{fields['Encrypt']}</Encrypt></xml>".encode()
    found = open_push(ACCOUNT, query, body).inbound
    assert (found.text, found.external_id, found.sent_at) == ("早餐几点", "oGuest", AT)


@given(st.text("abc123", min_size=1), st.text("0123456789"), st.text("xyz0"))
def test_wechatpy_accepts_our_signature(token: str, stamp: str, nonce: str) -> None:
    wechatpy_check(token, signature(token, stamp, nonce), stamp, nonce)


@given(SENDABLE)
def test_wechatpy_reads_our_texts_as_we_mean_them(text: str) -> None:
    message = parse_message(text_xml(to="gh_1", sender="oGuest", text=text, at=AT))
    assert message.content == text
    assert message.create_time.timestamp() == AT.timestamp()


# ---- public vectors

TESTDATA = Path(os.environ.get("DIANXIAOER_TESTDATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
VECTORS_FILE = TESTDATA / "wechat_vectors.json"
KNOWN_KINDS = {
    "inbound_xml",
    "decrypt",
    "decrypt_error",
    "encrypt",
    "sha1_sorted",
    "signature",
    "signature_error",
    "outbound_passive_xml",
    "outbound_custom_send_json",
    "api_response_json",
    "url",
}


def vectors(*kinds: str) -> list[Any]:
    if not VECTORS_FILE.exists():
        missing = f"{VECTORS_FILE.name} is not there: set DIANXIAOER_TESTDATA to the folder that holds it"
        return [pytest.param(None, marks=pytest.mark.skip(reason=missing))]
    found = [
        vector for vector in json.loads(VECTORS_FILE.read_text("utf-8"))["vectors"] if vector["kind"] in kinds
    ]
    return [pytest.param(vector, id=vector["id"]) for vector in found]


EVENT_KINDS = {
    "subscribe": InboundKind.FOLLOW,
    "unsubscribe": InboundKind.UNFOLLOW,
    "click": InboundKind.CLICK,
    "scan": InboundKind.CLICK,
    "scancode_waitmsg": InboundKind.CLICK,
    "templatesendjobfinish": InboundKind.RECEIPT,
    "subscribe_msg_sent_event": InboundKind.RECEIPT,
}
MESSAGE_KINDS = {"text": InboundKind.TEXT} | dict.fromkeys(
    ["image", "voice", "video", "shortvideo", "location", "link"], InboundKind.MEDIA
)


@pytest.mark.parametrize("vector", vectors("inbound_xml"))
def test_vectors_are_parsed(vector: dict[str, Any]) -> None:
    fields = read(vector["input"]["xml"])
    assert fields == vector["xml_fields"]
    found = inbound(fields)
    stated = {name: value.strip() for name, value in vector["xml_fields"].items() if isinstance(value, str)}
    kind = stated["MsgType"].lower()
    known = EVENT_KINDS if kind == "event" else MESSAGE_KINDS
    assert found.kind is known.get(stated["Event"].lower() if kind == "event" else kind, InboundKind.OTHER)
    assert found.external_id == stated["FromUserName"]
    assert found.sent_at == datetime.fromtimestamp(int(stated["CreateTime"]), UTC)
    assert found.text == (stated["Content"] if kind == "text" else "")
    asserted = vector["asserted"]
    for name, ours in [("msg.scene_id", "scene"), ("msg.ticket", "ticket"), ("msg.key", "key")]:
        if ours in found.body and name in asserted:
            assert found.body[ours] == asserted[name]


@pytest.mark.parametrize("vector", vectors("decrypt", "decrypt_error"))
def test_vectors_are_decrypted_or_refused(vector: dict[str, Any]) -> None:
    given = vector["input"]
    ciphertext = given.get("encrypt") or read(given["post_body"])["Encrypt"]

    def opened() -> str:
        check_signature(
            given["msg_signature"], given["token"], given["timestamp"], given["nonce"], ciphertext
        )
        return decrypt(ciphertext, keys=[given["encoding_aes_key"]], appid=given["appid"])[0]

    if vector["kind"] == "decrypt_error":
        with pytest.raises(PushRefused, match="signature"):
            opened()
    elif "plaintext" in vector["expected"]:
        assert opened() == vector["expected"]["plaintext"]
    else:
        assert read(opened()).items() >= vector["expected"].items()


@pytest.mark.parametrize("vector", vectors("encrypt"))
def test_vectors_are_encrypted(vector: dict[str, Any]) -> None:
    given = vector["input"]
    made = encrypt(
        given["plaintext"],
        key=given["encoding_aes_key"],
        appid=given["appid"],
        random=given["random16"].encode(),
    )
    assert made == vector["expected"]["encrypt"]


@pytest.mark.parametrize("vector", vectors("sha1_sorted", "signature", "signature_error"))
def test_vectors_are_signed(vector: dict[str, Any]) -> None:
    given = vector["input"]
    parts = given.get("parts") or [given["token"], given["timestamp"], given["nonce"]]
    if vector["kind"] == "signature_error":
        with pytest.raises(PushRefused, match="signature"):
            check_signature(given["signature"], *parts)
    else:
        assert signature(*parts) in vector["expected"].values()


@pytest.mark.parametrize("vector", vectors("outbound_passive_xml"))
def test_vectors_of_passive_replies_are_readable_and_our_texts_equal_theirs(vector: dict[str, Any]) -> None:
    theirs = read(vector["expected"]["xml"])
    assert {"ToUserName", "FromUserName", "CreateTime", "MsgType"} <= set(theirs)
    if theirs["MsgType"] == "text":
        at = datetime.fromtimestamp(int(theirs["CreateTime"]), UTC)
        ours = text_xml(to=theirs["ToUserName"], sender=theirs["FromUserName"], text=theirs["Content"], at=at)
        assert read(ours) == theirs


@pytest.mark.parametrize("vector", vectors("outbound_custom_send_json"))
def test_vectors_of_custom_texts_equal_ours(vector: dict[str, Any]) -> None:
    theirs = vector["expected"]["json"]
    if theirs["msgtype"] != "text":  # we send none of these yet: the form is on record all the same
        assert set(theirs) == {"touser", "msgtype", theirs["msgtype"]}
        return
    assert json.loads(custom_text(ExternalId(theirs["touser"]), theirs["text"]["content"])) == theirs


def test_every_kind_of_vector_is_known() -> None:
    if not VECTORS_FILE.exists():
        pytest.skip(f"{VECTORS_FILE.name} is not there: set DIANXIAOER_TESTDATA to the folder that holds it")
    stored = json.loads(VECTORS_FILE.read_text("utf-8"))["vectors"]
    assert len(stored) == 87
    assert {vector["kind"] for vector in stored} == KNOWN_KINDS
