"""Real rasa_sdk trackers for tests of actions, and a guest who goes through one form, turn by turn."""

from collections.abc import Sequence
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.base import DeskAction
from actions.forms import DeskForm

NOW = "2026-11-22T21:30:00+08:00"  # a Sunday
Json = dict[str, Any]


def facts(**changes: Any) -> Json:
    given = {
        "hotel": "xinghaihui",
        "timezone": "Asia/Shanghai",
        "now": NOW,
        "guest": {"name": None},
        "room": "1208",
        "stay": None,
        "orders": [],
        "state": "BOT",
        "duty": {"open": True, "until": None, "next": None},
        "handed_back": None,
        "buttons": False,
    }
    return {**given, **changes}


def wake_up_order(id: str, due_at: str, room: str = "1208") -> Json:
    return {
        "order": id,
        "service": "wake_up_call",
        "state": "open",
        "due_at": due_at,
        "room": room,
        "what": None,
    }


def entity(text: str, kind: str, raw: str, value: Any, **more: Any) -> Json:
    start = text.index(raw)
    return {"entity": kind, "value": value, "start": start, "end": start + len(raw), **more}


def message(
    text: str, intent: str, entities: Sequence[tuple[Any, ...]] = (), confidence: float = 0.9, **metadata: Any
) -> Json:
    """`entities` are (kind, raw, value) or (kind, raw, value, {more})."""
    return {
        "text": text,
        "intent": {"name": intent, "confidence": confidence},
        "intent_ranking": [{"name": intent, "confidence": confidence}],
        "entities": [
            entity(text, kind, raw, value, **(more[0] if more else {}))
            for kind, raw, value, *more in entities
        ],
        "metadata": facts(**metadata),
    }


def tracker(
    said: Json, slots: Json | None = None, events: Sequence[Json] = (), form: str | None = None
) -> Tracker:
    loop = {"name": form} if form else {}
    user = {"event": "user", "text": said["text"], "parse_data": said}
    return Tracker("guest", dict(slots or {}), said, [user, *events], False, None, loop, "action_listen")


async def run(action: DeskAction, at: Tracker) -> tuple[list[Json], list[Json]]:
    """(acts, events) of one action."""
    dispatcher = CollectingDispatcher()
    events = await action.run(dispatcher, at, {})
    return [sent["custom"] for sent in dispatcher.messages], list(events)


class Guest:
    """Goes through `form` as Rasa would: slots are kept between turns, a refused turn changes none."""

    def __init__(self, form: DeskForm, **metadata: Any) -> None:
        self.form, self.metadata = form, metadata
        self.slots: Json = {}
        self.rejected = False
        self._open = False

    @property
    def asked(self) -> str | None:
        return self.slots.get("requested_slot")

    async def says(self, text: str, intent: str, *entities: tuple[Any, ...], **more: Any) -> list[Json]:
        confidence = more.pop("confidence", 0.9)
        said = message(text, intent, entities, confidence, **{**self.metadata, **more})
        opening = [] if self._open else [{"event": "active_loop", "name": self.form.form}]
        acts, events = await run(self.form, tracker(said, self.slots, opening, self.form.form))
        self._open = True
        self.rejected = any(event["event"] == "action_execution_rejected" for event in events)
        self.slots.update({event["name"]: event["value"] for event in events if event["event"] == "slot"})
        return acts

    async def ends(self, action: DeskAction) -> list[Json]:
        acts, events = await run(action, tracker(message("", "affirm", **self.metadata), self.slots))
        self.slots.update({event["name"]: event["value"] for event in events if event["event"] == "slot"})
        self._open = False
        return acts
