"""What is between two people stays there; what is put aside comes back, whoever has it by then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot import mentions, snoozing
from bot.conversation import (
    Claim,
    Command,
    Conversation,
    Lapse,
    Patience,
    Receive,
    Record,
    Refused,
    Speak,
    Wake,
    clocks,
    decide,
)
from bot.model import (
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    NewEvent,
    StaffId,
    State,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = START + timedelta(hours=3)
ME, YOU = StaffId("me"), StaffId("you")
HERE = IdentityId("i")
GUEST = Actor(ActorKind.GUEST, "g")


def said() -> Receive:
    return Receive(
        NewEvent(EventType.GUEST_SAID, START, GUEST, Audience.GUEST, HERE, content=Content("在吗"))
    )


def after(row: Conversation, *commands: Command) -> Conversation:
    for command in commands:
        row = decide(row, command, START).row
    return row


def held() -> Conversation:
    row = Conversation(HotelId("h"), ConversationId("c"), GuestId("g"))
    contacted = NewEvent(EventType.CONTACTED, START, GUEST, Audience.STAFF, HERE)
    return after(row, Record((contacted,)), said(), Claim(ME), Speak(ME, Content("稍等"), {}))


def aside() -> Conversation:
    row = held()
    return after(row, snoozing.snooze(row, ME, LATER, START))


def test_what_is_put_aside_is_waked_at_its_time_and_not_before() -> None:
    row = aside()
    assert clocks(row, Patience())["snooze"] == LATER
    with pytest.raises(Refused):
        snoozing.due(row, LATER - timedelta(seconds=1))
    back = after(row, snoozing.due(row, LATER))
    assert (back.snoozed_by, back.snoozed_until, back.holder) == (None, None, ME)


@pytest.mark.parametrize("what", ["guest", "lapse", "given"])
def test_it_comes_back_with_whatever_changes_hands_or_is_said(what: str) -> None:
    me = Actor(ActorKind.STAFF, ME)
    given = NewEvent(EventType.TRANSFERRED, START, me, Audience.GUEST, body={"holder": YOU})
    commands: dict[str, Command] = {
        "guest": said(),
        "lapse": Lapse("holder_inactive"),
        "given": Record((given,)),
    }
    row = after(aside(), commands[what])
    assert (row.snoozed_by, row.snoozed_until) == (None, None)
    assert row.state is (State.WAITING if what == "lapse" else State.STAFF)


def test_only_its_holder_puts_it_aside_and_not_while_the_guest_waits() -> None:
    with pytest.raises(Refused, match="not_holder"):
        snoozing.snooze(held(), YOU, LATER, START)
    with pytest.raises(Refused, match="unheard"):
        snoozing.snooze(after(held(), said()), ME, LATER, START)


def test_the_row_says_nothing_of_it_while_nothing_is_aside() -> None:
    assert "snoozed" not in held().canonical()
    assert "snoozed_until" in aside().canonical()


def test_only_while_somebody_holds_it_is_an_answer_looked_up_for_them() -> None:
    decision = decide(held(), said(), START)
    assert [e.kind for e in decision.effects if isinstance(e, Wake)] == ["suggest", "lapse"]
    waiting = after(held(), Lapse("overdue"))
    assert all(not isinstance(e, Wake) for e in decide(waiting, said(), START).effects)


def test_a_whisper_is_for_whoever_holds_it_and_heard_by_two() -> None:
    row = held()
    (event,) = mentions.whisper(row, YOU, Content("先道歉"), "1", START).events
    assert event.audience is Audience.STAFF
    logged = Event(row.hotel, row.id, 9, event.type, 1, START, event.actor, None, event.audience, event.body)
    heard = {who: mentions.hears(logged, f"staff:{who}") for who in ("me", "you", "others")}
    assert heard == {"me": True, "you": True, "others": False}
    for nobody in (replace(row, holder=YOU), after(row, Lapse("overdue"))):
        with pytest.raises(Refused, match="nobody_to_tell"):
            mentions.whisper(nobody, YOU, Content("先道歉"), "1", START)
