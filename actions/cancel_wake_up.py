"""Cancelling or changing a wake-up call that is already noted, found among the guest's open orders.

None: said so. One: confirmed and cancelled. Several: asked which. A change is handed to the wake-up form with
the order it is about.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from actions.acts import YES, Act, Option, order, say
from actions.facts import Facts, OpenOrder
from actions.forms import CHANGING, DeskForm, Draft, FormEnd, Step
from actions.heard import Entity, Heard
from actions.services import SERVICES
from actions.wake_up import SERVICE, changed, clock_meant, clock_of
from actions.words import agrees, gives_up, refuses

SLOTS = ("cancel_orders", "cancel_confirmed")
KEEP: Option = {"key": "option_keep", "text": "先不取消"}

_CHANGE = re.compile(r"改|换|推迟|推后|提前|往[前后]|晚一?点|早一?点|延后")
_NO_CHANGE = re.compile(r"改主意|改变主意|改天|不改|行程改|航班改了")
_ALL = re.compile(r"全|都|所有|两个|一起")
_CANCEL = re.compile(r"取消|不用叫|别叫|不叫|不要叫|撤")
_KEEP = ("先不取消", "不取消", "留着", "算了")
_ORDINALS = ("一", "二", "三", "四", "五")


class CancelWakeForm(DeskForm):
    form = "cancel_wake_form"
    slots = SLOTS
    starts = frozenset({"cancel_wake_up"})
    others = frozenset({"wake_up_call"}) | frozenset(SERVICES)

    def begin(self, heard: Heard) -> Step:
        orders = heard.facts.open_orders(SERVICE)
        changing = wants_change(heard)
        if not orders:
            return _none(heard, changing)
        meant = choose(orders, _selectors(heard, changing)) or orders
        return _found(meant, heard, changing)

    def hear(self, draft: Draft, asked: str | None, heard: Heard) -> Step | None:
        orders = heard.facts.open_orders(SERVICE)
        if asked == "cancel_orders":
            return _chosen(orders, heard)
        meant = tuple(one for one in orders if one.id in (draft.get("cancel_orders") or ()))
        return _answered(meant, heard)

    def ask(self, draft: Draft, asked: str | None, heard: Heard) -> Step:
        ids = draft.get("cancel_orders") or ()
        meant = tuple(one for one in heard.facts.open_orders(SERVICE) if one.id in ids)
        return _confirm(meant) if meant else self.begin(heard)


class CancelWakeEnd(FormEnd):
    form = "cancel_wake_form"
    slots = SLOTS

    def finish(self, draft: Draft, outcome: str, facts: Facts) -> tuple[Act, ...]:
        if outcome == "confirmed":
            cancelled = tuple(order("cancel", SERVICE, {}, id) for id in draft["cancel_orders"])
            return (*cancelled, say("cancel_wake_done"))
        return (say("cancel_wake_kept"),) if outcome == "dropped" else ()


def wants_change(heard: Heard) -> bool:
    return bool(_CHANGE.search(_NO_CHANGE.sub("", heard.plain)))


def choose(orders: Sequence[OpenOrder], said: Sequence[Entity]) -> tuple[OpenOrder, ...]:
    """The orders that fit every date, time and room that was said."""
    return tuple(one for one in orders if all(_fits(one, entity) for entity in said))


def _fits(one: OpenOrder, entity: Entity) -> bool:
    if entity.kind == "room_number":
        return str(entity.value) == one.room
    if one.due_at is None:
        return False
    if entity.kind == "date":
        start, end = _ends(entity)
        return start <= one.due_at.date().isoformat() <= end
    rings = f"{one.due_at:%H:%M}"
    start, end = _ends(entity)
    return start <= rings <= end or clock_meant(entity, None, rings) == rings


def _ends(entity: Entity) -> tuple[str, str]:
    value = entity.value if isinstance(entity.value, dict) else {"start": entity.value, "end": entity.value}
    return value.get("start") or "", value.get("end") or "~"


def _selectors(heard: Heard, changing: bool) -> tuple[Entity, ...]:
    """What says which call is meant: of 把七点的改成七点半 only what stands before the change."""
    said = heard.all("date", "time", "room_number")
    change = _CHANGE.search(heard.text) if changing else None
    return tuple(entity for entity in said if change is None or entity.end <= change.start())


def _new_values(heard: Heard, one: OpenOrder | None = None) -> Draft:
    """What stands after the word for the change; a bare time is of the order's half of the day."""
    change = _CHANGE.search(heard.text)
    after = [entity for entity in heard.entities if change and entity.start >= change.start()]
    slots = {"date": "wake_date", "time": "wake_time", "room_number": "wake_room"}
    new: Draft = {slots[entity.kind]: _ends(entity)[0] for entity in after if entity.kind in slots}
    clocks = [entity for entity in after if entity.kind == "time"]
    if clocks and one:
        new["wake_time"] = clock_meant(clocks[-1], None, clock_of(one))
    return new


def _none(heard: Heard, changing: bool) -> Step:
    new = _new_values(heard) if changing else {}
    if "wake_time" not in new:
        return Step({}, None, (say("cancel_wake_none"),), outcome="none")
    draft = {"wake_room": heard.room, **new}
    return Step({}, None, (say("cancel_wake_none"),), outcome="none", hand_over=("wake_up_form", draft))


def _found(meant: Sequence[OpenOrder], heard: Heard, changing: bool) -> Step:
    if len(meant) > 1:
        return _which(meant)
    return _change(meant[0], heard) if changing else _confirm(meant)


def _change(one: OpenOrder, heard: Heard) -> Step:
    return Step({}, None, outcome=CHANGING, hand_over=("wake_up_form", changed(one, _new_values(heard, one))))


def _which(orders: Sequence[OpenOrder]) -> Step:
    options = tuple(_option(one, place) for place, one in enumerate(orders[: len(_ORDINALS)]))
    return Step({}, "cancel_orders", (say("cancel_wake_which", {"count": len(orders)}, options),))


def _option(one: OpenOrder, place: int) -> Option:
    when = f"{one.due_at.month}月{one.due_at.day}日 {one.due_at:%H:%M}" if one.due_at else "没有时间"
    return {"title": f"{when} {one.room or ''}".strip(), "text": f"第{_ORDINALS[place]}个"}


def _confirm(meant: Sequence[OpenOrder]) -> Step:
    draft = {"cancel_orders": [one.id for one in meant]}
    if len(meant) > 1:
        act = say("cancel_wake_confirm_all", {"count": len(meant)}, (YES, KEEP))
    else:
        act = say("cancel_wake_confirm", _told(meant[0]), (YES, KEEP))
    return Step(draft, "cancel_confirmed", (act,))


def _told(one: OpenOrder) -> dict[str, str]:
    due_at: datetime | None = one.due_at
    return {"due_at": due_at.isoformat() if due_at else "", "room": one.room or ""}


def _chosen(orders: Sequence[OpenOrder], heard: Heard) -> Step | None:
    if _ALL.search(heard.plain):
        return _confirm(orders)
    if gives_up(heard) or refuses(heard):
        return Step({}, None, outcome="dropped")
    said = heard.all("date", "time", "room_number")
    meant = choose(orders, said) if said else _by_place(orders, heard)
    return _confirm(meant) if len(meant) == 1 else (_which(meant) if meant else None)


def _by_place(orders: Sequence[OpenOrder], heard: Heard) -> tuple[OpenOrder, ...]:
    places = [
        place for place, word in enumerate(_ORDINALS) if f"第{word}" in heard.plain or heard.plain == word
    ]
    return tuple(orders[place : place + 1][0] for place in places if place < len(orders))


def _answered(meant: Sequence[OpenOrder], heard: Heard) -> Step | None:
    if wants_change(heard) and heard.all("time", "date") and len(meant) == 1:
        return _change(meant[0], heard)
    if heard.plain in _KEEP or (refuses(heard) and not _CANCEL.search(heard.plain)):
        return Step({}, None, outcome="dropped")
    if agrees(heard) or _CANCEL.search(heard.plain) or gives_up(heard):
        draft = {"cancel_orders": [one.id for one in meant], "cancel_confirmed": True}
        return Step(draft, None, outcome="confirmed") if meant else Step({}, None, (say("cancel_wake_none"),))
    return None
