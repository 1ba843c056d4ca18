"""Identifying numbers: found whatever way they are written, masked, and opened only where they belong."""

import base64
import json
import os
from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sealing import CannotOpen, Seal, find, mask

# Published examples and numbers of our own making; none is a living person's.
ID_CARD = "11010119900307803X"  # check digit worked out by hand from GB 11643
ID_CARD_2 = "440308199901011234"
BANK_CARD = "6222020200112230"
VISA = "4111111111111111"
AMEX = "378282246310005"
UNIONPAY_19 = "6226090000000000006"

SEAL = Seal({"k1": b"1" * 32})


def check_digit(first_17: str) -> str:
    """GB 11643 said another way than the product says it: weights are powers of two modulo 11."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(first_17))
    return "10X98765432"[total % 11]


def luhn_digit(body: str) -> str:
    """The digit that completes a card number, from Luhn's table of doubled digits."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(doubled[int(d)] if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
    return str(-total % 10)


def values(text: str) -> list[tuple[str, str]]:
    return [(n.kind, n.value) for n in find(text)]


def test_the_examples_are_what_they_claim() -> None:
    assert check_digit(ID_CARD[:17]) == ID_CARD[17]
    assert check_digit(ID_CARD_2[:17]) == ID_CARD_2[17]
    for card in (BANK_CARD, VISA, AMEX, UNIONPAY_19):
        assert luhn_digit(card[:-1]) == card[-1], card


@pytest.mark.parametrize(
    "written",
    [
        ID_CARD,
        ID_CARD.lower(),
        "110101 19900307 803X",
        "110101-19900307-803X",
        "１１０１０１１９９００３０７８０３Ｘ",
        "１１０１０１　１９９００３０７　８０３ｘ",
        "身份证" + ID_CARD + "，谢谢",
        f"（{ID_CARD}）",
        f"1208 {ID_CARD}",
        f"{ID_CARD} 1208",
    ],
)
def test_an_id_card_is_found_however_it_is_written(written: str) -> None:
    assert values(written) == [("id_card", ID_CARD)]


@pytest.mark.parametrize("digit", "0123456789")
def test_a_wrong_check_digit_is_no_id_card(digit: str) -> None:
    assert "id_card" not in dict(values(ID_CARD[:17] + digit))


@pytest.mark.parametrize("born", ["19901307", "19900230", "19900300", "00000101"])
def test_a_date_of_birth_that_does_not_exist_is_no_id_card(born: str) -> None:
    first = "110101" + born + "803"
    assert "id_card" not in dict(values(first + check_digit(first)))


@pytest.mark.parametrize("card", [BANK_CARD, VISA, AMEX, UNIONPAY_19])
def test_a_bank_card_is_found(card: str) -> None:
    assert values(f"卡号{card}。") == [("bank_card", card)]
    grouped = " ".join(card[i : i + 4] for i in range(0, len(card), 4))
    assert values(f"卡号 {grouped}") == [("bank_card", card)]
    assert values(f"卡号 {grouped.replace(' ', '-')}") == [("bank_card", card)]


@pytest.mark.parametrize("beside", ["12", "301", "1208", "13800138000", "3010", "5"])
def test_a_number_beside_a_bank_card_does_not_hide_it(beside: str) -> None:
    grouped = "6222 0202 0011 2230"
    for text in (
        f"{beside} {BANK_CARD}",
        f"{BANK_CARD} {beside}",
        f"{beside} {grouped}",
        f"{grouped} {beside}",
    ):
        hidden = mask(text, find(text))
        assert BANK_CARD not in hidden.replace(" ", ""), text
        assert "020011" not in hidden.replace(" ", ""), text


def test_two_numbers_one_after_the_other_are_both_found() -> None:
    assert values(f"{BANK_CARD} {VISA}") == [("bank_card", BANK_CARD), ("bank_card", VISA)]
    assert values(f"{ID_CARD},{ID_CARD_2}") == [("id_card", ID_CARD), ("id_card", ID_CARD_2)]


def test_a_card_with_a_wrong_last_digit_is_none() -> None:
    assert [luhn for luhn in "0123456789" if values(BANK_CARD[:-1] + luhn)] == [BANK_CARD[-1]]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("护照 E12345678", "E12345678"),
        ("护照号EA1234567", "EA1234567"),
        ("passport: G12345678", "G12345678"),
        ("Passport ek1234567", "EK1234567"),
        ("港澳通行证H1234567890", "H1234567890"),
        ("回乡证 M12345678", "M12345678"),
        ("护照Ｅ１２３４５６７８", "E12345678"),
    ],
)
def test_a_passport_is_found_beside_a_word_that_names_it(text: str, number: str) -> None:
    assert values(text) == [("passport", number)]


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "138 0013 8000",
        "+86 138-0013-8000",
        "0411-0000-1208",
        "我的电话13800138000，房间1208",
        "订单号 20261122130012345",
        "订单 XH20261122001",
        "E12345678",  # no word names a passport
        "4200001234202611221234567890",  # a payment's order number: 28 digits
        "2026112200001234",  # begins like no card
        "早餐 06:30–10:00，88 元",
        "0000000000000000",
        "6666666666666666",
        f"A{ID_CARD}",
        f"{ID_CARD}8",
    ],
)
def test_what_is_no_identifying_number_stays(text: str) -> None:
    assert values(text) == []
    assert SEAL.protect(text, "h/c") == (text, ())


def test_the_mask_keeps_the_ends_and_the_words_around() -> None:
    masked, sealed = SEAL.protect(f"我叫王芳，{ID_CARD}，卡{BANK_CARD}谢谢", "h/c")
    assert masked == "我叫王芳，11**************3X，卡62************30谢谢"
    assert [s["kind"] for s in sealed] == ["id_card", "bank_card"]
    assert [SEAL.open(s, "h/c") for s in sealed] == [ID_CARD, BANK_CARD]


def test_nothing_of_the_number_stands_in_what_is_kept() -> None:
    masked, sealed = SEAL.protect(f"身份证{ID_CARD}", "h/c")
    kept = json.dumps([masked, sealed])
    assert ID_CARD[6:14] not in kept
    assert base64.b64encode(ID_CARD.encode()).decode()[:20] not in kept


@st.composite
def id_cards(draw: st.DrawFn) -> str:
    area = draw(st.sampled_from(["110101", "310104", "440308", "650102"]))
    born = draw(st.dates()).strftime("%Y%m%d").zfill(8)
    first = area + born + draw(st.from_regex(r"[0-9]{3}", fullmatch=True))
    return first + check_digit(first)


@st.composite
def bank_cards(draw: st.DrawFn) -> str:
    length = draw(st.integers(15, 19))
    body = draw(st.from_regex(r"[3-6][0-9]{17}", fullmatch=True))[: length - 1]
    card = body + luhn_digit(body)
    return card if len(set(card)) > 2 else BANK_CARD


@given(number=id_cards() | bank_cards(), before=st.text("房号是，abc \n"), after=st.text("，谢谢 \n"))
def test_any_identifying_number_is_masked_and_comes_back_whole(number: str, before: str, after: str) -> None:
    text = f"{before}号码：{number}。{after}"
    masked, sealed = SEAL.protect(text, "h/c")
    assert number not in masked
    assert [SEAL.open(s, "h/c") for s in sealed] == [number]
    assert masked.startswith(before)
    assert masked.endswith(after)


@given(text=st.text())
def test_any_text_survives_and_numbers_are_its_own_places(text: str) -> None:
    numbers = find(text)
    assert all(0 <= n.start < n.end <= len(text) for n in numbers)
    assert all(a.end <= b.start for a, b in pairwise(numbers))
    if not numbers:
        assert mask(text, numbers) == text


@given(value=st.text(min_size=1), here=st.text(), there=st.text())
def test_a_sealed_value_opens_only_where_it_belongs(value: str, here: str, there: str) -> None:
    try:
        value.encode(), here.encode(), there.encode()
    except UnicodeEncodeError:
        return
    sealed = SEAL.close(value, here)
    assert SEAL.open(sealed, here) == value
    if here != there:
        with pytest.raises(CannotOpen):
            SEAL.open(sealed, there)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_seal_does_not_open(place: int, bit: int) -> None:
    sealed = SEAL.close(ID_CARD, "h/c")
    raw = bytearray(base64.b64decode(sealed["sealed"]))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(CannotOpen):
        SEAL.open({**sealed, "sealed": base64.b64encode(raw).decode()}, "h/c")


def test_the_same_number_is_never_sealed_alike() -> None:
    assert SEAL.close(ID_CARD, "h/c") != SEAL.close(ID_CARD, "h/c")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old, new = os.urandom(32), os.urandom(32)
    sealed = Seal({"old": old}).close(ID_CARD, "h/c")
    both = Seal({"new": new, "old": old})
    assert both.open(sealed, "h/c") == ID_CARD
    assert both.close(ID_CARD, "h/c")["key"] == "new"
    with pytest.raises(CannotOpen, match="no sealing key"):
        Seal({"new": new}).open(sealed, "h/c")


def test_secrets_of_an_account_are_sealed_as_one() -> None:
    sealed = SEAL.close_secrets({"token": "s3cret"}, "wechat/a")
    assert "s3cret" not in sealed
    assert SEAL.open_secrets(sealed, "wechat/a") == {"token": "s3cret"}
    with pytest.raises(CannotOpen):
        SEAL.open_secrets(sealed, "wechat/b")


def test_a_found_number_says_where_it_stands() -> None:
    assert [asdict(n) for n in find("号12 " + VISA)] == [
        {"kind": "bank_card", "start": 4, "end": 20, "value": VISA}
    ]
