"""The one form of every task but the wake-up call: what, room and when, confirmed once, then an order.

`service_what` is the guest's own words: the front desk reads what was said, not what we made of it. The form
promises that the front desk gets it, and nothing more.
"""

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from actions.acts import CHANGE, DROP, YES, Act, order, say
from actions.facts import Facts
from actions.forms import CHANGING, DeskForm, Draft, FormEnd, Step
from actions.heard import Heard
from actions.rooms import UNKNOWN, is_asked_about, mark, take_room
from actions.services import SERVICES, Service
from actions.wake_up import late_change
from actions.words import agrees, begins_with_correction, corrects, gives_up, refuses

SLOTS = ("service_name", "service_what", "service_room", "service_due_at", "service_confirmed")
WHAT_LIMIT = 200
SURE = 0.6  # how sure the model must be that a message in the middle of a form is about something else

_DIGITS = re.compile(r"[A-Za-z]?\d+[A-Za-z]?")
_MORE = re.compile(r"(?:再|还要|还有|另外|顺便|加)")
_AND = re.compile("[、；]")
_ROOM_WORDS = re.compile("^(?:我?们?[在住是]?号?(?:房间?|客房)?号?[的里,，]?)")
_LEAD_IN = re.compile(
    r"^(?:啊|哦|不对|不是|错了|说错了|等等|是|应该是|还是|改[成到为]?|换[成到]?|我?要|[，,。.！!\s])+"
)
_FILLER = re.compile(r"[是要到的吧了呢啊哦嗯好对不改成换为号房间在住我]|应该|还是|时间|就")


class ServiceForm(DeskForm):
    form = "service_form"
    slots = SLOTS
    starts = frozenset(SERVICES)
    others = frozenset({"wake_up_call", "cancel_wake_up"})
    room_slot = "service_room"

    def begin(self, heard: Heard) -> Step:
        if change := late_change(heard):
            return Step({}, None, outcome=CHANGING, hand_over=("wake_up_form", change))
        service = SERVICES[heard.intent]
        draft: Draft = {"service_name": heard.intent, "service_room": heard.room}
        if service.says_what(heard) or "what" not in service.needs:
            draft["service_what"] = own_words(heard)
        return next_question(_with_values(draft, heard), heard.facts)

    def hear(self, draft: Draft, asked: str | None, heard: Heard) -> Step | None:
        if gives_up(heard):
            return Step({}, None, outcome="dropped")
        if self._starts_another(draft, asked, heard):
            return replace(self.begin(heard), aside=draft)
        return self._answer(draft, asked, heard)

    def ask(self, draft: Draft, asked: str | None, heard: Heard) -> Step:
        return next_question(draft, heard.facts)

    def _starts_another(self, draft: Draft, asked: str | None, heard: Heard) -> bool:
        if heard.intent not in SERVICES or heard.intent == draft["service_name"]:
            return False
        if asked in ("service_what", "service_change") or begins_with_correction(heard):
            return heard.confidence >= SURE and SERVICES[heard.intent].says_what(heard)
        return not _only_values(heard)

    def _answer(self, draft: Draft, asked: str | None, heard: Heard) -> Step | None:
        if asked == "service_confirmed":
            return _confirmed(draft, heard)
        if _is_aside(heard):
            return None
        if asked in ("service_what", "service_change"):
            return _told_what(draft, asked, heard)
        return _told_value(draft, asked, heard)


class ServiceEnd(FormEnd):
    form = "service_form"
    slots = SLOTS
    room_slot = "service_room"

    def finish(self, draft: Draft, outcome: str, facts: Facts) -> tuple[Act, ...]:
        if outcome != "confirmed":
            return (say("service_dropped"),)
        service = SERVICES[draft["service_name"]]
        told = say("service_placed_answered" if service.answered else "service_placed")
        slots = {**order_slots(draft), **mark(draft.get("service_room"), facts.rooms)}
        return (order("place", draft["service_name"], slots), told)


def order_slots(draft: Draft) -> dict[str, str]:
    named = {name: draft.get(f"service_{name}") for name in ("what", "room", "due_at")}
    return {name: value for name, value in named.items() if value}


def own_words(heard: Heard) -> str:
    """The guest's words; of a longer request for things, the part that names them."""
    items = heard.all("item", "quantity", "device")
    if heard.intent in ("request_supplies", "room_service") and heard.all("item"):
        return heard.text[items[0].start : items[-1].end][:WHAT_LIMIT]
    return heard.text.strip()[:WHAT_LIMIT]


def next_question(draft: Draft, facts: Facts) -> Step:
    service = SERVICES[draft["service_name"]]
    if "room" in service.needs and is_asked_about(draft, "service_room"):
        return Step(draft, "service_room", (say("bad_room", {"room": draft[UNKNOWN][-1]}),))
    missing = next((need for need in service.needs if not draft.get(_SLOT_OF[need])), None)
    if missing == "what":
        return Step(draft, "service_what", (say(f"ask_what_{draft['service_name']}"),))
    if missing:
        return Step(draft, _SLOT_OF[missing], (say(f"service_ask_{missing}"),))
    return confirm(draft, service)


_SLOT_OF = {"what": "service_what", "room": "service_room", "when": "service_due_at"}


def confirm(draft: Draft, service: Service) -> Step:
    values = {"what": draft["service_what"]}
    if "room" in service.needs:
        values["room"] = draft["service_room"]
    if draft.get("service_due_at"):
        values["due_at"] = draft["service_due_at"]
    key = _CONFIRM["room" in values, "due_at" in values]
    return Step(draft, "service_confirmed", (say(key, values, (YES, CHANGE, DROP)),))


_CONFIRM = {  # with a room, with a time
    (False, False): "service_confirm",
    (True, False): "service_confirm_room",
    (False, True): "service_confirm_time",
    (True, True): "service_confirm_room_time",
}


def due(heard: Heard, known: str | None) -> str | None:
    """The moment meant, if the message names a time that is still to come; a day alone stays in the words."""
    clock, day = heard.last("time"), heard.last("date")
    known_at = datetime.fromisoformat(known) if known else None
    if clock is None and (known_at is None or day is None):
        return known
    said_clock = clock.value if clock else None
    at = _start(said_clock) if said_clock else (known_at.strftime("%H:%M") if known_at else None)
    on = _start(day.value) if day else (known_at.date().isoformat() if known_at else None)
    return _moment(on, at, heard.facts) or known


def _moment(on: str | None, at: str | None, facts: Facts) -> str | None:
    if at is None:
        return None
    meant = datetime.combine(
        date.fromisoformat(on) if on else facts.today, time.fromisoformat(at), facts.zone
    )
    if meant <= facts.now and on is None:
        meant += timedelta(days=1)
    return meant.isoformat() if meant > facts.now else None


def _start(value: object) -> str | None:
    found = value.get("start") if isinstance(value, dict) else value
    return str(found) if found else None


def _with_values(draft: Draft, heard: Heard) -> Draft:
    """The draft with the room and the time of this message."""
    room = heard.last("room_number")
    with_room = _with_room(draft, str(room.value), heard.facts) if room else draft
    return {**with_room, "service_due_at": due(heard, draft.get("service_due_at"))}


def _with_room(draft: Draft, said: str, facts: Facts) -> Draft:
    """A number that is no room matters only where the service needs one."""
    if "room" in SERVICES[draft["service_name"]].needs or facts.rooms.find(said):
        return take_room(draft, "service_room", said, facts.rooms)
    return draft


def _is_aside(heard: Heard) -> bool:
    """A question, a courtesy or an alarm: its own rule answers it."""
    if heard.intent in ASIDE_KINDS:
        return True
    return heard.intent.startswith("ask_") and heard.intent not in SERVICES and not _only_values(heard)


ASIDE_KINDS = frozenset(
    {"greet", "goodbye", "thank", "praise", "bot_challenge", "ask_capability"}
    | {"complain", "billing_dispute", "emergency", "human_handoff", "privacy_request"}
    | {"wake_up_call", "cancel_wake_up", "follow_up", "stop_messages"}
)


def _only_values(heard: Heard) -> bool:
    """Nothing but a room, a time or a number of things: meant for the question that was asked."""
    if not heard.entities:
        return False
    kinds = ("date", "time", "room_number", "quantity", "item", "room_type")
    return len(_FILLER.sub("", heard.without(*kinds))) <= 1


def _confirmed(draft: Draft, heard: Heard) -> Step | None:
    changed = _changed(draft, heard)
    if changed is not None and changed != draft:
        return next_question(changed, heard.facts)
    if agrees(heard):
        return Step({**draft, "service_confirmed": True}, None, outcome="confirmed")
    if not _is_aside(heard) and (refuses(heard) or begins_with_correction(heard)):
        return Step(draft, "service_change", (say("service_what_to_change"),))
    return next_question(draft, heard.facts) if _only_values(heard) else None


def _changed(draft: Draft, heard: Heard) -> Draft | None:
    """The draft with what this message corrects or adds; None when it isn't about the draft."""
    mine = heard.intent in (draft["service_name"], "affirm", "deny", "nlu_fallback")
    if not (mine or begins_with_correction(heard) or _only_values(heard)):
        return None
    return _with_values({**draft, "service_what": _corrected_what(draft, heard)}, heard)


def _corrected_what(draft: Draft, heard: Heard) -> str:
    what = str(draft.get("service_what") or "")
    things = heard.all("item", "quantity")
    if not things:
        new = _MORE.match(heard.plain) or _new_device(what, heard)
        more = new and heard.intent == draft["service_name"]
        return f"{what}；{heard.text.strip()}"[:WHAT_LIMIT] if more else what
    if not heard.all("item") and not _MORE.match(heard.plain):
        return _other_number(what, _named(heard))
    instead = corrects(heard) and not any(one.raw in what for one in heard.all("item"))
    return _named(heard) if instead else with_things(what, heard)


def with_things(what: str, heard: Heard) -> str:
    """What is wanted and the things of this message, which stand for what was said of the same things before:
    nothing that a guest asked for is lost but by a correction."""
    words = [one.raw for one in heard.all("item")]
    parts = _AND.split(what) if what else []
    kept = parts if _MORE.search(heard.plain) else [part for part in parts if not _names(part, words)]
    if len(kept) < len(parts) and not heard.all("quantity"):
        return what
    return "、".join([*kept, _named(heard)])[:WHAT_LIMIT]


def _names(part: str, words: list[str]) -> bool:
    return any(word in part for word in words)


def _named(heard: Heard) -> str:
    """From the first thing to the last, in the guest's own words; a room between them isn't one."""
    things = heard.all("item", "quantity")
    rooms = heard.all("room_number")
    between = [room for room in rooms if things[0].end <= room.start < things[-1].start]
    if not between:
        return heard.text[things[0].start : things[-1].end]
    return "".join(one.raw for one in things)


def _with_more(draft: Draft, heard: Heard) -> Draft:
    """The answer to another question may ask for more: 9999房要两瓶水."""
    what = str(draft.get("service_what") or "")
    if not what:
        return draft
    if heard.all("item"):
        return {**draft, "service_what": with_things(what, heard)}
    said = _ROOM_WORDS.sub("", heard.without("room_number", "date", "time"))
    more = heard.intent == draft["service_name"] and (_MORE.match(said) or _new_device(what, heard))
    return {**draft, "service_what": f"{what}；{said}"[:WHAT_LIMIT]} if more else draft


def _new_device(what: str, heard: Heard) -> bool:
    return any(one.raw not in what for one in heard.all("device"))


def _other_number(what: str, named: str) -> str:
    """两瓶水 and 三瓶 make 三瓶水; where the number isn't found, both are told."""
    number = re.compile(rf"[\d一二两三四五六七八九十半几]+{re.escape(named[-1])}")
    return number.sub(named, what, count=1) if number.search(what) else f"{what}（{named}）"


def _told_what(draft: Draft, asked: str, heard: Heard) -> Step | None:
    if refuses(heard) or agrees(heard):
        return Step({}, None, outcome="dropped") if refuses(heard) else None
    changed = _with_values(draft, heard)
    only_place_or_time = changed != draft and not heard.without("date", "time", "room_number")
    if asked == "service_what" or not (only_place_or_time or _only_values(heard)):
        changed["service_what"] = _LEAD_IN.sub("", heard.text.strip())[:WHAT_LIMIT] or heard.text.strip()
    elif not only_place_or_time:
        changed["service_what"] = _corrected_what(draft, heard)
    return next_question(changed, heard.facts)


def _told_value(draft: Draft, asked: str | None, heard: Heard) -> Step | None:
    changed = _with_values(draft, heard)
    if asked == "service_room" and (said := _said_for_room(draft, heard)):
        changed = _with_room(changed, said, heard.facts)
    changed = _with_more(changed, heard)
    if changed != draft:
        return next_question(changed, heard.facts)
    if refuses(heard):
        return Step({}, None, outcome="dropped")
    return None


def _said_for_room(draft: Draft, heard: Heard) -> str | None:
    """What answers the question for the room where no room was recognised; a yes repeats what was said."""
    if heard.all("room_number"):
        return None
    digits = _DIGITS.search(heard.without("date", "time", "quantity", "amount", "phone"))
    if digits:
        return digits.group()
    return str(draft[UNKNOWN][-1]) if draft.get(UNKNOWN) and agrees(heard) else None
