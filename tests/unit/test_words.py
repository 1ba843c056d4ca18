"""From acts to one message: nothing with a gap, an introduction once a visit, honest words about people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.conversation import GRAVE, Conversation
from bot.knowledge import Hotel
from bot.model import (
    Act,
    Answer,
    ConversationId,
    GuestId,
    Handoff,
    HotelId,
    Order,
    Reason,
    Remember,
    Say,
    State,
)
from bot.words import Spoken, body_of, content_of, introduce, render
from tests.core import NEVER, hotel, texts

OPEN = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # noon in Shanghai
CLOSED = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)  # three in the morning
HOTEL = hotel()
KNOWN = Conversation(
    HotelId("xinghaihui"),
    ConversationId("c"),
    GuestId("g"),
    introduced_visit=1,
    notice=HOTEL.file.privacy.version,
)
STRANGER = replace(KNOWN, introduced_visit=0, notice=None)
WAITING = replace(KNOWN, state=State.WAITING, reason=Reason.HUMAN_HANDOFF, waiting_since=OPEN)


def spoken(*acts: Act, row: Conversation = KNOWN, at: Hotel = HOTEL, **values: Any) -> Spoken:
    return render(acts, at, row, values.get("now", OPEN), values.get("passive_only", False))


def line(*acts: Act, **values: Any) -> str:
    return "\n".join(spoken(*acts, **values).lines)


# ---- what is said


def test_a_topic_is_answered_with_the_hotels_facts() -> None:
    said = spoken(Answer("ask_breakfast"))
    assert "06:30–10:00" in said.lines[0]
    assert (said.topics, said.handoff) == (("ask_breakfast",), None)


def test_one_changed_fact_changes_the_answer() -> None:
    other = hotel(facts={**HOTEL.file.facts, "breakfast_hours": "05:00–06:00"})
    assert "05:00–06:00" in line(Answer("ask_breakfast"), at=other)


def test_a_text_is_filled_and_its_choices_are_worded() -> None:
    due = "2026-11-23T07:00:00+08:00"
    options = ({"key": "option_yes", "text": "对"}, {"title": "改时间"})
    said = spoken(Say("wake_confirm", {"due_at": due, "room": "1208"}, options))
    assert said.lines == ("好的，11月23日（周一）早上7:00叫醒您，还有19小时，房间1208，对吗？",)
    assert said.options == ({"title": "对", "text": "对"}, {"title": "改时间", "text": "改时间"})
    assert content_of(said, {"m": 1}).details == {"options": list(said.options)}


def test_all_of_a_turn_is_one_message() -> None:
    said = spoken(Answer("ask_breakfast"), Say("thank"))
    assert len(said.lines) == 2
    assert content_of(said, None).text == "\n\n".join(said.lines)
    assert body_of(said, KNOWN)["keys"] == ["thank"]
    assert body_of(said, KNOWN)["topics"] == ["ask_breakfast"]


def test_orders_and_wishes_are_carried_along() -> None:
    order = Order("place", "wake_up_call", {"room": "1208"})
    said = spoken(Say("thank"), order, Remember("不放水果"), Remember("高楼层"))
    assert said.orders == (order,)
    assert said.preferences == ("不放水果", "高楼层")


@pytest.mark.parametrize("name", ["key", "now", "self", "values", "zone"])
def test_a_value_may_have_any_name(name: str) -> None:
    assert spoken(Say("thank", {name: "x"})).handoff is None


# ---- never a gap, never silence


@pytest.mark.parametrize(
    "act",
    [
        Answer("ask_nothing_of_the_kind"),
        Say("no_such_key"),
        Say("wake_confirm", {"room": "1208"}),
        Say("wake_confirm", {"room": "1208", "due_at": "tomorrow"}),
        Say("wake_confirm", {"room": "1208", "due_at": "2026-11-23T07:00:00"}),
        Say("wake_confirm", {"room": "", "due_at": "2026-11-23T07:00:00+08:00"}),
        Say("thank", {}, ({"key": "no_such_key"},)),
    ],
)
def test_what_has_a_gap_is_not_said_and_a_colleague_is_asked(act: Act) -> None:
    said = spoken(act)
    assert said.handoff is Reason.MISSING_FACT
    assert said.lines == (HOTEL.say("handoff_missing_fact_open", OPEN),)
    assert "{" not in said.lines[0]
    assert said.detail == {"missing": act.topic if isinstance(act, Answer) else act.key}  # type: ignore[union-attr]


def test_a_fact_that_nobody_knows_asks_a_colleague() -> None:
    facts = {k: v for k, v in HOTEL.file.facts.items() if k != "breakfast_hours"}
    said = spoken(Answer("ask_breakfast"), at=hotel(facts=facts))
    assert (said.handoff, said.detail) == (Reason.MISSING_FACT, {"missing": "ask_breakfast"})


def test_what_can_be_said_is_said_beside_what_cannot() -> None:
    said = spoken(Answer("ask_breakfast"), Answer("ask_nothing_of_the_kind"))
    assert "06:30" in said.lines[0]
    assert said.lines[-1] == HOTEL.say("handoff_missing_fact_open", OPEN)


def test_a_graver_reason_is_not_hidden_by_a_gap() -> None:
    assert spoken(Handoff(Reason.COMPLAIN), Answer("nothing")).handoff is Reason.COMPLAIN


def test_silence_is_a_failure() -> None:
    assert spoken().handoff is Reason.ENGINE_FAILED
    assert spoken(Remember("x")).handoff is Reason.ENGINE_FAILED
    assert line() == HOTEL.say("handoff_engine_failed_open", OPEN)


@pytest.mark.parametrize("topic", sorted(HOTEL.file.topics))
def test_every_topic_of_the_sample_is_said_whole(topic: str) -> None:
    said = spoken(Answer(topic))
    assert said.handoff is None
    assert "{" not in said.lines[0]


# ---- a person is needed

NOBODY = hotel(duty=NEVER)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_reason_has_its_words_in_every_language(reason: Reason, locale: str) -> None:
    for ending in ("open", "closed"):
        assert f"handoff_{reason}_{ending}" in texts()[locale]
    assert f"reason_{reason}" in texts()[locale]
    for what in ("still_waiting", "lapsed"):
        for ending in ("open", "closed", "nobody", "no_duty"):
            assert f"{what}_{ending}" in texts()[locale]
    assert "handoff_no_duty" in texts()[locale]
    assert "handoff_nobody" in texts()[locale]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_worded_by_whether_somebody_is_on_duty(reason: Reason) -> None:
    open_, closed = line(Handoff(reason)), line(Handoff(reason), now=CLOSED)
    assert open_ == HOTEL.say(f"handoff_{reason}_open", OPEN)
    told = HOTEL.say(f"handoff_{reason}_closed", CLOSED, next="2026-11-23T07:00:00+08:00")
    assert closed.removesuffix("今天接待您的是早班同事。") == told
    assert (closed == told) is (reason is Reason.EMERGENCY)
    assert open_ != closed
    assert "{" not in open_ + closed
    nobody = line(Handoff(reason), at=NOBODY)
    assert nobody in (
        NOBODY.say("handoff_no_duty", OPEN),
        NOBODY.texts.sentences.get(f"handoff_{reason}_no_duty"),
    )


@pytest.mark.parametrize("reason", Reason)
def test_nobody_is_promised_at_once_where_nobody_is_there(reason: Reason) -> None:
    said = HOTEL.say_by_duty(f"handoff_{reason}", OPEN, there=False)
    assert said != HOTEL.say_by_duty(f"handoff_{reason}", OPEN)
    assert not any(word in said for word in ("这就", "请稍等", "马上回复", "马上来", "马上有人"))
    assert HOTEL.say_by_duty(f"handoff_{reason}", CLOSED, there=False) == line(Handoff(reason), now=CLOSED)


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.EMERGENCY}))
def test_at_night_the_guest_hears_when_somebody_comes_or_whom_to_call(reason: Reason) -> None:
    said = line(Handoff(reason), now=CLOSED)
    assert "7:00" in said or "0411" in said


@pytest.mark.parametrize("reason", sorted(set(Reason) - GRAVE))
def test_who_waits_already_hears_how_things_stand(reason: Reason) -> None:
    said = spoken(Handoff(reason), row=WAITING)
    assert said.lines == (HOTEL.say("still_waiting_open", OPEN),)
    assert line(Handoff(reason), row=WAITING, at=NOBODY) == NOBODY.say("still_waiting_no_duty", OPEN)


@pytest.mark.parametrize("reason", sorted(GRAVE))
def test_a_grave_reason_has_its_own_words_whoever_waits(reason: Reason) -> None:
    assert line(Handoff(reason), row=WAITING) == HOTEL.say(f"handoff_{reason}_open", OPEN)


def test_where_only_a_push_can_carry_a_reply_the_guest_is_told() -> None:
    assert line(Handoff(Reason.SUGGEST), passive_only=True).endswith(HOTEL.say("fetch_reply", OPEN))
    assert HOTEL.say("fetch_reply", OPEN) not in line(Handoff(Reason.SUGGEST))
    assert HOTEL.say("fetch_reply", OPEN) not in line(Answer("ask_breakfast"), passive_only=True)


# ---- who is speaking


def test_the_first_message_says_what_is_speaking_and_names_the_notice() -> None:
    lines = spoken(Answer("ask_breakfast"), row=STRANGER).lines
    assert lines[0] == HOTEL.say("assistant_intro", OPEN)
    assert "自动助手" in lines[0]
    assert "转人工" in lines[0]
    assert lines[-1] == HOTEL.say("privacy_notice", OPEN)
    assert body_of(Spoken(), STRANGER)["introduced"] is True


def test_the_introduction_comes_once_a_visit_and_shorter_the_next_time() -> None:
    assert HOTEL.say("assistant_intro", OPEN) not in line(Answer("ask_breakfast"))
    assert body_of(Spoken(), KNOWN)["introduced"] is False
    again = spoken(Answer("ask_breakfast"), row=replace(KNOWN, visit=2)).lines
    assert again[0] == HOTEL.say("assistant_again", OPEN)
    assert HOTEL.say("privacy_notice", OPEN) not in again


def test_a_new_version_of_the_notice_is_shown_once_more() -> None:
    row = replace(KNOWN, visit=2, notice="older")
    assert HOTEL.say("privacy_notice", OPEN) in spoken(Answer("ask_breakfast"), row=row).lines


def test_a_greeting_is_not_greeted_twice() -> None:
    lines = spoken(Say("greet"), row=STRANGER).lines
    assert lines == (HOTEL.say("assistant_intro", OPEN), HOTEL.say("privacy_notice", OPEN))


def test_a_failure_is_introduced_too() -> None:
    assert spoken(row=STRANGER).lines[0] == HOTEL.say("assistant_intro", OPEN)


def test_introducing_leaves_everything_else() -> None:
    said = Spoken(("话",), orders=(Order("place", "x"),), handoff=Reason.SUGGEST)
    shown = introduce(said, HOTEL, STRANGER, OPEN + timedelta(days=1))
    assert replace(shown, lines=said.lines) == said
