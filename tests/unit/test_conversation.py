"""The rules of a conversation: the table is total, the fold is the row, nobody is left unheard."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation import (
    EPOCH_RAISING,
    GRAVE,
    TABLE,
    Acknowledge,
    Ask,
    Claim,
    Close,
    Command,
    Conversation,
    Decision,
    Deliver,
    End,
    Join,
    Lapse,
    Note,
    Patience,
    Receive,
    Record,
    Refused,
    Release,
    Respond,
    Said,
    Speak,
    Transfer,
    Verdict,
    clocks,
    decide,
    fold,
    step,
)
from bot.model import (
    SERVICE,
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
    Reason,
    StaffId,
    State,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GUEST = Actor(ActorKind.GUEST, "g")
ME, YOU = StaffId("me"), StaffId("you")
HERE = IdentityId("i")


def fresh() -> Conversation:
    row = Conversation(HotelId("h"), ConversationId("c"), GuestId("g"))
    contacted = NewEvent(EventType.CONTACTED, START, GUEST, Audience.STAFF, HERE)
    return decide(row, Record((contacted,)), START).row


def said(text: str = "早餐几点") -> NewEvent:
    return NewEvent(EventType.GUEST_SAID, START, GUEST, Audience.GUEST, HERE, content=Content(text))


def words(**body: object) -> Said:
    return Said(Content("好的"), body)


def respond(row: Conversation, handoff: Reason | None = None) -> Respond:
    return Respond(row.epoch, row.guest_seq, words(), handoff=handoff)


def after(row: Conversation, *commands: Command) -> Conversation:
    for command in commands:
        row = decide(row, command, START).row
    return row


def types(decision: Decision) -> list[str]:
    return [e.type.value for e in decision.events]


# ---- the table


def test_every_state_says_what_each_event_does() -> None:
    assert set(TABLE) == set(EventType)
    for cells in TABLE.values():
        assert set(cells) == set(State)


def test_what_moves_the_state_is_what_raises_the_epoch() -> None:
    """ENDED closes for good and reaches no guest; every other move changes who may speak."""
    movers = {t for t, cells in TABLE.items() if any(isinstance(cell, State) for cell in cells.values())}
    assert movers - {EventType.ENDED} == EPOCH_RAISING


def test_the_assistant_may_not_speak_while_staff_hold_or_after_the_end() -> None:
    assert TABLE[EventType.ASSISTANT_SAID][State.STAFF] is Verdict.REFUSE
    assert TABLE[EventType.ASSISTANT_SAID][State.CLOSED] is Verdict.REFUSE


def test_a_gap_is_refused() -> None:
    row = fresh()
    event = Event(
        row.hotel, row.id, row.seq + 2, EventType.GUEST_SAID, 1, START, GUEST, HERE, Audience.GUEST, {}
    )
    with pytest.raises(Refused, match="gap"):
        step(row, event)


# ---- one conversation, step by step


def test_a_question_is_asked_and_answered() -> None:
    decision = decide(fresh(), Receive(said()), START)
    assert decision.effects == (Ask(START),)
    answered = decide(decision.row, respond(decision.row), START)
    assert types(answered) == ["assistant_said"]
    assert answered.row.unheard_since is None
    assert not answered.row.pending


def test_an_answer_under_an_older_epoch_is_a_draft_that_nobody_is_sent() -> None:
    asked = after(fresh(), Receive(said()))
    late = decide(after(asked, Claim(ME)), respond(asked), START)
    assert types(late) == ["assistant_drafted"]
    assert late.events[0].audience is Audience.STAFF
    assert not [e for e in late.effects if isinstance(e, Deliver)]


def test_a_draft_carries_out_no_orders() -> None:
    asked = after(fresh(), Receive(said()))
    order = NewEvent(
        EventType.ORDER_PLACED, START, SERVICE, Audience.GUEST, body={"order": "o", "due_at": None}
    )
    late = decide(after(asked, Claim(ME)), replace(respond(asked), also=(order,)), START)
    assert types(late) == ["assistant_drafted"]


@pytest.mark.parametrize("reason", sorted(GRAVE))
def test_a_grave_reason_silences_the_assistant(reason: Reason) -> None:
    asked = after(fresh(), Receive(said()))
    waiting = after(asked, respond(asked, reason))
    assert waiting.state is State.WAITING
    assert waiting.silent
    assert not decide(waiting, Receive(said()), START).effects


@pytest.mark.parametrize("reason", sorted(set(Reason) - GRAVE))
def test_while_a_guest_waits_for_any_other_reason_the_assistant_still_answers(reason: Reason) -> None:
    asked = after(fresh(), Receive(said()))
    waiting = after(asked, respond(asked, reason))
    again = decide(waiting, Receive(said()), START)
    assert Ask(START) in again.effects
    answered = decide(again.row, respond(again.row), START)
    assert types(answered) == ["assistant_said"]
    assert answered.row.state is State.WAITING
    assert answered.row.unheard_since == waiting.unheard_since  # a person is still owed


def test_a_grave_reason_is_not_covered_by_a_lesser_one() -> None:
    asked = after(fresh(), Receive(said()))
    grave = after(asked, respond(asked, Reason.COMPLAIN))
    lesser = NewEvent(EventType.HANDOFF_REQUESTED, START, SERVICE, Audience.STAFF, body={"reason": "suggest"})
    assert after(grave, Record((lesser,))).reason is Reason.COMPLAIN


def test_an_emergency_is_answered_at_once_and_rings() -> None:
    alarm = decide(fresh(), Receive(said("着火了"), "fire", words()), START)
    assert types(alarm) == ["guest_said", "alarm_raised", "assistant_said", "handoff_requested"]
    assert alarm.row.alarm_since == START
    assert alarm.row.silent
    assert not [e for e in alarm.effects if isinstance(e, Ask)]


def test_an_emergency_that_only_the_assistant_finds_rings_as_well() -> None:
    asked = after(fresh(), Receive(said("他不动了")))
    found = decide(asked, respond(asked, Reason.EMERGENCY), START)
    assert types(found) == ["alarm_raised", "assistant_said", "handoff_requested"]
    assert found.row.alarm_since == START


def test_an_emergency_is_told_to_the_group_at_once() -> None:
    waiting = after(fresh(), Receive(said("着火了"), "fire", words()))
    assert clocks(waiting, Patience())["escalate"] == START


def test_an_emergency_in_a_persons_hands_rings_and_says_nothing() -> None:
    held = after(fresh(), Claim(ME))
    alarm = decide(held, Receive(said("着火了"), "fire", words()), START)
    assert types(alarm) == ["guest_said", "alarm_raised"]


def test_the_alarm_stays_until_somebody_acknowledges() -> None:
    ringing = after(fresh(), Receive(said("着火了"), "fire", words()), Claim(ME))
    assert ringing.alarm_since
    assert after(ringing, Acknowledge(ME)).alarm_since is None


def test_two_people_claim_and_one_is_told_who() -> None:
    held = after(fresh(), Claim(ME))
    with pytest.raises(Refused) as refused:
        decide(held, Claim(YOU), START)
    assert (refused.value.code, refused.value.holder) == ("held", ME)


def test_writing_takes_over_but_not_from_a_colleague() -> None:
    row = after(fresh(), Receive(said()))
    spoken = decide(row, Speak(ME, Content("您好"), {}), START)
    assert types(spoken) == ["claimed", "staff_said"]
    with pytest.raises(Refused):
        decide(spoken.row, Speak(YOU, Content("您好"), {}), START)


def test_what_a_departed_person_held_is_nobodys() -> None:
    held = after(fresh(), Claim(ME), Receive(said()))
    taken = decide(held, Claim(YOU, holder_gone=True), START)
    assert types(taken) == ["lapsed", "claimed"]
    assert taken.row.holder == YOU


def test_a_message_to_a_departed_person_waits_for_somebody() -> None:
    held = after(fresh(), Claim(ME))
    asked = decide(held, Receive(said(), holder_gone=True), START)
    assert types(asked) == ["lapsed", "guest_said"]
    assert asked.row.state is State.WAITING
    assert "escalate" in clocks(asked.row, Patience())


def test_handing_back_says_so_and_answers_what_was_left() -> None:
    held = after(fresh(), Claim(ME), Receive(said()))
    released = decide(held, Release(ME, words()), START)
    assert types(released) == ["released", "assistant_said"]
    assert Ask(START) in released.effects


def test_a_conversation_is_handed_to_a_colleague_by_whoever_holds_it() -> None:
    held = after(fresh(), Claim(ME), Receive(said()))
    moved = decide(held, Transfer(ME, YOU, Content("房费已减")), START)
    assert types(moved) == ["transferred", "staff_noted"]
    assert (moved.row.state, moved.row.holder, moved.row.epoch) == (State.STAFF, YOU, held.epoch + 1)
    assert moved.row.unheard_since == held.unheard_since  # whoever takes it owes the word
    assert [e.audience for e in moved.events] == [Audience.GUEST, Audience.STAFF]
    for command in (Transfer(YOU, ME), Transfer(ME, ME), Transfer(ME, YOU, holder_gone=True)):
        with pytest.raises(Refused):
            decide(held, command, START)


def test_a_held_guest_who_waits_too_long_goes_back_to_the_queue() -> None:
    held = after(fresh(), Claim(ME), Receive(said()))
    assert clocks(held, Patience())["lapse"] == START + timedelta(minutes=5)
    lapsed = after(held, Lapse("overdue"))
    assert (lapsed.state, lapsed.holder) == (State.WAITING, None)


def test_a_guest_whose_host_went_silent_hears_that_somebody_else_is_called() -> None:
    held = after(fresh(), Claim(ME), Receive(said()))
    lapsed = decide(held, Lapse("overdue", words()), START)
    assert types(lapsed) == ["lapsed", "assistant_said"]
    assert lapsed.row.unheard_since == held.unheard_since  # a person is still owed
    idle = after(fresh(), Claim(ME))
    assert types(decide(idle, Lapse("holder_inactive", words()), START)) == ["lapsed"]


def test_the_next_word_after_the_end_opens_a_new_visit() -> None:
    closed = after(fresh(), Close(SERVICE, "solved"))
    opened = decide(closed, Receive(said()), START)
    assert types(opened) == ["reopened", "guest_said"]
    assert opened.row.visit == 2


def test_what_the_service_says_itself_leaves_an_earlier_question_owed() -> None:
    told = after(fresh(), Receive(said()), Receive(said("绑定"), words=words(), ask=False))
    assert told.pending
    assert not after(told, respond(told)).pending
    assert not after(fresh(), Receive(said("绑定"), words=words(), ask=False)).pending


def test_two_questions_and_one_answer_leave_the_second_open() -> None:
    first = after(fresh(), Receive(said("一")))
    second = after(first, Receive(said("二")))
    answered = after(second, Respond(second.epoch, first.guest_seq, words()))
    assert answered.pending
    assert answered.unheard_since


def test_the_same_turn_is_not_answered_twice() -> None:
    row = after(fresh(), Receive(said()))
    once = after(row, respond(row))
    assert not decide(once, respond(row), START).events


# ---- any sequence of commands


@dataclass
class World:
    """A conversation as its commands leave it, with what would wake somebody."""

    row: Conversation
    log: list[Event]
    asks: bool = False

    def apply(self, command: Command, now: datetime) -> None:
        before = self.row
        try:
            decision = decide(before, command, now, Patience())
        except Refused:
            return
        for seq, e in enumerate(decision.events, before.seq + 1):
            self.log.append(
                Event(before.hotel, before.id, seq, e.type, 1, e.at, e.actor, e.identity, e.audience, e.body)
            )
        self.row = decision.row
        if isinstance(command, Respond):
            self.asks = False
        self.asks |= any(isinstance(effect, Ask) for effect in decision.effects)


NAMES = (
    "say, emergency, picture, answer, stale, hand over, complain, claim, other claims, "
    "reply, note, release, transfer, close, lapse, gone, acknowledge, unfollow, follow, "
    "join waiting, join held, join asking, join alarm"
)
COMMANDS = st.sampled_from(NAMES.split(", "))


JOINED = {
    "join waiting": ("say", "hand over"),
    "join held": ("say", "other claims"),
    "join asking": ("say",),
    "join alarm": ("emergency",),
}


def command_of(name: str, row: Conversation) -> Command:
    if name in JOINED:
        return join(other(*JOINED[name]))
    table: dict[str, Command] = {
        "say": Receive(said()),
        "emergency": Receive(said(), "fire", words()),
        "picture": Receive(said(), words=words()),
        "answer": respond(row),
        "stale": Respond(row.epoch - 1, row.guest_seq, words()),
        "hand over": respond(row, Reason.HUMAN_HANDOFF),
        "complain": respond(row, Reason.COMPLAIN),
        "claim": Claim(ME),
        "other claims": Claim(YOU),
        "reply": Speak(ME, Content("您好"), {}),
        "note": Note(YOU, Content("常客"), {}),
        "release": Release(row.holder or ME, words()),
        "transfer": Transfer(row.holder or ME, YOU if row.holder == ME else ME, Content("请接着办")),
        "close": Close(SERVICE, "idle"),
        "lapse": Lapse("overdue", words()),
        "gone": Claim(YOU, holder_gone=True),
        "acknowledge": Acknowledge(ME),
        "unfollow": Receive(
            NewEvent(EventType.GUEST_UNFOLLOWED, START, GUEST, Audience.STAFF, HERE), ask=False
        ),
        "follow": Receive(
            NewEvent(EventType.GUEST_FOLLOWED, START, GUEST, Audience.STAFF, HERE), words=words(), ask=False
        ),
    }
    return table[name]


def other(*names: str) -> Conversation:
    """Another conversation, after these commands."""
    row = fresh()
    for name in names:
        row = decide(row, command_of(name, row), START).row
    return row


def join(ended: Conversation) -> Join:
    body = {"identity": "there", "owed": ended.pending or bool(ended.unheard_since), "last": True}
    link = NewEvent(EventType.IDENTITY_LINKED, START, SERVICE, Audience.STAFF, body=body)
    return Join((link,), ended)


@pytest.mark.parametrize(
    ("before", "state", "holder"),
    [
        (("say",), State.WAITING, None),
        (("say", "hand over"), State.WAITING, None),
        (("say", "claim"), State.STAFF, ME),
        (("say", "reply"), State.STAFF, ME),
    ],
)
def test_what_the_other_conversation_needed_this_one_needs_now(
    before: tuple[str, ...], state: State, holder: StaffId | None
) -> None:
    for here in ((), ("say", "answer", "close")):
        row = other(*here)
        joined = decide(row, join(other(*before)), START).row
        assert (joined.state, joined.holder) == (state, holder), here
        assert joined.identity == "there"


def test_a_colleague_who_has_this_one_keeps_it_and_its_clock_runs() -> None:
    row = other("say", "other claims", "answer")
    joined = decide(row, join(other("say", "claim")), START).row
    assert (joined.state, joined.holder) == (State.STAFF, YOU)
    assert "lapse" in clocks(joined, Patience())


def test_a_conversation_that_went_on_elsewhere_never_opens_again() -> None:
    ended = decide(other("say"), End(ConversationId("c2"), "staff"), START).row
    assert (ended.state, ended.ended_into) == (State.CLOSED, "c2")
    for command in (Receive(said()), Claim(ME), Speak(ME, Content("您好"), {})):
        with pytest.raises(Refused, match="ended"):
            decide(ended, command, START)


def test_a_row_of_the_release_before_reads_and_writes_the_same() -> None:
    assert "ended_into" not in fresh().canonical()


def test_who_unfollows_on_one_channel_is_still_reached_on_another() -> None:
    row = decide(fresh(), join(fresh()), START).row
    gone = NewEvent(EventType.GUEST_UNFOLLOWED, START, GUEST, Audience.STAFF, HERE)
    assert decide(row, Record((gone,)), START).row.reachable
    there = replace(gone, identity=IdentityId("there"))
    assert not decide(row, Record((there,)), START).row.reachable


@settings(max_examples=400, deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_no_sequence_of_events_leaves_a_guest_unheard(names: list[str]) -> None:
    world = World(fresh(), [])
    start = world.row
    for minute, name in enumerate(names):
        world.apply(command_of(name, world.row), START + timedelta(minutes=minute))
        row = world.row
        if row.pending or row.unheard_since:
            answering = row.state is State.BOT and world.asks
            assert answering or {"escalate", "lapse"} & set(clocks(row, Patience())), name
    assert fold(start, world.log) == world.row
    assert [e.seq for e in world.log] == list(range(start.seq + 1, world.row.seq + 1))
    times = [e.at for e in world.log]
    assert times == sorted(
        times
    )  # though a message says when it came, and that may be long before it is written


@settings(max_examples=400, deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_the_assistant_is_never_heard_while_staff_hold(names: list[str]) -> None:
    world = World(fresh(), [])
    for name in names:
        world.apply(command_of(name, world.row), START)
    row = fresh()
    for event in world.log:
        if event.type is EventType.ASSISTANT_SAID:
            assert row.state not in (State.STAFF, State.CLOSED)
        row = step(row, event)


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, max_size=25))
def test_the_epoch_moves_exactly_with_who_may_speak(names: list[str]) -> None:
    world = World(fresh(), [])
    for name in names:
        before, seen = world.row, len(world.log)
        world.apply(command_of(name, before), START)
        raised = sum(e.type in EPOCH_RAISING for e in world.log[seen:])
        assert world.row.epoch == before.epoch + raised
