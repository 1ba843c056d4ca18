"""The wake-up call as a form: date, time and room, confirmed, then an order with a due time.

What is promised is exactly: at that time the front desk rings the room. A day that wasn't said is the next
occurrence of the time, and always confirmed. What was confirmed (`wake_due_at`) is what is ordered, even if a
minute passes between the question and the yes.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from actions.acts import CHANGE, DROP, YES, Act, Option, order, say
from actions.facts import Facts, OpenOrder
from actions.forms import DeskForm, Draft, FormEnd, Step
from actions.heard import Entity, Heard
from actions.rooms import UNKNOWN, is_asked_about, mark, take_room
from actions.services import SERVICES
from actions.words import agrees, begins_with_correction, corrects, gives_up, refuses

DAYS_AHEAD = 30
SLOTS = ("wake_date", "wake_time", "wake_room", "wake_due_at", "wake_order", "wake_confirmed")
SERVICE = "wake_up_call"
END = "action_wake_up_form_end"

_DIGITS = re.compile(r"[A-Za-z]?\d+[A-Za-z]?")
# What may stand around a bare value (就七点半吧, 早上七点叫我): the message is then meant for the form.
_FILLER = re.compile(
    "[就那在是要到把给我您你吧的了呢啊呀哦嗯好对不改成换为再早晚上中午下凌晨号房间住点钟左右]"
    "|[叫醒起床电话请麻烦谢]|应该|还是|时间|日期"
)
_CHANGE = re.compile(
    "(?:我?要?改|换|是)?(?:一下)?(?:叫醒)?的?"
    "(?:(?P<wake_time>时间|钟点)|(?P<wake_date>日期|日子)|(?P<wake_room>房间?号|房间))"
    "(?:不对|错了|要改|改一下|吧|啊|的)*"
)


# What tells the half of the day: a word for it, or a clock that counts to 24.
_HALF_OF_DAY = re.compile(
    r"[早晨凌午晚夜晌]|傍|am|pm|[:：]|1[3-9]|2[0-4]|十[三四五六七八九]|二十", re.IGNORECASE
)


@dataclass(frozen=True)
class Said:
    """What one message says about date, time and room; None: nothing."""

    date: Any = None
    time: Any = None
    room: str | None = None  # as it was said: the hotel may not have it
    ambiguous: bool = False  # after midnight: 明早 may be today or tomorrow
    several: bool = False  # a range of days or times: only one call can be noted at once

    @property
    def anything(self) -> bool:
        return any((self.date, self.time, self.room))


class WakeUpForm(DeskForm):
    form = "wake_up_form"
    slots = SLOTS
    starts = frozenset({"wake_up_call"})
    others = frozenset({"cancel_wake_up"}) | frozenset(SERVICES)
    room_slot = "wake_room"

    def begin(self, heard: Heard) -> Step:
        orders = heard.facts.open_orders(SERVICE)
        draft: Draft = {"wake_room": heard.room}
        said = understand(heard, None)
        if corrects(heard) and len(orders) == 1:
            said = understand(heard, None, clock_of(orders[0]))
            draft = changed(orders[0], said_slots(said))
        return take_in(draft, said, heard.facts)

    def hear(self, draft: Draft, asked: str | None, heard: Heard) -> Step | None:
        if gives_up(heard) or (heard.intent == "cancel_wake_up" and not heard.all("time")):
            return Step({}, None, outcome="dropped")
        said = understand(heard, asked, draft.get("wake_time"))
        if said.anything and is_for_form(heard, asked):
            return take_in(draft, said, heard.facts)
        if asked == "wake_room" and draft.get(UNKNOWN) and agrees(heard):
            return take_in(draft, Said(room=draft[UNKNOWN][-1]), heard.facts)
        return _answered(draft, asked, heard)

    def ask(self, draft: Draft, asked: str | None, heard: Heard) -> Step:
        if asked in ("wake_date", "wake_time", "wake_room"):
            return Step(draft, asked, (say(f"wake_ask_{asked.removeprefix('wake_')}"),))
        return next_question(draft, heard.facts)


class WakeUpEnd(FormEnd):
    form = "wake_up_form"
    slots = SLOTS
    room_slot = "wake_room"

    def finish(self, draft: Draft, outcome: str, facts: Facts) -> tuple[Act, ...]:
        if outcome != "confirmed":
            return (say("wake_dropped"),)
        due_at, room = draft["wake_due_at"], draft["wake_room"]
        told = say("wake_placed", {"due_at": due_at, "room": room})
        slots = {"room": room, "due_at": due_at, **mark(room, facts.rooms)}
        if draft.get("wake_order"):
            return (order("change", SERVICE, slots, draft["wake_order"]), told)
        return (order("place", SERVICE, slots), told)


def understand(heard: Heard, asked: str | None, before: str | None = None) -> Said:
    """`before`: the time ("07:00") that this message may correct."""
    day, clock = heard.last("date"), heard.last("time")
    return Said(
        date=_start(day),
        time=clock_meant(clock, asked, before),
        room=_room(heard, asked),
        ambiguous=bool((day and day.ambiguous) or (clock and clock.ambiguous)),
        several=any(isinstance(entity.value, dict) for entity in (day, clock) if entity),
    )


def clock_meant(said: Entity | None, asked: str | None, before: str | None) -> str | None:
    """A bare time keeps the half of the day that it corrects; as an answer to "what time shall we wake you"
    it is the morning's from six on. The model, which doesn't know the question, takes the next to come."""
    clock = _start(said)
    if not said or not clock or _HALF_OF_DAY.search(said.raw):
        return clock
    hour = int(clock[:2])
    morning = before < "12:00" if before else asked == "wake_time" and hour >= 18
    if (before or morning) and hour % 12 and (hour < 12) != morning:
        hour += 12 if hour < 12 else -12
    return f"{hour:02d}{clock[2:]}"


def is_for_form(heard: Heard, asked: str | None) -> bool:
    """Whether date, time and room in this message are meant for the wake-up call."""
    if heard.intent in ("wake_up_call", "cancel_wake_up", "affirm", "deny", "nlu_fallback"):
        return True
    if begins_with_correction(heard):
        return True
    rest = _FILLER.sub("", heard.without("date", "time", "room_number"))
    if asked == "wake_room" and _DIGITS.fullmatch(rest):
        return True
    return not rest


def take_in(draft: Draft, said: Said, facts: Facts) -> Step:
    """The draft with what was said, and the next question: the rest, a correction, or the confirmation."""
    notes: tuple[Act, ...] = (say("wake_one_at_a_time"),) if said.several else ()
    merged = {
        **draft,
        "wake_date": said.date or draft.get("wake_date"),
        "wake_time": said.time or draft.get("wake_time"),
    }
    if said.room:
        merged = take_room(merged, "wake_room", said.room, facts.rooms)
    if said.ambiguous and merged["wake_time"]:
        return _which_day(merged, facts)
    step = next_question(merged, facts)
    return replace(step, acts=notes + step.acts)


def next_question(draft: Draft, facts: Facts) -> Step:
    if is_asked_about(draft, "wake_room"):
        return Step(draft, "wake_room", (say("bad_room", {"room": draft[UNKNOWN][-1]}),))
    day = date.fromisoformat(draft["wake_date"]) if draft.get("wake_date") else None
    if day and day < facts.today:
        return Step({**draft, "wake_date": None}, "wake_date", (say("wake_past"),))
    if day and day > facts.today + timedelta(days=DAYS_AHEAD):
        return Step({**draft, "wake_date": None}, "wake_date", (say("wake_too_far", {"days": DAYS_AHEAD}),))
    if not draft.get("wake_time"):
        return Step(draft, "wake_time", (say("wake_ask_time"),))
    if not draft.get("wake_room"):
        return Step(draft, "wake_room", (say("wake_ask_room"),))
    return _confirm(draft, day, facts)


def _confirm(draft: Draft, day: date | None, facts: Facts) -> Step:
    clock = time.fromisoformat(draft["wake_time"])
    due_at, passed = due(day, clock, facts)
    said_day = None if passed else draft.get("wake_date")
    draft = {**draft, "wake_due_at": due_at.isoformat(), "wake_date": said_day}
    notes = (say("wake_past_today"),) if passed else ()
    key = "wake_confirm_change" if draft.get("wake_order") else "wake_confirm"
    values = {"due_at": draft["wake_due_at"], "room": draft["wake_room"]}
    return Step(draft, "wake_confirmed", (*notes, say(key, values, (YES, CHANGE, DROP))))


def due(day: date | None, clock: time, facts: Facts) -> tuple[datetime, bool]:
    """When to ring, and whether the time said has already passed today (then it is tomorrow's)."""
    meant = datetime.combine(day or facts.today, clock, facts.zone)
    if meant > facts.now:
        return meant, False
    return datetime.combine(facts.today + timedelta(days=1), clock, facts.zone), day is not None


def _answered(draft: Draft, asked: str | None, heard: Heard) -> Step | None:
    """A yes or a no to the confirmation; None where the message is neither."""
    if asked == "wake_confirmed" and agrees(heard):
        if datetime.fromisoformat(draft["wake_due_at"]) <= heard.facts.now:
            return Step({**draft, "wake_time": None, "wake_date": None}, "wake_time", (say("wake_past"),))
        return Step({**draft, "wake_confirmed": True}, None, outcome="confirmed")
    if asked in ("wake_confirmed", "wake_change") and (slot := _slot_to_change(heard)):
        return Step(draft, slot, (say(f"wake_ask_{slot.removeprefix('wake_')}"),))
    about_this = heard.intent not in WakeUpForm.others
    if asked == "wake_confirmed" and (refuses(heard) or (corrects(heard) and about_this)):
        return Step(draft, "wake_change", (say("wake_what_to_change"),))
    if refuses(heard):
        return Step({}, None, outcome="dropped")
    return None


def _slot_to_change(heard: Heard) -> str | None:
    """改时间, 房号不对: which part is to be asked again."""
    named = _CHANGE.fullmatch(heard.plain)
    return named.lastgroup if named else None


def _which_day(draft: Draft, facts: Facts) -> Step:
    clock = time.fromisoformat(draft["wake_time"])
    days = (facts.today, facts.today + timedelta(days=1))
    options = tuple(_day_option(day, clock, facts) for day in days)
    return Step({**draft, "wake_date": None}, "wake_date", (say("wake_which_day", {}, options),))


def _day_option(day: date, clock: time, facts: Facts) -> Option:
    return {"title": f"{day.month}月{day.day}日 {clock:%H:%M}", "text": f"{day.month}月{day.day}日"}


def _start(entity: Entity | None) -> str | None:
    if entity is None:
        return None
    return entity.value.get("start") if isinstance(entity.value, dict) else entity.value


def _room(heard: Heard, asked: str | None) -> str | None:
    """The room that was said, or what was said for one."""
    if said := heard.last("room_number"):
        return str(said.value)
    if asked != "wake_room" or heard.all("date", "time"):
        return None
    digits = _DIGITS.search(heard.plain)
    return digits.group() if digits else None


def said_slots(said: Said) -> Draft:
    named = {"wake_date": said.date, "wake_time": said.time, "wake_room": said.room}
    return {slot: value for slot, value in named.items() if value}


def clock_of(one: OpenOrder) -> str | None:
    return f"{one.due_at:%H:%M}" if one.due_at else None


def changed(one: OpenOrder, new: Draft) -> Draft:
    """What wasn't said anew stays the order's: its room, its day, and its time if only that isn't new."""
    old: Draft = {"wake_room": one.room}
    if one.due_at:
        old["wake_date"] = one.due_at.date().isoformat()
    if one.due_at and new and "wake_time" not in new:
        old["wake_time"] = clock_of(one)
    return {**old, **new, "wake_order": one.id}


def late_change(heard: Heard) -> Draft | None:
    """改成七点半 right after the call was noted, whatever the model takes it for: the draft of the change."""
    orders = heard.facts.open_orders(SERVICE)
    if len(orders) != 1 or END not in heard.before or not is_for_form(heard, None):
        return None
    new = said_slots(understand(heard, None, clock_of(orders[0])))
    return changed(orders[0], new) if new else None
