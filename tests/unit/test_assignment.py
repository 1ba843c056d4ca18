"""To whom a waiting conversation is assigned: the rule alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from bot.assignment import Assign, Member, PassOn, Waiting, Ways, assign, in_order, skills_wanted
from bot.conversation import Claim, Conversation, Patience, Refused, clocks, decide, fold
from bot.model import (
    Content,
    ConversationId,
    Event,
    GuestId,
    HotelId,
    Nobody,
    PostState,
    Reason,
    StaffId,
    State,
)

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
WAYS = Ways("front", "manager", frozenset({"front"}))
LIN, BO, MA = StaffId("lin"), StaffId("bo"), StaffId("ma")


def waits(id_: str = "c", minutes: int = 1, department: str = "front", **more: object) -> Waiting:
    outside = {name: more.pop(name) for name in ("vip", "last", "needs") if name in more}
    row = Conversation(HotelId("h"), ConversationId(id_), GuestId("g"), state=State.WAITING)
    since = NOW - timedelta(minutes=minutes)
    row = replace(row, waiting_since=since, department=department, **more)  # type: ignore[arg-type]
    return Waiting(row, **outside)  # type: ignore[arg-type]


def member(id_: StaffId, department: str = "front", **more: object) -> Member:
    values: dict[str, object] = {"state": PostState.ON_DUTY, "load": 0, "capacity": 3} | more
    return Member(id_, (department,), **values)  # type: ignore[arg-type]


def chosen(one: Waiting, *members: Member, escalated: bool = False) -> str:
    return assign([one], members, WAYS, {one.row.id} if escalated else ())[one.row.id]


def test_what_comes_first_comes_first_and_then_who_has_waited_longest() -> None:
    line = [
        waits("old", 60),
        waits("vip", 2, vip=True),
        waits("angry", 1, urgent="accusing", reason=Reason.COMPLAIN),
        waits("fire", 0, reason=Reason.EMERGENCY),
        waits("older", 90),
    ]
    Random(1).shuffle(line)
    assert [one.row.id for one in in_order(line, NOW)] == ["fire", "angry", "vip", "older", "old"]
    found = assign(in_order(line, NOW), [member(LIN)], WAYS)
    assert found.pop(ConversationId("fire")) == LIN
    assert set(found.values()) == {Nobody.FULL}


def test_the_colleague_whom_the_guest_knows_then_skills_then_who_holds_least() -> None:
    lin, bo = member(LIN, load=2), member(BO, load=1, skills=("wine",))
    assert chosen(waits(last=LIN), lin, bo) == LIN
    assert chosen(waits(last=LIN), replace(lin, state=PostState.BUSY), bo) == BO
    assert chosen(waits(), lin, replace(bo, load=0)) == BO
    assert chosen(waits(needs=("wine",)), replace(lin, load=0), bo) == BO


def test_nobody_is_asked_twice_nor_for_what_they_let_pass() -> None:
    line = in_order([waits("a", 3), waits("b", 2), waits("c", 1, passed=(LIN, BO))], NOW)
    found = assign(line, [member(LIN), member(BO)], WAYS)
    assert sorted(str(found[ConversationId(id_)]) for id_ in "ab") == [BO, LIN]
    assert found[ConversationId("c")] is Nobody.PASSED


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ((member(LIN, "kitchen"),), Nobody.NO_MEMBERS),
        ((member(LIN, state=PostState.OFF),), Nobody.OFF),
        ((member(LIN, state=PostState.OFF), member(BO, state=PostState.BREAK)), Nobody.AWAY),
        ((member(LIN, load=3),), Nobody.FULL),
    ],
)
def test_why_there_is_nobody_is_a_code(members: tuple[Member, ...], why: Nobody) -> None:
    assert chosen(waits(), *members) is why


def test_outside_its_hours_nobody_is_missed() -> None:
    found = assign([waits()], [member(LIN, state=PostState.OFF)], replace(WAYS, open=frozenset()))
    assert set(found.values()) == {Nobody.CLOSED}


def test_another_department_helps_only_where_nobody_is_or_too_long_is_waited() -> None:
    kitchen, front, boss = member(LIN, "kitchen", load=3), member(BO), member(MA, "manager")
    one = waits(department="kitchen")
    assert chosen(one, kitchen, front, boss) is Nobody.FULL
    assert chosen(one, kitchen, front, boss, escalated=True) == BO
    assert chosen(one, kitchen, boss, escalated=True) == MA
    assert chosen(one, replace(kitchen, state=PostState.BREAK), front, boss) == BO
    assert chosen(waits(department="kitchen", passed=(LIN, BO)), kitchen, front, boss) == MA


def test_the_language_of_the_last_words_asks_for_who_speaks_it() -> None:
    languages = {"english": ("en",)}
    assert skills_wanted(languages, "Could I have late check-out?") == ("english",)
    assert not skills_wanted(languages, "WiFi 密码多少")
    assert not skills_wanted(languages, "ok")


def test_an_assignment_keeps_nobody_from_claiming_and_a_department_is_handed_back_to() -> None:
    row = waits().row
    until = NOW + timedelta(seconds=45)
    asked = decide(row, Assign(LIN, until), NOW).row
    assert clocks(asked, Patience())["assign"] == until
    with pytest.raises(Refused, match="not_due"):
        decide(asked, Assign(BO, until), NOW)
    claimed = decide(asked, Claim(BO), NOW)
    assert (claimed.row.holder, claimed.row.assigned_to) == (BO, None)
    assert "assigned" not in claimed.events[0].body
    passed = decide(claimed.row, PassOn(BO, "kitchen", Content("要两瓶红酒")), NOW)
    assert (passed.row.state, passed.row.department) == (State.WAITING, "kitchen")
    assert passed.row.passed == (BO,)
    with pytest.raises(Refused, match="not_holder"):
        decide(passed.row, PassOn(BO, "kitchen"), NOW)
    numbered = [
        Event(row.hotel, row.id, n, e.type, 1, e.at, e.actor, None, e.audience, e.body)
        for n, e in enumerate(passed.events, claimed.row.seq + 1)
    ]
    assert fold(claimed.row, numbered) == passed.row
