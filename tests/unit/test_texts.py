from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Reason
from bot.texts import (
    BadSentence,
    BadTexts,
    MissingValue,
    Texts,
    UnknownKey,
    load_texts,
    placeholders,
    show_money,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)  # 21:30 on the 22nd in Shanghai
ROOT = Path(__file__).parents[2]


def say(
    sentence: str,
    values: Mapping[str, Any] | None = None,
    *,
    locale: str = "zh",
    facts: Mapping[str, Any] | None = None,
    now: datetime = NOW,
) -> str:
    texts = Texts(locale, {"it": sentence})
    return texts.render("it", values or {}, facts=facts or {}, now=now, zone=SHANGHAI)


@pytest.fixture(scope="module")
def ours() -> dict[str, Texts]:
    return load_texts(ROOT / "texts")


@pytest.mark.parametrize(
    ("sentence", "value", "shown"),
    [
        ("{x}", "1208", "1208"),
        ("{x}", 3, "3"),
        ("{x}", 0, "0"),
        ("{x:date}", "2026-11-23", "11月23日"),
        ("{x:date}", "2027-01-03", "2027年1月3日"),
        ("{x:date}", date(2026, 11, 23), "11月23日"),
        ("{x:date}", "2026-11-22T16:30:00+00:00", "11月23日"),
        ("{x:date}", {"start": "2026-11-23", "end": "2026-11-25"}, "11月23日至11月25日"),
        ("{x:weekday}", "2026-11-23", "周一"),
        ("{x:weekday}", "2026-11-22", "周日"),
        ("{x:clock}", "07:00", "早上7:00"),
        ("{x:clock}", "00:05", "凌晨0:05"),
        ("{x:clock}", "09:30", "上午9:30"),
        ("{x:clock}", "12:00", "中午12:00"),
        ("{x:clock}", "13:00", "下午1:00"),
        ("{x:clock}", "18:00", "晚上6:00"),
        ("{x:clock}", time(23, 59), "晚上11:59"),
        ("{x:clock}", "2026-11-22T23:00:00+00:00", "早上7:00"),
        ("{x:clock}", {"start": "14:00", "end": "15:30"}, "下午2:00至下午3:30"),
        ("{x:day}", "2026-11-22", "今天"),
        ("{x:day}", "2026-11-23", "明天"),
        ("{x:day}", "2026-11-24", "后天"),
        ("{x:day}", "2026-11-25", "11月25日"),
        ("{x:day}", "2026-11-22T17:00:00+00:00", "明天"),
        ("{x:lead}", "2026-11-23T07:00:00+08:00", "还有9小时30分钟"),
        ("{x:lead}", "2026-11-25T21:30:00+08:00", "还有3天"),
        ("{x:lead}", "2026-11-22T21:31:00+08:00", "还有1分钟"),
        ("{x:lead}", "2026-11-22T21:30:10+08:00", "马上就到"),
        ("{x:lead}", "2026-11-22T20:00:00+08:00", "马上就到"),
        ("{x:money}", 30000, "¥300"),
        ("{x:money}", "12850", "¥128.50"),
        ("{x}", {"n": 2, "unit": "瓶"}, "2瓶"),
    ],
)
def test_values_are_shown_as_chinese_guests_say_them(sentence: str, value: Any, shown: str) -> None:
    assert say(sentence, {"x": value}) == shown


@pytest.mark.parametrize(
    ("sentence", "value", "shown"),
    [
        ("{x:date}", "2026-11-23", "23 November"),
        ("{x:date}", "2027-01-03", "3 January 2027"),
        ("{x:weekday}", "2026-11-23", "Monday"),
        ("{x:clock}", "00:05", "12:05 am"),
        ("{x:clock}", "12:00", "12:00 pm"),
        ("{x:day}", "2026-11-23", "tomorrow"),
        ("{x:lead}", "2026-11-23T07:01:00+08:00", "in 9 hours 31 minutes"),
        ("{x:lead}", "2026-11-22T22:30:00+08:00", "in 1 hour"),
        ("{x}", {"n": 2, "unit": "bottles"}, "2 bottles"),
    ],
)
def test_values_are_shown_in_english(sentence: str, value: Any, shown: str) -> None:
    assert say(sentence, {"x": value}, locale="en") == shown


def test_tomorrow_is_the_hotels_tomorrow() -> None:
    after_midnight_in_shanghai = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert say("{x:day}", {"x": "2026-11-23"}, now=after_midnight_in_shanghai) == "今天"


def test_values_come_before_facts_and_facts_fill_the_rest() -> None:
    facts = {"place": "二楼", "hours": "07:00–10:00"}
    assert say("{place}，{hours}", {"place": "三楼"}, facts=facts) == "三楼，07:00–10:00"


@pytest.mark.parametrize("values", [{}, {"wifi": None}, {"wifi": ""}])
def test_a_missing_value_is_never_a_gap(values: dict[str, Any]) -> None:
    with pytest.raises(MissingValue) as caught:
        say("密码是 {wifi}", values)
    assert caught.value.name == "wifi"


@given(st.text())
def test_a_guests_words_are_never_read_as_a_template(words: str) -> None:
    if words:
        assert say("{x}", {"x": words}, facts={"secret": "密"}) == words
    assert say("“{x}”", {"x": "{secret}" + words}, facts={"secret": "密"}) == "“{secret}" + words + "”"


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("{x:date}", "明天"),
        ("{x:clock}", "七点"),
        ("{x:lead}", "2026-11-23T07:00:00"),
        ("{x:money}", "三百"),
        ("{x:date}", {"from": "2026-11-23"}),
    ],
)
def test_a_value_that_cannot_be_shown_is_an_error_that_keeps_it_secret(sentence: str, value: Any) -> None:
    with pytest.raises(BadSentence) as caught:
        say(sentence, {"x": value})
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize(
    "sentence", ["{a.b}", "{a[0]}", "{}", "{0}", "{a!r}", "{a:>10}", "{a", "a}", "{a:{b}}"]
)
def test_a_template_reaches_nothing_but_names(sentence: str) -> None:
    with pytest.raises(BadSentence):
        placeholders(sentence)


def test_an_unknown_key_says_so() -> None:
    with pytest.raises(UnknownKey):
        Texts("zh").render("nothing", {}, facts={}, now=NOW, zone=SHANGHAI)


def test_money_is_integer_fen() -> None:
    assert [show_money(fen) for fen in (0, 5, 99, 100, 12850, -300)] == [
        "¥0", "¥0.05", "¥0.99", "¥1", "¥128.50", "-¥3",
    ]  # fmt: skip


def test_a_page_gets_its_words_with_facts_filled_and_the_rest_left_to_it() -> None:
    texts = Texts("zh", {"page_a": "打 {phone}", "page_b": "和 {name}", "other": "无"})
    assert texts.chrome("page_", {"phone": "0411"}) == {"page_a": "打 0411", "page_b": "和 {name}"}


# ---- files


def test_files_of_one_language_are_merged(tmp_path: Path) -> None:
    (tmp_path / "zh.yml").write_text("a: 甲\n", encoding="utf-8")
    (tmp_path / "dialogue.zh.yml").write_text("b: 乙 {x}\n", encoding="utf-8")
    (tmp_path / "en.yml").write_text("a: A\n", encoding="utf-8")
    texts = load_texts(tmp_path)
    assert dict(texts["zh"].sentences) == {"a": "甲", "b": "乙 {x}"}
    assert dict(texts["en"].sentences) == {"a": "A"}


def test_every_mistake_of_the_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "zh.yml").write_text("a: 甲\na: 乙\nb:\nc: '{x!r}'\n", encoding="utf-8")
    (tmp_path / "x.zh.yml").write_text("a: 丙\n", encoding="utf-8")
    (tmp_path / "fr.yml").write_text("a: A\n", encoding="utf-8")
    with pytest.raises(BadTexts) as caught:
        load_texts(tmp_path)
    told = str(caught.value)
    for part in ("a stands twice", "zh.yml: b: must", "zh.yml: c: bad", "another file", "no language 'fr'"):
        assert part in told


def test_a_hotels_wording_replaces_ours(ours: dict[str, Texts]) -> None:
    own = ours["zh"].with_overrides({"fetch_reply": "（回一个字）"})
    assert own.sentence("fetch_reply") == "（回一个字）"
    assert own.sentence("assistant_again") == ours["zh"].sentence("assistant_again")
    with pytest.raises(UnknownKey):
        ours["zh"].with_overrides({"fetch_replie": "（回一个字）"})


def test_an_override_may_use_only_the_values_we_give(ours: dict[str, Texts]) -> None:
    mistakes = ours["zh"].override_mistakes({"fetch_reply": "{name}", "nothing": "x", "assistant_again": "{"})
    assert [mistake.split(":")[0] for mistake in mistakes] == ["fetch_reply", "nothing", "assistant_again"]


# ---- our own sentences


def test_both_languages_have_the_same_keys_and_placeholders(ours: dict[str, Texts]) -> None:
    zh, en = ours["zh"].sentences, ours["en"].sentences
    assert set(zh) == set(en)
    different = [key for key in zh if set(placeholders(zh[key])) != set(placeholders(en[key]))]
    assert different == []


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_reason_has_words_by_day_and_by_night(
    ours: dict[str, Texts], locale: str, reason: Reason
) -> None:
    facts = {"hotel_phone": "0532-1", "emergency_line": "0532-2"}
    texts = ours[locale]
    by_night = texts.render(
        f"handoff_{reason}_closed", {"next": "2026-11-23T07:00:00+08:00"}, facts=facts, now=NOW, zone=SHANGHAI
    )
    assert texts.render(f"handoff_{reason}_open", {}, facts=facts, now=NOW, zone=SHANGHAI) != by_night
    assert reason is Reason.EMERGENCY or texts.sentence(f"handoff_{reason}_closed").count("{next:") == 2
    assert f"reason_{reason}" in texts


def test_at_night_the_guest_hears_when_somebody_comes(ours: dict[str, Texts]) -> None:
    text = ours["zh"].render(
        "handoff_human_handoff_closed",
        {"next": "2026-11-23T07:00:00+08:00"},
        facts={"hotel_phone": "0532-8888-1208"},
        now=NOW,
        zone=SHANGHAI,
    )
    assert "明天早上7:00有同事上班" in text
    assert "0532-8888-1208" in text


@pytest.mark.parametrize("kind", ["fire", "medical", "crime", "trapped", "self_harm", "other"])
def test_an_emergency_names_what_to_do_and_whom_to_call(ours: dict[str, Texts], kind: str) -> None:
    number = {"fire": "119", "crime": "110", "trapped": "119"}.get(kind, "120")
    for texts in ours.values():
        sentence = texts.sentence(f"emergency_{kind}")
        assert number in sentence
        assert "{emergency_line}" in sentence
