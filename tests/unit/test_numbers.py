"""Rooms, phones, order numbers, amounts, quantities."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu import counted, named, when
from nlu.normal import normalise
from nlu.numbers import find
from nlu.numerals import number


def read(text: str) -> list[tuple[str, Any]]:
    return [(one.entity, one.value) for one in find(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十二", 12),
        ("二十", 20),
        ("一百二", 120),
        ("一百零二", 102),
        ("两百五十", 250),
        ("一千二", 1200),
        ("一万二", 12000),
        ("三千零五", 3005),
        ("廿五", 25),
        ("半", 0.5),
        ("1,200", 1200),
        ("3.5", 3.5),
        ("2万", 20000),
        ("二零二六", 2026),
    ],
)
def test_numerals(text: str, value: float) -> None:
    assert number(text) == value


def test_no_numeral() -> None:
    assert number("毛巾") is None


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("再送水到1208", "1208"),
        ("一二零八房", "1208"),
        ("幺二零八", "1208"),
        ("我在八零八", "808"),
        ("房号1807", "1807"),
        ("8楼812", "812"),
        ("住305", "305"),
        ("1506房空调坏了", "1506"),
        ("我是九一六房间的", "916"),
        ("1208", "1208"),
        ("room 1105", "1105"),
        ("请到1601打扫", "1601"),
        ("房号是a305", "A305"),
        ("我住b1203，灯不亮", "B1203"),
        ("v08那栋别墅", "V08"),
        ("我在九一二,太吵", "912"),
        ("雨伞送到一六二零", "1620"),
        ("我零七幺幺的", "0711"),
    ],
)
def test_rooms(text: str, room: str) -> None:
    assert ("room_number", room) in read(text)


@pytest.mark.parametrize(
    "text",
    [
        "密码是8888吗",
        "g1024次到站",
        "2026年",
        "1500块",
        "才299",
        "1080p",
        "200人的会",
        "138度",
        "说好380",
        "到二零二七年",
        "我是g1208次到",
        "v12别墅区在哪",
        "三五个",
        "95折",
    ],
)
def test_no_rooms(text: str) -> None:
    assert not [value for entity, value in read(text) if entity == "room_number"]


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13800138000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("幺三八零零一三八零零零", "13800138000"),
        ("座机0755-82345678", "075582345678"),
        ("我电话是13912345678", "13912345678"),
    ],
)
def test_phones(text: str, phone: str) -> None:
    assert read(text) == [("phone", phone)]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("ht20261121003取消", "HT20261121003"),
        ("订单号20261130088", "20261130088"),
        ("单号是ab-12345", "AB-12345"),
        ("美团订单5521903确认了吗", "5521903"),
    ],
)
def test_order_numbers(text: str, order: str) -> None:
    assert read(text) == [("order_number", order)]


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("多扣了我一百块", 100),
        ("三百块以下", 300),
        ("扣了八十多块钱", 80),
        ("三块五", 3.5),
        ("1,200元", 1200),
        ("￥388", 388),
        ("要不要交200押金", 200),
        ("交了五百押金", 500),
        ("携程才299", 299),
        ("一百二十块", 120),
        ("2万块", 20000),
        ("12.5元", 12.5),
        ("便宜五十", 50),
        ("五毛钱", 0.5),
    ],
)
def test_amounts(text: str, yuan: float) -> None:
    assert read(text) == [("amount", yuan)]


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("两瓶水", [(2, "瓶")]),
        ("住三晚", [(3, "晚")]),
        ("四十间房住十天", [(40, "间"), (10, "天")]),
        ("三两个袋子", [(3, "个")]),
        ("俩大一小", [(2, "大"), (1, "小")]),
        ("两大一小", [(2, "大"), (1, "小")]),
        ("一个半小时", [(1.5, "小时")]),
        ("半小时", [(0.5, "小时")]),
        ("我们俩", [(2, "人")]),
        ("俩枕头", [(2, "个")]),
        ("五六个人", [(6, "人")]),
        ("20-30人", [(30, "人")]),
        ("一家三口", [(3, "口")]),
        ("送两块香皂", [(2, "块")]),
        ("two towels", [(2, "条")]),
        ("3床被子", [(3, "床")]),
        ("十二间", [(12, "间")]),
        ("三双拖鞋两条浴巾", [(3, "双"), (2, "条")]),
        ("住一个月", [(1, "个月")]),
        ("3位", [(3, "位")]),
    ],
)
def test_quantities(text: str, quantities: list[tuple[float, str]]) -> None:
    assert read(text) == [("quantity", {"n": n, "unit": unit}) for n, unit in quantities]


@pytest.mark.parametrize(
    "text",
    ["一点", "一下", "一般", "大床房", "三人间", "双床房", "每间", "第三次", "一米八的床", "一共", "一直"],
)
def test_no_quantities(text: str) -> None:
    assert read(text) == []


def test_about_is_marked_ambiguous() -> None:
    assert [one.ambiguous for one in find("三两个袋子,四条毛巾")] == [True, False]


def test_several_in_one_sentence() -> None:
    assert read("3间房2晚,电话13912345678,1201和1203") == [
        ("quantity", {"n": 3, "unit": "间"}),
        ("quantity", {"n": 2, "unit": "晚"}),
        ("phone", "13912345678"),
        ("room_number", "1201"),
        ("room_number", "1203"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5万4千", 54000),
        ("壹仟贰佰", 1200),
        ("三亿", 3e8),
        ("两千 四 百 五", 2450),
        ("8千", 8000),
        ("十万零六", 100006),
    ],
)
def test_numerals_of_any_scale(text: str, value: float) -> None:
    assert number(text) == value


# ---------------------------------------------------------------- the sentences of tests/data/understanding

SAID = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data/understanding/numbers.jsonl")
    .read_text("utf-8")
    .splitlines()
]
FEWEST_RIGHT = 0.98


def exactly(case: dict[str, Any]) -> bool:
    text = normalise(case["text"]).text
    found = find(text, when.find(text, datetime.fromisoformat(case["now"])))
    return [(one.entity, one.value) for one in found] == [
        (one["entity"], one["value"]) for one in case["entities"]
    ]


def test_sentences_of_guests_are_read_exactly() -> None:
    missed = [case["text"] for case in SAID if not exactly(case)]
    assert len(SAID) >= 120
    assert len(missed) <= (1 - FEWEST_RIGHT) * len(SAID), missed


# ---------------------------------------------------------------- what holds for any text

SPOKEN = st.text(
    "0123456789零一二两三四五六七八九十百千万亿半幺俩大小房号楼栋块毛元晚间个瓶小时a- +.,", max_size=25
)


@given(st.one_of(st.text(max_size=60), SPOKEN))
def test_any_text_is_survived_and_spans_lie_inside_it(text: str) -> None:
    found = find(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(text[one.start : one.end] == one.raw for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert found == find(text)


@given(SPOKEN)
def test_values_have_their_shape(text: str) -> None:
    for one in find(text):
        if one.entity == "quantity":
            assert set(one.value) == {"n", "unit"}
            assert one.value["n"] >= 0
        elif one.entity == "amount":
            assert one.value >= 0
        else:
            assert one.value.replace("-", "").isalnum()


@given(st.integers(0, 99_999_999))
def test_arabic_numerals_are_their_value(value: int) -> None:
    assert number(str(value)) == number(f"{value:,}") == value


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("来两罐可乐", ["可乐"]),
        ("会议室要二十把椅子", ["椅子"]),
        ("一瓶酱油啊不是一瓶醋", ["酱油", "醋"]),
        ("两个人住两晚", []),
        ("两条大的", []),
        ("发一条短信给我", []),
        ("洗两份行吗", []),
    ],
)
def test_what_is_counted_is_a_thing(text: str, things: list[str]) -> None:
    assert [one.value for one in counted.find(text, find(text))] == things


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我在0915，要熨斗", [("room_number", "0915")]),
        ("粥送1801", [("room_number", "1801")]),
        ("充1000送200", [("amount", 1000)]),
        ("尾号0417", []),
        ("周六两间", [("quantity", {"n": 2, "unit": "间"})]),
    ],
)
def test_rooms_after_a_delivery_and_counts_after_a_day(text: str, found: list[tuple[str, object]]) -> None:
    dated = when.find(text, datetime(2026, 11, 22, 21, 30, tzinfo=UTC))
    assert [(one.entity, one.value) for one in find(text, dated)] == found


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("明早七点叫1208房", "1208"),
        ("叫1208起床", "1208"),
        ("明天六点叫803", "803"),
        ("喊1209起床", "1209"),
        ("给1208送两瓶水", "1208"),
        ("1208要毛巾", "1208"),
        ("打1203没人接", "1203"),
        ("给1208打个电话", "1208"),
        ("七点叫120", None),
        ("wifi密码叫1234吗", None),
    ],
)
def test_rooms_behind_a_verb(text: str, room: str | None) -> None:
    claimed = when.find(text, datetime(2026, 11, 22, 21, 30, tzinfo=UTC))
    rooms = [one.value for one in find(text, claimed) if one.entity == "room_number"]
    assert rooms == ([room] if room else [])


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("挂烫机怎么加水", [("device", "挂烫机")]),
        ("壁灯忽闪忽闪的", [("device", "壁灯")]),
        ("进门的灯带坏了", [("device", "灯带")]),
        ("老花镜落在枕头底下了", [("item", "老花镜")]),
        ("有没有防晒霜卖，要个漱口杯", [("item", "防晒霜"), ("item", "漱口杯")]),
        ("凉面还有没有", [("item", "凉面")]),
        ("两个热水袋", [("item", "热水袋")]),
        ("老板便宜点", []),
        ("停车有没有优惠", []),
        ("身份证能入住吗", []),
        ("要赶火车", []),
    ],
)
def test_what_is_broken_wanted_or_lost_is_a_thing(text: str, things: list[tuple[str, str]]) -> None:
    assert [(one.entity, one.value) for one in named.find(text, find(text))] == things
