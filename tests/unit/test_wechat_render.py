"""What we say to WeChat: splitting, numbered options, injection, and the golden forms."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.port import Attachment, Inbound, InboundKind, Option, Reply
from bot.channels.wechat import (
    Account,
    Ledger,
    Mode,
    Push,
    chosen,
    in_words,
    parts,
    passive_reply,
    window_for,
)
from bot.channels.wechat.markup import read
from bot.channels.wechat.render import custom_menu, custom_text, split, text_xml, typing
from bot.channels.wechat.window import MESSAGE, TOUCH, Allowance
from bot.model import AccountId, ExternalId

GOLDEN = Path(__file__).parents[1] / "golden" / "wechat"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
ACCOUNT = Account(AccountId("a1"), "wxtest", "s3cret", "t0ken", (KEY,))
GUEST = ExternalId("oGuest")
AT = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
SAID = "早餐 7:00–10:00 😀\n<b>&]]>二楼"
CHOICE = Reply("要哪一个？", (Option("明早七点", "明早七点"), Option("不用了", "取消")))


def push(key: str | None) -> Push:
    return Push(Inbound(InboundKind.TEXT, GUEST, "message:1", AT, "早餐"), "gh_1", key, {})


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("passive_plain.xml", passive_reply(ACCOUNT, push(None), SAID, at=AT, random=bytes(24)).encode()),
        ("passive_safe.xml", passive_reply(ACCOUNT, push(KEY), SAID, at=AT, random=bytes(24)).encode()),
        ("custom_text.json", custom_text(GUEST, SAID)),
        ("custom_menu.json", custom_menu(GUEST, CHOICE)),
        ("typing.json", typing(GUEST, on=True)),
    ],
)
def test_the_wire_forms_have_not_changed(name: str, made: bytes) -> None:
    assert made.decode() == (GOLDEN / name).read_text("utf-8").rstrip("\n")


@given(st.text(st.characters(codec=None)))
def test_a_text_never_injects_a_tag(text: str) -> None:
    fields = read(text_xml(to="<a>", sender="b]]>", text=text, at=AT))
    assert set(fields) == {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"}
    assert fields["ToUserName"] == "<a>"
    assert fields["FromUserName"] == "b]]>"


@given(st.text(st.characters(codec=None)))
def test_custom_send_is_readable_json_without_escapes(text: str) -> None:
    body = custom_text(GUEST, text).decode("utf-8")
    content = json.loads(body)["text"]["content"]
    assert set(content) <= set(text) | {"\ufffd"} | set(
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )
    if "\\" not in text:
        assert "\\u" not in body


# ---- splitting

LETTERS = st.sampled_from("客房早餐一二三。！？，\n ab.😀é")


@given(st.text(LETTERS, max_size=400), st.integers(8, 60))
def test_pieces_fit_and_lose_nothing_but_line_feeds(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(len(piece.encode()) <= limit for piece in pieces)
    assert all(pieces)
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")


def test_a_cut_is_made_where_people_would_make_it() -> None:
    line, sentence = "一二三四五六七八", "一二三四五。六七八九十"
    assert split(f"{line}\n九十", 30) == [line, "九十"]
    assert split(sentence, 30) == ["一二三四五。", "六七八九十"]
    assert split("他说“好！”然后走了", 24) == ["他说“好！”", "然后走了"]
    assert split("一二三四，五六七八", 21) == ["一二三四，", "五六七八"]


@pytest.mark.parametrize("whole", ["👨‍👩‍👧", "🏳️‍🌈", "👍🏽", "é", "🇨🇳", "1️⃣"])
def test_what_people_see_as_one_character_stays_one(whole: str) -> None:
    text = "好" * 5 + whole + "好" * 5
    for limit in range(max(len(whole.encode()), 4), 40):
        assert any(whole in piece for piece in split(text, limit)), limit


def test_a_reply_within_the_limit_is_one_message() -> None:
    assert parts(Reply("好" * 682)) == [Reply("好" * 682)]
    assert [len(part.text.encode()) for part in parts(Reply("好" * 1365))] == [2046, 2046, 3]
    assert parts(Reply("")) == []


# ---- options


def test_options_are_tapped_or_numbered_and_both_are_understood() -> None:
    assert parts(CHOICE) == [CHOICE]
    assert in_words(CHOICE) == "要哪一个？\n1. 明早七点\n2. 不用了"
    assert chosen(CHOICE.options, "不用了") == "取消"
    for said in ("2", "２", " 2 ", "2.", "２。", "②"):
        assert chosen(CHOICE.options, said) == "取消"
    for said in ("0", "3", "12", "2点", "-1", "", "二楼", "９" * 5000):
        assert chosen(CHOICE.options, said) == said


@pytest.mark.parametrize("length", [1, 650, 681, 682, 683, 1500])
def test_the_last_part_has_the_options_and_fits_when_they_are_written_out(length: int) -> None:
    told = parts(Reply("长" * length, CHOICE.options))
    assert "".join(part.text for part in told) == "长" * length
    assert [part.options for part in told] == [()] * (len(told) - 1) + [CHOICE.options]
    assert all(len(in_words(part).encode()) <= 2048 for part in told)
    assert [one for part in told for one in parts(part)] == told


def test_very_long_options_are_written_out() -> None:
    many = tuple(Option("很长的选项" * 20, str(n)) for n in range(9))
    told = parts(Reply("哪一个？", many))
    assert all(not part.options and len(part.text.encode()) <= 2048 for part in told)
    assert len(told) > 1


def test_a_file_goes_as_it_is_or_as_its_address() -> None:
    image = Attachment("image", "image/jpeg", "窗.jpg", b"x", "https://d.example/1")
    assert parts(Reply("看这里", file=image)) == [Reply("看这里"), Reply("", file=image)]
    assert in_words(Reply("", file=image)) == "窗.jpg\nhttps://d.example/1"
    for kind, type_ in (("file", "application/pdf"), ("image", "image/webp"), ("video", "video/webm")):
        other = Attachment(kind, type_, "x", b"x", "https://d.example/2")
        assert parts(Reply("", file=other)) == [Reply("x\nhttps://d.example/2")]


# ---- the reply window


def inbound(kind: InboundKind, subtype: str = "") -> Inbound:
    return Inbound(kind, GUEST, "k", AT, subtype=subtype)


@pytest.mark.parametrize(
    ("kind", "subtype", "window"),
    [
        (InboundKind.TEXT, "", MESSAGE),
        (InboundKind.MEDIA, "voice", MESSAGE),
        (InboundKind.TEXT, "msgmenu", TOUCH),
        (InboundKind.CLICK, "click", TOUCH),
        (InboundKind.CLICK, "scan", TOUCH),
        (InboundKind.FOLLOW, "subscribe", TOUCH),
        (InboundKind.UNFOLLOW, "unsubscribe", None),
        (InboundKind.RECEIPT, "", None),
        (InboundKind.OTHER, "view", None),
    ],
)
def test_what_opens_which_window(kind: InboundKind, subtype: str, window: Any) -> None:
    assert window_for(inbound(kind, subtype)) == window


def test_a_message_allows_five_within_two_days() -> None:
    ledger = Ledger().opened(MESSAGE, AT)
    assert ledger.allowance(AT) == Allowance(5, AT + timedelta(hours=48))
    for _ in range(5):
        ledger = ledger.spent()
    assert ledger.allowance(AT).left == 0
    assert ledger.spent().allowance(AT).left == 0
    assert ledger.opened(MESSAGE, AT + timedelta(hours=1)).allowance(AT + timedelta(hours=2)).left == 5
    assert Ledger().opened(MESSAGE, AT).allowance(AT + timedelta(hours=48)) == Allowance(0, None)


def test_windows_do_not_add_up() -> None:
    ledger = Ledger().opened(MESSAGE, AT).spent().opened(TOUCH, AT)
    assert ledger.allowance(AT) == Allowance(4, AT + timedelta(hours=48))
    assert ledger.spent().spent().allowance(AT).left == 2
    assert Ledger().opened(TOUCH, AT).allowance(AT) == Allowance(3, AT + timedelta(minutes=1))


def test_a_late_push_does_not_open_a_window_again() -> None:
    ledger = Ledger().opened(MESSAGE, AT).spent()
    assert ledger.opened(MESSAGE, AT - timedelta(1)) == ledger.opened(None, AT + timedelta(1)) == ledger
    assert ledger.opened(MESSAGE, AT).allowance(AT).left == 5


def test_the_platform_knows_better() -> None:
    ledger = Ledger().opened(MESSAGE, AT)
    assert ledger.used_up().allowance(AT).left == 0
    assert ledger.closed().allowance(AT) == Allowance(0, None)


@given(st.lists(st.sampled_from(["message", "touch", "spent"]), max_size=12))
def test_a_ledger_survives_its_column(acts: list[str]) -> None:
    ledger = Ledger()
    for number, act in enumerate(acts):
        at = AT + timedelta(seconds=number)
        ledger = (
            ledger.spent() if act == "spent" else ledger.opened(MESSAGE if act == "message" else TOUCH, at)
        )
    assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger
    assert Ledger.from_json({}) == Ledger()


def test_accounts_in_order_have_no_mistakes() -> None:
    from bot.channels.wechat import mistakes

    assert mistakes(ACCOUNT) == []
    broken = Account(AccountId("a"), "", "s", "t", ("short",), Mode.SAFE)
    assert mistakes(broken) == ["appid", "aes_key_shape"]
    assert mistakes(Account(AccountId("a"), "w", "s", "t")) == ["aes_key_missing"]
