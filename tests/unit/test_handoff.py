"""The queue's rules: who comes first, who is overdue, who may claim, and when somebody is on duty."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Conversation
from bot.handoff import Duty, DutyHours, Span, duty, may_claim, overdue, rank
from bot.model import ConversationId, GuestId, HotelId, StaffId, State

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
HOLD = timedelta(minutes=5)
ME, YOU = StaffId("me"), StaffId("you")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


def row(state: State, minutes: float = 1, **values: object) -> Conversation:
    """A conversation whose guest wrote `minutes` ago."""
    at = NOW - timedelta(minutes=minutes)
    blank = Conversation(HotelId("h"), ConversationId("c"), GuestId("g"), state=state, guest_at=at)
    return replace(blank, opened_at=at, **values)  # type: ignore[arg-type]


def waiting(minutes: float) -> Conversation:
    return row(State.WAITING, minutes, waiting_since=NOW - timedelta(minutes=minutes))


def held(holder: StaffId, unheard: float | None = None, since: float = 60) -> Conversation:
    return row(
        State.STAFF,
        holder=holder,
        held_since=NOW - timedelta(minutes=since),
        unheard_since=None if unheard is None else NOW - timedelta(minutes=unheard),
    )


def test_the_queue_puts_danger_first_then_who_waits_then_the_rest() -> None:
    order = [
        replace(waiting(1), alarm_since=NOW - timedelta(minutes=2)),
        replace(held(YOU), alarm_since=NOW - timedelta(minutes=1)),
        held(ME, unheard=9),
        held(ME, unheard=6),
        replace(waiting(30), guest_at=NOW),  # who writes again keeps their place
        waiting(2),
        held(ME, unheard=1),
        held(YOU, unheard=60),
        row(State.BOT),
        row(State.CLOSED, 500),
    ]
    shuffled = Random(7).sample(order, len(order))
    assert sorted(shuffled, key=lambda c: rank(c, ME, NOW, HOLD)) == order


def test_a_colleagues_overdue_guest_is_not_mine_to_see_first() -> None:
    assert rank(held(YOU, unheard=60), ME, NOW, HOLD) > rank(waiting(1), ME, NOW, HOLD)
    assert rank(held(YOU, unheard=60), YOU, NOW, HOLD) < rank(waiting(1), YOU, NOW, HOLD)


def test_every_state_has_its_place() -> None:
    for state in State:
        assert rank(row(state), None, NOW, HOLD)
        assert rank(replace(row(state), guest_at=None, opened_at=None), None, NOW, HOLD)


@pytest.mark.parametrize(
    ("conversation", "late"),
    [
        (held(ME, unheard=5), True),
        (held(ME, unheard=4.99), False),
        (held(ME), False),
        (held(ME, unheard=30, since=4), False),  # the clock of a claim starts with the claim
        (held(ME, unheard=30, since=5), True),
        (waiting(60), False),
        (row(State.BOT, unheard_since=NOW - timedelta(hours=1)), False),
    ],
)
def test_only_a_held_guest_is_overdue_and_after_the_hold_time(conversation: Conversation, late: bool) -> None:
    assert overdue(conversation, NOW, HOLD) is late


@pytest.mark.parametrize("state", [State.BOT, State.WAITING, State.CLOSED])
def test_what_nobody_holds_anybody_may_claim(state: State) -> None:
    assert may_claim(row(state), holder_active=False)


def test_what_a_colleague_holds_is_theirs_until_they_have_left() -> None:
    assert not may_claim(held(YOU), holder_active=True)
    assert may_claim(held(YOU), holder_active=False)


# ---- duty hours


def hours(*week: str, zone: ZoneInfo = SHANGHAI, **days: str) -> DutyHours:
    """hours("07:00-23:00") every day; one text a weekday; "" for nobody."""
    texts = week * 7 if len(week) == 1 else week
    named = {date.fromisoformat(name.replace("_", "-")[1:]): spans(text) for name, text in days.items()}
    return DutyHours(zone, tuple(spans(text) for text in texts), named)


def spans(text: str) -> tuple[Span, ...]:
    pairs = [part.split("-") for part in text.split()]
    return tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in pairs)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-22T06:59:59", Duty(False, next=at("2026-11-22T07:00"))),
        ("2026-11-22T07:00:00", Duty(True, until=at("2026-11-22T23:00"))),
        ("2026-11-22T22:59:59", Duty(True, until=at("2026-11-22T23:00"))),
        ("2026-11-22T23:00:00", Duty(False, next=at("2026-11-23T07:00"))),
        ("2026-11-23T03:00:00", Duty(False, next=at("2026-11-23T07:00"))),
    ],
)
def test_a_day_begins_and_ends_to_the_second(now: str, expected: Duty) -> None:
    assert duty(hours("07:00-23:00"), at(now)) == expected


def test_a_night_shift_belongs_to_the_day_it_began() -> None:
    nights = hours("", "", "", "", "21:00-02:00", "", "")  # Friday
    assert duty(nights, at("2026-11-28T01:59")) == Duty(True, until=at("2026-11-28T02:00"))
    assert not duty(nights, at("2026-11-28T02:00")).open
    assert duty(nights, at("2026-11-27T20:00")).next == at("2026-11-27T21:00")


def test_spans_that_touch_or_overlap_count_as_one() -> None:
    assert duty(hours("08:00-12:00 12:00-18:00"), at("2026-11-22T09:00")).until == at("2026-11-22T18:00")
    assert duty(hours("08:00-13:00 12:00-18:00"), at("2026-11-22T09:00")).until == at("2026-11-22T18:00")
    assert duty(hours("08:00-12:00 13:00-18:00"), at("2026-11-22T09:00")).until == at("2026-11-22T12:00")
    assert duty(hours("08:00-12:00 13:00-18:00"), at("2026-11-22T12:30")).next == at("2026-11-22T13:00")


def test_all_day_is_always_open() -> None:
    open_ = duty(hours("00:00-00:00"), at("2026-11-22T03:00"))
    assert open_.open
    assert open_.until
    assert open_.until > NOW + timedelta(days=10)


def test_nobody_for_two_weeks_is_nobody() -> None:
    assert duty(hours(""), NOW) == Duty(False)
    assert duty(hours("", d2026_12_01="09:00-10:00"), NOW).next == at("2026-12-01T09:00")
    assert duty(hours("", d2026_12_31="09:00-10:00"), NOW) == Duty(False)


def test_an_exception_replaces_its_day() -> None:
    holiday = hours("07:00-23:00", d2026_11_23="10:00-12:00", d2026_11_24="")
    assert duty(holiday, at("2026-11-23T08:00")).next == at("2026-11-23T10:00")
    assert duty(holiday, at("2026-11-23T12:00")).next == at("2026-11-25T07:00")


def test_hours_are_the_hotels_whatever_the_caller_counts_in() -> None:
    for zone in (UTC, SHANGHAI, NEW_YORK):
        assert duty(hours("07:00-23:00"), at("2026-11-22T08:00").astimezone(zone)).open


def test_the_day_the_clocks_change_has_the_hours_the_wall_clock_shows() -> None:
    new_york = hours("09:00-17:00", zone=NEW_YORK)
    for day in ("2026-03-08", "2026-11-01"):
        assert duty(new_york, at(f"{day}T08:59", NEW_YORK)).next == at(f"{day}T09:00", NEW_YORK)
        assert duty(new_york, at(f"{day}T16:59", NEW_YORK)).until == at(f"{day}T17:00", NEW_YORK)


TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None))
WEEKS = st.lists(st.lists(st.tuples(TIMES, TIMES), max_size=3), min_size=7, max_size=7)


@given(week=WEEKS, minutes=st.integers(0, 14 * 24 * 60))
def test_what_is_promised_comes_true(week: list[list[Span]], minutes: int) -> None:
    """Open until then, and shut until then: the minute before still is, that minute isn't any more."""
    kept = DutyHours(SHANGHAI, tuple(tuple(day) for day in week), {})
    now = NOW + timedelta(minutes=minutes)
    found = duty(kept, now)
    minute = timedelta(minutes=1)
    if found.next:
        assert not found.open
        assert found.next > now
        assert not duty(kept, found.next - minute).open or found.next - minute < now
        assert duty(kept, found.next).open
    if found.until:
        assert found.open
        assert found.until > now
        assert duty(kept, found.until - minute).open
    assert (found.until is not None) == found.open
