"""How soon people were there: in opening hours alone, over nights and holidays; the assistant's never."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot import targets
from bot.conversation import Conversation
from bot.departments import Departments
from bot.handoff import DutyHours
from bot.model import (
    ASSISTANT,
    Audience,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    Reason,
    State,
)
from bot.targets import Case, Clocks, Plan, Targets, cases, deadline, figures, open_time

ZONE = ZoneInfo("Asia/Shanghai")
E = EventType
DAY = ((time(7), time(23)),)
NIGHT = ((time(22), time(2)), (time(8), time(12)))
HOLIDAY = date(2027, 2, 17)
WEEK = DutyHours(ZONE, (DAY,) * 5 + ((), NIGHT), {HOLIDAY: ((time(9), time(10)),)})


def at(day: int, hour: int, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    """In the hotel's zone; the 23rd of November 2026 is a Monday."""
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_only_the_time_in_which_somebody_is_there_counts() -> None:
    for start, end, wanted in (
        (at(23, 8), at(23, 9), 60),
        (at(23, 22, 50), at(24, 7, 5), 15),  # over the night
        (at(27, 22, 50), at(28, 23), 10),  # Friday night; Saturday is off
        (at(28, 12), at(30, 8), 240 + 120 + 120 + 60),  # Sunday 8-12 and 22-2, which is Monday's; Monday 7-8
        (at(17, 6, 0, 2, 2027), at(17, 23, 0, 2, 2027), 60),  # a holiday's hours
        (at(23, 23), at(23, 23), 0),
    ):
        assert open_time(WEEK, start, end) == minutes(wanted), (start, end)


def test_a_deadline_is_where_that_much_open_time_has_passed() -> None:
    assert deadline(WEEK, at(23, 8), minutes(5)) == at(23, 8, 5)
    assert deadline(WEEK, at(23, 22, 58), minutes(5)) == at(24, 7, 3)
    assert deadline(WEEK, at(28, 3), minutes(300)) == at(29, 23)  # Sunday 8-12 and 22-23
    assert deadline(DutyHours(ZONE, ((),) * 7, {}), at(23, 8), minutes(5)) is None
    for start in (at(23, 22, 58), at(28, 3), at(16, 23, 0, 2, 2027)):
        due = deadline(WEEK, start, minutes(75))
        assert due
        assert open_time(WEEK, start, due) == minutes(75)


def events(*told: tuple[EventType, int, dict[str, Any]]) -> list[Event]:
    place = HotelId("h"), ConversationId("c")
    return [
        Event(*place, seq, type_, 1, at(23, 9) + minutes(when), ASSISTANT, None, Audience.STAFF, body)
        for seq, (type_, when, body) in enumerate(told, 1)
    ]


ASKED = {"reason": "complain", "department": "duty_manager"}


def test_a_case_begins_with_the_asking_and_ends_with_the_handing_back() -> None:
    log = events(
        (E.HANDOFF_REQUESTED, 0, ASKED),
        (E.HANDOFF_REQUESTED, 1, {"reason": "human_handoff"}),  # asked for again: the same waiting
        (E.CLAIMED, 2, {}),
        (E.STAFF_SAID, 5, {}),
        (E.CLAIMED, 30, {}),  # after a lapse: taken once already
        (E.HANDOFF_REQUESTED, 31, ASKED),  # dropped: somebody has it
        (E.RELEASED, 60, {}),
        (E.ASSISTANT_SAID, 70, {}),  # the assistant's time is none of people's
        (E.HANDOFF_REQUESTED, 100, {"reason": "human_handoff"}),
    )
    first, second = cases([e for e in log if e.type in targets.STEPS])
    assert (first.claimed_at, first.answered_at, first.resolved_at) == tuple(
        at(23, 9) + minutes(n) for n in (2, 5, 60)
    )
    assert first.department == "duty_manager"
    assert (second.needed_at, second.claimed_at) == (at(23, 10, 40), None)
    assert cases(events((E.CLAIMED, 0, {}), (E.HANDOFF_REQUESTED, 1, ASKED), (E.RELEASED, 2, {}))) == []


PLAN = Plan(Targets(minutes(2), minutes(5), minutes(120)), {"sales": Targets(claim=minutes(15))})
CLOCKS = Clocks(PLAN, Departments(), WEEK)


def test_what_still_runs_counts_once_it_is_late() -> None:
    ids = ConversationId("c")
    done = Case(ids, 1, "complain", None, at(23, 9), at(23, 9, 1), at(23, 9, 4), at(23, 10))
    late = Case(ids, 2, "complain", None, at(23, 22, 59), at(24, 7, 2), None, None)
    fresh = Case(ids, 3, "complain", None, at(24, 7, 3))
    (found,) = figures([done, late, fresh], CLOCKS, at(24, 7, 4)).values()
    assert (found["claim"].count, found["claim"].in_time) == (2, 1)
    assert found["claim"].median == minutes(3)  # a minute on Monday, two on Tuesday
    assert (found["answer"].count, found["answer"].in_time) == (1, 1)
    (found,) = figures([late], CLOCKS, at(24, 7, 5)).values()
    assert (found["answer"].count, found["answer"].in_time) == (1, 0)
    assert figures([replaced(late, "sales")], CLOCKS, at(24, 9))["sales"]["claim"].in_time == 1


def replaced(case: Case, department: str) -> Case:
    return Case(**{**vars(case), "department": department})


def test_a_row_is_due_by_its_departments_hours_and_an_emergency_at_any_hour() -> None:
    row = Conversation(HotelId("h"), ConversationId("c"), GuestId("g"), state=State.WAITING)
    night = at(23, 23, 30)
    waiting = Conversation(
        **{**vars(row), "waiting_since": night, "unheard_since": night, "reason": Reason.COMPLAIN}
    )
    assert {d.clock: d.at for d in CLOCKS.running(waiting)} == {
        "claim": at(24, 7, 2),
        "answer": at(24, 7, 5),
    }
    urgent = Conversation(**{**vars(waiting), "reason": Reason.EMERGENCY})
    assert min(d.at for d in CLOCKS.running(urgent)) == night + minutes(2)
    begun = CLOCKS.begun(Conversation(**{**vars(row), "state": State.BOT}), waiting)
    assert (begun[0].clock, begun[0].warn_at) == ("claim", at(24, 7) + minutes(1.5))
    assert [d.clock for d in begun] == ["claim", "answer", "resolve"]
    held = Conversation(**{**vars(waiting), "state": State.STAFF, "waiting_since": None})
    assert [d.clock for d in CLOCKS.running(held)] == ["answer"]
    assert CLOCKS.begun(waiting, held) == ()
    assert Clocks(Plan(), Departments(), WEEK).running(waiting) == ()
